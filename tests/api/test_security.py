"""Who is let in, and to what: tokens, roles at each request, and foreign funds that can't be told from none."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest

from api import security
from infra.people import Person, Role
from tests.api.asking import RECORD, Caller, Json, OpenedFund, conversing, event, refusals
from tests.conftest import SECRET, Live

VIEWER = "{ viewer { id } }"
HOUR = timedelta(hours=1)


def token(person: Person, **changed: Any) -> str:
    """A token with the claims that good ones have, but for those changed; None leaves one out."""
    now = datetime.now(UTC)
    claims = {"sub": str(person.id), "aud": "drypowder", "iat": now, "exp": now + HOUR, **changed}
    return jwt.encode({name: claim for name, claim in claims.items() if claim is not None}, SECRET, algorithm="HS256")


def part(claims: Json) -> str:
    return text(json.dumps(claims))


def text(encoded: str | bytes) -> str:
    raw = encoded.encode() if isinstance(encoded, str) else encoded
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def unsigned(person: Person, algorithm: str = "none", signature: str = "") -> str:
    claims = {"sub": str(person.id), "aud": "drypowder", "exp": int(datetime.now(UTC).timestamp()) + 3_600}
    return f"{part({'alg': algorithm, 'typ': 'JWT'})}.{part(claims)}.{signature}"


def resigned(person: Person, **how: Any) -> str:
    claims = {"sub": str(person.id), "aud": "drypowder", "exp": datetime.now(UTC) + HOUR}
    return jwt.encode(claims, **how)


def altered(person: Person) -> str:
    """Someone else's name under a good signature."""
    head, _, signature = token(person).split(".")
    other = {"sub": str(uuid4()), "aud": "drypowder", "exp": int(datetime.now(UTC).timestamp()) + 3_600}
    return f"{head}.{part(other)}.{signature}"


NOT_VALID = "The token isn't valid."
OTHER_SECRET = "another secret, which is as long as the right one is"

BAD: dict[str, tuple[Callable[[Person], str], str]] = {
    "expired": (lambda one: token(one, exp=datetime.now(UTC) - timedelta(seconds=15)), "The token has expired."),
    "expired long ago": (lambda one: token(one, exp=1), "The token has expired."),
    "issued tomorrow": (lambda one: token(one, iat=datetime.now(UTC) + timedelta(days=1)), NOT_VALID),
    "not yet good": (lambda one: token(one, nbf=datetime.now(UTC) + timedelta(days=1)), NOT_VALID),
    "wrongly signed": (lambda one: resigned(one, key=OTHER_SECRET, algorithm="HS256"), NOT_VALID),
    "signed by another algorithm": (lambda one: resigned(one, key=SECRET * 2, algorithm="HS512"), NOT_VALID),
    "unsigned": (unsigned, NOT_VALID),
    "unsigned in capitals": (lambda one: unsigned(one, "NONE"), NOT_VALID),
    "unsigned and said to be signed": (lambda one: unsigned(one, "HS256"), NOT_VALID),
    "of no algorithm": (lambda _: f"{part({'typ': 'JWT'})}.{part({})}.", NOT_VALID),
    "with a head that is no object": (lambda _: f"{text('[]')}.{part({})}.", NOT_VALID),
    "signature cut off": (lambda one: token(one)[:-5], NOT_VALID),
    "signature left out": (lambda one: token(one).rpartition(".")[0] + ".", NOT_VALID),
    "claims altered": (altered, NOT_VALID),
    "of another audience": (lambda one: token(one, aud="elsewhere"), NOT_VALID),
    "without an audience": (lambda one: token(one, aud=None), NOT_VALID),
    "without an end": (lambda one: token(one, exp=None), NOT_VALID),
    "without a moment of issue": (lambda one: token(one, iat=None), NOT_VALID),
    "issued at no moment": (lambda one: token(one, iat=-(10**18)), NOT_VALID),
    "good for ever": (lambda one: token(one, exp=10**18), NOT_VALID),
    "without a subject": (lambda one: token(one, sub=None), NOT_VALID),
    "with a subject that is no id": (lambda one: token(one, sub="root"), NOT_VALID),
    "with an empty subject": (lambda one: token(one, sub=""), NOT_VALID),
    "with an e-mail for a subject": (lambda one: token(one, sub=one.email), NOT_VALID),
    "of somebody who never was": (lambda one: token(one, sub=str(uuid4())), "The token's person is gone."),
    "nothing like a token": (lambda _: "sesame", NOT_VALID),
    "two dots": (lambda _: "..", NOT_VALID),
    "a token twice": (lambda one: f"{token(one)} {token(one)}", NOT_VALID),
    "with a head nested deeply": (lambda _: f"{text('[' * 5_000)}.{part({})}.", NOT_VALID),
    "very long": (lambda _: "a." * 5_000, "The token is too long."),
}


