"""Owns the line that says where one is in a call that is played again."""

from tui import phrasing
from tui.language import Language
from tui.playback import Playback
from tui.spans import Line, width


def played(playback: Playback, language: Language, cells: int) -> Line:
    """`▶ 2× 00:31 ━━━━────── 02:10`, in so many cells."""
    mark, state = ("▶", "play.on") if playback.playing else ("⏸", "play.paused")
    said = f"{mark} {language.say(state)}  {playback.speed:g}×  "
    left: Line = (
        (said, "accent"),
        (f"{phrasing.duration(playback.position_s)} ", "strong"),
    )
    right: Line = ((f" {phrasing.duration(playback.seconds)}", "dim"),)
    keys: Line = ((f"  {language.say('play.keys')}", "dim"),)
    if cells - width(left) - width(right) - width(keys) < 16:
        keys = ()
    room = max(4, cells - width(left) - width(right) - width(keys))
    share = playback.position_s / playback.seconds if playback.seconds else 1.0
    done = round(share * room)
    return (*left, ("━" * done, "accent"), ("─" * (room - done), "faint"), *right, *keys)
