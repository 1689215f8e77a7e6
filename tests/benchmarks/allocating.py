"""Allocating: the optimal plan beside the marginal greedy, and the priority greedy alone and through the API."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from statistics import median
from time import perf_counter
from typing import Final

import numpy as np

from api.requests import MOST_BYTES
from domain.money import Money
from domain.reserves.allocation import marginal_greedy, optimise
from domain.reserves.curve import curve
from domain.reserves.greedy import Constraints, ReserveCompany, StagePolicy, allocate, conserved
from domain.reserves.limits import Candidate, Limits
from domain.reserves.simulation import Stake
from tests.benchmarks.ground import Ground, at_rest
from tests.benchmarks.results import Figure, Unit, at_least, at_most, interleaved, ratio
from tests.benchmarks.wire import Client, data_of
from tests.domain.reserves.drawn import drawn_companies
from tests.domain.reserves.trees import MILLION

STAGES: Final = ("seed", "a", "b", "c", "later")
POOL: Final = round(40 * MILLION) * 100
LIMITS = Limits(POOL, POOL // 40, dict.fromkeys(STAGES, POOL * 3 // 10))
"""A cheque is at least a million, and a stage gets at most 30% of the pool."""
ROOM: Final = POOL // 10
"""Of a company."""
POLICIES = tuple(
    StagePolicy(stage, Decimal(multiple), Decimal(1))
    for stage, multiple in zip(STAGES, ("3", "2", "1.5", "1", "1"), strict=True)
)
EACH: Final = 300_000
"""Dollars a company on average in what the priority greedy splits."""
ASKED = """
    query ($input: ConstrainedReservesInput!) { constrainedReserves(input: $input) {
        allocations { id name stage allocated score } totalAllocated remaining conservationOk errors { code message }
    } }
"""


async def allocation(ground: Ground) -> list[Figure]:
    """Plans of many companies by each strategy that splits a pool."""
    return [*_programs(ground), *await _priorities(ground), *await _queried(ground)]


def _programs(ground: Ground) -> list[Figure]:
    """The optimal plan and the marginal greedy's, one fund after another."""
    seconds: dict[str, list[float]] = {"optimal": [], "greedy": []}
    gaps: dict[str, list[float]] = {"optimal": [], "greedy": []}
    count, rounds = ground.scale.program_companies, 0
    at_rest()
    for seed in range(ground.scale.programs):
        candidates = _candidates(count, seed)
        rounds = min(one.value.size for one in candidates)
        begun = perf_counter()
        plan = optimise(candidates, LIMITS)
        between = perf_counter()
        greedy = marginal_greedy(candidates, LIMITS)
        ended = perf_counter()
        assert not plan.note, plan.note
        seconds["optimal"].append(between - begun)
        seconds["greedy"].append(ended - between)
        most = plan.bound - LIMITS.pool
        for name, cheques in (("optimal", plan.cheques), ("greedy", greedy)):
            gaps[name].append(1.0 - _added(candidates, cheques) / most)
    name = f"OPTIMAL of {count} companies, {rounds} rounds each, minimum cheque and stage caps"
    return [
        Figure(
            f"{name}: p50",
            Unit.MILLISECONDS,
            1000 * median(seconds["optimal"]),
            None,
            seconds,
            f"{ground.scale.programs} funds; {ratio(seconds, 'optimal', 'greedy'):,.0f} × the marginal greedy's time",
        ),
        Figure(
            f"{name}: slowest",
            Unit.MILLISECONDS,
            1000 * max(seconds["optimal"]),
            at_most(2_000),
        ),
        Figure(
            "OPTIMAL: of what the pool can add at most, missing, worst",
            Unit.PERCENT,
            max(gaps["optimal"]),
            at_most(0.000_1),
            gaps,
            "against the solver's bound",
        ),
        Figure(
            "the marginal greedy: of what the pool can add at most, missing, worst",
            Unit.PERCENT,
            max(gaps["greedy"]),
            note=f"median {median(gaps['greedy']):.2%}",
        ),
    ]


def _candidates(number: int, seed: int) -> list[Candidate]:
    """Companies drawn at seed, so that all have as many rounds to come; limits know each by a stage of its own."""
    numbers = np.random.default_rng(seed)
    stakes = drawn_companies(number, seed, {"seed": 1.0})
    return [_candidate(one, str(numbers.choice(STAGES[:4]))) for one in stakes]


def _candidate(one: Stake, stage: str) -> Candidate:
    found, tree, rounds = curve(one.tree, one.ownership), one.tree, len(one.tree.steps)
    sizes = np.array([step.size for step in tree.steps]) * 100
    owned = np.array([one.ownership * tree.kept(0, number) for number in range(rounds)])
    follow = np.zeros((rounds, rounds))
    for later in range(rounds):
        for before in range(later):
            follow[later, before] = tree.steps[later].size * tree.kept(before + 1, later) / tree.steps[before].post
    return Candidate(one.key, stage, ROOM, found.gain + 1.0 - found.cost, sizes, sizes * owned, follow)


