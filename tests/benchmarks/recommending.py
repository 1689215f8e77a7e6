"""Recommending: from a run asked for through HTTP to its recommendation held by a subscriber, a worker in between."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from statistics import median
from time import perf_counter
from typing import Any
from uuid import UUID

from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from domain.capital import CapitalCalled
from domain.event import CompanyKey, Event
from domain.investing import CompanyAdded, InvestmentMade, ReserveAllocated, RoundPriced
from domain.money import Fraction, Money
from domain.reserves.advice import advise
from domain.reserves.options import ReserveStrategy, RunOptions
from domain.reserves.runs import ReserveRunRequested
from infra.computing import Task
from infra.drafts import Draft
from tests.benchmarks.ground import Api, Ground, at_rest
from tests.benchmarks.results import Figure, Unit, at_most, percentile, ratio
from tests.benchmarks.wire import Client, data_of
from tests.domain.reserves.drawn import drawn_companies, stage_of

COMPANIES = 30
DRAWN = 3
"""Seed of the companies."""
PATHS = 10_000
MIN_CHECK = Money(25_000_000)
PLANNED = Money(200_000_000)
"""For each company."""
WARMING = 2
"""Runs before those that count: the worker's process loads what it computes with."""
PATIENCE = 60.0
"""Seconds that one run may take."""
CALCULATE = """
    mutation ($input: CalculateReservesInput!) {
        calculateOptimalReserves(input: $input) { run { id status } errors { code message } }
    }
"""
FOLLOW = """
    subscription ($run: ID!) { reserveProgress(runId: $run) { status progress stage message secondsLeft run {
        id status elapsedMs pool shadowPrice
        recommendations {
            rank companyId companyName stage action currentReserveAllocation recommendedAllocation change
            followOnMultiple followOnMultipleLow followOnMultipleHigh expectedMoic confidenceScore limitedBy
            curve { reserve marginalMoic probabilityDeployed }
        }
        unavailable { companyId reason }
        plans {
            strategy totalAllocated remaining conservationOk expectedValue expectedProceeds proceedsP05 proceedsP50
            proceedsP95 worstFivePercentMean poolNeedP95 allocations { companyId companyName amount }
        }
        baseline { expectedProceeds proceedsP05 proceedsP50 proceedsP95 worstFivePercentMean }
    } } }
"""


async def recommend(ground: Ground) -> list[Figure]:
    """Runs one after another, each with another seed, in turn with the same computed right here."""
    fund_id = await _fund(ground)
    await ground.skip_what_there_is()
    options = RunOptions(iterations=PATHS, strategies=tuple(ReserveStrategy), min_check=MIN_CHECK)
    now = datetime.now(UTC)
    asked = ReserveRunRequested("here", now, now, 0, "", options)
    task = await ground.runtime.reserve_inputs.task(fund_id, asked)
    with ground.serving() as api, ground.working():
        at_rest()
        found = await asyncio.to_thread(_measure, api, fund_id, task, ground.scale.runs)
    name = (
        f"calculateOptimalReserves sent → recommendation held, {COMPANIES} companies, {PATHS:,} paths, all strategies"
    )
    return [
        Figure(
            f"{name}: p50",
            Unit.MILLISECONDS,
            percentile(found["held"], 0.5),
            None,
            found,
            f"answered after {median(found['answered']):,.0f} ms; the worker took {median(found['worker']):,.0f}",
        ),
        Figure(f"{name}: p99", Unit.MILLISECONDS, percentile(found["held"], 0.99), at_most(1_000)),
        Figure(
            "recommendation held: of the time of computing it in this process",
            Unit.RATIO,
            ratio(found, "held", "here"),
            note=f"{median(found['held']):,.0f} against {median(found['here']):,.0f} ms",
        ),
    ]


