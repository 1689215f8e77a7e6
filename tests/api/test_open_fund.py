"""Opening a fund: whoever opens it is its first ADMIN."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from infra import tenancy
from tests.api.asking import Caller, Json, refusals
from tests.api.conftest import MakeCaller
from tests.conftest import Live

OPEN = """
mutation ($input: OpenFundInput!) {
  openFund(input: $input) {
    fund { id name currency vintageYear size timeZone openedAt version }
    errors { code message path }
  }
}
"""
GOOD: Json = {"name": "Seed I", "currency": "EUR", "vintageYear": 2015, "size": "25000000.00"}
MINE = "{ viewer { memberships { role fund { id } } } }"


async def opened(someone: Caller, **given: object) -> Json:
    payload: Json = (await someone.data(OPEN, input={**GOOD, **given}))["openFund"]
    return payload


async def memberships(someone: Caller) -> list[tuple[str, str]]:
    told = (await someone.data(MINE))["viewer"]["memberships"]
    return [(one["fund"]["id"], one["role"]) for one in told]


async def test_a_fund_is_opened_at_version_1_with_its_opener_as_admin(caller: MakeCaller) -> None:
    partner = await caller()
    payload = await opened(partner, timeZone="Europe/Berlin", openedAt="2015-03-01T12:00:00+01:00")
    assert payload["errors"] == []
    fund = payload["fund"]
    assert await memberships(partner) == [(fund.pop("id"), "ADMIN")]
    assert fund == {
        "name": "Seed I",
        "currency": "EUR",
        "vintageYear": 2015,
        "size": "25000000.00",
        "timeZone": "Europe/Berlin",
        "openedAt": "2015-03-01T11:00:00.000000Z",
        "version": 1,
    }


async def test_the_opening_is_the_first_fact(caller: MakeCaller) -> None:
    partner = await caller()
    fund = (await opened(partner, openedAt="2015-03-01T00:00:00Z"))["fund"]
    asked = """
    query ($id: ID!) {
      timeline(fundId: $id) {
        nodes {
          version type occurredAt summary payload
          ... on FundOpened { name currency vintageYear size timeZone }
        }
      }
    }
    """
    typed = {"name": "Seed I", "currency": "EUR", "vintageYear": 2015, "size": "25000000.00", "timeZone": "UTC"}
    assert (await partner.data(asked, id=fund["id"]))["timeline"]["nodes"] == [
        {
            "version": 1,
            "type": "FUND_OPENED",
            "occurredAt": "2015-03-01T00:00:00.000000Z",
            "summary": "Seed I opened with 25,000,000 EUR committed",
            "payload": typed,
            **typed,
        }
    ]


async def test_what_is_left_out_is_utc_and_now(caller: MakeCaller) -> None:
    partner = await caller()
    for left_out in ({}, {"timeZone": None, "openedAt": None, "idempotencyKey": None}):
        fund = (await opened(partner, **left_out))["fund"]
        assert fund["timeZone"] == "UTC"
        assert abs(datetime.now(UTC) - datetime.fromisoformat(fund["openedAt"])) < timedelta(minutes=1)


async def test_the_same_key_and_input_answer_with_the_fund_opened_first(caller: MakeCaller) -> None:
    partner = await caller()
    key = uuid4().hex
    first = await opened(partner, idempotencyKey=key)
    again = await opened(partner, idempotencyKey=key)
    assert first["errors"] == []
    assert again == first
    assert await memberships(partner) == [(first["fund"]["id"], "ADMIN")]


async def test_the_same_key_with_other_input_is_refused(caller: MakeCaller) -> None:
    partner = await caller()
    key = uuid4().hex
    await opened(partner, idempotencyKey=key)
    payload = await opened(partner, idempotencyKey=key, size="25000000.01")
    assert payload["fund"] is None
    assert refusals(payload) == [("IDEMPOTENCY_MISMATCH", ["idempotencyKey"])]
    assert len(await memberships(partner)) == 1


async def test_a_key_is_the_openers_own(caller: MakeCaller) -> None:
    key = uuid4().hex
    one, other = await caller(), await caller()
    assert (await opened(one, idempotencyKey=key))["fund"]["id"] != (await opened(other, idempotencyKey=key))["fund"][
        "id"
    ]


TOMORROW = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"

REFUSED = [
    ({"name": ""}, "name"),
    ({"name": "\t\n "}, "name"),
    ({"name": "x" * 201}, "name"),
    ({"name": "a\0b"}, "name"),
    ({"currency": ""}, "currency"),
    ({"currency": "usd"}, "currency"),
    ({"currency": "US"}, "currency"),
    ({"currency": "USDX"}, "currency"),
    ({"currency": "ÜSD"}, "currency"),
    ({"currency": "US\0"}, "currency"),
    ({"vintageYear": 1899}, "vintageYear"),
    ({"vintageYear": 2200}, "vintageYear"),
    ({"vintageYear": -2_147_483_648}, "vintageYear"),
    ({"size": "0.00"}, "size"),
    ({"size": "-0.01"}, "size"),
    ({"timeZone": "Mars/Olympus"}, "timeZone"),
    ({"timeZone": "../../../etc/passwd"}, "timeZone"),
    ({"timeZone": "utc\0"}, "timeZone"),
    ({"timeZone": "x" * 100_000}, "timeZone"),
    ({"openedAt": "1899-12-31T23:59:59.999999Z"}, "openedAt"),
    ({"openedAt": TOMORROW}, "openedAt"),
    ({"openedAt": "9999-12-31T23:59:59.999999Z"}, "openedAt"),
    ({"idempotencyKey": ""}, "idempotencyKey"),
    ({"idempotencyKey": "x" * 201}, "idempotencyKey"),
    ({"idempotencyKey": "\0"}, "idempotencyKey"),
]


@pytest.mark.parametrize(
    ("given", "field"), REFUSED, ids=[f"{place}-{field}" for place, (_, field) in enumerate(REFUSED)]
)
async def test_an_opening_that_cant_be_is_refused_with_the_fields_path(
    caller: MakeCaller, given: Json, field: str
) -> None:
    partner = await caller()
    payload = await opened(partner, **given)
    assert payload["fund"] is None
    assert refusals(payload) == [("INVALID", [field])]
    assert await memberships(partner) == []


async def test_without_a_token_no_fund_is_opened(stranger: Caller) -> None:
    nobody = Caller(stranger.http)
    answer = await nobody.ask(OPEN, input=GOOD)
    assert answer["data"] is None
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["UNAUTHENTICATED"]


async def test_an_administrator_opens_a_fund_as_anyone_does(caller: MakeCaller) -> None:
    administrator = await caller(administrator=True)
    fund = (await opened(administrator))["fund"]
    assert await memberships(administrator) == [(fund["id"], "ADMIN")]


async def test_the_largest_and_smallest_sizes_come_back_as_given(caller: MakeCaller) -> None:
    partner = await caller()
    for size in ("1000000000000000.00", "0.01"):
        assert (await opened(partner, size=size))["fund"]["size"] == size


async def test_a_fund_is_opened_for_an_organisation_by_who_administers_it(live: Live, caller: MakeCaller) -> None:
    partner, stranger = await caller(), await caller()
    fund = (await opened(partner))["fund"]
    with tenancy.everyone():
        row = await live.runtime.funds.fund(UUID(fund["id"]))
    assert row is not None
    organisation = str(row.organisation_id)
    second = (await opened(partner, organisationId=organisation))["fund"]
    with tenancy.everyone():
        row = await live.runtime.funds.fund(UUID(second["id"]))
    assert row is not None
    assert str(row.organisation_id) == organisation
    # One of others can't be told from one that doesn't exist.
    for not_theirs in (organisation, str(uuid4()), "nonsense"):
        payload = await opened(stranger, organisationId=not_theirs)
        assert payload["fund"] is None
        assert refusals(payload) == [("NOT_FOUND", ["organisationId"])]
    assert await memberships(stranger) == []
