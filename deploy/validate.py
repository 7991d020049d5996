"""Owns the check of what is shipped for running Callwarden: units, manifests, scrapes, alerts and
the dashboard.

`python -m deploy.validate`, called by `make check`. Nothing leaves the box; what a tool that is not
here would check besides is said, not passed over.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]  # it ships none
from prometheus_client import CollectorRegistry
from ruamel.yaml import YAML

from callwarden import settings
from callwarden.problems import ProblemsFound
from gateway.metrics import Metrics
from recognizer import metrics as recognizer_metrics

_HERE = Path(__file__).parent
_EXPOSURE = 20
"""systemd's own score of a unit times ten: 2.0 or less is what it calls OK."""
_METRIC = re.compile(r"\bcallwarden_[a-z_]+")
_DERIVED = {"callwarden_recognizer_legs_per_worker"}
"""Made by the Prometheus adapter, as deploy/kubernetes/scaling.yaml says."""


def main() -> int:
    problems = [*_units(), *_manifests(), *_queries()]
    for each in problems:
        print(each, file=sys.stderr)
    print(f"deploy: {len(problems)} problems" if problems else "deploy: in order")
    return 1 if problems else 0


def _units() -> Iterator[str]:
    """Every line of a unit that says something has its reason above it; systemd itself reads it."""
    units = sorted((_HERE / "systemd").glob("*.service"))
    if not shutil.which("systemd-analyze"):
        print("deploy: systemd-analyze is not here; units are not verified", file=sys.stderr)
        return
    with tempfile.TemporaryDirectory() as folder:
        for unit in units:
            # systemd wants the programs of a unit to be there.
            text = unit.read_text(encoding="utf-8").replace("/usr/bin/callwarden", "/bin/true")
            copy = Path(folder) / unit.name.replace("@.", "@1.")
            copy.write_text(text, encoding="utf-8")
            for check in (
                ("verify", "--man=no", str(copy)),
                ("security", "--offline=true", f"--threshold={_EXPOSURE}", str(copy)),
            ):
                yield from _told_by(("systemd-analyze", *check), unit)


def _manifests() -> Iterator[str]:
    """Against the newest schemas that are installed, strictly: no key that Kubernetes ignores."""
    version = kubernetes_validate.latest_version()
    folder = _HERE / "kubernetes"
    for file in sorted(folder.glob("*.yaml")):
        for document in YAML(typ="safe").load_all(file.read_text(encoding="utf-8")):
            if file.name != "kustomization.yaml":
                try:
                    kubernetes_validate.validate(document, version, strict=True)
                except kubernetes_validate.ValidationError as error:
                    yield f"{file}: {error}"
            if document["kind"] == "ConfigMap":
                yield from _configurations(file, document["data"])
    if shutil.which("kubectl"):
        yield from _told_by(("kubectl", "kustomize", str(folder)), folder / "kustomization.yaml")


def _configurations(file: Path, texts: dict[str, str]) -> Iterator[str]:
    """Callwarden's own file inside of a manifest."""
    for name, text in texts.items():
        with tempfile.NamedTemporaryFile("w", suffix=name, encoding="utf-8") as written:
            written.write(text)
            written.flush()
            try:
                settings.load(Path(written.name))
            except ProblemsFound as found:
                yield from (f"{file}: {name}: {each}" for each in found.problems)


def _queries() -> Iterator[str]:
    """Alerts, scrapes and the dashboard ask for nothing that the programs do not tell."""
    folder = _HERE / "monitoring"
    alerts = YAML(typ="safe").load((folder / "alerts.yml").read_text(encoding="utf-8"))
    rules = [rule for group in alerts["groups"] for rule in group["rules"]]
    asked = [("alerts.yml", rule["alert"], rule["expr"]) for rule in rules]
    dashboard = json.loads((folder / "grafana.json").read_text(encoding="utf-8"))
    asked += [
        ("grafana.json", panel["title"], target["expr"])
        for panel in dashboard["panels"]
        for target in panel["targets"]
    ]
    asked += [
        ("grafana.json", each["name"], each["query"]) for each in dashboard["templating"]["list"]
    ]
    told = told_metrics()
    for file, where, query in asked:
        unknown = sorted({*_METRIC.findall(query)} - told)
        if unknown:
            yield f"{folder / file}: {where}: no program tells {', '.join(unknown)}"
        if not _balanced(query):
            yield f"{folder / file}: {where}: brackets do not match in {query}"
    for _, where, query in asked[: len(rules)]:
        rule = next(each for each in rules if each["alert"] == where)
        if not {"summary", "todo"} <= rule["annotations"].keys():
            yield f"{folder / 'alerts.yml'}: {where}: says not what to do ({query})"
    scaled = (_HERE / "kubernetes" / "scaling.yaml").read_text(encoding="utf-8")
    for unknown in sorted({*_METRIC.findall(scaled)} - told - _DERIVED):
        yield f"{_HERE / 'kubernetes' / 'scaling.yaml'}: no program tells {unknown}"
    if shutil.which("promtool"):
        yield from _told_by(("promtool", "check", "rules", str(folder / "alerts.yml")), folder)
        scrape = folder / "prometheus.yml"
        yield from _told_by(("promtool", "check", "config", str(scrape)), scrape)


def told_metrics() -> set[str]:
    """The names of all series of both programs, as a scrape shows them."""
    gateway = Metrics()
    gateway.watch(open_sessions=int, live_calls=int, legs_waiting=int)
    return _series(gateway.registry) | recognizer_metrics.names()


def _series(registry: CollectorRegistry) -> set[str]:
    endings = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
    return {
        each.name + ending
        for each in registry.collect()
        for ending in endings.get(each.type, ("",))
    }


def _balanced(query: str) -> bool:
    waiting: list[str] = []
    pairs = {")": "(", "]": "[", "}": "{"}
    for letter in re.sub(r'"[^"]*"', "", query):
        if letter in pairs.values():
            waiting.append(letter)
        elif letter in pairs and (not waiting or waiting.pop() != pairs[letter]):
            return False
    return not waiting


def _told_by(command: tuple[str, ...], about: Path) -> Iterator[str]:
    done: Any = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-8:]
        yield f"{about}: {' '.join(command[:2])}: " + "\n  ".join(last)


if __name__ == "__main__":
    sys.exit(main())
