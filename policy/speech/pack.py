"""Owns the language of speech rules: the shape of a pack's YAML files.

A speech pack is a folder of files that are read as one: named patterns (what can be said), named
events (what can happen) and rules (what it means that it happened, or did not). Read by
`policy.rulebook`, put together and checked by `policy.speech.assembly`, compiled by
`policy.speech.rulebook`. A name is that of one pattern or of one event.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from policy.rule import Name, Part, Rule, Text, TitleText
from policy.speech import phrase
from policy.speech.phrase import PhraseError

CALL_ENDS = "call.ends"
"""An event that every pack knows: the call is over."""

LegName = Literal["agent", "customer"]


class SecondLookText(Part):
    """What the seconds of a match are listened to for once more, by the keyword spotter."""

    heard: tuple[Text, ...] = Field(min_length=1, description="then it was said for certain")
    instead: tuple[Text, ...] = Field((), description="then it was not said: 方便 for 不方便")
    thresholds: dict[Text, Annotated[float, Field(ge=0.01, le=1)]] = Field(
        default_factory=dict, description="how surely a phrase must be heard; the usual is 0.2"
    )

    @model_validator(mode="after")
    def _of_phrases_listened_for(self) -> Self:
        unknown = sorted(self.thresholds.keys() - {*self.heard, *self.instead})
        if unknown:
            raise ValueError(f"thresholds names {unknown[0]}, which is not listened for")
        return self


class PatternText(Part):
    """Ways to say one thing. Guards touch the phrase: what they say stands right before or right
    after it, in one breath with it; a gap in a guard reaches further (…), or over a pause (……)."""

    phrases: tuple[Text, ...] = Field(min_length=1)
    dialects: dict[Text, tuple[Text, ...]] = Field(
        default_factory=dict, description="more phrases on calls in a dialect: yue, cmn-sichuan"
    )
    leg: Literal["agent", "customer", "either"] | None = Field(
        None, description="whose words they are, for what happens before or after something else"
    )
    not_preceded_by: tuple[Text, ...] = Field((), description="then it was not said: 不 + 保本")
    not_followed_by: tuple[Text, ...] = Field((), description="then it was not said: 保本 + 吗")
    doubtful_preceded_by: tuple[Text, ...] = Field((), description="then it is provisional")
    doubtful_followed_by: tuple[Text, ...] = Field((), description="then it is provisional")
    followed_within_s: float = Field(
        0.6, ge=0.1, le=3, description="silence over which no guard reaches, not even one with ……"
    )
    certain_from: float = Field(0.86, ge=0.5, le=1, description="confidence of a certain match")
    provisional_from: float | None = Field(
        None, ge=0.5, le=1, description="confidence of a match that is in doubt; none: not a match"
    )
    generous: bool = Field(
        False, description="for what must be told: heard also where half of it is misheard"
    )
    second_look: SecondLookText | None = Field(
        None, description="listen again to every match before it is certain"
    )

    @model_validator(mode="after")
    def _thresholds_in_order(self) -> Self:
        if self.provisional_from is not None and self.provisional_from > self.certain_from:
            raise ValueError("provisional_from is above certain_from: nothing would be provisional")
        return self


def _listed(value: Any) -> Any:
    return {"any": value} if isinstance(value, list | tuple) else value


class AroundText(Part):
    """What happens before or after an event: any of these patterns and events, or all of them. A
    plain list means any."""

    any: tuple[Name, ...] = ()
    all: tuple[Name, ...] = ()
    within_s: float | None = Field(None, gt=0, le=7200, description="seconds between the two")
    within_turns: int | None = Field(
        None, ge=0, le=100, description="changes of the speaker between the two; 0: the same turn"
    )
    until: tuple[Name, ...] = Field((), description="unless one of these happens in between")

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if bool(self.any) == bool(self.all):
            raise ValueError("name patterns or events under any, or under all")
        return self


Around = Annotated[AroundText, BeforeValidator(_listed)]


class CountText(Part):
    at_least: int = Field(ge=2, le=1000)
    within_s: float | None = Field(None, gt=0, le=7200, description="none: in the whole call")
    same_pattern: bool = Field(False, description="count each pattern by itself")


class Happening(Part):
    """What every event has, whatever its kind: what must have happened around it."""

    after: Around | None = Field(None, description="only after these")
    unless_after: Around | None = Field(None, description="not after these")
    followed_by: Around | None = Field(None, description="only if these follow")
    unless_followed_by: Around | None = Field(None, description="not if these follow")
    count: CountText | None = Field(None, description="only when it has happened so often")
    provisional: bool = Field(False, description="never certain: a person looks")


class ComparisonText(Part):
    """What was told against what is true of the call's product; where that is not known, nothing
    is found. A rate or a fee is a number told in a slot of the pattern; the patterns of one level
    of risk say just that level."""

    fact: Literal["annual_rate_percent", "fees_percent", "risk_level"]
    slot: Literal["percent", "amount", "term"] = Field("percent", description="of the pattern")
    told: Literal["different", "lower", "higher"] = "different"
    tolerance: float = Field(0.05, ge=0, description="difference that does not matter")
    says: Text | None = Field(None, description="the level that the patterns tell: R1")

    @model_validator(mode="after")
    def _says_a_level(self) -> Self:
        if (self.fact == "risk_level") != (self.says is not None):
            raise ValueError("write says: R1 with fact: risk_level, and with that alone")
        return self


class SaidText(Happening):
    """One of the patterns was said by the leg."""

    kind: Literal["said"]
    leg: LegName
    patterns: tuple[Name, ...] = Field(min_length=1)
    answering: tuple[Name, ...] = Field(
        (), description="only in the turn after the other leg's with one of these (a question)"
    )
    compare: ComparisonText | None = Field(None, description="only if it contradicts the product")


class NotSaidText(Happening):
    """None of the patterns was said by the leg by the time something happened, or within the first
    seconds of its own speech (counted without pauses), or until the call ended."""

    kind: Literal["not_said"]
    leg: LegName
    patterns: tuple[Name, ...] = Field(min_length=1)
    by: tuple[Name, ...] = Field((), description="events and patterns; call.ends")
    within_speech_s: float | None = Field(None, gt=0, le=600)
    lies_on: tuple[Name, ...] = Field(
        (), description="the finding lies on the first of these before it: the quote"
    )

    @model_validator(mode="after")
    def _has_one_deadline(self) -> Self:
        if bool(self.by) == (self.within_speech_s is not None):
            raise ValueError("write by: [...] or within_speech_s: …")
        return self


class NoAnswerText(Happening):
    """The leg did not speak within so many seconds after the other leg said one of the patterns."""

    kind: Literal["no_answer"]
    leg: LegName = Field(description="who should have answered")
    to: tuple[Name, ...] = Field(min_length=1)
    within_s: float = Field(gt=0, le=3600)


class SpeaksText(Happening):
    """The leg took a turn without saying any of the patterns."""

    kind: Literal["speaks"]
    leg: LegName
    without: tuple[Name, ...] = ()
    at_least_syllables: int = Field(4, ge=1, le=1000)


class TalkOverText(Happening):
    """The leg spoke while the other leg, which had begun before, was speaking."""

    kind: Literal["talk_over"]
    leg: LegName = Field(description="who came in")
    longer_than_s: float | None = Field(None, gt=0, le=600, description="at a stretch")
    more_than_times: int | None = Field(None, ge=1, le=1000)
    within_s: float | None = Field(None, gt=0, le=7200, description="the times; none: in the call")
    at_least_s: float = Field(0.6, gt=0, le=60, description="shorter ones are not counted")

    @model_validator(mode="after")
    def _has_a_bound(self) -> Self:
        if self.longer_than_s is None and self.more_than_times is None:
            raise ValueError("write longer_than_s, more_than_times or both")
        return self


class SilenceText(Happening):
    """Nobody spoke for so long, after the call's first word."""

    kind: Literal["silence"]
    leg: LegName = Field(description="whom a finding of it is about")
    longer_than_s: float = Field(gt=0, le=3600)