async def _fund(ground: Ground) -> UUID:
    """A fund with reserves planned for companies, of each of which a round is priced."""
    fund_id, now = await ground.open_fund(), datetime.now(UTC)
    events: list[tuple[datetime, Event]] = []
    for place, one in enumerate(drawn_companies(COMPANIES, DRAWN)):
        company, stage = CompanyKey(f"company-{place:02}"), stage_of(one)
        at = now - timedelta(days=30 * (COMPANIES - place))
        ownership, post = Fraction(Decimal(f"{one.ownership:.4f}")), round(one.paid / one.ownership * 100)
        events += [
            (at, CompanyAdded(company, f"Company {place:02} of the benchmark", stage=stage)),
            (at, CapitalCalled(Money(round(one.paid * 100)))),
            (at, InvestmentMade(company, Money(round(one.paid * 100)), ownership, round=stage)),
            (at, RoundPriced(company, stage, Money(post * 4 // 5), Money(post - post * 4 // 5), ownership)),
            (at, ReserveAllocated(company, PLANNED)),
        ]
    drafts = [Draft(event, at) for at, event in events]
    await ground.runtime.ledger.record(fund_id, drafts, actor=ground.person.id)
    return fund_id


def _measure(api: Api, fund_id: UUID, task: Task, runs: int) -> dict[str, list[float]]:
    """Milliseconds of each run: until it was answered, until its recommendation was held, and what it took here."""
    found: dict[str, list[float]] = {"answered": [], "held": [], "worker": [], "here": []}
    with _conversing(api) as socket:
        for seed in range(1, runs + WARMING + 1):
            begun = perf_counter()
            with Client(api) as client:
                run_id = _asked(client, fund_id, seed)
                answered = perf_counter()
            run = _held(socket, run_id)
            held = perf_counter()
            assert run["status"] == "SUCCEEDED", run["status"]
            assert len(run["recommendations"]) == COMPANIES, "each of them can be ranked"
            assert len(run["plans"]) == len(ReserveStrategy)
            advise(task.holdings, task.size, task.available, task.options)
            ended = perf_counter()
            if seed > WARMING:
                found["answered"].append((answered - begun) * 1000)
                found["held"].append((held - begun) * 1000)
                found["worker"].append(run["elapsedMs"])
                found["here"].append((ended - held) * 1000)
    return found


def _asked(client: Client, fund_id: UUID, seed: int) -> str:
    options = {
        "iterations": PATHS,
        "seed": seed,
        "strategies": [each.name for each in ReserveStrategy],
        "minCheck": f"{MIN_CHECK // 100}.00",
    }
    request = client.request(CALCULATE, {"input": {"fundId": str(fund_id), "options": options}})
    told = data_of(client.answer(request))["calculateOptimalReserves"]
    if told["errors"]:
        raise RuntimeError(str(told["errors"]))
    run_id: str = told["run"]["id"]
    return run_id


@contextmanager
def _conversing(api: Api) -> Iterator[ClientConnection]:
    """A WebSocket whose token was taken."""
    url, protocols = f"ws://{api.host}:{api.port}/graphql", [Subprotocol("graphql-transport-ws")]
    with connect(url, subprotocols=protocols, compression=None, max_size=None) as socket:
        socket.send(json.dumps({"type": "connection_init", "payload": {"Authorization": f"Bearer {api.token}"}}))
        assert json.loads(socket.recv(PATIENCE))["type"] == "connection_ack"
        yield socket


def _held(socket: ClientConnection, run_id: str) -> dict[str, Any]:
    """The run as its subscriber holds it once it is over."""
    payload = {"query": FOLLOW, "variables": {"run": run_id}}
    socket.send(json.dumps({"id": run_id, "type": "subscribe", "payload": payload}))
    run: dict[str, Any] | None = None
    while (told := _next(socket))["type"] != "complete":
        if told["type"] != "next" or told["payload"].get("errors"):
            raise RuntimeError(str(told))
        run = told["payload"]["data"]["reserveProgress"]["run"] or run
    assert run is not None, "it was over"
    return run


def _next(socket: ClientConnection) -> Any:  # noqa: ANN401 - a message of any kind
    while (told := json.loads(socket.recv(PATIENCE)))["type"] == "ping":
        socket.send(json.dumps({"type": "pong"}))
    return told
