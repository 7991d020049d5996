"""Owns which loopback ports a lab uses: a block of its own, so that labs side by side, of other
users too, never meet.

Called by `Lab.start`. A block is held by an abstract Unix socket, which the kernel gives back when
the process ends; like ports, it belongs to the network namespace.
"""

import random
import socket
import threading
from collections import deque

from deploy.lab.rootfs import LabError

_FIRST, _LAST, _SIZE = 16400, 32400, 1600  # below the ports that Linux hands out by itself
_ASTERISK_RTP = 600  # offset: 1000 ports, four a call
_FIXED = 40
_PHONE = 8


class PortBlock:
    """1600 ports: a few for servers, some for the phones and carriers, the rest Asterisk's RTP."""

    def __init__(self) -> None:
        blocks = list(range(_FIRST, _LAST, _SIZE))
        random.shuffle(blocks)
        for first in blocks:
            hold = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                hold.bind(f"\0callwarden-lab-ports-{first}")
            except OSError:
                hold.close()
                continue
            self._hold = hold
            self.first = first
            break
        else:
            raise LabError(f"{len(blocks)} labs are running already: stop one of them")
        self.asterisk_rtp = (first + _ASTERISK_RTP, first + _SIZE - 1)
        self.gateway_rtp = (first + _FIXED, first + 139)
        self._servers = deque(range(first, first + _FIXED))
        self._phones = deque(range(first + 140, first + _ASTERISK_RTP, _PHONE))
        self._lock = threading.Lock()

    def server(self) -> int:
        """A port free for UDP and TCP, handed out once."""
        while self._servers:
            port = self._servers.popleft()
            if _free(port):
                return port
        raise LabError("the lab has no free port left")

    def take_phone(self) -> int:
        """First of eight ports for one sipp: SIP, control, then RTP. Give it back when it ended."""
        with self._lock:
            for _ in range(len(self._phones)):
                first = self._phones.popleft()
                if all(_free(port) for port in range(first, first + _PHONE)):
                    return first
                self._phones.append(first)
        raise LabError("too many phones at once: each lab has room for 28 calls")

    def give_phone_back(self, first: int) -> None:
        with self._lock:
            self._phones.append(first)

    def close(self) -> None:
        self._hold.close()


def _free(port: int) -> bool:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, kind == socket.SOCK_STREAM)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True
