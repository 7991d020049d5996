"""The decisions: which call may be placed (`dialling`), what was said wrong (`speech`), the
rulebook both read, and the `ledger` that records them.

`dialling` and `speech` are pure: facts, rulebook and time in, decisions and findings out. They
open no file, ask no clock and load no network library.
"""
