"""Owns the acts of one gateway, for oversight to pass them on to."""

from collections.abc import Awaitable, Callable

from callwarden.settings import Rules
from gateway.acts.desk import Desk
from gateway.acts.judgements import Judgements
from gateway.acts.listening_in import ListeningIn
from gateway.acts.rule_in_shadow import RuleInShadow
from gateway.alerts import Alerts


class Acts:
    """`hang_up` ends both channels of a call; `rules` are those that the configuration names."""

    def __init__(
        self, desk: Desk, *, hang_up: Callable[[str], Awaitable[None]], rules: Rules
    ) -> None:
        self.judgements = Judgements(desk, hang_up)
        self.rules = RuleInShadow(desk, rules)
        self.listening_in = ListeningIn(desk)
        self.alerts = Alerts(desk)
