"""`callwarden gateway run`: how it starts, says so, is told, and ends."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from deploy.lab.numbers import open_now, shut_now
from gateway.bench.agi_caller import Heard, ask, session
from policy.ledger import LedgerReader
from tests.gate.gateway_process import COMMAND, GatewayProcess


def asked(gate: tuple[str, int], number: str, nonce: str = "n-1") -> Heard:
    return asyncio.run(ask(*gate, session(nonce, number, "marketing.loan", "1001", "", "")))


def scraped(at: tuple[str, int], *, until: str) -> str:
    """The metrics, once they hold `until`."""
    ends = time.monotonic() + 5
    while True:
        with urllib.request.urlopen(f"http://{at[0]}:{at[1]}/metrics", timeout=5) as answer:
            text: str = answer.read().decode()
        if until in text:
            return text
        assert time.monotonic() < ends, text
        time.sleep(0.05)  # between two looks at another process


def test_it_says_where_it_listens_answers_and_ends_when_told(tmp_path: Path) -> None:
    number = open_now(1)
    service_manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    service_manager.bind(str(tmp_path / "notify"))
    service_manager.settimeout(15)
    told = GatewayProcess(tmp_path, metrics="127.0.0.1:0", rules={})
    with service_manager, told.start(NOTIFY_SOCKET=str(tmp_path / "notify")) as gateway:
        at = gateway.ready()
        assert service_manager.recv(100) == b"READY=1"
        assert asked(at["gate"], number).verdict == "ALLOW:n-1"
        metrics = scraped(at["metrics"], until="callwarden_live_calls 1.0")
        assert 'callwarden_gate_decisions_total{rule="",verdict="ALLOW"} 1.0' in metrics
        assert number.lstrip("+") not in metrics
        gateway.process.send_signal(signal.SIGTERM)
        assert service_manager.recv(100) == b"STOPPING=1"
        assert gateway.wait() == 0
        assert not any(number.lstrip("+") in str(line) for line in gateway.lines)
        assert gateway.errors == []


def test_the_figures_tell_what_was_answered_no_more_and_no_less(tmp_path: Path) -> None:
    """Asked from many sides at once, over both ways in, some of it nonsense."""
    sections = {"gate": {"listen": "127.0.0.1:0", "http": "127.0.0.1:0"}}
    with GatewayProcess(tmp_path, metrics="127.0.0.1:0", **sections).start() as gateway:
        at = gateway.ready()
        questions = [
            *((open_now(each), f"open-{each}") for each in range(30)),
            *((shut_now(each), f"shut-{each}") for each in range(20)),
            *(("nonsense", f"bad-{each}") for each in range(10)),
        ]

        async def rush() -> list[Heard]:
            heard = await asyncio.gather(
                *(
                    ask(*at["gate"], session(nonce, number, "marketing.loan", "1001", "", ""))
                    for number, nonce in questions
                )
            )
            host, port = at["http"]
            async with httpx.AsyncClient(trust_env=False) as client:
                form = {"nonce": "http-1", "number": open_now(99), "scene": "marketing.loan"}
                assert (await client.post(f"http://{host}:{port}/gate", data=form)).text[
                    :5
                ] == "ALLOW"
            return heard

        heard = asyncio.run(rush())
        assert sum(each.allowed for each in heard) == 30
        metrics = scraped(at["metrics"], until="callwarden_gate_decision_seconds_count 61.0")
        counted = dict(line.rsplit(" ", 1) for line in metrics.splitlines() if line[0] != "#")
        name = "callwarden_gate_decisions_total"
        refused = {each.rule for each in heard if each.verdict.startswith("DENY:shut")}
        assert float(counted[f'{name}{{rule="",verdict="ALLOW"}}']) == 31
        assert (
            sum(float(counted[f'{name}{{rule="{rule}",verdict="DENY"}}']) for rule in refused) == 20
        )
        assert float(counted[f'{name}{{rule="gate.bad-request",verdict="DENY"}}']) == 10
        assert float(counted["callwarden_gate_open_sessions"]) == 0
        assert float(counted["callwarden_live_calls"]) == 31
        assert float(counted["callwarden_ledger_errors_total"]) == 0
        state = tmp_path / "state"
        with LedgerReader.open(state / "ledger.sqlite3", state / "keys" / "ledger.key") as reader:
            today = reader.decisions_since(datetime.now(UTC) - timedelta(hours=1))
        assert (today.decisions, today.denials) == (51, 20)


def test_sighup_reads_the_rulebooks_anew(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    shipped = Path(__file__).parents[2] / "rules" / "house.yaml"
    (rules / "house.yaml").write_text("nonsense: 1\n")
    with GatewayProcess(tmp_path, rules={"folder": str(rules), "speech": []}).start() as gateway:
        at = gateway.ready()["gate"]
        assert asked(at, open_now(1)).rule == "gate.rulebook-broken"
        (rules / "house.yaml").write_bytes(shipped.read_bytes())
        gateway.process.send_signal(signal.SIGHUP)
        gateway.logged("rulebook in force")
        assert asked(at, open_now(1), "n-2").allowed
        gateway.process.send_signal(signal.SIGINT)
        assert gateway.wait() == 0


def test_a_taken_port_is_said_with_what_to_do(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = _ended(GatewayProcess(tmp_path, gate={"listen": address}))
    assert ended.returncode == 2
    assert f"gate.listen: {address}: Address already in use" in ended.stderr
    assert "set gate.listen" in ended.stderr
    assert "Traceback" not in ended.stderr


def _ended(gateway: GatewayProcess) -> "subprocess.CompletedProcess[str]":
    """What it said that could not even start."""
    command = [*COMMAND, str(gateway.config)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)


def test_words_in_the_clear_across_a_network_end_it_at_the_start(tmp_path: Path) -> None:
    """Both addresses at once, before anything listens."""
    gateway = GatewayProcess(
        tmp_path, oversight={"listen": "0.0.0.0:0"}, recognizer={"address": "192.0.2.7:4576"}
    )
    ended = _ended(gateway)
    assert ended.returncode == 2
    said = ended.stderr.splitlines()
    assert [line.split(": ")[:3] for line in said] == [
        ["0.0.0.0:0:1:1", "oversight.listen", "not loopback"],
        ["192.0.2.7:4576:1:1", "recognizer.address", "not loopback"],
    ]
    assert all("tls.certificate" in line for line in said)
    assert not (tmp_path / "state").exists()


def test_a_certificate_that_cannot_be_read_ends_it_at_the_start(tmp_path: Path) -> None:
    missing = tmp_path / "none.pem"
    gateway = GatewayProcess(
        tmp_path, tls={"ca": str(missing)}, recognizer={"address": "192.0.2.7:4576"}
    )
    ended = _ended(gateway)
    assert ended.returncode == 2
    assert f"{missing}:1:1: tls.ca: cannot be read: No such file" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_an_attempt_counts_when_the_gateway_is_killed_before_the_dial(tmp_path: Path) -> None:
    """SIGKILL once the decision is made, before the verdict has left: nobody was dialled, and the
    customer has one call less."""
    number = open_now(2)
    with GatewayProcess(tmp_path).start() as gateway:
        host_port = gateway.ready()["gate"]
        with socket.create_connection(host_port, timeout=5) as asterisk:
            asterisk.sendall(session("n-0", number, "marketing.loan", "1001", "", ""))
            said = asterisk.recv(1000)
            gateway.process.kill()
            gateway.wait()
    assert said == b'SET VARIABLE CALLWARDEN_REASON ""\n'
    with GatewayProcess(tmp_path).start() as gateway:
        at = gateway.ready()["gate"]
        assert [asked(at, number, f"n-{each}").allowed for each in (1, 2, 3)] == [True, True, False]


def test_it_runs_and_refuses_without_a_ledger_and_mends_itself(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    with GatewayProcess(tmp_path).start() as gateway:
        at = gateway.ready()["gate"]
        assert asked(at, open_now(3)).rule == "gate.ledger-unavailable"
        assert asked(at, "120").allowed
        os.unlink(tmp_path / "state")
        ends = time.monotonic() + 10
        for attempt in range(1000):
            if asked(at, open_now(3), f"m-{attempt}").allowed:
                break
            assert time.monotonic() < ends
            time.sleep(0.05)  # between two looks at another process


def test_check_and_scrub_ask_the_gateway_that_runs(tmp_path: Path) -> None:
    """With what is in force there, which a command that reads the rules itself cannot know."""
    rules = tmp_path / "rules"
    rules.mkdir()
    shipped = Path(__file__).parents[2] / "rules" / "house.yaml"
    (rules / "house.yaml").write_bytes(shipped.read_bytes())
    with GatewayProcess(tmp_path, rules={"folder": str(rules), "speech": []}).start() as gateway:
        host, port = gateway.ready()["oversight"]
        asking = json.loads(gateway.config.read_text())
        asking["oversight"] = {"address": f"{host}:{port}"}
        (tmp_path / "asking.yaml").write_text(json.dumps({**asking, "locale": "en"}))
        in_force = _checked(tmp_path, shut_now(1), "--json")
        (rules / "house.yaml").write_text("nonsense: 1\n")
        still = _checked(tmp_path, shut_now(1), "--json")
        told = _checked(tmp_path, open_now(1), "--debt", "d-1", "--party", "debtor")
        (tmp_path / "list.csv").write_text(f"{open_now(2)}\n{shut_now(2)}\n")
        scrubbed = _asked(tmp_path, "scrub", str(tmp_path / "list.csv"))
        packs = _checked(tmp_path, open_now(1), "--pack", "house")
    alone = _checked(tmp_path, open_now(1))
    assert in_force.returncode == 1
    assert json.loads(still.stdout) == json.loads(in_force.stdout)
    assert told.returncode == 0
    assert f"decided by the gateway at {host}:{port}" in told.stdout
    assert scrubbed.returncode == 1
    assert f"decided by the gateway at {host}:{port}" in scrubbed.stderr
    assert [line.split(",")[1] for line in scrubbed.stdout.splitlines()] == ["ALLOW", "DENY"]
    for not_asked in (packs, alone):
        assert not_asked.returncode == 2
        assert "house.yaml:1:1: nonsense" in not_asked.stderr


def _checked(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return _asked(folder, "check", *words)


def _asked(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [*COMMAND[:3], *words, "--config", str(folder / "asking.yaml")]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
