"""Recording facts: all or none, by those who may, at the version expected, once for each key."""

import asyncio
from uuid import uuid4

import pytest

from infra.people import Role
from tests.api.asking import RECORD, Caller, Json, OpenedFund, event, refusals
from tests.api.conftest import MakeCaller

FEE = event("feeCharged", "2010-01-01", amount="1.00")
ABSENT = "00000000-0000-4000-8000-000000000000"


async def test_facts_get_the_next_versions_in_the_order_given(fund: OpenedFund) -> None:
    payload = await fund.analyst.record(fund.id, FEE, event("capitalCalled", "2009-01-01", amount="5.00"), FEE)
    assert payload["errors"] == []
    assert [(one["id"], one["version"]) for one in payload["events"]] == [
        (f"fact:{fund.id}:{version}", version) for version in (2, 3, 4)
    ]
    assert payload["state"] == {"version": 4, "availableCapital": "59999998.00"}
    assert len({one["hash"] for one in payload["events"]}) == 3


async def test_a_thousand_facts_are_recorded_at_once(fund: OpenedFund) -> None:
    assert await fund.analyst.recorded(fund.id, *[FEE] * 1_000) == list(range(2, 1_002))


async def test_a_thousand_and_one_facts_are_refused_and_none_is_recorded(fund: OpenedFund) -> None:
    payload = await fund.analyst.record(fund.id, *[FEE] * 1_001)
    message = "At most 1000 events at once; 1001 were given."
    refusal = {"code": "LIMIT_EXCEEDED", "message": message, "path": ["events"]}
    assert payload == {"events": [], "state": None, "errors": [refusal]}
    assert await fund.analyst.version(fund.id) == 1


async def test_no_facts_are_refused(fund: OpenedFund) -> None:
    assert refusals(await fund.analyst.record(fund.id)) == [("INVALID", ["events"])]
    assert await fund.analyst.version(fund.id) == 1


async def test_one_bad_fact_keeps_all_others_out_and_is_named_by_its_place(fund: OpenedFund) -> None:
    bad = event("feeCharged", "2010-01-01", amount="0.00")
    payload = await fund.analyst.record(fund.id, FEE, FEE, FEE, bad, FEE)
    refusal = {"code": "INVALID", "message": "The amount must be above zero.", "path": ["events", "3", "amount"]}
    assert payload == {"events": [], "state": None, "errors": [refusal]}
    assert await fund.analyst.version(fund.id) == 1


async def test_a_dry_run_tells_every_bad_fact_and_records_none(fund: OpenedFund) -> None:
    bad = event("feeCharged", "2010-01-01", amount="0.00")
    payload = await fund.analyst.record(fund.id, FEE, bad, FEE, bad, dryRun=True, idempotencyKey="k")
    refusals_told = [("INVALID", ["events", place, "amount"]) for place in ("1", "3")]
    assert (payload["events"], refusals(payload)) == ([], refusals_told)
    assert payload["state"] == {"version": 1, "availableCapital": "60000000.00"}
    good = await fund.analyst.record(fund.id, FEE, FEE, dryRun=True, idempotencyKey="k")
    assert (good["events"], good["errors"]) == ([], [])
    assert await fund.analyst.version(fund.id) == 1
    # The key was not used up by looking.
    assert await fund.analyst.recorded(fund.id, FEE, FEE, idempotencyKey="k") == [2, 3]


async def test_a_dry_run_takes_an_analyst_too(fund: OpenedFund, caller: MakeCaller) -> None:
    viewer = await caller(Role.VIEWER, fund.uuid)
    assert refusals(await viewer.record(fund.id, FEE, dryRun=True)) == [("FORBIDDEN", ["fundId"])]


async def test_facts_of_one_request_may_build_on_each_other(fund: OpenedFund) -> None:
    await fund.analyst.recorded(
        fund.id,
        event("companyAdded", "2010-01-01", companyId="acme", name="Acme"),
        event("investmentMade", "2010-01-01", companyId="acme", amount="10.00"),
    )
    await fund.analyst.recorded(
        fund.id,
        # The order given is not the order they were true in.
        event("investmentMade", "2010-02-01", companyId="beta", amount="10.00"),
        event("companyAdded", "2010-01-15", companyId="beta", name="Beta"),
    )


async def test_without_a_moment_a_fact_was_true_now(fund: OpenedFund) -> None:
    await fund.analyst.recorded(fund.id, event("feeCharged", amount="1.00"), {**FEE, "occurredAt": None})
    asked = "query ($id: ID!) { timeline(fundId: $id, first: 2) { nodes { occurredAt recordedAt } } }"
    for fact in (await fund.analyst.data(asked, id=fund.id))["timeline"]["nodes"]:
        assert fact["occurredAt"][:16] <= fact["recordedAt"][:16]
        assert fact["occurredAt"] > "2026"


# Who may record.


@pytest.mark.parametrize("role", [Role.ANALYST, Role.MANAGER, Role.ADMIN])
async def test_an_analyst_and_whoever_is_above_may_record(fund: OpenedFund, caller: MakeCaller, role: Role) -> None:
    someone = await caller(role, fund.uuid)
    assert await someone.recorded(fund.id, FEE) == [2]


