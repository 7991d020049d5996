"""Every text of the console, a subject a module; `tui.language` says them."""

from typing import Final

from tui.texts.actions import ACTIONS
from tui.texts.acts import ACTS
from tui.texts.alerts import ALERTS
from tui.texts.bar import BAR
from tui.texts.findings import FINDINGS
from tui.texts.floor import FLOOR
from tui.texts.gate import GATE
from tui.texts.health import HEALTH

TEXTS: Final[dict[str, tuple[str, str]]] = {
    **BAR,
    **FLOOR,
    **GATE,
    **FINDINGS,
    **HEALTH,
    **ALERTS,
    **ACTS,
    **ACTIONS,
}
