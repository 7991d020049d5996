"""The second pass: finished utterances heard once more, their words win, certain findings stay.

The real streaming model, searched more widely, is the second pass here: it comes the same way as
an offline one.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from callwarden.problems import ProblemsFound
from policy.identity import RulebookIdentity, Title
from policy.speech.finding import Finding, FindingStatus, Severity
from policy.speech.rulebook import SpeechRulebook
from policy.speech.utterance import Leg, Utterance
from recognizer import recordings
from recognizer.analysis import Analysis
from recognizer.decoding import Decoding
from recognizer.models import second_pass
from recognizer.models.model import Model
from recognizer.pool import Pool
from recognizer.told import Heard
from recognizer.verdicts import SAME_WITHIN_S, Pass, Verdicts
from tests.recognizer import onnx_files

_CERTAIN, _PROVISIONAL, _WITHDRAWN = (
    FindingStatus.CERTAIN,
    FindingStatus.PROVISIONAL,
    FindingStatus.WITHDRAWN,
)
_FOUND = Finding(
    finding_id="refusal.explicit/customer/7000",
    rule="refusal.explicit",
    pack="base",
    title=Title("拒", "R"),
    severity=Severity.MAJOR,
    rulebook=RulebookIdentity("1", "d"),
    leg=Leg.CUSTOMER,
    start_s=7.0,
    end_s=8.0,
    heard_text="",
    heard_pinyin="",
    matched="",
    confidence=0.8,
    status=_PROVISIONAL,
    raised_s=8.5,
)


@pytest_asyncio.fixture
async def pool(model: Model, model_folder: Path) -> AsyncIterator[Pool]:
    one = Pool(model, 1, Decoding(), second_pass=second_pass.load(model_folder))
    await one.start()
    yield one
    await one.close()


async def test_every_finished_utterance_is_heard_again_and_its_words_win(
    pool: Pool, rules: SpeechRulebook, calls_folder: Path
) -> None:
    call = recordings.open_recording(calls_folder / "refusal-and-stop", None, "left")
    heard: list[Heard] = []
    analysis = Analysis(
        pool,
        rules,
        call.circumstances,
        rate_hz=call.rate_hz,
        deliver=heard.append,
        patient=True,
    )
    for leg, first_sample, pcm in call.blocks(0.1):
        await analysis.hear(leg, first_sample, pcm)
    await analysis.finish(call.seconds)
    analysis.close()
    finals = [each for each in heard if isinstance(each, Utterance) and each.final]
    first = {each.utterance_id: each for each in finals if not each.second_pass}
    again = {each.utterance_id: each for each in finals if each.second_pass}
    assert first.keys() == again.keys()
    assert len(first) >= 3
    for name, better in again.items():
        assert heard.index(better) > heard.index(first[name])
        assert abs(better.start_s - first[name].start_s) < 0.5
        assert better.tokens
    (refusal,) = {each.finding_id for each in heard if isinstance(each, Finding)}
    assert refusal.startswith("refusal.explicit/customer/")
    last = [each for each in heard if isinstance(each, Finding)][-1]
    assert last.status is _CERTAIN


def _told(*steps: list[Finding]) -> list[FindingStatus]:
    return [each.status for step in steps for each in step]


def test_what_the_second_pass_does_not_find_is_withdrawn_openly() -> None:
    verdicts = Verdicts()
    first = list(verdicts.take(Pass.FIRST, _FOUND))
    early = list(verdicts.settle(Leg.CUSTOMER, _FOUND.raised_s))
    other = list(verdicts.settle(Leg.AGENT, 99.0))
    late = list(verdicts.settle(Leg.CUSTOMER, _FOUND.raised_s + SAME_WITHIN_S))
    assert _told(first, early, other, late) == [_PROVISIONAL, _WITHDRAWN]
    assert not list(verdicts.settle(Leg.CUSTOMER, 99.0))


def test_a_certain_finding_stays_whatever_the_second_pass_hears() -> None:
    verdicts = Verdicts()
    list(verdicts.take(Pass.FIRST, replace(_FOUND, status=_CERTAIN)))
    assert not list(verdicts.settle(Leg.CUSTOMER, 99.0))
    doubtful = replace(_FOUND, finding_id="x", start_s=7.2)
    assert not list(verdicts.take(Pass.SECOND, doubtful))
    assert not list(verdicts.take(Pass.SECOND, replace(doubtful, status=_WITHDRAWN)))


def test_what_both_find_is_one_finding_and_becomes_certain() -> None:
    verdicts = Verdicts()
    list(verdicts.take(Pass.FIRST, _FOUND))
    better = replace(_FOUND, finding_id="y", start_s=7.3, status=_CERTAIN, heard_text="better")
    (told,) = verdicts.take(Pass.SECOND, better)
    assert (told.finding_id, told.status) == (_FOUND.finding_id, _CERTAIN)
    assert told.heard_text == "better"
    assert not list(verdicts.take(Pass.FIRST, replace(_FOUND, status=_WITHDRAWN)))


def test_what_only_the_second_pass_finds_is_told_once() -> None:
    verdicts = Verdicts()
    (told,) = verdicts.take(Pass.SECOND, replace(_FOUND, status=_CERTAIN))
    assert told.status is _CERTAIN
    assert not list(verdicts.take(Pass.FIRST, replace(_FOUND, finding_id="z", start_s=6.8)))
    later = replace(_FOUND, finding_id="w", start_s=20.0)
    assert [each.finding_id for each in verdicts.take(Pass.FIRST, later)] == ["w"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "is missing"),
        ({"model.onnx": onnx_files.sense_voice()}, "tokens.txt is missing"),
        ({"model.onnx": b"<html>" * 999, "tokens.txt": b"a 0\nb 1\n"}, "not an ONNX file"),
        (
            {"model.onnx": onnx_files.head({"model_type": "vits"}), "tokens.txt": b"a 0\nb 1\n"},
            "is none of transducer,.* says vits",
        ),
        (
            {"model.onnx": onnx_files.sense_voice(), "tokens.txt": b"a 0\nb 1\n"},
            "lists 2 units, the model writes 9",
        ),
    ],
)
def test_a_folder_that_is_no_second_pass_is_refused(
    tmp_path: Path, files: dict[str, bytes], message: str
) -> None:
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ProblemsFound, match=message):
        second_pass.load(tmp_path)


def test_a_model_that_labels_emotion_is_a_second_pass(tmp_path: Path) -> None:
    model = second_pass.load(onnx_files.sense_voice_folder(tmp_path / "again"))
    assert (model.kind, model.streaming) == ("sense-voice", False)