async def test_an_administrator_may_record_in_any_fund(fund: OpenedFund, caller: MakeCaller) -> None:
    administrator = await caller(administrator=True)
    assert await administrator.recorded(fund.id, FEE) == [2]


async def test_a_viewer_may_not_record(fund: OpenedFund, caller: MakeCaller) -> None:
    viewer = await caller(Role.VIEWER, fund.uuid)
    message = "This takes the role ANALYST; yours is VIEWER."
    refusal = {"code": "FORBIDDEN", "message": message, "path": ["fundId"]}
    assert await viewer.record(fund.id, FEE) == {"events": [], "state": None, "errors": [refusal]}
    assert await viewer.version(fund.id) == 1


@pytest.mark.parametrize("id", [None, ABSENT, "", "garbage", "\0", "x" * 10_000])
async def test_in_a_fund_one_has_no_part_in_or_that_isnt_there_nothing_is_recorded(
    stranger: Caller, fund: OpenedFund, id: str | None
) -> None:
    payload = await stranger.record(fund.id if id is None else id, FEE)
    refusal = {"code": "NOT_FOUND", "message": "No such fund.", "path": ["fundId"]}
    assert payload == {"events": [], "state": None, "errors": [refusal]}
    assert await fund.analyst.version(fund.id) == 1


async def test_a_role_in_another_fund_is_none_in_this_one(
    fund: OpenedFund, portfolio: OpenedFund, caller: MakeCaller
) -> None:
    admin_elsewhere = await caller(Role.ADMIN, portfolio.uuid)
    assert refusals(await admin_elsewhere.record(fund.id, FEE)) == [("NOT_FOUND", ["fundId"])]
    assert await fund.analyst.version(fund.id) == 1


async def test_without_a_token_nothing_is_recorded(fund: OpenedFund) -> None:
    nobody = Caller(fund.analyst.http)
    answer = await nobody.ask(RECORD, input={"fundId": fund.id, "events": [FEE]})
    assert answer["data"] is None
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["UNAUTHENTICATED"]
    assert await fund.analyst.version(fund.id) == 1


# The version expected.


async def test_at_the_version_expected_facts_are_recorded(fund: OpenedFund) -> None:
    assert await fund.analyst.recorded(fund.id, FEE, FEE, expectedVersion=1) == [2, 3]
    assert await fund.analyst.recorded(fund.id, FEE, expectedVersion=3) == [4]
    assert await fund.analyst.recorded(fund.id, FEE, expectedVersion=None) == [5]


@pytest.mark.parametrize("expected", [-2_147_483_648, -1, 0, 2, 2_147_483_647])
async def test_at_another_version_they_are_refused_with_the_one_expected_and_the_actual(
    fund: OpenedFund, expected: int
) -> None:
    payload = await fund.analyst.record(fund.id, FEE, expectedVersion=expected)
    message = f"The ledger is at version 1, not at {expected}."
    refusal = {"code": "VERSION_CONFLICT", "message": message, "path": ["expectedVersion"]}
    assert payload == {"events": [], "state": None, "errors": [refusal]}
    assert await fund.analyst.version(fund.id) == 1


async def test_of_16_writers_expecting_the_same_version_exactly_one_wins_each(fund: OpenedFund) -> None:
    won = []
    for expected in range(1, 6):
        tries = [fund.analyst.record(fund.id, FEE, expectedVersion=expected) for _ in range(16)]
        payloads = await asyncio.gather(*tries)
        won.append([one["version"] for payload in payloads for one in payload["events"]])
        lost = [refusals(payload) for payload in payloads if payload["errors"]]
        assert lost == [[("VERSION_CONFLICT", ["expectedVersion"])]] * 15
    assert won == [[2], [3], [4], [5], [6]]
    assert await fund.analyst.version(fund.id) == 6


async def test_16_writers_that_expect_no_version_all_get_their_facts_in(fund: OpenedFund) -> None:
    written = await asyncio.gather(*[fund.analyst.recorded(fund.id, FEE, FEE) for _ in range(16)])
    assert sorted(version for versions in written for version in versions) == list(range(2, 34))
    assert all(second == first + 1 for first, second in written)


# Idempotency keys.


async def test_the_same_key_and_input_return_the_first_answer_and_store_nothing(fund: OpenedFund) -> None:
    key = uuid4().hex
    first = await fund.analyst.record(fund.id, FEE, FEE, idempotencyKey=key)
    await fund.analyst.recorded(fund.id, FEE)
    again = await fund.analyst.record(fund.id, FEE, FEE, idempotencyKey=key)
    assert first["errors"] == again["errors"] == []
    assert again["events"] == first["events"]
    assert await fund.analyst.version(fund.id) == 4


