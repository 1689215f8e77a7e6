"""Alerting rules and the dashboard: they are well formed, and name nothing that isn't measured."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from infra.metrics import Metrics

FOLDER = Path(__file__).parents[2] / "docs" / "observability"
RULES = [rule for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text())
NAMED = re.compile(r"\b(?P<name>drypowder_\w+)(?:\{(?P<chosen>[^}]*)\})?")
GROUPED = re.compile(r"\bby \(([^)]*)\)")
FROM_PROMETHEUS = {"instance", "le"}
"""Labels that it gives by itself."""


def measured() -> dict[str, set[str]]:
    """Labels of every sample there can be, by its name."""
    found: dict[str, set[str]] = {}
    for collector in Metrics().registry._names_to_collectors.values():
        labels = set(collector._labelnames)  # type: ignore[attr-defined]
        for family in collector.describe():  # type: ignore[attr-defined]
            endings = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("_total",)}.get(family.type, ("",))
            found |= {family.name + ending: labels for ending in endings}
    return found


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in RULES)
    yield from (target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", ()))


def balanced(text: str) -> bool:
    """Whether every bracket and quote is closed by its own kind."""
    open_ones: list[str] = []
    for token in re.findall(r'"(?:[^"\\]|\\.)*"|[()\[\]{}"]', text):
        if token in "([{":
            open_ones.append(token)
        elif len(token) == 1 and (not open_ones or open_ones.pop() + token not in ("()", "[]", "{}")):
            return False
    return not open_ones


@pytest.mark.parametrize("expression", list(expressions()))
def test_an_expression_names_only_what_is_measured(expression: str) -> None:
    known = measured()
    assert balanced(expression)
    used = list(NAMED.finditer(expression))
    assert used or "up{" in expression
    labels = FROM_PROMETHEUS.copy()
    for one in used:
        assert one["name"] in known
        chosen = {part.split("=")[0].strip("!~ ") for part in (one["chosen"] or "").split(",") if part}
        assert chosen <= known[one["name"]]
        labels |= known[one["name"]]
    for grouped in GROUPED.findall(expression):
        assert {label.strip() for label in grouped.split(",")} <= labels


def test_every_alert_says_what_is_wrong_and_what_to_do() -> None:
    names = [rule["alert"] for rule in RULES]
    assert len(set(names)) == len(names) >= 12
    for rule in RULES:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in ("page", "warn", "info")
        assert rule["annotations"].keys() == {"summary", "action"}
        assert re.fullmatch(r"\d+[smh]", rule.get("for", "0s"))


def test_every_metric_is_on_the_dashboard() -> None:
    shown = {
        re.sub("_(bucket|sum|count|total)$", "", one["name"]) for text in expressions() for one in NAMED.finditer(text)
    }
    assert shown == {re.sub("_(bucket|sum|count|total)$", "", name) for name in measured()}


def test_the_dashboards_panels_do_not_overlap() -> None:
    taken = set[tuple[int, int]]()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not cells & taken
        taken |= cells
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_metrics_are_written_as_prometheus_reads_them() -> None:
    metrics = Metrics()
    with metrics.reading("state"):
        metrics.limited.labels("rate").inc()
    families = {one.name: one.type for one in text_string_to_metric_families(metrics.text().decode())}
    assert (families["drypowder_read_seconds"], families["drypowder_limited"]) == ("histogram", "counter")
