"""Verifying: every hash chain recomputed, the funds' and the organisations'."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from uuid import UUID

import typer

from api.command import existing_fund
from infra.postgres import translated

if TYPE_CHECKING:
    from infra.runtime import Runtime

FirstBad = Callable[[UUID], Awaitable[tuple[int, int | None]]]


async def walk(runtime: "Runtime", fund: str | None) -> bool:
    """Whether every chain is whole, or that of one fund; tells of each.

    Raises:
        NotFound: If there is no such fund.
    """
    if fund is not None:
        return await _whole(runtime.history.first_bad_version, [(await existing_fund(runtime, fund)).id], "facts")
    with translated():
        funds = await runtime.pool.fetch("SELECT id FROM fund ORDER BY opened_at, id")
        organisations = await runtime.pool.fetch("SELECT id FROM organisation ORDER BY created_at, id")
    whole = [
        await _whole(runtime.history.first_bad_version, [row["id"] for row in funds], "facts"),
        await _whole(runtime.access_log.first_bad_version, [row["id"] for row in organisations], "facts of access"),
    ]
    return all(whole)


async def _whole(first_bad: FirstBad, ids: list[UUID], kind: str) -> bool:
    whole = True
    for id in ids:
        facts, bad = await first_bad(id)
        typer.echo(f"{id}  " + (f"{facts} {kind}, chain whole" if bad is None else f"BROKEN at version {bad}"))
        whole = whole and bad is None
    return whole
