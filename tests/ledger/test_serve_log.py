"""`callwarden serve-log`: the log over real HTTP, masked, read-only, behind a token."""

import hashlib
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from policy.ledger import Ledger, LedgerReader
from policy.ledger.export_kinds import KINDS, columns
from policy.ledger.masked_views import open_views
from tests.ledger.box import Box
from tests.ledger.conftest import CUSTOMER, NUMBER
from tests.ledger.one_call import FINDING, HEARD, record_one_call

MASKED = "+86138****8000"
AUDITOR = "token of an auditor"


@dataclass(frozen=True)
class Served:
    box: Box
    at: str
    link: str


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    box = Box(folder, locale="zh")
    with Ledger.open(*box.files) as ledger:
        record_one_call(ledger)
    digests = (hashlib.sha256(text.encode()).hexdigest() for text in (AUDITOR, "supervisor"))
    people = folder / "people.yaml"
    people.write_text(
        "people:\n"
        f"  - {{name: Li, role: auditor, token_sha256: '{next(digests)}'}}\n"
        f"  - {{name: Zhao, role: supervisor, token_sha256: '{next(digests)}'}}\n"
    )
    (folder / "token").write_text(AUDITOR)
    box.config.write_text(
        f"{box.config.read_text()}oversight: {{people: {people}, token_file: {folder / 'token'}}}\n"
    )
    command = [sys.executable, "-m", "callwarden.command", "serve-log", "--port", "0"]
    with subprocess.Popen(
        [*command, "--config", str(box.config)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        found = re.search(r"(http://\S+:\d+)(/-/auth-token\S+)", process.stdout.readline())
        assert found is not None
        try:
            yield Served(box, found[1], found[1] + found[2])
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0


def _known(served: Served) -> httpx.Client:
    headers = {"Authorization": f"Bearer {AUDITOR}"}
    transport = httpx.HTTPTransport(retries=20)
    return httpx.Client(base_url=served.at, headers=headers, transport=transport, timeout=30)


def test_nobody_unknown_sees_a_page(served: Served) -> None:
    with _known(served) as client:
        for headers in ({"Authorization": ""}, {"Authorization": "Bearer supervisor"}):
            for path in ("/", "/log", "/log/violations", "/log/violations.json", "/-/metadata"):
                assert client.get(path, headers=headers).status_code == 403, path


def test_a_browser_gets_in_by_its_link_once(served: Served) -> None:
    with httpx.Client(timeout=30, transport=httpx.HTTPTransport(retries=20)) as browser:
        assert browser.get(served.link).status_code == 302
        page = browser.get(f"{served.at}/log/violations").text
        assert "违规" in page
        assert MASKED in page
        assert "听到的内容" in page
    with httpx.Client(timeout=30) as another:
        assert another.get(served.link).status_code == 403


@pytest.mark.parametrize("kind", list(KINDS))
def test_each_kind_shows_what_an_export_shows(served: Served, kind: str) -> None:
    with _known(served) as client:
        found = client.get(f"/log/{kind}.json?_shape=objects").json()["rows"]
    with LedgerReader.open(*served.box.files) as reader:
        exported = list(reader.export(kind))
    assert found
    assert [tuple(each) for each in found] == [columns(kind)] * len(found)
    assert found == exported


def test_rows_are_chosen_and_counted(served: Served) -> None:
    with _known(served) as client:
        path = "/log/violations.json?_shape=objects&agent=1001&_facet=rule&severity__exact=critical"
        found = client.get(path).json()
        assert [each["heard_text"] for each in found["rows"]] == [HEARD]
        (facet,) = found["facet_results"]["rule"]["results"]
        assert (facet["value"], facet["count"]) == (FINDING.rule, 1)
        assert client.get("/log/violations.json?agent=1002").json()["rows"] == []


@pytest.mark.parametrize(
    "path",
    [
        "/log.json?sql=select+1",
        "/log/violations.json?_where=1%3D1",
        "/log/findings.json",
        "/log/meta.json",
        "/log.db",
        "/_internal.json",
        "/_memory.json",
        "/log/violations.csv",
        "/log/violations.csv?_stream=1",
        "/log/violations?_format=csv",
    ],
)
def test_nothing_else_is_shown(served: Served, path: str) -> None:
    with _known(served) as client:
        answer = client.get(path, follow_redirects=True)
        if answer.status_code == 200:  # `_where` is not heeded
            assert "_where" in path
            assert "errors" in answer.text or "rows" in answer.text
        text = answer.text
    assert NUMBER[3:] not in text
    assert CUSTOMER not in text
    assert "sealed" not in text


def test_a_connection_reads_the_views_alone_and_writes_nothing(served: Served) -> None:
    db = open_views(*served.box.files)
    before = served.box.files[0].read_bytes()
    assert db.execute("SELECT number FROM violations").fetchone() == (MASKED,)
    for statement in (
        "SELECT * FROM findings",
        "SELECT number_hash FROM ledger.calls",
        "SELECT value FROM meta",
        "SELECT name FROM ledger.sqlite_master",
        "ATTACH ':memory:' AS other",
        "PRAGMA query_only = OFF",
        "PRAGMA journal_mode = DELETE",
        "INSERT INTO ledger.meta VALUES ('x', x'00')",
        "CREATE TABLE t (x)",
        "DROP VIEW violations",
    ):
        with pytest.raises(sqlite3.DatabaseError, match=r"prohibited|not authorized"):
            db.execute(statement)
    db.close()
    assert served.box.files[0].read_bytes() == before


def test_where_it_does_not_start(served: Served) -> None:
    open_to_all = served.box.run("serve-log", "--host", "0.0.0.0", "--port", "0")  # noqa: S104 - it is refused
    assert open_to_all.exit_code == 2
    assert "tls.certificate" in open_to_all.output
    nobody = served.box.config.with_name("people.yaml")
    refused = served.box.run("serve-log", "--port", "0", "--token-file", str(nobody))
    assert refused.exit_code == 2
    assert "nobody's" in refused.output
