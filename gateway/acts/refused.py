"""Owns the ways in which an act is refused: one class a status of gRPC, its text for whoever asked.

Raised by the acts, turned into the status by oversight. No text holds a number or words of a call.
"""

from typing import ClassVar

import grpc


class Refused(Exception):
    """The act was not done; the text says why and what to do."""

    status: ClassVar[grpc.StatusCode]


class NotAllowed(Refused):
    """The role may not, or this very person may not."""

    status = grpc.StatusCode.PERMISSION_DENIED


class NotThere(Refused):
    """There is no such call, finding, rule or alert, or it is another team's."""

    status = grpc.StatusCode.NOT_FOUND


class Missing(Refused):
    """The request says too little, or what it says is none."""

    status = grpc.StatusCode.INVALID_ARGUMENT


class NotNow(Refused):
    """What it would be done to does not stand so that it could follow."""

    status = grpc.StatusCode.FAILED_PRECONDITION


class Unavailable(Refused):
    """Asterisk or the ledger did not take it."""

    status = grpc.StatusCode.UNAVAILABLE