class VoiceText(Happening):
    """An utterance of the leg sounded so: against the leg's own utterances before it, or by the
    model's label."""

    kind: Literal["voice"]
    leg: LegName
    louder_by_db: float | None = Field(None, gt=0, le=60)
    faster_by_percent: float | None = Field(None, gt=0, le=500)
    emotions: tuple[Text, ...] = Field((), description="the model's own labels: angry")
    at_least: int = Field(1, ge=1, le=3, description="of these signs")

    @model_validator(mode="after")
    def _has_signs(self) -> Self:
        signs = (self.louder_by_db, self.faster_by_percent, self.emotions or None)
        given = sum(each is not None for each in signs)
        if given < self.at_least:
            raise ValueError(f"gives {given} of louder_by_db, faster_by_percent and emotions")
        return self


class AnyText(Happening):
    """One of the patterns and events happened."""

    kind: Literal["any"]
    of: tuple[Name, ...] = Field(min_length=1)


class AllText(Happening):
    """Each of the patterns and events happened, not further apart than so many seconds."""

    kind: Literal["all"]
    of: tuple[Name, ...] = Field(min_length=2)
    within_s: float = Field(gt=0, le=7200)
    in_order: bool = False


class SpokenRule(Rule):
    """What every speech rule has besides."""

    leg: LegName = Field(description="who is found to have done it, or not")
    once: Literal["turn", "call"] = Field("turn", description="at most one finding a turn, a call")
    shadow: bool = Field(False, description="judged and recorded; nothing follows from it")


