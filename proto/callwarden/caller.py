"""Owns how a client of the operator API says who calls: a token out of a file, or, where the site
names no people, a name.

Used by the console and by whatever else calls Oversight. The one invariant: a token travels in
metadata alone and stands in no message and no log line.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import grpc.aio

from callwarden.problems import Problem, ProblemsFound

OPERATOR: Final = "callwarden-operator"
"""Metadata that names whoever calls, percent-encoded; believed only where the site names nobody."""
_OPEN_TO_OTHERS: Final = 0o077

Metadata = tuple[tuple[str, str], ...]


def metadata(token_file: Path | None, name: str) -> Metadata:
    """What goes with every call. Raises ProblemsFound: a token file that cannot be read, is empty,
    or that others on this box can read."""
    said: Metadata = ((OPERATOR, quote(name)),)
    if token_file is None:
        return said
    try:
        token = token_file.read_text(encoding="ascii").strip()
        others = token_file.stat().st_mode & _OPEN_TO_OTHERS
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not ASCII"
        raise _problem(token_file, f"cannot be read: {why}") from None
    if not token:
        raise _problem(token_file, "is empty: it must hold your token")
    if others:
        raise _problem(token_file, f"others can read your token: chmod 600 {token_file}")
    return (*said, ("authorization", f"Bearer {token}"))


def _problem(file: Path, message: str) -> ProblemsFound:
    return ProblemsFound([Problem(str(file), 1, 1, "oversight.token_file", message)])


class _Saying:
    def __init__(self, said: Metadata) -> None:
        self._said = said

    async def _with_it(
        self,
        continuation: Callable[[grpc.aio.ClientCallDetails, Any], Any],
        details: grpc.aio.ClientCallDetails,
        request: Any,
    ) -> Any:
        said = grpc.aio.ClientCallDetails(
            details.method,
            details.timeout,
            grpc.aio.Metadata(*(details.metadata or ()), *self._said),
            details.credentials,
            details.wait_for_ready,
        )
        return await continuation(said, request)


class _SayingOnce(_Saying, grpc.aio.UnaryUnaryClientInterceptor):
    async def intercept_unary_unary(
        self, continuation: Any, client_call_details: Any, request: Any
    ) -> Any:
        return await self._with_it(continuation, client_call_details, request)


class _SayingBeforeAStream(_Saying, grpc.aio.UnaryStreamClientInterceptor):
    async def intercept_unary_stream(
        self, continuation: Any, client_call_details: Any, request: Any
    ) -> Any:
        return await self._with_it(continuation, client_call_details, request)


def interceptors(said: Metadata) -> list[grpc.aio.ClientInterceptor]:
    """What makes every call of a channel say so."""
    return [_SayingOnce(said), _SayingBeforeAStream(said)]
