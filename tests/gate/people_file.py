"""A file of people and teams, and channels that call as each of them."""

from hashlib import sha256
from pathlib import Path

OPERATOR, SUPERVISOR, AUDITOR, ADMIN = "op-north", "sup-north", "auditor", "admin"
NORTH, SOUTH = "1001", "2001"
"""Agents of two teams."""

_ROLES = {
    OPERATOR: "operator, teams: [north]",
    SUPERVISOR: "supervisor, teams: [north], extension: '8001'",
    "sup-south": "supervisor, teams: [south]",
    AUDITOR: "auditor",
    "auditor-2": "auditor",
    ADMIN: "admin",
}


def write(file: Path, without: str = "") -> Path:
    """Everybody's token is the own name with `-token` behind it."""
    lines = ["people:"]
    for name, role in _ROLES.items():
        if name != without:
            digest = sha256(f"{name}-token".encode()).hexdigest()
            lines.append(f"  - {{name: {name}, role: {role}, token_sha256: {digest}}}")
    lines += ["teams:", "  north: ['1*']", "  south: ['2*']"]
    file.write_text("\n".join(lines))
    return file


def by(name: str) -> tuple[tuple[str, str], ...]:
    """The metadata of a call by this person."""
    return (("authorization", f"Bearer {name}-token"),)
