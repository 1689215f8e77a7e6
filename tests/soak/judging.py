"""What came of a soak: every promise, how often it was broken, and the report."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from uuid import UUID

import asyncpg
from rich.console import Console
from rich.table import Table

from tests.soak.crowd import Crowd
from tests.soak.killing import GROWTH, SLACK_MIB, WARM_SECONDS, Killer
from tests.system.program import drypowder
from tests.system.twins import Twins

RUNS_END_SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the report; `kept` is None where it only tells."""

    what: str
    found: str
    kept: bool | None = None


async def judged(crowd: Crowd, killer: Killer, twins: Twins) -> list[Line]:
    """What is to be said while the product still runs."""
    connection = await asyncpg.connect(twins.database_url)
    try:
        runs = await _runs(connection, crowd)
        facts, lost, twice = await _facts(connection, crowd)
    finally:
        await connection.close()
    breaks = [one for follower in crowd.followers for one in follower.breaks]
    resumed = sum(max(follower.connections - 1, 0) for follower in crowd.followers)
    verified = await asyncio.to_thread(lambda: drypowder("verify", data_dir=twins.data_dir, **twins.env))
    whole = sum(line.endswith("chain whole") for line in verified.out.splitlines() if line.split()[0] in crowd.ids)
    return [
        *_kills(killer),
        Line("facts acknowledged", f"{sum(len(fund.acknowledged) for fund in crowd.funds):,} of {facts:,} stored"),
        Line("acknowledged facts lost, or at another version", str(lost), lost == 0),
        Line("facts recorded twice", str(twice), twice == 0),
        Line("followers, and times they resumed", f"{len(crowd.followers)}, {resumed}"),
        Line("gaps or repeats in what they were told", str(len(breaks)), not breaks),
        Line("reads", f"{crowd.reads:,}"),
        Line("reads older than what was acknowledged before", str(len(crowd.stale)), not crowd.stale),
        *runs,
        Line("hash chains whole", f"{whole} of {len(crowd.funds)}", verified.code == 0 and whole == len(crowd.funds)),
        Line("requests that failed and were sent again", _counted(crowd.failures)),
        *_memory(killer),
    ]


def _kills(killer: Killer) -> list[Line]:
    counted = Counter(kill.part for kill in killer.kills)
    waits = [kill.recovered for kill in killer.kills]
    told = f"median {median(waits):.1f} s, longest {max(waits):.1f} s" if waits else "none"
    return [Line("kills", _counted(counted)), Line("until all was well again", told)]


async def _facts(connection: asyncpg.Connection, crowd: Crowd) -> tuple[int, int, int]:
    """Facts stored; those acknowledged that aren't where they were said to be; those there more than once."""
    stored = lost = twice = 0
    for fund in crowd.funds:
        rows = await connection.fetch(
            "SELECT idempotency_key, max(version) AS version, count(*) AS times FROM fact "
            "WHERE fund_id = $1 AND idempotency_key IS NOT NULL AND type <> 'CAPITAL_CALLED' "
            "GROUP BY idempotency_key, type",
            UUID(fund.id),
        )
        found = {row["idempotency_key"]: row["version"] for row in rows}
        lost += sum(found.get(key) != version for key, version in fund.acknowledged.items() if key != "companies")
        twice += sum(row["times"] > 1 for row in rows)
        stored += await connection.fetchval("SELECT count(*) FROM fact WHERE fund_id = $1", UUID(fund.id))
    return stored, lost, twice


async def _runs(connection: asyncpg.Connection, crowd: Crowd) -> list[Line]:
    """Every run asked for has ended, and once."""
    asked = {run for fund in crowd.funds for run in fund.runs}
    ended: Counter[str] = Counter()
    try:
        async with asyncio.timeout(RUNS_END_SECONDS):
            while not asked <= ended.keys():
                rows = await connection.fetch(
                    "SELECT payload::json->>'run_id' AS id FROM fact WHERE type IN ('RESERVES_RECOMMENDED', "
                    "'RESERVE_RUN_FAILED', 'RESERVE_RUN_CANCELLED')"
                )
                ended = Counter(row["id"] for row in rows)
                await asyncio.sleep(0.2)
    except TimeoutError:
        pass
    open_, more = len(asked - ended.keys()), sum(times > 1 for times in ended.values())
    return [
        Line("reserve runs asked for", str(len(asked))),
        Line("reserve runs never ended, or more than once", f"{open_}, {more}", open_ == more == 0),
    ]


def _memory(killer: Killer) -> list[Line]:
    lines = []
    for part in sorted({one.part for one in killer.memory.values()}):
        lives = [one for one in killer.memory.values() if one.part == part and one.warm is not None]
        if lives:
            worst = max(lives, key=lambda one: one.last - (one.warm or 0))
            told = f"{worst.warm:.0f} → {worst.last:.0f} MiB, the most of {len(lives)} lives"
            lines.append(Line(f"memory of {part} as warm and last", told, all(one.flat for one in lives)))
    bound = f"({GROWTH:.0%} of that after {WARM_SECONDS:.0f} s, and {SLACK_MIB:.0f} MiB)"
    return [*lines, Line("bound of memory", bound)] if lines else []


def _counted(counted: Counter[str]) -> str:
    return ", ".join(f"{times} {name}" for name, times in counted.most_common()) or "none"


def show(lines: Sequence[Line]) -> None:
    """Prints the report."""
    table = Table("what", "found", "", box=None, pad_edge=False)
    for line in lines:
        verdict = {None: "", True: "[green]kept[/]", False: "[red]BROKEN[/]"}[line.kept]
        table.add_row(line.what, line.found, verdict)
    Console(width=120).print(table)
