"""Evaluating: what a reported figure costs after its append, one at a time and many at once, and how all are read."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from statistics import median
from time import perf_counter
from uuid import UUID, uuid4

import msgspec

from infra.drafts import Draft
from infra.runtime import Runtime, opened
from infra.settings import Settings
from infra.wire import body_to_wire
from tests.benchmarks.ground import Ground, at_rest
from tests.benchmarks.results import Figure, Unit, at_most, interleaved, percentile, ratio
from tests.benchmarks.watched import figure, places, planned, watched
from tests.benchmarks.wire import Client, data_of

SUMMARY = """
    query ($fund: ID!, $at: DateTime) { varianceSummary(fundId: $fund, at: $at, groupBy: COMPANY) {
        key figures bySeverity { severity count } favourable unfavourable onTimeShare
        worst { metricType periodStart periodEnd variancePercent }
    } }
"""
VARIANCES = """
    query ($fund: ID!) { variances(fundId: $fund, first: 100) { nodes {
        company { companyId name } metricType periodStart periodEnd forecast actual variance variancePercent
        favourable status flags
    } } }
"""
WARMING = 1
"""Rounds of questions before those that count."""
QUICK_ONES = 8
"""Questions of each quick kind for one of the slow one."""


async def evaluate(ground: Ground) -> list[Figure]:
    """Figures one by one and questions in a large fund, and an import in a smaller one."""
    # As in a worker: another process than the one that appends, so that nothing of it is at hand.
    async with _worker(ground) as worker:
        return [*await _one_by_one(ground, worker), *await _read(ground), *await _imported(ground, worker)]


@asynccontextmanager
async def _worker(ground: Ground) -> AsyncIterator[Runtime]:
    settings = Settings(database_url=None, redis_url=None)
    async with opened(settings, ground.database_url, ground.redis_url) as runtime:
        yield runtime


async def _one_by_one(ground: Ground, worker: Runtime) -> list[Figure]:
    """New figures, each of a company and metric with no alert, beside the appends of these figures."""
    fund = await watched(ground)
    appends: dict[str, list[float]] = {}
    frequency, kept = worker.settings.snapshot_frequency, set[int]()

    async def once(kind: str, *, miss: bool) -> float:
        draft = Draft(figure(next(fund.fine), 1, miss=miss))
        begun = perf_counter()
        fact = await ground.runtime.ledger.record(fund.id, [draft], actor=ground.person.id, correlation_id=uuid4().hex)
        appended = perf_counter()
        recorded = await worker.evaluator.evaluate(fund.id)
        evaluated = perf_counter()
        assert bool(recorded) is miss, "a miss is recorded, and nothing else"
        # The worker's other job.
        if (step := fact.last_version // frequency) not in kept:
            kept.add(step)
            await worker.snapshots.keep_up(fund.id, frequency)
        appends.setdefault(kind, []).append((appended - begun) * 1000)
        return (evaluated - appended) * 1000

    kinds = {"a miss": True, "a figure that is fine": False}
    at_rest()
    for kind, miss in kinds.items():
        # The first of a process prepares its statements.
        await once(kind, miss=miss)
    appends.clear()
    sides = {kind: partial(once, kind, miss=miss) for kind, miss in kinds.items()}
    found = await interleaved(sides, ground.scale.evaluated)
    return [one for kind in kinds for one in _latencies(kind, found[kind], appends[kind], fund.figures)]


def _latencies(kind: str, times: Sequence[float], appends: Sequence[float], figures: int) -> list[Figure]:
    name = f"evaluation of {kind} among {figures:,}"
    sides = {"evaluation": times, "append": appends}
    return [
        Figure(f"{name}: p50", Unit.MILLISECONDS, percentile(times, 0.5), at_most(50), sides),
        Figure(f"{name}: p99", Unit.MILLISECONDS, percentile(times, 0.99), at_most(50)),
        Figure(
            f"{name}: of the append of that figure",
            Unit.RATIO,
            ratio(sides, "evaluation", "append"),
            note=f"{median(times):,.1f} against {median(appends):,.1f} ms",
        ),
    ]


async def _imported(ground: Ground, worker: Runtime) -> list[Figure]:
    """Months of figures at once, each of them a miss: one alert a company and metric, and a fact for each month."""
    months = ground.scale.imported_months
    figures = [figure(place, ago, miss=True) for ago in range(months, 0, -1) for place in places(ground)]
    file = ground.directory / "figures.jsonl"
    file.write_bytes(b"\n".join(msgspec.json.encode({"event": body_to_wire(one)}) for one in figures))

    async def by_ledger(fund_id: UUID) -> None:
        drafts = [Draft(one) for one in figures]
        await ground.runtime.ledger.record_all(fund_id, drafts, actor=ground.person.id, key="figures")

    async def by_command(fund_id: UUID) -> None:
        await asyncio.to_thread(ground.command, "import", str(file), "--fund", str(fund_id))

    found: dict[str, list[float]] = {"evaluation": [], "import": [], "by command": []}
    recorded = 0
    for importing in (by_ledger, by_command):
        fund_id = await planned(ground, months)
        await worker.evaluator.evaluate(fund_id)
        at_rest()
        begun = perf_counter()
        await importing(fund_id)
        imported = perf_counter()
        recorded = await worker.evaluator.evaluate(fund_id)
        evaluated = perf_counter()
        # Of those that wait for another miss there are some, too.
        assert recorded >= len(figures), "each miss is recorded"
        found["by command" if importing is by_command else "import"].append(imported - begun)
        found["evaluation"].append(evaluated - imported)
    name = f"evaluation of {len(figures):,} misses imported together"
    return [
        Figure(
            f"{name}, all alerts recorded",
            Unit.SECONDS,
            median(found["evaluation"]),
            None,
            found,
            f"{recorded:,} facts about alerts, {recorded / median(found['evaluation']):,.0f} a second",
        ),
        Figure(
            f"{name}: of the import in one transaction",
            Unit.RATIO,
            median(found["evaluation"]) / median(found["import"]),
            note=f"{median(found['evaluation']):,.2f} against {median(found['import']):,.2f} s",
        ),
        Figure(
            f"{name}: of the import by the command line",
            Unit.RATIO,
            median(found["evaluation"]) / median(found["by command"]),
            note=f"{median(found['by command']):,.2f} s, the process's start included",
        ),
    ]


async def _read(ground: Ground) -> list[Figure]:
    """The summary as it is kept, the same computed from the facts, and a page of variances, through HTTP."""
    fund = await watched(ground)
    await ground.runtime.board.refresh()
    variables: dict[str, object] = {"fund": str(fund.id)}
    with ground.serving() as api, Client(api) as client:
        at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        requests = {
            "kept": client.request(SUMMARY, variables),
            "from the facts": client.request(SUMMARY, {**variables, "at": at}),
            "page": client.request(VARIANCES, variables),
        }
        found = await asyncio.to_thread(_ask, client, requests, ground.scale.summaries)
    return [
        Figure(
            f"varianceSummary of {fund.figures:,} figures through HTTP, as kept: p50",
            Unit.MILLISECONDS,
            median(found["kept"]),
            None,
            found,
        ),
        Figure(
            "varianceSummary as kept: of the same from the facts",
            Unit.RATIO,
            median(found["kept"]) / median(found["from the facts"]),
            note=f"{median(found['kept']):,.1f} against {median(found['from the facts']):,.1f} ms",
        ),
        Figure("variances, the first 100 through HTTP: p50", Unit.MILLISECONDS, median(found["page"])),
    ]


def _ask(client: Client, requests: Mapping[str, bytes], count: int) -> dict[str, list[float]]:
    """Milliseconds of each request, the kinds taking turns."""
    found: dict[str, list[float]] = {name: [] for name in requests}
    for turn in range(count + WARMING):
        answers = {}
        for name in (*["kept", "page"] * QUICK_ONES, "from the facts"):
            begun = perf_counter()
            answer = client.answer(requests[name])
            taken = perf_counter() - begun
            answers[name] = data_of(answer)
            if turn >= WARMING:
                found[name].append(taken * 1000)
        assert answers["kept"] == answers["from the facts"], "both say the same"
    return found
