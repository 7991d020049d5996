"""Which syllables a model hears for others: `python -m tests.recognizer.confusions MODEL CALLS`.

Recognises every leg of a folder of calls, lays what was heard beside the known text (the cheapest
alignment of toneless syllables), and prints each mistake with what `policy.speech.sound` makes of
it. Where its classes come from, and what to run with another model.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pypinyin import Style

from policy.speech import sound
from policy.speech.utterance import Leg
from recognizer import recordings
from recognizer.models import folder
from recognizer.sherpa import Engine

_BLOCK_S = 0.4
_MISSING = 1.0


@dataclass
class Confusions:
    """`wrong` counts pairs of a meant and a heard syllable, "" where there is none."""

    meant: int = 0
    wrong: Counter[tuple[str, str]] = field(default_factory=Counter)
    tones: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Toned syllables, of those whose sound was heard right."""

    def by_how_it_counts(self) -> Counter[float]:
        """Mistakes by how much the heard syllable still counts for the one that was meant."""
        found: Counter[float] = Counter()
        for (meant, heard), count in self.wrong.items():
            found[counts_for(heard, meant)] += count
        return found

    def add(self, meant: Sequence[str], heard: Sequence[str]) -> None:
        self.meant += len(meant)
        for was_meant, was_heard in _aligned(meant, heard):
            bare_meant, bare_heard = was_meant.rstrip("12345"), was_heard.rstrip("12345")
            if bare_meant != bare_heard:
                self.wrong[bare_meant, bare_heard] += 1
            elif was_meant[-1:] in "1234" and was_heard[-1:] in "1234":
                self.tones[was_meant, was_heard] += 1


def of_calls(engine: Engine, calls: Iterable[Path]) -> Confusions:
    """Of folders of calls that come with their text (`truth.json`)."""
    found = Confusions()
    for path in calls:
        call = recordings.open_recording(path, None, "left")
        truth = json.loads((path / "truth.json").read_text(encoding="utf-8"))
        heard: dict[Leg, list[str]] = {leg: [] for leg in Leg}
        streams = {leg: engine.stream(call.rate_hz, skip_silence=False) for leg in Leg}
        for leg, _, pcm in call.blocks(_BLOCK_S):
            streams[leg].accept(pcm)
        for leg, stream in streams.items():
            stream.finish()
            while stream.step():
                pass
            heard[leg] = [each.text for each in stream.heard(even_if_same=True) or ()]
            text = "".join(turn["text"] for turn in truth["turns"] if turn["leg"] == leg.value)
            found.add([each for _, each in sound.spoken(text, Style.TONE3)], heard[leg])
    return found


def _aligned(meant: Sequence[str], heard: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Pairs of what was meant and heard, "" for nothing, at the least cost in all."""
    rows = [[_MISSING * at for at in range(len(heard) + 1)]]
    for one in meant:
        before, row = rows[-1], [rows[-1][0] + _MISSING]
        for at, other in enumerate(heard):
            costs = (before[at] + _cost(one, other), before[at + 1] + _MISSING, row[at] + _MISSING)
            row.append(min(costs))
        rows.append(row)
    down, across = len(meant), len(heard)
    while down or across:
        cost = rows[down][across]
        if down and across:
            pair = meant[down - 1], heard[across - 1]
            if cost == rows[down - 1][across - 1] + _cost(*pair):
                down, across = down - 1, across - 1
                yield pair
                continue
        if down and cost == rows[down - 1][across] + _MISSING:
            down -= 1
            yield meant[down], ""
        else:
            across -= 1
            yield "", heard[across]


def _cost(meant: str, heard: str) -> float:
    one, other = meant.rstrip("12345"), heard.rstrip("12345")
    return 0.0 if one == other else 1.2 - counts_for(other, one) / 2


def counts_for(heard: str, meant: str) -> float:
    """How much a syllable counts for another, 0 where one of them is missing."""
    if not heard or not meant:
        return 0.0
    if sound.blurred(heard) == sound.blurred(meant):
        return sound.likeness(heard, meant)
    return sound.nearness(heard, meant)


def _main(model: str, calls: str) -> None:
    found = of_calls(Engine(folder.load(Path(model)), 1), recordings.find([Path(calls)]))
    print(f"{found.meant} syllables, {found.wrong.total()} not as meant; what they count for:")
    print(", ".join(f"{much:.2f}: {each}" for much, each in found.by_how_it_counts().items()))
    for (meant, heard), count in sorted(
        found.wrong.items(), key=lambda each: (-counts_for(*each[0][::-1]), -each[1])
    ):
        print(f"{counts_for(heard, meant):4.2f}  {count:3}  {meant or '-':8} heard {heard or '-'}")
    right = sum(count for (meant, heard), count in found.tones.items() if meant == heard)
    print(f"tones: {right} of {sum(found.tones.values())} right")
    for (meant, heard), count in found.tones.most_common():
        if meant != heard:
            print(f"{count:3}  {meant:8} heard {heard}")


if __name__ == "__main__":
    _main(*sys.argv[1:])
