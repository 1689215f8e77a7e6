"""Reports: figures as a table for people, as Markdown to paste, and as JSON."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks.results import Figure

Found = Mapping[str, Sequence[Figure]]
"""Figures by the benchmark that gave them."""


def _verdict(figure: Figure) -> str:
    return {None: "", True: "met", False: "missed"}[figure.met]


def show(found: Found) -> None:
    table = Table("figure", box=None, pad_edge=False)
    for heading in ("measured", "goal"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("")
    table.add_column("note")
    colours = {None: "", True: "green", False: "red"}
    for name, figures in found.items():
        table.add_section()
        for figure in figures:
            verdict = f"[{colours[figure.met]}]{_verdict(figure)}[/]" if figure.met is not None else ""
            table.add_row(figure.what, figure.measured_text, figure.goal_text, verdict, figure.note)
        if figures:
            table.add_row(f"[dim]({name})[/]", "", "", "", "")
    console = Console()
    Console(width=max(console.width, 160)).print(table)


def markdown(found: Found) -> str:
    """The table for docs/benchmarks.md."""
    lines = ["| figure | measured | goal | | |", "|---|--:|--:|---|---|"]
    for figures in found.values():
        for figure in figures:
            verdict = _verdict(figure).replace("missed", "**missed**")
            lines.append(f"| {figure.what} | {figure.measured_text} | {figure.goal_text} | {verdict} | {figure.note} |")
    return "\n".join(lines)


def write_json(path: Path, machine: Mapping[str, str], found: Found) -> None:
    figures = [
        {
            "benchmark": name,
            "figure": figure.what,
            "unit": figure.unit.name.lower(),
            "measured": figure.measured,
            "goal": None if figure.goal is None else figure.goal.bound,
            "at_least": None if figure.goal is None else figure.goal.at_least,
            "met": figure.met,
            "note": figure.note,
            "rounds": {side: list(values) for side, values in figure.rounds.items()},
        }
        for name, figures in found.items()
        for figure in figures
    ]
    told = {"machine": machine, "figures": figures}
    path.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
