"""Asking: `fund(at, knownAt)` through HTTP, at random moments of both clocks."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import log
from random import Random
from statistics import median
from time import perf_counter

from tests.benchmarks.ground import Ground, KeptFund, at_rest
from tests.benchmarks.portfolio import CLOSED_AT, OPENED_AT
from tests.benchmarks.results import Figure, Unit, at_most, percentile
from tests.benchmarks.wire import Client, data_of

FLOOR = "{ viewer { id } }"
_TOTALS = """
    version eventsReplayed totalCommitted totalCalled totalInvested totalDistributed totalFees totalProceeds totalValue
    cash nav availableCapital plannedReserves deployedReserves moic dpi rvpi tvpi irr
"""
TOTALS = f"""
    query ($id: ID!, $at: DateTime, $knownAt: DateTime) {{ fund(id: $id, at: $at, knownAt: $knownAt) {{ {_TOTALS} }} }}
"""
COMPANIES = f"""
    query ($id: ID!, $at: DateTime, $knownAt: DateTime) {{ fund(id: $id, at: $at, knownAt: $knownAt) {{ {_TOTALS}
        portfolioCompanies {{
            companyId name status ownership totalInvestment realizedProceeds fairValue moic
        }}
    }} }}
"""
QUERIES = {"totals": TOTALS, "totals and companies": COMPANIES}
WARMING = 20
"""Requests of each kind before those that count."""


@dataclass(frozen=True, slots=True)
class _Kind:
    query: str
    fund: KeptFund | None


async def ask(ground: Ground) -> list[Figure]:
    """Latency of a fund's state by query and size, beside a request that reads next to nothing."""
    funds = {facts: await ground.kept(facts) for facts in ground.scale.facts}
    recorded = {facts: await _recorded(ground, fund) for facts, fund in funds.items()}
    kinds = {"floor": _Kind(FLOOR, None)}
    for facts, fund in funds.items():
        for name, query in QUERIES.items():
            kinds[f"{name}, {facts:,} facts"] = _Kind(query, fund)
    with ground.serving() as api, Client(api) as client:
        at_rest()
        random = Random(4)
        plans = {name: _requests(client, kind, recorded, random, ground.scale.asked) for name, kind in kinds.items()}
        found, replayed = await asyncio.to_thread(_measure, client, plans)
    return _figures(ground, found, replayed)


async def _recorded(ground: Ground, fund: KeptFund) -> tuple[KeptFund, Sequence[datetime]]:
    rows = await ground.runtime.pool.fetch("SELECT recorded_at FROM fact WHERE fund_id = $1 ORDER BY version", fund.id)
    return fund, [row["recorded_at"] for row in rows]


def _requests(
    client: Client,
    kind: _Kind,
    recorded: Mapping[int, tuple[KeptFund, Sequence[datetime]]],
    random: Random,
    count: int,
) -> list[bytes]:
    made = []
    moments = next((moments for fund, moments in recorded.values() if fund is kind.fund), ())
    for place in range(count + WARMING):
        variables: dict[str, object] = {}
        if kind.fund is not None:
            at = OPENED_AT + (CLOSED_AT - OPENED_AT) * random.random()
            # Every second request asks for what was known earlier, after a version drawn evenly from all.
            known_at = random.choice(moments) if place % 2 else None
            variables = {"id": str(kind.fund.id), "at": _text(at), "knownAt": known_at and _text(known_at)}
        made.append(client.request(kind.query, variables))
    return made


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _measure(
    client: Client, plans: Mapping[str, Sequence[bytes]]
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Milliseconds of each request, the kinds taking turns, and facts replayed for each."""
    found: dict[str, list[float]] = {name: [] for name in plans}
    replayed: dict[str, list[float]] = {name: [] for name in plans}
    names = list(plans)
    for turn, requests in enumerate(zip(*plans.values(), strict=True)):
        for name, request in zip(names, requests, strict=True):
            begun = perf_counter()
            answer = client.answer(request)
            taken = perf_counter() - begun
            data = data_of(answer)
            if turn < WARMING:
                continue
            found[name].append(taken * 1000)
            if "fund" in data:
                replayed[name].append(data["fund"]["eventsReplayed"])
    return found, replayed


def _figures(
    ground: Ground, found: Mapping[str, Sequence[float]], replayed: Mapping[str, Sequence[float]]
) -> list[Figure]:
    sizes, figures = ground.scale.facts, list[Figure]()
    largest = sizes[-1]
    goals = {50: at_most(8), 99: at_most(25)}
    for facts in reversed(sizes):
        for query in QUERIES:
            name = f"{query}, {facts:,} facts"
            times = found[name]
            for share, goal in goals.items():
                figures.append(
                    Figure(
                        f"fund(at) through HTTP, {name}: p{share}",
                        Unit.MILLISECONDS,
                        percentile(times, share / 100),
                        goal if (query, facts) == ("totals", largest) else None,
                        {"milliseconds": times} if share == 50 else {},
                        f"{median(replayed[name]):,.0f} facts replayed, p99 {percentile(replayed[name], 0.99):,.0f}"
                        if share == 50
                        else "",
                    )
                )
    for query in QUERIES:
        below, above = (median(found[f"{query}, {facts:,} facts"]) for facts in (sizes[0], largest))
        figures.append(
            Figure(
                f"fund(at), {query}: p50 at {largest:,} facts of that at {sizes[0]:,}",
                Unit.RATIO,
                above / below,
                at_most(log(largest) / log(sizes[0])),
                note="the goal is the ratio of the logarithms",
            )
        )
    figures.append(
        Figure(
            "the floor: { viewer { id } } through HTTP: p50",
            Unit.MILLISECONDS,
            median(found["floor"]),
            None,
            {"milliseconds": found["floor"]},
            f"p99 {percentile(found['floor'], 0.99):,.1f} ms",
        )
    )
    totals = found[f"totals, {largest:,} facts"]
    figures.append(Figure("fund(at), totals: p50 of the floor's", Unit.RATIO, median(totals) / median(found["floor"])))
    return figures
