"""May this call be dialled? Asked by the dialplan over FastAGI; answered ALLOW only when a decision
and its reservation are durable, and refused on every other path."""
