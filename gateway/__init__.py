"""Everything that speaks with Asterisk: the gate that decides before a call is dialled, the fork of
the audio, enforcement, and the operator API (`oversight`).

The gate stands alone: whatever else of this room fails, it goes on deciding, and refusing.
"""
