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
        - {agent: 不是的, after_s: 35}                # or from the silence before it
        - {agent: 您放心, at: 61.5}                   # or are given, in seconds of the call
        - {customer: 等一下, after_s: -1}             # comes in before the other has finished
        - {agent: 快点, loudness_db: -12, emotion: angry}
      - turns: [{agent: 年化利率百分之八}]               # and what else is known of the call
        product: {annual_rate_percent: 8, risk_level: R3, fees_percent: 1}
        dialect: yue
        second_looks: {told.busy: 方便}               # what a second look at a pattern hears; ''
        silence_s: 40                               # nothing. And how long nobody speaks at last
    dialogues:
      - name: everything is told
        scene: marketing.loan
        turns: [...]
        expect: [{rule: refusal.explicit, turn: 1, status: provisional}]   # these and no others
"""

import math
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
from policy.speech.circumstances import CallCircumstances, ProductFacts
from policy.speech.conversation import Conversation
from policy.speech.doubt import SecondLook
from policy.speech.finding import Finding, FindingStatus
from policy.speech.rulebook import SpeechRule, SpeechRulebook
from policy.speech.utterance import Leg, Token, Utterance, Voice

_SYLLABLE_S = 0.22
_BETWEEN_TURNS_S = 0.7
_FIRST_TURN_S = 1.3
_LOUDNESS_DB = -26.0
"""Of speech about which nothing else is said."""
_PAUSES_S = dict.fromkeys("，、,；;：:", 0.3) | dict.fromkeys("。！？.!?…", 0.5)


class Turn(Part):
    """One leg's words at one go: `{agent: 您好}` or with leg, start, end and text."""

    agent: Text | None = None
    customer: Text | None = None
    leg: Literal["agent", "customer"] | None = None
    text: Text | None = None
    start: float | None = Field(None, ge=0)
    end: float | None = Field(None, gt=0)
    at: float | None = Field(None, ge=0, description="the same as start")
    after_s: float | None = Field(
        None, ge=-60, le=3600, description="silence before it; below 0: it comes in so early"
    )
    loudness_db: float | None = Field(None, le=0)
    emotion: Text | None = None

    @model_validator(mode="after")
    def _says_who_and_what(self) -> Self:
        given = [self.agent, self.customer, self.text if self.leg else None]
        if sum(each is not None for each in given) != 1 or (self.text is None) != (
            self.leg is None
        ):
            raise ValueError("write agent: …, or customer: …, or leg and text")
        if sum(each is not None for each in (self.start, self.at, self.after_s)) > 1:
            raise ValueError("write one of at, start and after_s")
        if self.begins is not None and self.end is not None and self.end <= self.begins:
            raise ValueError("end must be later than start")
        return self

    @property
    def begins(self) -> float | None:
        return self.at if self.start is None else self.start

    @property
    def voice(self) -> Voice | None:
        if self.loudness_db is None and self.emotion is None:
            return None
        loudness_db = _LOUDNESS_DB if self.loudness_db is None else self.loudness_db
        return Voice(loudness_db, self.emotion or "")

    def spoken(self) -> tuple[Leg, str]:
        if self.agent is not None:
            return Leg.AGENT, self.agent
        if self.customer is not None:
            return Leg.CUSTOMER, self.customer
        return Leg(self.leg), self.text or ""


class ProductText(Part):
    annual_rate_percent: float | None = None
    risk_level: str = ""
    fees_percent: float | None = None


class Call(Part):
    """What is known of a call besides its words, and what second looks at it hear."""

    product: ProductText = ProductText()
    dialect: str = ""
    second_looks: dict[Name, str] = Field(
        default_factory=dict,
        description="pattern: the phrase that is heard; nobody looks at the others",
    )
    silence_s: float = Field(1, ge=0, le=7200, description="after the last word")


class Case(Call):
    """A dialogue of `fires` or `near_misses` about which more is known."""

    turns: tuple[Turn, ...] = Field(min_length=1)


class Expected(Part):
    """A finding: its rule, the turn (from 0) in which it lies, and its final status."""

    rule: Name
    turn: int | None = Field(None, ge=0)
    status: Literal["certain", "provisional"] = "certain"


class Dialogue(Call):
    name: Text
    scene: Text | None = None
    turns: tuple[Turn, ...] = Field(min_length=1)
    expect: tuple[Expected, ...] = ()


