"""The log in a browser: Datasette over views of the ledger in which every number is masked.

Started by `callwarden serve-log`.
"""
