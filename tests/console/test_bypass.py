"""A call that went round the gate stays on top of every screen for an hour, in both languages."""

import pytest

from callwarden.v1 import oversight_pb2 as oversight
from tests.console.recorded import console
from tests.console.sample_events import NOW, sample
from tui.language import Locale
from tui.widgets.bar import Bar

_SAID = {
    "zh": "2 通呼叫绕过了闸门，最近一通",
    "en": "2 went round the gate, the last at",
}


def _round(sequence: int, ago_s: float, number: str) -> oversight.Event:
    found = oversight.BypassFound(
        bypass_id=f"b{sequence}", number_masked=number, trunk="PJSIP/trunk", source="dial"
    )
    return oversight.Event(sequence=sequence, at=NOW - ago_s, bypass=found)


@pytest.mark.parametrize("locale", ["zh", "en"])
async def test_it_is_told_on_top(locale: Locale) -> None:
    last = sample()[-1].sequence
    late = [_round(last + 1, 60, "+86138****8000"), _round(last + 2, 30, "+86139****0001")]
    old = _round(last + 3, 4000, "+86137****0002")
    app = console(locale, events=[*sample(), *late, old])
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        bar = app.query_one("#bar", Bar)
        shown = "\n".join(bar.render_line(y).text for y in range(bar.size.height))
    assert _SAID[locale] in shown
    assert "+86139****0001" in shown
    assert "PJSIP/trunk" in shown
