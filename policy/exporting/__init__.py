"""The forms in which the log leaves Callwarden: CSV, JSON lines, workbooks, Parquet, each with its
manifest.

Called by `callwarden log export`. Rows come from the ledger, some thousand at a time.
"""
