"""The shape of answers over HTTP: media type by order and weight, the status that goes with it, and queries by GET."""

import json
from typing import Any

import httpx
import pytest

from tests.api.asking import Caller, Json, OpenedFund, event

VIEWER = "{ viewer { isAdministrator } }"
ANSWER: Json = {"viewer": {"isAdministrator": False}}
JSON, RESPONSE, EVENTS = "application/json", "application/graphql-response+json", "text/event-stream"

ACCEPTED: list[tuple[str, str]] = [
    ("*/*", JSON),
    ("application/*", JSON),
    (JSON, JSON),
    ("Application/JSON; charset=utf-8", JSON),
    (RESPONSE, RESPONSE),
    (EVENTS, EVENTS),
    ("text/*", EVENTS),
    # As Apollo, Relay and urql have it.
    (f"{RESPONSE}, {JSON};q=0.9", RESPONSE),
    (f"{JSON}, {RESPONSE}", JSON),
    (f"{RESPONSE}, application/graphql+json, {JSON}, {EVENTS}, multipart/mixed", RESPONSE),
    (f"{EVENTS}, {JSON}", EVENTS),
    (f"{EVENTS};q=0.2, {JSON};q=0.3", JSON),
    (f"{JSON};q=0.5, {EVENTS}", EVENTS),
    (f"*/*;q=0.1, {RESPONSE};q=0.2", RESPONSE),
    (f"{JSON};q=0, */*", RESPONSE),
    (f"{EVENTS};q=0, {RESPONSE};q=0.1, text/html", RESPONSE),
    ("text/html, application/xhtml+xml, */*;q=0.8", JSON),
    (f", ,{RESPONSE},", RESPONSE),
    ("", JSON),
]


async def post(caller: Caller, query: str = VIEWER, accept: str = JSON, **more: object) -> httpx.Response:
    return await caller.send(json.dumps({"query": query, **more}), accept=accept)


@pytest.mark.parametrize(("accept", "media"), ACCEPTED)
async def test_the_first_type_of_the_largest_weight_is_given(stranger: Caller, accept: str, media: str) -> None:
    response = await post(stranger, accept=accept)
    assert (response.status_code, response.headers["content-type"]) == (200, f"{media}; charset=utf-8")
    assert "accept" in response.headers["vary"].lower()
    if media != EVENTS:
        assert response.json()["data"] == ANSWER
        assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "accept",
    ["text/html", "application/jsonfoo", "image/*", f"{JSON};q=0", f"{JSON};q=x", f"{JSON};q=2", f"{JSON};q=nan", "*"],
)
async def test_what_cannot_be_given_is_told_with_406(stranger: Caller, accept: str) -> None:
    response = await post(stranger, accept=accept)
    assert response.status_code == 406
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


REFUSED: list[tuple[Json, str]] = [
    ({"query": "{"}, "GRAPHQL_PARSE_FAILED"),
    ({"query": "{ nothing }"}, "GRAPHQL_VALIDATION_FAILED"),
    ({"query": "query A { viewer { id } } query B { viewer { id } }"}, "GRAPHQL_VALIDATION_FAILED"),
    ({"query": "query ($id: ID!) { node(id: $id) { id } }"}, "BAD_USER_INPUT"),
    ({"query": "query ($id: ID!) { node(id: $id) { id } }", "variables": {"id": [1]}}, "BAD_USER_INPUT"),
]


@pytest.mark.parametrize(("asked", "code"), REFUSED)
async def test_a_document_that_cannot_be_executed_has_400_and_no_data(stranger: Caller, asked: Json, code: str) -> None:
    for accept, status in ((RESPONSE, 400), (JSON, 200)):
        response = await post(stranger, accept=accept, **asked)
        assert response.status_code == status
        assert "data" not in response.json()
        (error,) = response.json()["errors"]
        assert error["extensions"]["code"] == code


async def test_an_error_of_a_field_has_200_and_data(stranger: Caller) -> None:
    response = await post(stranger, '{ viewer { id } timeline(fundId: "x") { nodes { id } } }', RESPONSE)
    assert (response.status_code, response.json()["data"]) == (200, None)
    assert response.json()["errors"][0]["path"] == ["timeline"]


@pytest.mark.parametrize("charset", ["iso-8859-1", "utf-16"])
async def test_a_request_in_another_encoding_is_refused(stranger: Caller, charset: str) -> None:
    response = await stranger.send(json.dumps({"query": VIEWER}), **{"content-type": f"{JSON}; charset={charset}"})
    assert response.status_code == 415


# By GET.


async def get(caller: Caller, headers: dict[str, str] | None = None, **given: Any) -> httpx.Response:
    sent = {**caller.headers, "accept": JSON, **(headers or {})}
    return await caller.http.get("/graphql", params=given, headers=sent)


async def test_a_query_is_answered_by_get(stranger: Caller) -> None:
    assert (await get(stranger, query=VIEWER)).json()["data"] == ANSWER
    chosen = await get(
        stranger,
        query="query A { viewer { id } } query B($not: Boolean!) { viewer { isAdministrator @skip(if: $not) } }",
        operationName="B",
        variables='{"not": false}',
        extensions="{}",
    )
    assert chosen.json()["data"] == ANSWER


@pytest.mark.parametrize(
    "given",
    [{}, {"query": ""}, {"query": VIEWER, "variables": "{"}, {"query": VIEWER, "variables": "[]"},
     {"query": VIEWER, "extensions": "1"}, {"query": VIEWER, "documentId": "x"}],
)  # fmt: skip
async def test_a_get_that_is_no_request_has_400(stranger: Caller, given: Json) -> None:
    response = await get(stranger, **given)
    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize("accept", [JSON, RESPONSE])
async def test_a_get_changes_nothing(fund: OpenedFund, accept: str) -> None:
    mutation = "mutation ($input: RecordEventsInput!) { recordEvents(input: $input) { errors { code } } }"
    given = json.dumps({"input": {"fundId": fund.id, "events": [event("feeCharged", amount="1.00")]}})
    response = await get(fund.analyst, {"accept": accept}, query=mutation, variables=given)
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    streamed = await get(fund.analyst, {"accept": EVENTS}, query=mutation, variables=given)
    assert '"GRAPHQL_VALIDATION_FAILED"' in streamed.text
    assert await fund.analyst.version(fund.id) == 1


FROM_ELSEWHERE = [
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors"},
    {"sec-fetch-site": "none", "sec-fetch-mode": "navigate"},
    {"sec-fetch-site": "same-origin", "sec-fetch-mode": "navigate"},
]


@pytest.mark.parametrize("told", FROM_ELSEWHERE)
async def test_a_get_that_a_browser_sends_unasked_is_refused(stranger: Caller, told: dict[str, str]) -> None:
    nobody = Caller(stranger.http)
    refused = await get(nobody, told, query="{ __typename }")
    assert (refused.status_code, refused.json()["errors"][0]["extensions"]["code"]) == (403, "FORBIDDEN")
    # Headers for which it asks first.
    assert (await get(stranger, told, query=VIEWER)).json()["data"] == ANSWER
    for name in ("x-requested-with", "apollo-require-preflight", "graphql-require-preflight"):
        asked = await get(nobody, {**told, name: "x"}, query="{ __typename }")
        assert asked.json()["data"] == {"__typename": "Query"}