def _added(candidates: Sequence[Candidate], cheques: Sequence[Sequence[int]]) -> float:
    """What a plan is worth above the pool that it spends, in cents."""
    return sum(float((one.value - 1.0) @ np.array(each)) for one, each in zip(candidates, cheques, strict=True))


async def _priorities(ground: Ground) -> list[Figure]:
    """The priority greedy from few companies to as many as it takes, its checks of what it is given included."""
    found = {}
    for count in ground.scale.split:
        companies, limits = _companies(count), _limits(count)

        async def split(given: Sequence[ReserveCompany] = companies, limits: Constraints = limits) -> float:
            begun = perf_counter()
            told = allocate(given, POLICIES, limits)
            taken = perf_counter() - begun
            assert conserved(told, limits.available)
            return taken * 1000

        at_rest()
        found[count] = (await interleaved({"split": split}, ground.scale.rounds))["split"]
    most, fewer = ground.scale.split[-1], ground.scale.split[-2]
    return [
        *(
            Figure(
                f"PRIORITY_GREEDY of {count:,} companies, input checked",
                Unit.MILLISECONDS,
                median(times),
                at_most(1_500) if count == most else None,
                {"milliseconds": times},
            )
            for count, times in found.items()
        ),
        Figure(
            f"PRIORITY_GREEDY of {most:,} companies: of the time of {fewer:,}",
            Unit.RATIO,
            median(found[most]) / median(found[fewer]),
            at_most(1.5 * most / fewer),
            note="more by the logarithm of their number, for the sorting",
        ),
    ]


def _companies(number: int) -> list[ReserveCompany]:
    return [
        ReserveCompany(
            f"company-{place:06}",
            # In another order than they come in.
            f"Company {place * 7_919 % number:06}",
            STAGES[place % len(STAGES)],
            Money(50_000_000 + place % 1_000),
        )
        for place in range(number)
    ]


def _limits(number: int) -> Constraints:
    pool = number * EACH * 100
    stages = {"seed": Money(pool // 3), "a": Money(pool // 2)}
    return Constraints(Money(pool), Money(10_000_000), Money(100_000_000), stages)


async def _queried(ground: Ground) -> list[Figure]:
    """The same through HTTP: of as many companies as a request may hold."""
    most = ground.scale.split[-1]
    with ground.serving() as api, Client(api) as client:
        size = len(client.request(ASKED, _asked(most)))
        fits = most if size <= MOST_BYTES else most * (MOST_BYTES - 2_000) // size
        request = client.request(ASKED, _asked(fits))
        found, told = await asyncio.to_thread(_ask, client, request, fits, min(3, ground.scale.rounds))
    return [
        Figure(
            "companies that a request of constrainedReserves holds",
            Unit.NUMBER,
            fits,
            at_least(most),
            note=f"{most:,} take {size / 2**20:,.1f} MiB, and a request may have {MOST_BYTES / 2**20:,.1f}",
        ),
        Figure(
            f"constrainedReserves of {fits:,} companies through HTTP: p50",
            Unit.MILLISECONDS,
            median(found["query"]),
            None,
            found,
            f"{told:,} allocations; the splitting itself {median(found['split']):,.0f} ms of it",
        ),
    ]


def _asked(number: int) -> dict[str, object]:
    limits = _limits(number)
    companies = [
        {"id": one.id, "name": one.name, "stage": one.stage, "invested": _dollars(one.invested)}
        for one in _companies(number)
    ]
    policies = [
        {"stage": one.stage, "reserveMultiple": str(one.reserve_multiple), "weight": str(one.weight)}
        for one in POLICIES
    ]
    asked: dict[str, object] = {
        "availableReserves": _dollars(limits.available),
        "companies": companies,
        "stagePolicies": policies,
        "minCheck": _dollars(limits.min_check),
        "maxPerCompany": _dollars(limits.max_per_company or 0),
        "maxPerStage": [{"stage": stage, "max": _dollars(cap)} for stage, cap in limits.max_per_stage.items()],
    }
    return {"input": asked}


def _dollars(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"


def _ask(client: Client, request: bytes, number: int, rounds: int) -> tuple[dict[str, list[float]], int]:
    """Milliseconds of the query and of the splitting alone, in turn; and how many companies were given something."""
    companies, limits = _companies(number), _limits(number)
    found: dict[str, list[float]] = {"query": [], "split": []}
    count = 0
    for _ in range(rounds):
        begun = perf_counter()
        answer = client.answer(request)
        found["query"].append((perf_counter() - begun) * 1000)
        told = data_of(answer)["constrainedReserves"]
        assert not told["errors"], told["errors"]
        assert told["conservationOk"]
        begun = perf_counter()
        split = allocate(companies, POLICIES, limits)
        found["split"].append((perf_counter() - begun) * 1000)
        count = len(told["allocations"])
        assert count == len(split.shares), "both say the same"
    return found, count
