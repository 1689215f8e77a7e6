"""graphql-sse, distinct connections: any operation as server-sent events, to its end or its client's."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
import pytest

from api import sse
from api.app import application
from infra.settings import Settings
from tests.api.asking import RECORD, Caller, Json, OpenedFund, event
from tests.api.serving import runtime_of, serving, until
from tests.conftest import SECRET, Servers

FOLLOW = "subscription ($id: ID!, $after: Int) { fundEvents(fundId: $id, afterVersion: $after) { version } }"
FEE = event("feeCharged", "2010-01-01", amount="1.00")
Told = tuple[str, Json | None]


@asynccontextmanager
async def streaming(caller: Caller, query: str, /, **variables: object) -> AsyncIterator[httpx.Response]:
    headers = {**caller.headers, "accept": "text/event-stream"}
    request = {"query": query, "variables": variables}
    async with caller.http.stream("POST", "/graphql", json=request, headers=headers) as response:
        yield response


async def events(response: httpx.Response) -> AsyncIterator[Told]:
    """Each event's name and data; a comment has no name."""
    text = ""
    async for piece in response.aiter_text():
        text += piece
        while "\n\n" in text:
            block, _, text = text.partition("\n\n")
            assert "\r" not in block
            lines = dict(line.split(":", 1) for line in block.split("\n"))
            told = lines.get("data", "").strip()
            yield lines.get("event", "").strip(), json.loads(told) if told else None


async def told(caller: Caller, query: str, /, **variables: object) -> list[Told]:
    """Everything of a stream that ends by itself."""
    async with streaming(caller, query, **variables) as response:
        return [one async for one in events(response)]


def version(number: int) -> Told:
    return "next", {"data": {"fundEvents": {"version": number}}}


async def test_a_query_is_one_event_and_its_end(stranger: Caller) -> None:
    async with streaming(stranger, "{ viewer { isAdministrator } }") as response:
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert response.headers["cache-control"] == "no-store, no-transform"
        assert len(response.headers["x-request-id"]) == 32
        text = (await response.aread()).decode()
    assert text.startswith('event: next\ndata: {"data":{"viewer":{"isAdministrator":false}},"extensions":{"cost":')
    assert text.endswith("}}}\n\nevent: complete\ndata:\n\n")


async def test_a_mutation_is_carried_out(fund: OpenedFund) -> None:
    (name, given), end = await told(fund.analyst, RECORD, input={"fundId": fund.id, "events": [FEE]})
    assert (name, end) == ("next", ("complete", None))
    assert given is not None
    assert given["data"]["recordEvents"]["events"][0]["version"] == 2


async def test_a_subscription_tells_what_is_stored_and_then_what_comes(fund: OpenedFund) -> None:
    async with streaming(fund.analyst, FOLLOW, id=fund.id, after=0) as response:
        coming = events(response)
        assert await anext(coming) == version(1)
        await fund.analyst.recorded(fund.id, FEE, FEE)
        assert [await anext(coming), await anext(coming)] == [version(2), version(3)]


async def test_a_subscription_is_streamed_wherever_that_is_accepted_by_name(fund: OpenedFund) -> None:
    headers = {**fund.analyst.headers, "accept": "application/json, text/event-stream;q=0.1"}
    request = {"query": FOLLOW, "variables": {"id": fund.id, "after": 0}}
    async with fund.analyst.http.stream("POST", "/graphql", json=request, headers=headers) as response:
        assert await anext(events(response)) == version(1)


async def test_errors_come_as_events_with_codes_and_the_requests_id(stranger: Caller) -> None:
    for query, code in (
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ('subscription { fundEvents(fundId: "x") { version } }', "NOT_FOUND"),
    ):
        (_, given), end = await told(stranger, query)
        assert end == ("complete", None)
        assert given is not None
        assert "data" not in given
        assert given["errors"][0]["extensions"]["code"] == code


async def test_a_request_that_is_none_is_refused_before_any_event(stranger: Caller) -> None:
    response = await stranger.send("[]", accept="text/event-stream")
    assert (response.status_code, response.headers["content-type"]) == (400, "application/json")


async def test_comments_keep_a_quiet_stream_alive(fund: OpenedFund, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "KEEP_ALIVE_SECONDS", 0.02)
    async with streaming(fund.analyst, FOLLOW, id=fund.id) as response:
        coming = events(response)
        assert [await anext(coming) for _ in range(3)] == [("", None)] * 3


async def test_a_stream_ends_when_its_token_expires(fund: OpenedFund, monkeypatch: pytest.MonkeyPatch) -> None:
    # An hour before the others do.
    monkeypatch.setattr(sse, "LEEWAY", timedelta(seconds=2) - timedelta(hours=1))
    every = await told(fund.analyst, FOLLOW, id=fund.id, after=0)
    # Without the comments that keep it alive meanwhile.
    *before, (name, given), end = [one for one in every if one != ("", None)]
    assert (before, name, end) == ([version(1)], "next", ("complete", None))
    assert given is not None
    assert given["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert given["errors"][0]["message"] == "The token has expired."


async def test_a_client_that_leaves_ends_its_subscription(servers: Servers, fund: OpenedFund) -> None:
    app = application(Settings(), servers.database_url, servers.redis_url, SECRET)
    async with serving(app) as http:
        followed = runtime_of(app).feed._streams
        async with streaming(Caller(http, fund.analyst.token), FOLLOW, id=fund.id, after=0) as response:
            assert await anext(events(response)) == version(1)
            assert fund.uuid in followed
        await until(lambda: fund.uuid not in followed)
