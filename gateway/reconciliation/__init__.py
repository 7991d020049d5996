"""The PBX's own account of its calls, against the ledger's: CDRs out of a file or over AMI.

Called by `callwarden log reconcile`.
"""