@pytest.fixture
async def person(live: Live) -> Person:
    return await live.runtime.people.enrol(f"{uuid4().hex}@example.org")


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_token_lets_nobody_in(live: Live, stranger: Caller, person: Person, name: str) -> None:
    make, reason = BAD[name]
    for query in (VIEWER, "{ funds { nodes { id } } }", '{ node(id: "x") { id } }'):
        answer = await Caller(stranger.http, make(person)).ask(query)
        (error,) = answer["errors"]
        assert (error["message"], error["extensions"]["code"]) == (reason, "UNAUTHENTICATED")
        assert not any((answer["data"] or {}).values())


async def test_a_good_token_lets_in(stranger: Caller, person: Person) -> None:
    for good in (
        token(person),
        security.issue(SECRET, person, datetime.now(UTC), HOUR),
        token(person, exp=datetime.now(UTC) - timedelta(seconds=2)),
        token(person, aud=["elsewhere", "drypowder"]),
    ):
        assert await Caller(stranger.http, good).data(VIEWER) == {"viewer": {"id": str(person.id)}}


async def test_every_token_has_an_id_and_its_moment_to_the_microsecond(person: Person) -> None:
    now = datetime(2026, 7, 1, 12, 0, 0, 123456, tzinfo=UTC)
    first, second = [
        jwt.decode(security.issue(SECRET, person, now, HOUR), options={"verify_signature": False}) for _ in range(2)
    ]
    assert first["jti"] != second["jti"]
    assert {key: claim for key, claim in first.items() if key != "jti"} == {
        "sub": str(person.id),
        "aud": "drypowder",
        "iat": now.timestamp(),
        "exp": int(now.timestamp()) + 3_600,
    }


NO_HEADERS = ["", "Bearer", "Basic YTpi", "Token {}", "{}", "Bearer{}", "Bearer: {}", "Digest x=1"]


@pytest.mark.parametrize("header", NO_HEADERS)
async def test_a_header_that_bears_no_token_lets_nobody_in(stranger: Caller, person: Person, header: str) -> None:
    given = header.format(token(person))
    response = await Caller(stranger.http).send(json.dumps({"query": VIEWER}), authorization=given)
    (error,) = response.json()["errors"]
    assert error["extensions"]["code"] == "UNAUTHENTICATED"


async def test_the_schemes_case_and_blanks_do_not_matter(stranger: Caller, person: Person) -> None:
    for scheme in ("Bearer {}", "bearer {}", "BEARER {}", "Bearer   {}"):
        headers = {"authorization": scheme.format(token(person))}
        response = await Caller(stranger.http).send(json.dumps({"query": VIEWER}), **headers)
        assert response.json()["data"] == {"viewer": {"id": str(person.id)}}


async def test_no_token_comes_from_anywhere_but_the_header(stranger: Caller, person: Person) -> None:
    good = token(person)
    response = await stranger.http.post(
        "/graphql",
        params={"token": good, "access_token": good, "authorization": f"Bearer {good}"},
        json={"query": VIEWER, "token": good, "extensions": {"token": good}},
        headers={"cookie": f"token={good}; authorization={good}", "x-authorization": f"Bearer {good}"},
    )
    assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_whoever_is_gone_is_not_let_in_any_more(live: Live, stranger: Caller, person: Person) -> None:
    someone = Caller(stranger.http, token(person))
    assert await someone.data(VIEWER) == {"viewer": {"id": str(person.id)}}
    await live.runtime.pool.execute("DELETE FROM person WHERE id = $1", person.id)
    error = await someone.error(VIEWER)
    assert (error["message"], error["extensions"]["code"]) == ("The token's person is gone.", "UNAUTHENTICATED")


async def test_introspection_alone_is_answered_without_a_token(stranger: Caller) -> None:
    nobody = Caller(stranger.http)
    assert await nobody.data("{ __typename __schema { queryType { name } } }") == {
        "__typename": "Query",
        "__schema": {"queryType": {"name": "Query"}},
    }


# Roles are read at each request.


async def test_a_role_given_or_taken_away_is_felt_at_the_next_request(
    live: Live, stranger: Caller, person: Person, fund: OpenedFund
) -> None:
    someone, fee = Caller(stranger.http, token(person)), event("feeCharged", amount="1.00")
    codes = []
    for role in (None, Role.VIEWER, Role.ANALYST, Role.ADMIN, Role.VIEWER):
        if role is not None:
            await live.runtime.people.give(person.id, fund.uuid, role)
        codes.append([code for code, _ in refusals(await someone.record(fund.id, fee))])
    assert codes == [["NOT_FOUND"], ["FORBIDDEN"], [], [], ["FORBIDDEN"]]
    await live.runtime.pool.execute("DELETE FROM membership WHERE person_id = $1", person.id)
    assert refusals(await someone.record(fund.id, fee)) == [("NOT_FOUND", ["fundId"])]
    assert await someone.data("query ($id: ID!) { fund(id: $id) { id } }", id=fund.id) == {"fund": None}
    assert await fund.analyst.version(fund.id) == 3


