"""The console: shows the floor, replays nothing it did not hear, asks the gateway to act; never
decides. It knows the gateway by the Oversight service alone."""
