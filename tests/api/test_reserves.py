"""Reserve runs through the API: asked for, followed, cancelled, found again, and kept under a name."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from infra.computing import Computers
from infra.people import Role
from infra.runtime import Runtime
from jobs.reserves import optimise
from tests.api.asking import Caller, Json, OpenedFund, conversing, event, refusals
from tests.api.conftest import MakeCaller
from tests.conftest import Live

RUN = """
fragment Run on ReserveRun {
  id fundId at knownAt fundVersion status progress error requestedAt requestedBy finishedAt elapsedMs iterations seed
  modelVersion pool shadowPrice staleSince
  recommendations {
    rank companyId followOnMultiple recommendedAllocation action limitedBy expectedMoic simulatedMoic standardError
    kellyFraction
    curve { reserve marginalMoic }
  }
  unavailable { companyId reason }
  plans { strategy totalAllocated remaining conservationOk allocations { companyId amount } }
  baseline { expectedProceeds }
}
"""
CALCULATE = (
    RUN
    + """
mutation ($input: CalculateReservesInput!) {
  calculateOptimalReserves(input: $input) { run { ...Run } errors { code message path } }
}
"""
)
CANCEL = "mutation ($id: ID!) { cancelReserveRun(id: $id) { run { id status } errors { code message path } } }"
SAVE = """
mutation ($input: SaveScenarioInput!) {
  saveReserveScenario(input: $input) {
    scenario { id name description createdBy createdAt run { id } plan { strategy } } errors { code message path }
  }
}
"""
OPTIMAL = (
    RUN
    + """
query ($id: ID!, $at: DateTime, $knownAt: DateTime, $options: ReserveOptions) {
  optimalReserves(fundId: $id, at: $at, knownAt: $knownAt, options: $options) { ...Run }
}
"""
)
PAGE = """
query ($id: ID!, $first: Int, $after: String) {
  reserveRuns(fundId: $id, first: $first, after: $after) {
    edges { cursor node { id } } nodes { id } pageInfo { hasNextPage endCursor }
  }
}
"""
SCENARIOS = "query ($id: ID!) { reserveScenarios(fundId: $id) { id name plan { strategy } run { id } } }"
LATEST = """
query ($id: ID!, $at: DateTime, $knownAt: DateTime) {
  fund(id: $id, at: $at, knownAt: $knownAt) {
    latestRecommendation { id } present: latestRecommendation(ofPresent: true) { id }
  }
}
"""
FOLLOW = (
    RUN
    + """
