"""Asterisk as the gateway meets it after the gate: ARI (calls and their forks) and AMI (health)."""
