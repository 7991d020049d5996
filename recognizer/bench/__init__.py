"""Owns measuring the recognizer on the buyer's own box: `bench recognizer`, `bench messages`."""
