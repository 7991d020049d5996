"""Receives each party's audio from Asterisk, by WebSocket or by RTP, as the same leg audio: 8 kHz
signed 16-bit little-endian mono, each run of samples at its place since the start of the call."""
