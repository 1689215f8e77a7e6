"""Small questions are answered while large ones are: a long reserve run, and an allocation among thousands."""

import asyncio
import json
from collections.abc import Awaitable
from decimal import Decimal
from time import monotonic
from typing import TypeVar

from infra.computing import Computers
from infra.runtime import Runtime
from jobs.reserves import optimise
from tests.api.asking import Caller, Json, OpenedFund, event
from tests.api.test_constrained_reserves import ASKED, company, problem
from tests.api.test_reserves import CALCULATE

A = TypeVar("A")
SMALL_PART = 0.4
"""Of a large answer's time, which a small one may take at most."""
MANY, FEWER = 15_000, 1_500
SMALL = "{ viewer { id } }"


async def beside(caller: Caller, large: Awaitable[A]) -> tuple[A, float]:
    """A large answer, and the longest that a small one took beside it, as part of the large one's time."""
    began, longest, answers = monotonic(), 0.0, 0
    answering = asyncio.ensure_future(large)
    while not answering.done():
        asked = monotonic()
        await caller.data(SMALL)
        longest, answers = max(longest, monotonic() - asked), answers + 1
    assert answers > 4
    return await answering, longest / (monotonic() - began)


def many(query: str = ASKED, number: int = FEWER) -> str:
    """A request for an allocation among so many."""
    given = problem(
        availableReserves="100000000.00",
        maxPerCompany="1000.00",
        companies=[company(f"c{place}", "seed" if place % 2 else "a") for place in range(number)],
    )
    return json.dumps({"query": query, "variables": {"input": given}})


async def answered(caller: Caller, request: str) -> Json:
    response = await caller.send(request)
    answer: Json = response.json()
    assert "errors" not in answer
    data: Json = answer["data"]
    return data


async def test_api_and_worker_answer_while_a_long_run_is_computed(fund: OpenedFund, runtime: Runtime) -> None:
    facts = [
        fact
        for key in (f"c{number}" for number in range(8))
        for fact in (
            event("companyAdded", "2007-01-01", companyId=key, name=key, stage="seed"),
            event("investmentMade", "2007-01-01", companyId=key, amount="500000.00", ownershipAfter="0.1"),
            event("valuationUpdated", "2007-01-01", companyId=key, newValue="5000000.00"),
            event("reserveAllocated", "2007-01-01", companyId=key, amount="1000000.00"),
        )
    ]
    await fund.analyst.recorded(fund.id, *facts)
    asked = await fund.analyst.data(CALCULATE, input={"fundId": fund.id, "options": {"iterations": 1_000_000}})
    run_id = asked["calculateOptimalReserves"]["run"]["id"].split(":")[2]
    computers = Computers(1)
    try:
        # The worker's loop is the API's here.
        ended, part = await beside(fund.analyst, optimise(runtime, computers, fund.uuid, run_id))
    finally:
        computers.close()
    assert ended
    assert part < SMALL_PART


async def test_the_api_answers_while_reserves_are_split_among_thousands(stranger: Caller) -> None:
    data, part = await beside(stranger, answered(stranger, many(number=MANY)))
    found = data["constrainedReserves"]
    assert len(found["allocations"]) == MANY
    assert {one["allocated"] for one in found["allocations"]} == {"1000.00"}
    assert Decimal(found["totalAllocated"]) == 1_000 * MANY
    assert part < SMALL_PART


async def test_what_is_asked_along_with_it_is_answered_as_ever(stranger: Caller) -> None:
    both = "{ constrainedReserves(input: $input) { totalAllocated } funds { nodes { id } } }"
    for query in (
        f"query ($input: ConstrainedReservesInput!) {both}",
        f"query ($input: ConstrainedReservesInput!) {{ ...Both }} fragment Both on Query {both}",
    ):
        assert await answered(stranger, many(query)) == {
            "constrainedReserves": {"totalAllocated": f"{1_000 * FEWER}.00"},
            "funds": {"nodes": []},
        }


async def test_what_is_wrong_with_a_large_question_is_told_as_ever(stranger: Caller) -> None:
    for query, code in (
        (ASKED.replace("remaining", "rest"), "GRAPHQL_VALIDATION_FAILED"),
        (ASKED + "{", "GRAPHQL_PARSE_FAILED"),
    ):
        (error,) = (await stranger.send(many(query))).json()["errors"]
        assert error["extensions"]["code"] == code
    (error,) = (await Caller(stranger.http).send(many())).json()["errors"]
    assert error["extensions"]["code"] == "UNAUTHENTICATED"
