"""The demo: real SIP calls through the lab, one refused, one caught, one stopped. `make demo`."""