class DialogueTests(Part):
    """One `*_test.yaml`. `fires` and `near_misses` look at `rule` alone, `dialogues` at all rules
    (those of `only`, when given)."""

    rule: Name | None = None
    scene: Text = "*"
    fires: tuple[Text | tuple[Turn, ...] | Case, ...] = ()
    near_misses: tuple[Text | tuple[Turn, ...] | Case, ...] = ()
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
            turns, call = _turns(case, rule)
            found = speak(turns, rulebook, tests.scene, call)
            found = [each for each in found if each.rule == tests.rule]
            message = _single_mistake(key, found)
            if message:
                failures.append(document.problem((key, index), message))
    for index, dialogue in enumerate(tests.dialogues):
        found = speak(dialogue.turns, rulebook, dialogue.scene or tests.scene, dialogue)
        found = [each for each in found if not tests.only or each.rule in tests.only]
        path: Path = ("dialogues", index)
        messages = _mistakes(dialogue, found)
        failures += [document.problem(path, f"{dialogue.name}: {each}") for each in messages]
    count = len(tests.fires) + len(tests.near_misses) + len(tests.dialogues)
    return Outcome(count, tuple(failures))


def speak(
    turns: Sequence[Turn], rulebook: SpeechRulebook, scene: str, call: Call | None = None
) -> list[Finding]:
    """The findings of a dialogue in their final state, those taken back left out."""
    call = call or Call()
    circumstances = CallCircumstances(
        scene, dialect=call.dialect, product=ProductFacts(**call.product.model_dump())
    )
    conversation, found = Conversation(rulebook, circumstances), dict[str, Finding]()
    heard = sorted(utterances(turns), key=lambda each: each.end_s)
    for number, utterance in enumerate(heard):
        new = conversation.hear(utterance)
        for leg in Leg:
            unheard = (each.start_s for each in heard[number + 1 :] if each.leg is leg)
            new += conversation.advance(leg, min(utterance.end_s, *unheard, math.inf))
        new += _look(conversation, call)
        found |= {each.finding_id: each for each in new}
    seconds = max((each.end_s for each in heard), default=0) + call.silence_s
    for leg in Leg:
        found |= {each.finding_id: each for each in conversation.advance(leg, seconds)}
    found |= {each.finding_id: each for each in _look(conversation, call)}
    found |= {each.finding_id: each for each in conversation.finish(seconds)}
    return [each for each in found.values() if each.status is not FindingStatus.WITHDRAWN]


def _look(conversation: Conversation, call: Call) -> list[Finding]:
    """Answers what is in doubt as the test says."""
    found: list[Finding] = []
    for doubt in conversation.doubts():
        hears = call.second_looks.get(doubt.doubt_id.partition("/")[0])
        look = SecondLook(doubt.doubt_id, hears or "", 1.0 if hears else 0.0, hears is not None)
        found += conversation.look(look)
    return found


def utterances(turns: Sequence[Turn]) -> list[Utterance]:
    """The turns as a recognizer hears them: an utterance each, a token a toned syllable."""
    heard: list[Utterance] = []
    now_s = _FIRST_TURN_S - _BETWEEN_TURNS_S
    for index, turn in enumerate(turns):
        leg, text = turn.spoken()
        offsets = list(_offsets(text))
        length_s = (offsets[-1][1] if offsets else 0) + _SYLLABLE_S
        after_s = _BETWEEN_TURNS_S if turn.after_s is None else turn.after_s
        start_s = max(0.0, now_s + after_s) if turn.begins is None else turn.begins
        end_s = start_s + length_s if turn.end is None else turn.end
        stretch = (end_s - start_s) / length_s
        tokens = tuple(Token(each, start_s + at_s * stretch) for each, at_s in offsets)
        words = " ".join(token.text for token in tokens)
        heard.append(
            Utterance(
                utterance_id=f"{leg.value}-{index}",
                leg=leg,
                start_s=start_s,
                end_s=end_s,
                tokens=tokens,
                final=True,
                settled=len(tokens),
                text=words,
                voice=turn.voice,
            )
        )
        now_s = end_s
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


def _turns(
    case: str | tuple[Turn, ...] | Case, rule: SpeechRule | None
) -> tuple[tuple[Turn, ...], Call]:
    if isinstance(case, Case):
        return case.turns, case
    if not isinstance(case, str):
        return case, Call()
    leg = rule.leg if rule else Leg.AGENT
    return (Turn(agent=case) if leg is Leg.AGENT else Turn(customer=case),), Call()


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
