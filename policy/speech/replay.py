"""Owns judging a call again by what was heard of it then.

Called by `explanation` and by the preview of a rulebook. Pure. The same rulebook finds what it
found live; another one finds what it would have found.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from policy.speech.conversation import Conversation
from policy.speech.doubt import Doubt, SecondLook
from policy.speech.duty import Duty
from policy.speech.finding import Finding, FindingStatus
from policy.speech.heard_call import HeardCall
from policy.speech.rulebook import SpeechRulebook
from policy.speech.utterance import Leg
from policy.speech.watching.context import Judged


@dataclass(frozen=True)
class Replayed:
    """`states` of findings in the order in which they were told; `doubts` in that of the asking;
    `duties` all of them whenever one changed, with the second of the call at which it did."""

    conversation: Conversation
    states: Sequence[Finding]
    doubts: Sequence[Doubt]
    duties: Sequence[tuple[float, tuple[Duty, ...]]]

    def findings(self) -> list[Finding]:
        """The last word on each, those taken back left out, in the order of their beginning."""
        latest = {each.finding_id: each for each in self.states}
        kept = [each for each in latest.values() if each.status is not FindingStatus.WITHDRAWN]
        return sorted(kept, key=lambda each: (each.start_s, each.rule))


def replay(
    rulebook: SpeechRulebook, call: HeardCall, judged: Callable[[Judged], None] | None = None
) -> Replayed:
    """Hears the call's utterances once more, and answers what is in doubt as it was answered then;
    `judged` is told what each condition of a rule made of what happened."""
    answers = {doubt.doubt_id: look for doubt, look in call.looks}
    conversation = Conversation(rulebook, call.circumstances, judged)
    states, doubts = list[Finding](), list[Doubt]()
    duties = [(0.0, conversation.duties())]

    def answer() -> None:
        for doubt in conversation.doubts():
            doubts.append(doubt)
            unanswered = SecondLook(doubt.doubt_id, looked=False)
            states.extend(conversation.look(answers.get(doubt.doubt_id, unanswered)))

    for utterance in sorted(call.utterances, key=lambda each: each.end_s):
        states += conversation.hear(utterance)
        answer()
        _note(duties, utterance.end_s, conversation)
    for leg in Leg:
        states += conversation.advance(leg, call.seconds)
    answer()
    states += conversation.finish(call.seconds)
    _note(duties, call.seconds, conversation)
    return Replayed(conversation, states, doubts, duties)


def _note(
    duties: list[tuple[float, tuple[Duty, ...]]], at_s: float, conversation: Conversation
) -> None:
    if (now := conversation.duties()) != duties[-1][1]:
        duties.append((at_s, now))
