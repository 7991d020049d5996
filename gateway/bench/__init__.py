"""Measuring the gateway on this box: `callwarden bench gate`."""
