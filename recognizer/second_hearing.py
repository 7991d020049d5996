"""Owns the order in which a call is heard a second time: each leg's finished utterances with the
words of the second pass, and how far it has come in between.

Called by the analysis. Invariant: the second conversation hears what the first one heard, in the
same order, with better words; an utterance that waits for its words holds up its own leg alone.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from policy.speech.conversation import Conversation
from policy.speech.finding import Finding
from policy.speech.utterance import Leg, Utterance

Judge = Callable[[Conversation, Callable[[Conversation], list[Finding]]], None]
"""Applies rules to a conversation and tells what follows."""


@dataclass
class Awaited:
    """A finished utterance; `words` is what stands for it once it was heard again."""

    heard: Utterance
    words: Utterance | None = None


@dataclass
class SecondHearing:
    """`settled` is told of each second up to which a leg has been heard again."""

    conversation: Conversation
    judge: Judge
    settled: Callable[[Leg, float], None]
    _waiting: dict[Leg, deque[Awaited | float]] = field(
        default_factory=lambda: {leg: deque() for leg in Leg}
    )

    def finished(self, utterance: Utterance) -> Awaited:
        """The first pass has finished an utterance: the leg waits for its better words."""
        awaited = Awaited(utterance)
        self._waiting[utterance.leg].append(awaited)
        return awaited

    def advance(self, leg: Leg, analysed_s: float) -> None:
        """The first pass has come so far."""
        waiting = self._waiting[leg]
        if waiting and isinstance(waiting[-1], float):
            waiting.pop()
        waiting.append(analysed_s)
        self._go_on(leg)

    def heard_again(self, awaited: Awaited, words: Utterance) -> None:
        awaited.words = words
        self._go_on(awaited.heard.leg)

    def _go_on(self, leg: Leg) -> None:
        waiting = self._waiting[leg]
        while waiting:
            first = waiting[0]
            if isinstance(first, float):
                self._advance(leg, first)
            elif first.words is not None:
                self._hear(first.words)
            else:
                return
            waiting.popleft()

    def _hear(self, words: Utterance) -> None:
        self.judge(self.conversation, lambda conversation: conversation.hear(words))

    def _advance(self, leg: Leg, analysed_s: float) -> None:
        self.judge(self.conversation, lambda each: each.advance(leg, analysed_s))
        self.settled(leg, analysed_s)
