"""Owns testing speech rules by dialogues in characters: the `*_test.yaml` beside a pack's files.

Called by `callwarden rules test` and by the project's own tests. A dialogue is spoken as the
recognizer would hear it: one syllable a token, spread over its time. Invariant: the rules run here
as on a call; nothing is decided differently for a test.

    rule: forbidden.zero-risk
    scene: marketing.wealth
    fires:
      - 这款产品零风险                                # one sentence of the rule's leg
    near_misses:
      - 这款产品并不是零风险
      - - {customer: 是零风险吗}                       # a dialogue; times follow from the text
        - {leg: agent, start: 9.5, end: 11, text: 不是}  # or are given, in seconds
    dialogues:
      - name: everything is told
        scene: marketing.loan
        turns: [...]
        expect: [{rule: refusal.explicit, turn: 1, status: provisional}]   # these and no others
"""

from collections.abc import Iterator, Sequence
from typing import Literal, Self

from pydantic import Field, model_validator
from pypinyin import Style

from callwarden import located_yaml
from callwarden.located_yaml import LocatedDocument, Path
from callwarden.problems import Problem, did_you_mean
from policy.outcome import Outcome
from policy.rule import Name, Part, Text
from policy.speech import sound
from policy.speech.circumstances import CallCircumstances
from policy.speech.conversation import Conversation
from policy.speech.finding import Finding, FindingStatus
from policy.speech.rulebook import SpeechRule, SpeechRulebook
from policy.speech.utterance import Leg, Token, Utterance

_SYLLABLE_S = 0.22
_BETWEEN_TURNS_S = 0.7
_FIRST_TURN_S = 1.3
_PAUSES_S = dict.fromkeys("，、,；;：:", 0.3) | dict.fromkeys("。！？.!?…", 0.5)


class Turn(Part):
    """One leg's words without the other's: `{agent: 您好}` or with leg, start, end and text."""

    agent: Text | None = None
    customer: Text | None = None
    leg: Literal["agent", "customer"] | None = None
    text: Text | None = None
    start: float | None = Field(None, ge=0)
    end: float | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _says_who_and_what(self) -> Self:
        given = [self.agent, self.customer, self.text if self.leg else None]
        if sum(each is not None for each in given) != 1 or (self.text is None) != (
            self.leg is None
        ):
            raise ValueError("write agent: …, or customer: …, or leg and text")
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise ValueError("end must be later than start")
        return self

    def spoken(self) -> tuple[Leg, str]:
        if self.agent is not None:
            return Leg.AGENT, self.agent
        if self.customer is not None:
            return Leg.CUSTOMER, self.customer
        return Leg(self.leg), self.text or ""


class Expected(Part):
    """A finding: its rule, the turn (from 0) in which it lies, and its final status."""

    rule: Name
    turn: int | None = Field(None, ge=0)
    status: Literal["certain", "provisional"] = "certain"


class Dialogue(Part):
    name: Text
    scene: Text | None = None
    turns: tuple[Turn, ...] = Field(min_length=1)
    expect: tuple[Expected, ...] = ()


class DialogueTests(Part):
    """One `*_test.yaml`. `fires` and `near_misses` look at `rule` alone, `dialogues` at all rules
    (those of `only`, when given)."""

    rule: Name | None = None
    scene: Text = "*"
    fires: tuple[Text | tuple[Turn, ...], ...] = ()
    near_misses: tuple[Text | tuple[Turn, ...], ...] = ()
    dialogues: tuple[Dialogue, ...] = ()
    only: tuple[Name, ...] = ()

    @model_validator(mode="after")
    def _names_its_rule(self) -> Self:
        if (self.fires or self.near_misses) and self.rule is None:
            raise ValueError("fires and near_misses need the key rule")
        return self


def run(document: LocatedDocument, rulebook: SpeechRulebook) -> Outcome:
    """Speaks every dialogue of one test file to the rulebook.

    Raises ProblemsFound when the file is not a test file.
    """
    tests = located_yaml.validate(document, DialogueTests)
    rules = {rule.id: rule for rule in rulebook.rules}
    failures: list[Problem] = []
    if tests.rule is not None and tests.rule not in rules:
        message = f"no rule has the id {tests.rule}{did_you_mean(tests.rule, rules)}"
        return Outcome(0, (document.problem(("rule",), message),))
    rule = rules.get(tests.rule or "")
    for key, cases in (("fires", tests.fires), ("near_misses", tests.near_misses)):
        for index, case in enumerate(cases):
            turns = _turns(case, rule)
            found = [
                each for each in speak(turns, rulebook, tests.scene) if each.rule == tests.rule
            ]
            message = _single_mistake(key, found)
            if message:
                failures.append(document.problem((key, index), message))
    for index, dialogue in enumerate(tests.dialogues):
        found = list(speak(dialogue.turns, rulebook, dialogue.scene or tests.scene))
        found = [each for each in found if not tests.only or each.rule in tests.only]
        path: Path = ("dialogues", index)
        messages = _mistakes(dialogue, found)
        failures += [document.problem(path, f"{dialogue.name}: {each}") for each in messages]
    count = len(tests.fires) + len(tests.near_misses) + len(tests.dialogues)
    return Outcome(count, tuple(failures))