async def test_a_repeat_with_the_version_expected_then_is_no_conflict(fund: OpenedFund) -> None:
    key = uuid4().hex
    first = await fund.analyst.record(fund.id, FEE, idempotencyKey=key, expectedVersion=1)
    again = await fund.analyst.record(fund.id, FEE, idempotencyKey=key, expectedVersion=1)
    assert again == first
    assert await fund.analyst.version(fund.id) == 2


OTHERS: list[list[Json]] = [
    [event("feeCharged", "2010-01-01", amount="1.01")],
    [event("feeCharged", "2010-01-02", amount="1.00")],
    [event("feeCharged", "2010-01-01", amount="1.00", kind="audit")],
    [event("capitalCalled", "2010-01-01", amount="1.00")],
    [{**FEE, "metadata": {"a": 1}}],
    [event("feeCharged", amount="1.00")],
    [FEE, FEE],
]


@pytest.mark.parametrize("other", OTHERS)
async def test_the_same_key_with_other_input_is_refused(fund: OpenedFund, other: list[Json]) -> None:
    await fund.analyst.recorded(fund.id, FEE, idempotencyKey="import 7")
    payload = await fund.analyst.record(fund.id, *other, idempotencyKey="import 7")
    message = "This idempotency key was used before with other input."
    refusal = {"code": "IDEMPOTENCY_MISMATCH", "message": message, "path": ["idempotencyKey"]}
    assert payload == {"events": [], "state": None, "errors": [refusal]}
    assert await fund.analyst.version(fund.id) == 2


async def test_a_refused_request_does_not_use_up_its_key(fund: OpenedFund) -> None:
    assert (await fund.analyst.record(fund.id, FEE, idempotencyKey="k", expectedVersion=9))["errors"] != []
    assert await fund.analyst.recorded(fund.id, FEE, idempotencyKey="k") == [2]


async def test_a_key_is_the_funds_own(fund: OpenedFund, caller: MakeCaller, portfolio: OpenedFund) -> None:
    administrator = await caller(administrator=True)
    assert await administrator.recorded(fund.id, FEE, idempotencyKey="k") == [2]
    opened = await administrator.data(
        "mutation ($input: OpenFundInput!) { openFund(input: $input) { fund { id } } }",
        input={
            "name": "Other",
            "currency": "USD",
            "vintageYear": 2006,
            "size": "9.00",
            "openedAt": "2006-01-01T00:00:00Z",
        },
    )
    assert await administrator.recorded(opened["openFund"]["fund"]["id"], FEE, idempotencyKey="k") == [2]


async def test_of_8_requests_with_one_key_at_once_one_stores_and_all_answer_the_same(fund: OpenedFund) -> None:
    payloads = await asyncio.gather(*[fund.analyst.record(fund.id, FEE, idempotencyKey="same") for _ in range(8)])
    assert [payload["errors"] for payload in payloads] == [[]] * 8
    assert {payload["events"][0]["id"] for payload in payloads} == {f"fact:{fund.id}:2"}
    assert await fund.analyst.version(fund.id) == 2


# Metadata.


async def test_metadata_comes_back_exactly_as_given(fund: OpenedFund) -> None:
    given: Json = {
        "": None,
        "source": "import.csv – Zeile 7 😀 \u2028",
        "numbers": [0, -1, 1.5, 0.1, 1e300, -2.5e-8, 9_007_199_254_740_993, 18_446_744_073_709_551_615, 10**40],
        "flags": [True, False],
        "deep": {"a": {"b": [[], {}, [[1]]]}},
        "text": 'quotes " and \\ and \t and </script> and \u0001',
    }
    await fund.analyst.recorded(fund.id, {**FEE, "metadata": given}, {**FEE, "metadata": None}, {**FEE, "metadata": {}})
    asked = "query ($id: ID!) { timeline(fundId: $id, newestFirst: false) { nodes { version metadata } } }"
    nodes = (await fund.analyst.data(asked, id=fund.id))["timeline"]["nodes"]
    assert nodes == [
        {"version": 1, "metadata": None},
        {"version": 2, "metadata": given},
        {"version": 3, "metadata": None},
        {"version": 4, "metadata": {}},
    ]


@pytest.mark.parametrize("metadata", [[], [1], "x", "", 0, 1.5, True, False])
async def test_metadata_that_is_no_object_is_refused(fund: OpenedFund, metadata: object) -> None:
    payload = await fund.analyst.record(fund.id, FEE, {**FEE, "metadata": metadata})
    refusal = {"code": "INVALID", "message": "Metadata must be an object.", "path": ["events", "1", "metadata"]}
    assert payload["errors"] == [refusal]
    assert await fund.analyst.version(fund.id) == 1


@pytest.mark.parametrize("metadata", [{"a": "x" * 8_192}, {"a": "\0"}, {"\0": 1}, {"a": [{"b": "c\0d"}]}])
async def test_metadata_that_is_too_long_or_holds_nul_is_refused(fund: OpenedFund, metadata: Json) -> None:
    payload = await fund.analyst.record(fund.id, {**FEE, "metadata": metadata})
    assert refusals(payload) == [("INVALID", ["events", "0", "metadata"])]
    assert await fund.analyst.version(fund.id) == 1
