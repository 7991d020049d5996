"""Owns measuring the console: a floor that is made up, a terminal to run it in, and the command."""