def speak(turns: Sequence[Turn], rulebook: SpeechRulebook, scene: str) -> list[Finding]:
    """The findings of a dialogue in their final state, those taken back left out."""
    conversation, found = Conversation(rulebook, CallCircumstances(scene)), dict[str, Finding]()
    heard = utterances(turns)
    for utterance in heard:
        for finding in conversation.hear(utterance):
            found[finding.finding_id] = finding
        for leg in Leg:
            for finding in conversation.advance(leg, utterance.end_s):
                found[finding.finding_id] = finding
    seconds = max((each.end_s for each in heard), default=0) + 1
    found |= {each.finding_id: each for each in conversation.finish(seconds)}
    return [each for each in found.values() if each.status is not FindingStatus.WITHDRAWN]


def utterances(turns: Sequence[Turn]) -> list[Utterance]:
    """The turns as a recognizer hears them: an utterance each, a token a toned syllable."""
    heard: list[Utterance] = []
    now_s = _FIRST_TURN_S
    for index, turn in enumerate(turns):
        leg, text = turn.spoken()
        offsets = list(_offsets(text))
        length_s = (offsets[-1][1] if offsets else 0) + _SYLLABLE_S
        start_s = now_s if turn.start is None else turn.start
        end_s = start_s + length_s if turn.end is None else turn.end
        stretch = (end_s - start_s) / length_s
        tokens = tuple(Token(each, start_s + at_s * stretch) for each, at_s in offsets)
        words = " ".join(token.text for token in tokens)
        name = f"{leg.value}-{index}"
        heard.append(Utterance(name, leg, start_s, end_s, tokens, True, len(tokens), words))
        now_s = end_s + _BETWEEN_TURNS_S
    return heard


def _offsets(text: str) -> Iterator[tuple[str, float]]:
    """Each syllable of a sentence and when it begins, in seconds at an ordinary pace."""
    at_s = 0.0
    syllables = iter(sound.spoken(text, Style.TONE3))
    for mark in text:
        if sound.is_character(mark) or mark.isalnum():
            yield next(syllables)[1], at_s
            at_s += _SYLLABLE_S
        else:
            at_s += _PAUSES_S.get(mark, 0)


def _turns(case: str | tuple[Turn, ...], rule: SpeechRule | None) -> tuple[Turn, ...]:
    if not isinstance(case, str):
        return case
    leg = rule.leg if rule else Leg.AGENT
    return (Turn(agent=case) if leg is Leg.AGENT else Turn(customer=case),)


def _single_mistake(key: str, found: list[Finding]) -> str:
    certain = [each for each in found if each.status is FindingStatus.CERTAIN]
    if key == "fires" and len(certain) != 1:
        return f"must be found once for certain; {_told(found)}"
    if key == "near_misses" and found:
        return f"must not be found; {_told(found)}"
    return ""


def _mistakes(dialogue: Dialogue, found: list[Finding]) -> Iterator[str]:
    heard = utterances(dialogue.turns)
    left = list(found)
    for expected in dialogue.expect:
        for finding in left:
            lies_in = [at for at, each in enumerate(heard) if _lies_in(finding, each)]
            in_turn = expected.turn is None or expected.turn in lies_in
            if (finding.rule, finding.status.value) == (expected.rule, expected.status) and in_turn:
                left.remove(finding)
                break
        else:
            yield f"{expected.rule} ({expected.status}) must be found; {_told(found)}"
    if left:
        yield f"must not be found; {_told(left)}"


def _lies_in(finding: Finding, utterance: Utterance) -> bool:
    within = utterance.start_s - 0.01 <= finding.start_s <= utterance.end_s
    return finding.leg is utterance.leg and within


def _told(found: list[Finding]) -> str:
    if not found:
        return "nothing was found"
    each = [
        f"{one.rule} {one.status.value} by {one.matched} at {one.start_s:.1f} s" for one in found
    ]
    return "found: " + ", ".join(each)