subscription ($id: ID!) {
  reserveProgress(runId: $id) { runId status progress stage message secondsLeft run { ...Run } }
}
"""
)
NODE = "query ($id: ID!) { node(id: $id) { __typename id } }"
STANDING = "query ($id: ID!) { node(id: $id) { ... on ReserveRun { status error } } }"
FEW: Json = {"iterations": 100}


@pytest_asyncio.fixture(scope="session")
async def computers() -> AsyncIterator[Computers]:
    found = Computers(1)
    yield found
    found.close()


class Reserving:
    """A fund with something to rank, and those who ask."""

    def __init__(
        self, fund: OpenedFund, manager: Caller, viewer: Caller, runtime: Runtime, computers: Computers
    ) -> None:
        self.fund, self.manager, self.viewer = fund, manager, viewer
        self.runtime, self.computers = runtime, computers

    @property
    def id(self) -> str:
        return self.fund.id

    @property
    def analyst(self) -> Caller:
        return self.fund.analyst

    async def calculate(self, caller: Caller | None = None, **given: object) -> Json:
        wanted = {"fundId": self.id, "options": FEW, **given}
        payload: Json = (await (caller or self.analyst).data(CALCULATE, input=wanted))["calculateOptimalReserves"]
        return payload

    async def run(self, **given: object) -> Json:
        payload = await self.calculate(None, **given)
        assert payload["errors"] == []
        run: Json = payload["run"]
        return run

    async def compute(self, run: Json) -> None:
        assert await optimise(self.runtime, self.computers, self.fund.uuid, run["id"].split(":")[2])

    async def finished(self, **given: object) -> Json:
        run = await self.run(**given)
        await self.compute(run)
        return run

    async def optimal(self, **given: object) -> Json | None:
        data = await self.viewer.data(OPTIMAL, **{"id": self.id, "options": FEW, **given})
        found: Json | None = data["optimalReserves"]
        return found

    async def save(self, caller: Caller | None = None, **given: object) -> Json:
        wanted = {"fundId": self.id, "name": "Base", **given}
        payload: Json = (await (caller or self.manager).data(SAVE, input=wanted))["saveReserveScenario"]
        return payload

    async def cancel(self, id: str, caller: Caller | None = None) -> Json:
        payload: Json = (await (caller or self.analyst).data(CANCEL, id=id))["cancelReserveRun"]
        return payload

    async def version(self) -> int:
        return await self.viewer.version(self.id)


@pytest_asyncio.fixture
async def reserving(fund: OpenedFund, caller: MakeCaller, runtime: Runtime, computers: Computers) -> Reserving:
    """At version 7."""
    await fund.analyst.recorded(
        fund.id,
        event("companyAdded", "2007-01-01", companyId="acme", name="Acme", stage="seed"),
        event("investmentMade", "2007-01-01", companyId="acme", amount="500000.00", ownershipAfter="0.1", round="seed"),
        event(
            "roundPriced", "2007-01-01", companyId="acme", stage="seed", preMoney="4000000.00",
            roundSize="1000000.00", ownershipAfter="0.1",
        ),
        event("reserveAllocated", "2007-01-01", companyId="acme", amount="1000000.00"),
        event("companyAdded", "2007-01-01", companyId="odd", name="Odd"),
        event("investmentMade", "2007-01-01", companyId="odd", amount="500000.00"),
    )  # fmt: skip
    manager, viewer = await caller(Role.MANAGER, fund.uuid), await caller(Role.VIEWER, fund.uuid)
    return Reserving(fund, manager, viewer, runtime, computers)


async def test_a_run_is_asked_for_at_once_and_found_once_it_is_over(reserving: Reserving) -> None:
    assert await reserving.optimal() is None
    run = await reserving.run()
    assert (run["status"], run["progress"], run["iterations"], run["seed"]) == ("QUEUED", 0, 100, 1)
    assert (run["fundId"], run["fundVersion"], run["recommendations"], run["pool"]) == (reserving.id, 7, [], None)
    assert "@" in run["requestedBy"]
    assert await reserving.optimal() is None
    await reserving.compute(run)
    found = await reserving.optimal()
    assert found is not None
    assert (found["id"], found["status"], found["progress"], found["staleSince"]) == (run["id"], "SUCCEEDED", 100, None)
    assert [one["companyId"] for one in found["recommendations"]] == ["acme"]
    (acme,) = found["recommendations"]
    assert abs(acme["simulatedMoic"] - acme["expectedMoic"]) < 4 * acme["standardError"]
    assert [one["companyId"] for one in found["unavailable"]] == ["odd"]
    assert [(one["strategy"], one["conservationOk"]) for one in found["plans"]] == [("OPTIMAL", True)]
    assert await reserving.optimal(options={"iterations": 101}) is None
    assert await reserving.optimal(at="2008-01-01T00:00:00Z") is None
    await reserving.analyst.recorded(reserving.id, event("feeCharged", "2008-01-01", amount="1.00"))
    stale = await reserving.optimal()
    assert stale is not None
    assert stale["staleSince"] is not None


async def test_a_run_of_a_past_moment_is_found_by_that_moment(reserving: Reserving) -> None:
    run = await reserving.finished(at="2008-01-01T00:00:00Z")
    assert run["at"] == "2008-01-01T00:00:00.000000Z"
    found = await reserving.optimal(at="2008-01-01T00:00:00Z")
    assert found is not None
    assert found["id"] == run["id"]
    assert await reserving.optimal() is None


async def test_the_same_question_and_the_same_key_give_the_same_run(reserving: Reserving) -> None:
    first = await reserving.run(idempotencyKey="k")
    assert (await reserving.run())["id"] == first["id"]
    assert (await reserving.run(idempotencyKey="k"))["id"] == first["id"]
    payload = await reserving.calculate(idempotencyKey="k", options={"iterations": 200})
    assert [code for code, _ in refusals(payload)] == ["IDEMPOTENCY_MISMATCH"]
    assert payload["run"] is None


@pytest.mark.parametrize(
    ("options", "code", "path"),
    [
        ({"iterations": 0}, "INVALID", ["iterations"]),
        ({"iterations": 10_000_001}, "LIMIT_EXCEEDED", ["iterations"]),
        ({"seed": -1}, "INVALID", ["seed"]),
        ({"strategies": []}, "INVALID", ["strategies"]),
        ({"strategies": ["OPTIMAL", "OPTIMAL"]}, "INVALID", ["strategies"]),
        ({"incrementalAmount": "0.00"}, "INVALID", ["incrementalAmount"]),
        ({"pool": "-0.01"}, "INVALID", ["pool"]),
        ({"minCheck": "-0.01"}, "INVALID", ["minCheck"]),
        ({"minCheck": "2.00", "maxPerCompany": "1.00"}, "INVALID", ["minCheck"]),
        ({"maxPerCompany": "-1.00"}, "INVALID", ["maxPerCompany"]),
        ({"maxPerCompanyShare": "1.01"}, "INVALID", ["maxPerCompanyShare"]),
        ({"maxPoolShare": "-0.01"}, "INVALID", ["maxPoolShare"]),
        ({"marketCorrelation": "1"}, "INVALID", ["marketCorrelation"]),
        ({"discountRate": "-0.1"}, "INVALID", ["discountRate"]),
        ({"confidenceLevel": "1"}, "INVALID", ["confidenceLevel"]),
        ({"maxPerStage": [{"stage": "", "max": "1"}]}, "INVALID", ["maxPerStage", "0", "stage"]),
        ({"maxPerStage": [{"stage": "a", "max": "-1"}]}, "INVALID", ["maxPerStage", "0", "max"]),
        (
            {"maxPerStage": [{"stage": "a", "max": "1"}, {"stage": "a", "max": "1"}]},
            "INVALID",
            ["maxPerStage", "1", "stage"],
        ),
        ({"commitments": [{"companyId": "acme", "amount": "0"}]}, "INVALID", ["commitments", "0", "amount"]),
        ({"commitments": [{"companyId": "none", "amount": "1"}]}, "NOT_FOUND", ["commitments", "0", "companyId"]),
        ({"excludedCompanyIds": ["acme", "none"]}, "NOT_FOUND", ["excludedCompanyIds", "1"]),
        ({"excludedCompanyIds": ["acme", "acme"]}, "INVALID", ["excludedCompanyIds", "1"]),
        ({"worstFivePercentFloor": "-0.01"}, "INVALID", ["worstFivePercentFloor"]),
    ],
)
async def test_options_that_cannot_be_are_refused_with_their_path(
    reserving: Reserving, options: Json, code: str, path: list[str]
) -> None:
    payload = await reserving.calculate(options=options)
    assert refusals(payload) == [(code, ["options", *path])]
    assert await reserving.version() == 7


@pytest.mark.parametrize("options", [{"iterations": 10**12}, {"pool": "1.001"}, {"strategies": ["BEST"]}])
async def test_options_that_are_of_no_such_type_are_errors(reserving: Reserving, options: Json) -> None:
    answer = await reserving.analyst.ask(CALCULATE, input={"fundId": reserving.id, "options": options})
    assert "errors" in answer
    assert await reserving.version() == 7


async def test_a_moment_before_any_fact_and_a_pool_of_zero_have_a_result(reserving: Reserving) -> None:
    await reserving.finished(at="1990-01-01T00:00:00Z")
    found = await reserving.optimal(at="1990-01-01T00:00:00Z")
    assert found is not None
    assert (found["status"], found["recommendations"]) == ("SUCCEEDED", [])
    none: Json = {"iterations": 100, "pool": "0.00"}
    await reserving.finished(options=none)
    found = await reserving.optimal(options=none)
    assert found is not None
    assert (found["pool"], found["plans"][0]["totalAllocated"]) == ("0.00", "0.00")


async def test_a_least_cheque_above_every_cap_gives_nobody_anything(reserving: Reserving) -> None:
    options: Json = {
        "iterations": 100,
        "pool": "1000000.00",
        "minCheck": "500000.00",
        "strategies": ["OPTIMAL", "PRIORITY_GREEDY", "HEURISTIC"],
    }
    await reserving.finished(options=options)
    found = await reserving.optimal(options=options)
    assert found is not None
    assert [(one["totalAllocated"], one["remaining"]) for one in found["plans"]] == [("0.00", "1000000.00")] * 3


async def test_commitments_and_exclusions_show_in_the_plan(reserving: Reserving) -> None:
    promised: Json = {**FEW, "commitments": [{"companyId": "acme", "amount": "120000.00"}], "pool": "600000.00"}
    await reserving.finished(options=promised)
    found = await reserving.optimal(options=promised)
    assert found is not None
    assert found["plans"][0]["totalAllocated"] == "120000.00"
    excluded: Json = {**FEW, "excludedCompanyIds": ["acme"]}
    await reserving.finished(options=excluded)
    found = await reserving.optimal(options=excluded)
    assert found is not None
    assert [(one["companyId"], one["limitedBy"]) for one in found["recommendations"]] == [("acme", "excluded")]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (
            {"commitments": [{"companyId": "acme", "amount": "1000000.00"}], "pool": "500000.00"},
            "what is committed is more than the pool",
        ),
        (
            {"commitments": [{"companyId": "odd", "amount": "1.00"}]},
            "odd is committed, and can't be given anything: the fund's ownership isn't known",
        ),
        (
            {"worstFivePercentFloor": "1000000000.00"},
            (
                "within the limits, no plan brings the mean of the worst 5% of the paths up to its floor; "
                "the most is about 0"
            ),
        ),
    ],
)
async def test_limits_that_cannot_all_be_kept_fail_the_run_and_say_which(
    reserving: Reserving, options: Json, why: str
) -> None:
    run = await reserving.finished(options={**FEW, **options})
    failed = (await reserving.viewer.data(STANDING, id=run["id"]))["node"]
    assert failed == {"status": "FAILED", "error": f"the limits can't all be kept: {why}"}


MODEL = """
query ($id: ID!, $at: DateTime, $knownAt: DateTime) {
  reserveModel(fundId: $id, at: $at, knownAt: $knownAt) {
    version occurredAt source stepUpSigma exitSigma monthsSigma
    stages {
      name graduate exit dilution optionPool stepUp exitMultiple monthsToGraduate monthsToExit
      reserveMultiple weight exitAlpha
    }
  }
}
"""


async def test_a_funds_own_model_holds_from_its_moment_on_and_the_default_one_before(reserving: Reserving) -> None:
    default = (await reserving.viewer.data(MODEL, id=reserving.id))["reserveModel"]
    assert (default["version"], default["occurredAt"]) == (None, None)
    assert "21,640 financings" in default["source"]
    assert [one["name"] for one in default["stages"]] == ["seed", "a", "b", "c", "later"]
    assert default["stages"][0]["graduate"] == "0.45"
    assert (default["stages"][0]["reserveMultiple"], default["stages"][0]["weight"]) == ("3", "1")
    before = await reserving.finished()
    plain = await reserving.optimal()
    last = {**default["stages"][4], "name": "Later"}
    stages = [{**default["stages"][0], "graduate": "0.6", "name": "Seed"}, last]
    await reserving.analyst.recorded(
        reserving.id, event("reserveModelSet", "2012-01-01", stages=stages, source="our own 40 companies")
    )
    own = (await reserving.viewer.data(MODEL, id=reserving.id))["reserveModel"]
    assert (own["version"], own["source"]) == (9 + 1, "our own 40 companies")
    assert (own["stages"], own["stepUpSigma"]) == (stages, "0.5")
    then = {"id": reserving.id, "at": "2011-01-01T00:00:00Z"}
    assert (await reserving.viewer.data(MODEL, **then))["reserveModel"] == default
    stale = await reserving.optimal()
    assert stale is not None
    assert (stale["id"], stale["staleSince"] is not None) == (before["id"], True)
    await reserving.finished()
    found = await reserving.optimal()
    assert found is not None
    assert plain is not None
    assert found["recommendations"][0]["followOnMultiple"] < plain["recommendations"][0]["followOnMultiple"]


async def test_who_may_ask_cancel_and_save(reserving: Reserving, stranger: Caller) -> None:
    nobody = Caller(stranger.http)
    run = await reserving.finished()
    waiting = await reserving.run()
    version = await reserving.version()
    assert refusals(await reserving.calculate(reserving.viewer)) == [("FORBIDDEN", ["fundId"])]
    assert refusals(await reserving.calculate(stranger)) == [("NOT_FOUND", ["fundId"])]
    assert refusals(await reserving.cancel(waiting["id"], reserving.viewer)) == [("FORBIDDEN", ["id"])]
    assert refusals(await reserving.cancel(waiting["id"], stranger)) == [("NOT_FOUND", ["id"])]
    assert refusals(await reserving.save(reserving.analyst, runId=run["id"])) == [("FORBIDDEN", ["fundId"])]
    assert refusals(await reserving.save(reserving.viewer, runId=run["id"])) == [("FORBIDDEN", ["fundId"])]
    assert refusals(await reserving.save(stranger, runId=run["id"])) == [("NOT_FOUND", ["fundId"])]
    for query, given in ((CALCULATE, {"input": {"fundId": reserving.id}}), (CANCEL, {"id": run["id"]}),
                         (SAVE, {"input": {"fundId": reserving.id, "name": "n", "runId": run["id"]}}),
                         (OPTIMAL, {"id": reserving.id}), (PAGE, {"id": reserving.id}),
                         (SCENARIOS, {"id": reserving.id})):  # fmt: skip
        assert await nobody.code(query, **given) == "UNAUTHENTICATED"
    for query in (OPTIMAL, PAGE, SCENARIOS):
        assert await stranger.code(query, id=reserving.id) == "NOT_FOUND"
    assert await reserving.version() == version


async def test_a_run_is_cancelled_once(reserving: Reserving) -> None:
    run = await reserving.run()
    payload = await reserving.cancel(run["id"])
    assert payload == {"run": {"id": run["id"], "status": "CANCELLED"}, "errors": []}
    assert refusals(await reserving.cancel(run["id"])) == [("INVALID_STATE", ["id"])]
    assert refusals(await reserving.cancel(f"run:{reserving.id}:none")) == [("NOT_FOUND", ["id"])]
    assert refusals(await reserving.cancel("nonsense")) == [("NOT_FOUND", ["id"])]


async def test_runs_are_paged_from_the_newest(reserving: Reserving) -> None:
    made = [await reserving.run(options={"iterations": 100, "seed": seed}) for seed in range(3)]
    first = (await reserving.viewer.data(PAGE, id=reserving.id, first=2))["reserveRuns"]
    assert [one["id"] for one in first["nodes"]] == [made[2]["id"], made[1]["id"]]
    assert first["pageInfo"]["hasNextPage"]
    after = first["pageInfo"]["endCursor"]
    rest = (await reserving.viewer.data(PAGE, id=reserving.id, first=2, after=after))["reserveRuns"]
    assert [one["id"] for one in rest["nodes"]] == [made[0]["id"]]
    assert not rest["pageInfo"]["hasNextPage"]
    assert "errors" in await reserving.viewer.ask(PAGE, id=reserving.id, after="nonsense")


async def test_a_plan_is_kept_under_a_name(reserving: Reserving) -> None:
    waiting = await reserving.run()
    assert refusals(await reserving.save(runId=waiting["id"])) == [("INVALID_STATE", ["strategy"])]
    await reserving.compute(waiting)
    saved = await reserving.save(runId=waiting["id"], description="for all")
    assert saved["errors"] == []
    scenario = saved["scenario"]
    assert (scenario["name"], scenario["description"], scenario["run"]) == ("Base", "for all", {"id": waiting["id"]})
    assert scenario["plan"] == {"strategy": "OPTIMAL"}
    assert "@" in scenario["createdBy"]
    assert refusals(await reserving.save(runId=waiting["id"], strategy="HEURISTIC")) == [
        ("INVALID_STATE", ["strategy"])
    ]
    assert refusals(await reserving.save(runId=f"run:{reserving.id}:none")) == [("NOT_FOUND", ["runId"])]
    assert refusals(await reserving.save(runId=waiting["id"], name=" ")) == [("INVALID", ["name"])]
    await reserving.save(runId=waiting["id"], name="Second")
    kept = (await reserving.viewer.data(SCENARIOS, id=reserving.id))["reserveScenarios"]
    assert [one["name"] for one in kept] == ["Second", "Base"]


async def test_the_latest_recommendation_is_that_of_the_moment(reserving: Reserving) -> None:
    async def latest(field: str = "latestRecommendation", **given: object) -> str | None:
        found = (await reserving.viewer.data(LATEST, id=reserving.id, **given))["fund"][field]
        return None if found is None else found["id"]

    assert await latest() is None
    first = await reserving.finished()
    known = await reserving.optimal()
    assert known is not None
    second = await reserving.finished(options={"iterations": 200})
    assert await latest() == second["id"]
    # What one would have said earlier isn't what is recommended now.
    replayed = await reserving.finished(at="2010-01-01T00:00:00Z")
    assert await latest() == replayed["id"]
    assert await latest("present") == second["id"]
    assert await latest(knownAt=known["finishedAt"]) == first["id"]
    assert await latest(at=known["finishedAt"]) == first["id"]
    assert await latest(at="2009-01-01T00:00:00Z") is None


async def test_a_run_is_followed_until_it_is_over(reserving: Reserving, live: Live) -> None:
    run = await reserving.run()
    async with conversing(live.ws_url, reserving.viewer.token) as conversation:
        await conversation.subscribe(FOLLOW, id=run["id"])
        first = (await conversation.next())["reserveProgress"]
        assert (first["runId"], first["status"], first["progress"], first["run"]) == (run["id"], "QUEUED", 0, None)
        await reserving.compute(run)
        told = [first]
        while told[-1]["run"] is None:
            told.append((await conversation.next())["reserveProgress"])
        last = told[-1]
        assert (last["status"], last["progress"], last["run"]["status"]) == ("SUCCEEDED", 100, "SUCCEEDED")
        assert {one["status"] for one in told} <= {"QUEUED", "RUNNING", "SUCCEEDED"}
        assert (await conversation.receive())["type"] == "complete"


async def test_following_a_run_that_is_over_tells_so_and_ends(reserving: Reserving, live: Live) -> None:
    run = await reserving.finished()
    async with conversing(live.ws_url, reserving.viewer.token) as conversation:
        await conversation.subscribe(FOLLOW, id=run["id"])
        only = (await conversation.next())["reserveProgress"]
        assert (only["status"], only["run"]["id"]) == ("SUCCEEDED", run["id"])
        assert (await conversation.receive())["type"] == "complete"


async def test_runs_and_scenarios_are_found_by_their_ids(reserving: Reserving, stranger: Caller) -> None:
    run = await reserving.finished()
    scenario = (await reserving.save(runId=run["id"]))["scenario"]
    for id, name in ((run["id"], "ReserveRun"), (scenario["id"], "ReserveScenario")):
        assert await reserving.viewer.data(NODE, id=id) == {"node": {"__typename": name, "id": id}}
        assert await stranger.data(NODE, id=id) == {"node": None}
    for id in (f"run:{reserving.id}:none", f"scenario:{reserving.id}:none"):
        assert await reserving.viewer.data(NODE, id=id) == {"node": None}
