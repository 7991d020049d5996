"""Owns the recognizer's figures in Prometheus form: how much it hears, how far behind it is, what
it had to leave out.

Made by the service; read when it is scraped. Labels name pools, models and devices alone: no call,
number or word is ever a label.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from callwarden import scrape

_LABELS: Final = ("pool", "model", "device")


@dataclass(frozen=True)
class PoolFigures:
    """Of one pool. Counts since the start, dead workers' included; `waiting_s` is audio of all legs
    not decoded yet, `lag_s` that of the leg that waits longest."""

    pool: str
    model: str
    device: str
    workers: int
    workers_alive: int
    worker_restarts: int
    legs: int
    errands: int
    lag_s: float
    waiting_s: float
    heard_s: float
    decoded_s: float
    decoding_s: float
    steps: int
    stream_steps: int


@dataclass(frozen=True)
class RecognizerFigures:
    """Of the whole recognizer. `fallbacks` counts calls by why another pool served them,
    `degraded` names what is left out at present."""

    pools: tuple[PoolFigures, ...]
    calls: int
    most_calls: int
    calls_refused: int
    draining: bool
    degraded: tuple[str, ...]
    fallbacks: dict[str, int]


_POOL_GAUGES: Final = {
    "workers": "Worker processes that hold the model.",
    "workers_alive": "Those that decode at present.",
    "legs": "Parties of calls that are being heard.",
    "errands": "Second looks and second passes that wait or run.",
    "lag_s": "Audio that waits on the party that waits longest.",
    "waiting_s": "Audio that waits to be decoded, of all parties.",
}
_POOL_COUNTERS: Final = {
    "worker_restarts": "Workers that ended and were followed by another.",
    "heard_s": "Audio that the workers took, silence included.",
    "decoded_s": "Audio that went through the model: the rest was silence.",
    "decoding_s": "Time that decoding threads were busy; beside heard: the real-time factor.",
    "steps": "Times that the model was asked.",
    "stream_steps": "Streams it was asked for: beside steps the mean size of a batch.",
}


class _Figures(Collector):
    def __init__(self, now: Callable[[], RecognizerFigures]) -> None:
        self._now = now

    def describe(self) -> Iterable[Metric]:
        """What there may be, without asking anybody."""
        nobody = RecognizerFigures((), 0, 0, 0, draining=False, degraded=(), fallbacks={})
        return _families(nobody)

    def collect(self) -> Iterable[Metric]:
        return _families(self._now())


def _families(now: RecognizerFigures) -> Iterator[Metric]:
    kinds = ((GaugeMetricFamily, _POOL_GAUGES), (CounterMetricFamily, _POOL_COUNTERS))
    for make, fields in kinds:
        for field, text in fields.items():
            family = make(_name(field), text, labels=_LABELS)
            for each in now.pools:
                family.add_metric([each.pool, each.model, each.device], getattr(each, field))
            yield family
    yield GaugeMetricFamily(_name("calls"), "Calls that are being heard.", now.calls)
    yield GaugeMetricFamily(
        _name("most_calls"), "The most it takes at present, by the lag it measured.", now.most_calls
    )
    yield CounterMetricFamily(
        _name("calls_refused"), "Calls that were not admitted.", now.calls_refused
    )
    yield GaugeMetricFamily(
        _name("draining"), "1 while it takes no more calls because it ends.", now.draining
    )
    degraded = GaugeMetricFamily(_name("degraded"), "1 for what is left out.", labels=("what",))
    for what in now.degraded:
        degraded.add_metric([what], 1)
    yield degraded
    fallbacks = CounterMetricFamily(
        _name("fallbacks"), "Calls that another pool served than their dialect's.", labels=("why",)
    )
    for why, count in now.fallbacks.items():
        fallbacks.add_metric([why], count)
    yield fallbacks


def _name(field: str) -> str:
    stem, _, unit = field.rpartition("_")
    return f"callwarden_recognizer_{f'{stem}_seconds' if unit == 's' else field}"


class RecognizerMetrics:
    """Each recognizer has a registry of its own, so that two in one process do not mix."""

    def __init__(self, now: Callable[[], RecognizerFigures]) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.registry.register(_Figures(now))

    def serve(self, host: str, port: int) -> tuple[int, Callable[[], None]]:
        """As `callwarden.scrape.serve`."""
        return scrape.serve(self.registry, host, port)


def names() -> set[str]:
    """Of every series that a scrape may show."""
    described = _Figures(lambda: RecognizerFigures((), 0, 0, 0, False, (), {})).describe()
    return {each.name + ("_total" if each.type == "counter" else "") for each in described}
