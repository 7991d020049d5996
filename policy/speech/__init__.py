"""What was said wrong? Utterances, rulebook and the call's time in; Findings out. Pure: live calls
and recordings run the same code."""
