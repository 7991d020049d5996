"""Owns telling systemd how the gateway stands, where it was started by systemd (`NOTIFY_SOCKET`).

Called by `gateway.run`. Telling fails in silence: the gate does not depend on being watched.
"""

import contextlib
import os
import socket


def notify(*state: str) -> None:
    """Sends e.g. `READY=1`, `STOPPING=1`. Does nothing where no service manager listens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with (
        contextlib.suppress(OSError),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as manager,
    ):
        manager.sendto("\n".join(state).encode(), address)
