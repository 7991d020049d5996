"""Owns the acts of one gateway, for oversight to pass them on to."""

from typing import Protocol

from callwarden.settings import Rules
from gateway.acts import listening_in
from gateway.acts.desk import Desk
from gateway.acts.judgements import Judgements
from gateway.acts.listening_in import ListeningIn
from gateway.acts.rule_in_shadow import RuleInShadow
from gateway.alerts.board import Board
from gateway.browser.pages import Pages


class Pbx(listening_in.Pbx, Protocol):
    """The calls that are up, as the PBX side holds them."""

    async def hang_up(self, call_id: str) -> None:
        """Ends both channels. Raises KeyError: no such call is up; whatever Asterisk says."""


class Acts:
    """`rules` are those that the configuration names."""

    def __init__(self, desk: Desk, pbx: Pbx, pages: Pages, alerts: Board, rules: Rules) -> None:
        self.judgements = Judgements(desk, pbx.hang_up)
        self.listening_in = ListeningIn(desk, pbx, pages)
        self.rules = RuleInShadow(desk, rules)
        self.alerts = alerts
