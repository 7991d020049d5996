"""Owns the gateway's figures in Prometheus form: how much was decided, how fast, what is open.

Labels carry verdicts and rule ids alone: no number, agent or customer is ever a label.
"""

from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.process_collector import ProcessCollector

from callwarden import scrape

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5)


class Metrics:
    """Each gateway has a registry of its own, so that two in one process do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._decisions = Counter(
            "callwarden_gate_decisions",
            "Answers given, by verdict and first reason.",
            ("verdict", "rule"),
            registry=self.registry,
        )
        self._counted: dict[tuple[str, str], Counter] = {}
        self._seconds = Histogram(
            "callwarden_gate_decision_seconds",
            "From question to answer.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._ledger_errors = Counter(
            "callwarden_ledger_errors",
            "Writes that the ledger could not make.",
            registry=self.registry,
        )

        self._bypasses = Counter(
            "callwarden_bypasses",
            "Calls that reached a trunk without a decision, by trunk.",
            ("trunk",),
            registry=self.registry,
        )
        self._shed = Counter(
            "callwarden_legs_shed",
            "Parties of calls that ended before their turn to be listened to came.",
            registry=self.registry,
        )

        self._moved = Counter(
            "callwarden_calls_moved",
            "Calls that went on at another recognizer because theirs was lost, hung or ended.",
            registry=self.registry,
        )
        self._not_admitted = Counter(
            "callwarden_calls_not_admitted",
            "Times that a recognizer refused a call because it was full.",
            registry=self.registry,
        )

    def decided(self, *, verdict: str, rule: str, seconds: float) -> None:
        counted = self._counted.get((verdict, rule))
        if counted is None:
            counted = self._counted[verdict, rule] = self._decisions.labels(verdict, rule)
        counted.inc()
        self._seconds.observe(seconds)

    def ledger_error(self) -> None:
        self._ledger_errors.inc()

    def bypass(self, trunk: str) -> None:
        self._bypasses.labels(trunk).inc()

    def call_moved(self) -> None:
        self._moved.inc()

    def call_not_admitted(self) -> None:
        self._not_admitted.inc()

    def leg_shed(self) -> None:
        self._shed.inc()

    def watch(
        self,
        *,
        open_sessions: Callable[[], int],
        live_calls: Callable[[], int],
        legs_waiting: Callable[[], int],
    ) -> None:
        """Gauges that are read when they are scraped."""
        for name, text, function in (
            (
                "callwarden_gate_open_sessions",
                "Calls being asked about.",
                open_sessions,
            ),
            ("callwarden_live_calls", "Calls on the floor.", live_calls),
            ("callwarden_legs_waiting", "Parties that wait to be listened to.", legs_waiting),
        ):
            Gauge(name, text, registry=self.registry).set_function(function)

    def serve(self, host: str, port: int) -> tuple[int, Callable[[], None]]:
        """As `callwarden.scrape.serve`."""
        return scrape.serve(self.registry, host, port)
