"""The ranking on the command line: optimal reserves computed here and now, as a table or as JSON; stores nothing."""

import json
from datetime import datetime

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from api.command import CommandError, console, errors, existing_fund
from domain.money import money_text
from domain.reserves.advice import advise
from domain.reserves.limits import InfeasiblePlan
from domain.reserves.options import ReserveStrategy, RunOptions
from domain.reserves.results import ReserveAdvice
from domain.reserves.runs import MODEL_VERSION, ReserveRunRequested
from infra.codec import canonical_json
from infra.postgres import translated
from infra.runtime import Runtime
from infra.states import resolve

WORDS = ("company", "action", "limited by")
"""Columns that aren't numbers."""


async def rank(
    runtime: Runtime,
    fund: str,
    at: datetime | None,
    known_at: datetime | None,
    strategy: ReserveStrategy,
    iterations: int | None,
    *,
    as_json: bool,
) -> None:
    """Prints the ranking of a fund's companies.

    Raises:
        CommandError: If the limits can't all be kept.
        Refusal: If there is no such fund, or the moment can't be asked for.
    """
    row = await existing_fund(runtime, fund)
    with translated():
        known = await resolve(runtime.pool, row.id, known_at)
    options = RunOptions(iterations=iterations or runtime.settings.monte_carlo_iterations, strategies=(strategy,))
    options.check()
    request = ReserveRunRequested("", at or known.at_now, known.known_at, known.version, MODEL_VERSION, options)
    task = await runtime.reserve_inputs.task(row.id, request)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True) as bar:
        shown = bar.add_task("curves", total=1.0)
        try:
            advice = advise(
                task.holdings,
                task.size,
                task.available,
                options,
                lambda share, stage: bar.update(shown, completed=share, description=stage),
                model=task.model,
            )
        except InfeasiblePlan as fault:
            raise CommandError(f"the limits can't all be kept: {fault}") from None
    if as_json:
        told = json.loads(canonical_json(advice))
        console(stderr=False).print(json.dumps(told, indent=2))
        return
    _show(advice, row.currency)


def _show(advice: ReserveAdvice, currency: str) -> None:
    out = console(stderr=False)
    table = [
        (
            "rank",
            "company",
            "follow-on",
            "MOIC",
            "confidence",
            "current",
            "recommended",
            "deployed",
            "action",
            "limited by",
        )
    ]
    table.extend(
        (
            str(one.rank),
            one.company_name,
            f"{one.follow_on_multiple:.2f}x",
            f"{one.expected_moic:.2f}x",
            f"{one.confidence_score:.0%}",
            _whole(one.current_reserve_allocation),
            _whole(one.recommended_allocation),
            _whole(one.deployed_reserves),
            one.action.lower(),
            one.limited_by,
        )
        for one in advice.recommendations
    )
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        cells = zip(row, widths, table[0], strict=True)
        out.print("  ".join(_aligned(cell, width, name) for cell, width, name in cells).rstrip())
    plan = advice.plans[0]
    out.print(
        f"\n{plan.strategy}: {_whole(plan.total_allocated)} of {_whole(advice.pool)} {currency}, "
        f"expected value {_whole(plan.expected_value)}"
    )
    for missing in advice.unavailable:
        out.print(f"not ranked: {missing.company_name}: {missing.reason}")


def _aligned(cell: str, width: int, column: str) -> str:
    return cell.ljust(width) if column in WORDS else cell.rjust(width)


def _whole(cents: int) -> str:
    return f"{int(money_text(cents).partition('.')[0]):,}"
