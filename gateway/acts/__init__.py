"""What people do to calls, findings, rules and alerts: each act behind a role, and in the ledger
with who did it before it is answered."""
