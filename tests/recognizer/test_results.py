"""Results of a scan outlive it: a run goes on where another was cut off, and the ledger keeps them
once."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from callwarden.settings import Settings
from policy.commands.explain import explain_finding
from policy.commands.preview import preview
from policy.ledger import LedgerReader
from policy.speech.utterance import Leg
from recognizer import recordings, scan

_CALLS = ("no-recording-notice", "refusal-and-stop")


@pytest.fixture(scope="module")
def calls(calls_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("calls")
    for name in _CALLS:
        shutil.copytree(calls_folder / name, folder / name, copy_function=shutil.copyfile)
        (folder / name).chmod(0o755)
    described = folder / "refusal-and-stop" / "call.json"
    described.write_text(
        '{"id": "refusal-and-stop", "scene": "marketing.loan", "agent": "1001", '
        '"customer": "c-7", "started_at": "2026-03-02T10:00:00+08:00"}'
    )
    return folder


def _scan(*arguments: object) -> Result:
    words = [*map(str, arguments), "--workers", "1"]
    return CliRunner().invoke(scan.scan, words, standalone_mode=False)


def _explained(*words: object) -> str:
    done = CliRunner().invoke(explain_finding, [*map(str, words)], standalone_mode=False)
    assert done.return_value == 0, done.output
    return done.stdout


@pytest.mark.timeout(240)
def test_a_run_goes_on_where_another_was_cut_off(calls: Path, tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    assert _scan(calls / _CALLS[0], "-o", results).return_value == 1
    (first,) = results.read_text().splitlines()
    with results.open("a") as cut_off:
        cut_off.write('{"id": "refusal-and-st')
    assert "--resume goes on with it" in str(_scan(calls, "-o", results).exception)
    done = _scan(calls, "-o", results, "--resume")
    assert "1 calls done before; no-recording-notice" in done.stderr
    lines = results.read_text().splitlines()
    assert lines[0] == first
    assert [json.loads(line)["id"] for line in lines] == list(_CALLS)
    assert _scan(calls, "-o", results, "--resume").stdout == ""
    assert results.read_text().splitlines() == lines


@pytest.mark.timeout(240)
def test_the_ledger_keeps_what_was_heard_and_found_once(calls: Path, tmp_path: Path) -> None:
    config = tmp_path / "callwarden.yaml"
    config.write_text(f"state: {tmp_path}/state\n")
    call = recordings.open_recording(calls / "refusal-and-stop", None, "left")
    for _ in range(2):
        done = _scan(calls / "refusal-and-stop", "--json", "--into-ledger", "--config", config)
        assert done.return_value == 1, done.output
    (finding,) = json.loads(done.stdout)["findings"]
    state = Settings(state=tmp_path / "state")
    with LedgerReader.open(state.ledger_file, state.ledger_key_file) as reader:
        assert reader.has_ended(call.kept_as)
        (kept,) = reader.findings_of(call.kept_as, 10)
        assert (kept.finding.rule, kept.agent) == (finding["rule"], "1001")
        said = reader.utterances_of(call.kept_as, 100)
        assert {each.leg for each in said} == set(Leg)
        assert len({each.utterance_id for each in said}) == len(said)
        (stopped,) = reader.suppressions()
        assert (stopped.customer, stopped.suppression.source) == ("c-7", "refusal")
        covered = list(reader.export("coverage"))
        assert [row["analysed_s"] for row in covered] == pytest.approx([call.seconds] * 2, abs=0.1)
    why = _explained(call.kept_as, "refusal.explicit", "--config", config)
    assert finding["heard"] in why
    assert f"{finding['start']:.2f}–{finding['end']:.2f} s (customer)" in why
    fields = json.loads(
        _explained(call.kept_as, kept.finding.finding_id, "--json", "--config", config)
    )
    assert fields["history"][-1]["status"] == "certain"
    assert fields["matches"][0]["accepted"]
    previewed = CliRunner().invoke(
        preview,
        ["--speech", "base", "--since", "2026-01-01", "--json", "--config", str(config)],
        standalone_mode=False,
    )
    again = json.loads(previewed.stdout)["speech"]
    assert (again["calls"], again["same"]) == (1, 1)
    assert again["more"]["findings"] == again["fewer"]["findings"] == 0
    resumed = _scan(calls / "refusal-and-stop", "--into-ledger", "--resume", "--config", config)
    assert (resumed.return_value, resumed.stdout) == (0, "")
