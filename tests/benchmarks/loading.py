"""Loading: the endpoint under load, beside Strawberry's own on the same resolvers in the same run."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from statistics import median
from threading import Barrier
from time import perf_counter, sleep
from uuid import UUID

import psutil

from tests.benchmarks.asking import TOTALS
from tests.benchmarks.crowds import allow_descriptors, crowd
from tests.benchmarks.following import PAUSE, body, record
from tests.benchmarks.ground import Api, Ground, at_rest
from tests.benchmarks.results import Figure, Goal, Unit, at_least, at_most
from tests.benchmarks.wire import Client, data_of

CLIENTS = 8
"""That ask at once, each as fast as it is answered."""
TURNS = 3
"""That either endpoint gets, in turn."""
FACTS = 20
"""That each crowd is told."""
PAGE = 200
LAST_WITHIN = {1_000: 150.0, 3_000: 500.0}
"""Milliseconds by which the last of so many subscribers is to hold a fact."""
TIMELINE = """
    query ($id: ID!, $after: String) { timeline(fundId: $id, first: 200, after: $after) {
        nodes { id version type occurredAt recordedAt recordedBy summary payload hash } pageInfo { endCursor }
    } }
"""
Serving = Callable[[], AbstractContextManager[Api]]


async def load(ground: Ground) -> list[Figure]:
    """Throughput of one query, time of many rows, and crowds of subscribers, of both endpoints."""
    fund = await ground.kept(max(ground.scale.rows, 1_000))
    allow_descriptors()
    both: Mapping[str, Serving] = {"ours": ground.serving, "stock": ground.serving_stock}
    at_rest()
    asked = await asyncio.to_thread(_requests, ground, both, fund.id)
    figures = [
        _beside("fund(id) of 8 clients at once: requests a second", Unit.NUMBER, asked["asked"], at_least(1)),
        _beside(f"{ground.scale.rows:,} facts of a timeline in pages of {PAGE}", Unit.SECONDS, asked["rows"], None),
    ]
    for count in ground.scale.crowds:
        told = {
            name: await asyncio.to_thread(_crowd, ground, serving, fund.id, count) for name, serving in both.items()
        }
        goal = at_most(LAST_WITHIN[count]) if count in LAST_WITHIN else None
        last, size = ({name: found[place] for name, found in told.items()} for place in (0, 1))
        figures.append(_beside(f"fact recorded → held by the last of {count:,}", Unit.MILLISECONDS, last, goal))
        figures.append(_beside(f"memory a subscriber, of {count:,}", Unit.BYTES, size, None))
    return figures


def _beside(name: str, unit: Unit, found: Mapping[str, list[float]], goal: Goal | None) -> Figure:
    """Our median, with the other's in the note; a goal of one is that of the ratio between them."""
    ours, stock = median(found["ours"]), median(found["stock"])
    note = f"stock {unit.value.format(stock)}, {ours / stock:.2f} × of it"
    if goal == at_least(1):
        goal = at_least(stock)
    return Figure(name, unit, ours, goal, dict(found), note)


def _requests(ground: Ground, both: Mapping[str, Serving], fund_id: UUID) -> dict[str, dict[str, list[float]]]:
    found: dict[str, dict[str, list[float]]] = {kind: {name: [] for name in both} for kind in ("asked", "rows")}
    for _ in range(TURNS):
        for name, serving in both.items():
            with serving() as api:
                _throughput(api, fund_id, ground.scale.loaded / 4)
                found["asked"][name].append(_throughput(api, fund_id, ground.scale.loaded))
                found["rows"][name].append(_rows(api, fund_id, ground.scale.rows))
    return found


def _throughput(api: Api, fund_id: UUID, seconds: float) -> float:
    together = Barrier(CLIENTS)

    def ask(_: int) -> int:
        answered = 0
        with Client(api) as client:
            request = client.request(TOTALS, {"id": str(fund_id)})
            data_of(client.answer(request))
            together.wait()
            end = perf_counter() + seconds
            while perf_counter() < end:
                client.answer(request)
                answered += 1
        return answered

    with ThreadPoolExecutor(CLIENTS) as clients:
        return sum(clients.map(ask, range(CLIENTS))) / seconds


def _rows(api: Api, fund_id: UUID, rows: int) -> float:
    """Seconds that it takes to read so many facts, page by page."""
    begun, after, read = perf_counter(), None, 0
    with Client(api) as client:
        while read < rows:
            told = data_of(client.answer(client.request(TIMELINE, {"id": str(fund_id), "after": after})))["timeline"]
            read += len(told["nodes"])
            after = told["pageInfo"]["endCursor"]
    return perf_counter() - begun


def _crowd(ground: Ground, serving: Serving, fund_id: UUID, count: int) -> tuple[list[float], list[float]]:
    """Milliseconds from each fact's recording until the last held it, and bytes a subscriber."""
    last: list[float] = []
    with serving() as api:
        server = psutil.Process(ground.api_pid)
        first = record(api, fund_id, body(0))
        before = server.memory_info().rss
        with crowd(api, fund_id, count, first.version) as subscribers:
            for place in range(FACTS):
                told = record(api, fund_id, body(place + 1))
                held = subscribers.holding(told.version)
                if len(held) < count:
                    raise RuntimeError(f"{count - len(held)} subscribers never held the fact")
                # The first finds the subscriptions still being set up.
                if place:
                    last.append((max(held) - told.recorded) * 1000)
                sleep(PAUSE)
            size = (server.memory_info().rss - before) / count
    return last, [size]
