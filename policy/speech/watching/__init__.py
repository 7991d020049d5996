"""What has happened on this call so far? Words and silence of both legs in; occurrences of the
rulebook's events out, in the order of their time, each once and for good.
"""
