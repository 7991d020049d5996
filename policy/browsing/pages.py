"""Owns the pages: Datasette over the ledger's masked views, behind a token.

Called by `callwarden serve-log`. The one invariant: nobody is shown a page before he is known, and
what is shown can be neither changed nor taken away as a file; for that there is `log export`, which
the ledger tells of.
"""

import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any, Final, Protocol

from datasette import Response, handle_exception, hookimpl
from datasette.app import Datasette
from datasette.database import Database
from datasette.plugins import pm

from policy.exporting.headings import CHINESE
from policy.ledger.export_kinds import KINDS
from policy.ledger.masked_views import open_views

NAME: Final = "log"
_PLUGIN: Final = "callwarden"
_BEARER: Final = "Bearer "
_TITLES: Final = {
    "violations": ("违规", "Violations"),
    "decisions": ("外呼决定", "Decisions"),
    "shadow-findings": ("影子规则的发现", "Findings of rules in shadow"),
    "shadow": ("影子规则的决定", "Decisions of rules in shadow"),
    "bypasses": ("未经闸门的呼叫", "Calls that went round the gate"),
    "calls": ("通话", "Calls"),
    "suppressions": ("禁呼", "Suppressions"),
    "coverage": ("分析覆盖", "Coverage"),
}
_SETTINGS: Final = {
    "default_allow_sql": False,
    "allow_download": False,
    "allow_csv_stream": False,
    "sql_time_limit_ms": 5000,
    "facet_time_limit_ms": 1000,
    "suggest_facets": False,
    "num_sql_threads": 2,
}
Asgi = Callable[[MutableMapping[str, Any], Any, Any], Awaitable[None]]
Known = Callable[[str], str]
"""Whose bearer token this is; empty: nobody's."""


class _Request(Protocol):
    headers: dict[str, str]


class _Pages(Datasette):
    """Datasette, and who is let in."""

    known: Known


class _Views(Database):
    """The ledger's views, in the words in which Datasette asks for them."""

    def __init__(self, pages: Datasette, file: Path, key_file: Path) -> None:
        super().__init__(pages, is_memory=True, is_mutable=True)
        self._files = file, key_file

    def connect(self, write: bool = False) -> Any:
        """A connection of this thread's. Raises PermissionError: nothing here writes."""
        if write:
            raise PermissionError("the log is shown, not changed")
        return open_views(*self._files)

    async def view_names(self) -> list[str]:
        return list(KINDS)

    async def table_names(self) -> list[str]:
        return []

    async def hidden_table_names(self) -> list[str]:
        return []

    async def get_view_definition(self, view: str) -> str | None:
        return "" if view not in KINDS else f"-- {view}"


class _Plugin:
    """Who asks, by a bearer token; a browser comes with the cookie that its link gave it."""

    @staticmethod
    @hookimpl
    def actor_from_request(datasette: Datasette, request: _Request) -> dict[str, str] | None:
        said = request.headers.get("authorization", "")
        if not (isinstance(datasette, _Pages) and said.startswith(_BEARER)):
            return None
        name = datasette.known(said.removeprefix(_BEARER).strip())
        return {"id": name} if name else None

    @staticmethod
    @hookimpl
    def handle_exception(datasette: Datasette, exception: Exception) -> Response:
        """Says what went wrong in a line; of a fault of its own only its kind."""
        status = getattr(exception, "status", 500)
        told = str(exception) if status < 500 else type(exception).__name__
        return Response.text(f"{told}\n", status=status)


def pages(file: Path, key_file: Path, *, language: str, known: Known) -> tuple[Asgi, str]:
    """The application, and the token of the link by which one browser gets in, once. To be called
    in a running event loop. `known` tells whose bearer token one is."""
    handle_exception.rich = None  # it would print every variable, words among them
    if not pm.has_plugin(_PLUGIN):
        pm.register(_Plugin, _PLUGIN)
    made = _Pages([], metadata=_metadata(language), settings=_SETTINGS)
    made.known = known
    made.remove_database("_memory")
    made.add_database(_Views(made, file, key_file), NAME)
    link = secrets.token_urlsafe(24)
    made._root_token = link
    return _without_files(made.app()), link


def _without_files(app: Asgi) -> Asgi:
    """A table is taken away by `log export`, which masks, guards its cells and is in the log."""

    async def served(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and _asks_for_a_file(scope):
            headers = [(b"content-type", b"text/plain; charset=utf-8")]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            body = b"use callwarden log export\n"
            await send({"type": "http.response.body", "body": body})
            return
        await app(scope, receive, send)

    return served


def _asks_for_a_file(scope: Any) -> bool:
    query = scope.get("query_string", b"").lower()
    return scope["path"].lower().endswith(".csv") or b"_format=csv" in query


def _metadata(language: str) -> dict[str, Any]:
    place = 0 if language == "zh" else 1
    tables = {
        name: {
            "title": _TITLES[name][place],
            "columns": {each.name: CHINESE[each.name] for each in kind.columns}
            if language == "zh"
            else {},
            "sortable_columns": [each.name for each in kind.columns],
        }
        for name, kind in KINDS.items()
    }
    return {
        "title": ("话务合规日志", "The log")[place],
        "allow": {"id": "*"},
        "databases": {
            NAME: {"title": ("日志", "Log")[place], "tables": tables},
            "_internal": {"allow": False},
        },
    }