async def test_on_an_open_websocket_too(live: Live, person: Person, fund: OpenedFund) -> None:
    await live.runtime.people.give(person.id, fund.uuid, Role.VIEWER)
    query = "query ($id: ID!) { fund(id: $id) { version } }"
    async with conversing(live.ws_url, token(person)) as talk:
        await talk.subscribe(query, "1", id=fund.id)
        assert await talk.next() == {"fund": {"version": 1}}
        assert (await talk.receive())["type"] == "complete"
        await live.runtime.pool.execute("DELETE FROM membership WHERE person_id = $1", person.id)
        await talk.subscribe(query, "2", id=fund.id)
        assert await talk.next() == {"fund": None}


# A fund one has no part in.

EVERYWHERE = {
    "fund": "query ($id: ID!) { fund(id: $id) { id fund { name } } }",
    "fund at": 'query ($id: ID!) { fund(id: $id, at: "2010-01-01T00:00:00Z") { id } }',
    "fundChange": "query ($id: ID!) { fundChange(id: $id, from: {}, to: {}) { to { id } } }",
    "timeline": "query ($id: ID!) { timeline(fundId: $id) { nodes { id } } }",
    "timeline filtered": 'query ($id: ID!) { timeline(fundId: $id, filter: {companyId: "acme"}) { nodes { id } } }',
    "snapshots": "query ($id: ID!) { snapshots(fundId: $id) { nodes { id } } }",
    "node": "query ($id: ID!) { node(id: $id) { id } }",
    "createSnapshot": """mutation ($id: ID!) {
        createSnapshot(fundId: $id) { snapshot { id } errors { code message path } }
    }""",
    "recordEvents": """mutation ($id: ID!) {
        recordEvents(input: {fundId: $id, expectedVersion: 7, events: [{event: {feeCharged: {amount: "0.00"}}}]}) {
            events { id } state { id } errors { code message path }
        }
    }""",
    "recordEvents of none": """mutation ($id: ID!) {
        recordEvents(input: {fundId: $id, idempotencyKey: "", events: []}) { errors { code message path } }
    }""",
}


@pytest.mark.parametrize("name", EVERYWHERE)
async def test_a_foreign_fund_is_told_word_for_word_as_one_that_isnt_there(
    stranger: Caller, portfolio: OpenedFund, name: str
) -> None:
    told = []
    for id in (portfolio.id, str(uuid4())):
        answer = await stranger.ask(EVERYWHERE[name], id=id)
        for error in answer.get("errors", []):
            del error["extensions"]["requestId"]
        told.append(json.dumps(answer).replace(id, "ID"))
    assert told[0] == told[1]
    assert "Test Fund" not in told[0]


@pytest.mark.parametrize(
    "kind", ["", "state:{}:0:0", "company:{}:0:0:acme", "fact:{}:1", "snapshot:{}:" + str(UUID(int=1))]
)
async def test_no_id_of_a_foreign_fund_tells_anything(stranger: Caller, portfolio: OpenedFund, kind: str) -> None:
    query = "query ($id: ID!) { node(id: $id) { id __typename } }"
    assert await stranger.ask(query, id=kind.format(portfolio.id) or portfolio.id) == {"data": {"node": None}}


async def test_a_foreign_company_in_ones_own_fund_stays_unknown(fund: OpenedFund, portfolio: OpenedFund) -> None:
    cheque = event("investmentMade", companyId="acme", amount="1.00")
    assert refusals(await fund.analyst.record(fund.id, cheque)) == [("NOT_FOUND", ["events", "0", "companyId"])]


async def test_a_cursor_of_another_fund_shows_nothing_of_it(fund: OpenedFund, portfolio: OpenedFund) -> None:
    query = "query ($id: ID!, $after: String) { timeline(fundId: $id, after: $after) { edges { cursor node { id } } } }"
    theirs = (await portfolio.analyst.data(query, id=portfolio.id))["timeline"]["edges"][3]["cursor"]
    ours = (await fund.analyst.data(query, id=fund.id, after=theirs))["timeline"]["edges"]
    assert [edge["node"]["id"] for edge in ours] == [f"fact:{fund.id}:1"]


async def test_metadata_and_correlation_cant_be_given_another_author(fund: OpenedFund) -> None:
    answer = await fund.analyst.ask(
        RECORD, input={"fundId": fund.id, "actor": str(uuid4()), "events": [event("feeCharged", amount="1.00")]}
    )
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert await fund.analyst.version(fund.id) == 1


async def test_a_secret_or_token_is_in_no_answer(stranger: Caller, person: Person) -> None:
    bad = token(person)[:-2] + "xx"
    response = await Caller(stranger.http, bad).send(json.dumps({"query": VIEWER}))
    assert bad not in response.text
    assert SECRET not in response.text + str(response.headers)
