"""Owns how a finding shows what was found: the words, what was said around them, where it lies.

Called by `ruling`. Invariant: a finding's id depends on what was found, not on when.
"""

from collections.abc import Mapping

from policy.identity import RulebookIdentity
from policy.speech.finding import Finding, FindingStatus
from policy.speech.hearing import Hearing
from policy.speech.rulebook import SpeechRule
from policy.speech.utterance import Leg, Utterance
from policy.speech.watching.occurrence import Occurrence


def finding(
    rule: SpeechRule,
    rulebook: RulebookIdentity,
    hearings: Mapping[Leg, Hearing],
    place: Occurrence,
    *,
    status: FindingStatus,
    raised_s: float,
) -> Finding:
    """What happened at `place`, by or against the rule's leg, as far as its words are known."""
    hearing = hearings[rule.leg]
    heard_text = heard_pinyin = ""
    if place.first is not None and place.last is not None:
        heard_text = hearing.text(place.first, place.last)
        heard_pinyin = hearing.pinyin(place.first, place.last)
        before = _before(hearings, hearing, place.first)
        after = _after(hearings, hearing, place.last)
    else:
        before = _said_last(hearings, place.end_s)
        after = _said_next(hearings, place.end_s)
    return Finding(
        finding_id=f"{rule.id}/{rule.leg.value}/{round(place.start_s * 1000)}",
        rule=rule.id,
        pack=rule.pack,
        title=rule.title,
        severity=rule.severity,
        rulebook=rulebook,
        leg=rule.leg,
        start_s=place.start_s,
        end_s=place.end_s,
        heard_text=heard_text,
        heard_pinyin=heard_pinyin,
        matched=place.spelled,
        confidence=place.confidence,
        status=status,
        raised_s=raised_s,
        before=before,
        after=after,
    )


def _before(hearings: Mapping[Leg, Hearing], hearing: Hearing, first: int) -> str:
    """The sentence's beginning, or what was said last on the call before it."""
    utterance = hearing.syllables[first].utterance
    at = first
    while at and hearing.syllables[at - 1].utterance == utterance:
        at -= 1
    if at < first:
        return hearing.text(at, first - 1)
    return _said_last(hearings, hearing.syllables[first].start_s)


def _after(hearings: Mapping[Leg, Hearing], hearing: Hearing, last: int) -> str:
    """The sentence's end, as far as it has been heard, or what was said next."""
    utterance = hearing.syllables[last].utterance
    at = last
    while at + 1 < len(hearing.syllables) and hearing.syllables[at + 1].utterance == utterance:
        at += 1
    if at > last:
        return hearing.text(last + 1, at)
    return _said_next(hearings, hearing.end_s(last))


def _said_last(hearings: Mapping[Leg, Hearing], before_s: float) -> str:
    earlier = [each for each in _utterances(hearings) if each.tokens[0].start_s < before_s]
    return max(earlier, key=_begins_s).text if earlier else ""


def _said_next(hearings: Mapping[Leg, Hearing], after_s: float) -> str:
    later = [each for each in _utterances(hearings) if each.tokens[0].start_s >= after_s]
    return min(later, key=_begins_s).text if later else ""


def _utterances(hearings: Mapping[Leg, Hearing]) -> list[Utterance]:
    return [each for one in hearings.values() for each in one.utterances if each.tokens]


def _begins_s(utterance: Utterance) -> float:
    return utterance.tokens[0].start_s