class SaidRule(SaidText, SpokenRule): ...


class OwedText(Part):
    """A duty as it is shown while the call is up."""

    what: TitleText = Field(description="what must be told: Fees")
    before: TitleText | None = Field(None, description="what it must be told before: Sale closed")


class NotSaidRule(NotSaidText, SpokenRule):
    owed: OwedText | None = Field(
        None, description="what must be told, as a duty; none: the rule's title"
    )


class NoAnswerRule(NoAnswerText, SpokenRule): ...


class SpeaksRule(SpeaksText, SpokenRule): ...


class TalkOverRule(TalkOverText, SpokenRule): ...


class SilenceRule(SilenceText, SpokenRule): ...


class VoiceRule(VoiceText, SpokenRule): ...


class AnyRule(AnyText, SpokenRule): ...


class AllRule(AllText, SpokenRule): ...


EventText = Annotated[
    SaidText
    | NotSaidText
    | NoAnswerText
    | SpeaksText
    | TalkOverText
    | SilenceText
    | VoiceText
    | AnyText
    | AllText,
    Field(discriminator="kind"),
]

SpeechRule = Annotated[
    SaidRule
    | NotSaidRule
    | NoAnswerRule
    | SpeaksRule
    | TalkOverRule
    | SilenceRule
    | VoiceRule
    | AnyRule
    | AllRule,
    Field(discriminator="kind"),
]


class SpeechPack(Part):
    """One file of a pack, or all files of it as one (`assemble`)."""

    pack: Name
    version: Text | None = Field(None, description="stands in one file of the pack")
    title: TitleText | None = None
    patterns: dict[Name, PatternText] = Field(default_factory=dict)
    events: dict[Name, EventText] = Field(default_factory=dict)
    rules: tuple[SpeechRule, ...] = ()


def parsed(patterns: Mapping[str, PatternText]) -> dict[str, list[phrase.Sequence]]:
    """The phrases of every pattern that can be read, dialects left out; those that cannot be read
    are left out."""
    return {name: list(_parsed(pattern.phrases)) for name, pattern in patterns.items()}


def _parsed(written: Sequence[str]) -> Iterator[phrase.Sequence]:
    for each in written:
        try:
            yield phrase.parse(each)
        except PhraseError:
            continue


def names_in(event: Happening) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every pattern and event that an event or rule names, with the place of the name in it."""
    for key in ("patterns", "to", "without", "of", "by", "answering", "lies_on"):
        for at, name in enumerate(getattr(event, key, ())):
            yield (key, at), name
    for key in ("after", "unless_after", "followed_by", "unless_followed_by"):
        around: AroundText | None = getattr(event, key)
        if around is not None:
            for within in ("any", "all", "until"):
                for at, name in enumerate(getattr(around, within)):
                    yield (key, within, at), name
