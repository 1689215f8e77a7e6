"""What the API tells of its requests: their ids, their lines in the log, their numbers."""

import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import StringIO

import httpx
import pytest
from pydantic import SecretStr
from websockets.asyncio.client import connect

from api.app import application
from infra.logs import Json as JsonLines
from infra.settings import Settings
from tests.api.asking import PROTOCOL, RECORD, Caller, Json, OpenedFund, closing_code, conversing, event
from tests.api.serving import serving, socket_url
from tests.conftest import SECRET, Live, Servers
from tests.metering import Reading

READER = "a token that reads metrics"
FEE = event("feeCharged", "2009-01-01", amount="1.00")
GIVEN = "0af7651916cd43dd8448eb211c80319c"


async def reading(http: httpx.AsyncClient, **headers: str) -> Reading:
    answer = await http.get("/metrics", headers=headers)
    assert answer.status_code == 200, answer.text
    return Reading(answer.text)


async def stored_request_ids(live: Live, fund: OpenedFund, version: int) -> set[str | None]:
    """Correlation ids of the facts after a version."""
    rows = await live.runtime.pool.fetch(
        "SELECT correlation_id FROM fact WHERE fund_id = $1 AND version > $2", fund.uuid, version
    )
    return {row["correlation_id"] for row in rows}


@contextmanager
def logged() -> Iterator[list[Json]]:
    """What our own loggers write meanwhile, as JSON."""
    text, lines = StringIO(), list[Json]()
    handler = logging.StreamHandler(text)
    handler.setFormatter(JsonLines())
    loggers = [logging.getLogger(name) for name in ("api", "infra", "jobs")]
    levels = [one.level for one in loggers]
    for one in loggers:
        one.addHandler(handler)
        one.setLevel(logging.INFO)
    try:
        yield lines
    finally:
        for one, level in zip(loggers, levels, strict=True):
            one.removeHandler(handler)
            one.setLevel(level)
        lines += [json.loads(line) for line in text.getvalue().splitlines()]


async def test_a_callers_request_id_comes_back_and_stands_in_the_facts(live: Live, fund: OpenedFund) -> None:
    before = await fund.analyst.version(fund.id)
    asked = {"query": RECORD, "variables": {"input": {"fundId": fund.id, "events": [FEE]}}}
    answer = await fund.analyst.send(json.dumps(asked), **{"x-request-id": GIVEN})
    assert answer.headers["x-request-id"] == GIVEN
    assert await stored_request_ids(live, fund, before) == {GIVEN}


@pytest.mark.parametrize("given", ["short", "with spaces in it", '"},{"level":"ERROR"', "x" * 65])
async def test_an_id_that_isnt_well_formed_is_replaced(http: httpx.AsyncClient, given: str) -> None:
    answer = await http.post("/graphql", json={"query": "{ viewer { id } }"}, headers={"x-request-id": given})
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])
    assert answer.json()["errors"][0]["extensions"]["requestId"] == answer.headers["x-request-id"]


async def test_an_operations_line_says_who_asked_for_what_and_what_came_of_it(live: Live, fund: OpenedFund) -> None:
    asked = {"query": f'query Worth {{ fund(id: "{fund.id}") {{ nav }} }}'}
    with logged() as lines:
        await fund.analyst.send(json.dumps(asked), **{"x-request-id": GIVEN})
    (line,) = [one for one in lines if one["message"] == "answered"]
    person_id = await live.runtime.pool.fetchval(
        "SELECT person_id FROM membership WHERE fund_id = $1 AND role = 'ANALYST'", fund.uuid
    )
    assert line.pop("time")
    assert line.pop("seconds") > 0
    assert line == {
        "level": "INFO", "logger": "api.observing", "message": "answered", "request": GIVEN, "operation": "Worth",
        "person": str(person_id), "fund": fund.id, "kind": "query", "code": "OK",
    }  # fmt: skip


async def test_each_operation_of_a_websocket_has_an_id_and_a_line_of_its_own(live: Live, fund: OpenedFund) -> None:
    with logged() as lines:
        async with conversing(live.ws_url, fund.analyst.token) as conversation:
            for place in ("1", "2"):
                await conversation.subscribe("query Who { viewer { id } }", place)
                assert (await conversation.next())["viewer"]
                assert await conversation.receive() == {"id": place, "type": "complete"}
    told = [(one["operation"], one["code"]) for one in lines if one["message"] == "answered"]
    assert told == [("Who", "OK"), ("Who", "OK")]
    assert len({one["request"] for one in lines}) == 2


async def test_a_long_name_of_an_operation_is_cut(live: Live, stranger: Caller) -> None:
    with logged() as lines:
        await stranger.data(f"query {'A' * 5_000} {{ viewer {{ id }} }}")
    assert [one["operation"] for one in lines] == ["A" * 64]


@pytest.mark.parametrize(
    ("method", "body", "kind", "code"),
    [
        ("POST", {"query": "{ viewer { id } }"}, "query", "UNAUTHENTICATED"),
        ("POST", {"query": "{ nothing }"}, "query", "GRAPHQL_VALIDATION_FAILED"),
        ("POST", {"query": "{"}, "none", "GRAPHQL_PARSE_FAILED"),
        ("POST", [], "none", "400"),
        ("PUT", {"query": "{ __typename }"}, "none", "405"),
    ],
)
async def test_what_is_refused_has_one_line_too(
    http: httpx.AsyncClient, method: str, body: object, kind: str, code: str
) -> None:
    with logged() as lines:
        await http.request(method, "/graphql", json=body)
    assert [(one["kind"], one["code"]) for one in lines] == [(kind, code)]


async def test_every_metric_of_the_api_moves_with_what_it_counts(
    servers: Servers, live: Live, fund: OpenedFund
) -> None:
    app = application(Settings(), servers.database_url, servers.redis_url, SECRET)
    async with serving(app) as http:
        analyst = replace(fund.analyst, http=http)
        version = await analyst.version(fund.id)
        async with conversing(socket_url(http), analyst.token) as conversation:
            await conversation.subscribe(
                "subscription($id: ID!, $after: Int) { fundEvents(fundId: $id, afterVersion: $after) { version } }",
                "1", id=fund.id, after=version - 1,
            )  # fmt: skip
            assert (await conversation.next())["fundEvents"] == {"version": version}
            assert await analyst.recorded(fund.id, FEE, FEE) == [version + 1, version + 2]
            for _ in range(2):
                await conversation.next()
            assert await analyst.code("{ nothing }") == "GRAPHQL_VALIDATION_FAILED"
            during, queued = await reading(http), await live.runtime.redis.zcard("arq:queue")
        while (after := await reading(http)).of("connections", protocol="websocket"):
            pass
    assert during.of("operation_seconds_count", operation="query", code="OK") == 1
    assert during.of("operation_seconds_count", operation="mutation", code="OK") == 1
    assert during.of("operation_seconds_count", operation="query", code="GRAPHQL_VALIDATION_FAILED") == 1
    assert during.of("resolver_seconds_count", field="Query.fund") == 1
    assert during.of("resolver_seconds_count", field="Mutation.recordEvents") == 1
    assert during.of("append_seconds_count", outcome="appended") == 1
    assert during.of("facts_appended_total") == 2
    assert during.of("read_seconds_count", read="state") == during.of("replayed_facts_count") > 0
    assert during.of("snapshots_used_total", found="no") == during.of("replayed_facts_count")
    # What was stored before it was asked for was never late; and the last may still be on its way.
    assert 1 <= during.of("feed_lag_seconds_count") <= 2
    assert during.of("connections", protocol="websocket") == 1
    assert (during.of("subscriptions", field="fundEvents"), after.of("subscriptions", field="fundEvents")) == (1, 0)
    assert after.of("operation_seconds_count", operation="subscription", code="LEFT") == 1
    assert during.of("pool_connections", state="used") + during.of("pool_connections", state="idle") >= 1
    assert (during.of("reachable", server="database"), during.of("reachable", server="redis")) == (1, 1)
    # Other tests leave jobs that no worker takes up.
    assert during.of("queue_jobs", queue="arq:queue") == queued


async def test_what_a_limit_refuses_is_counted_by_the_limit(servers: Servers, fund: OpenedFund) -> None:
    few = Settings(max_cost=3, max_connections=1)
    async with serving(application(few, servers.database_url, servers.redis_url, SECRET)) as http:
        analyst = replace(fund.analyst, http=http)
        async with conversing(socket_url(http), analyst.token):
            async with connect(socket_url(http), subprotocols=[PROTOCOL]) as refused:
                assert await closing_code(refused) == 1013
            code = await analyst.code("query ($id: ID!) { fund(id: $id) { portfolioCompanies { name } } }", id=fund.id)
            found = await reading(http)
    assert code == "COST_LIMIT_EXCEEDED"
    assert found.of("limited_total", limit="COST_LIMIT_EXCEEDED") == 1
    assert found.of("limited_total", limit="TOO_MANY_CONNECTIONS") == 1


async def test_names_of_callers_are_no_labels(http: httpx.AsyncClient, stranger: Caller) -> None:
    await stranger.ask("query NameOfACaller { viewer { id } }")
    assert "NameOfACaller" not in (await http.get("/metrics")).text


async def test_only_this_machine_reads_metrics_unless_there_is_a_token(
    servers: Servers, http: httpx.AsyncClient
) -> None:
    await reading(http)
    for header in ("x-forwarded-for", "forwarded", "x-real-ip"):
        assert (await http.get("/metrics", headers={header: "127.0.0.1"})).status_code == 404
    app = application(Settings(metrics_token=SecretStr(READER)), servers.database_url, servers.redis_url, SECRET)
    async with serving(app) as guarded:
        await reading(guarded, authorization=f"Bearer {READER}")
        for given in ("", f"Bearer {READER}x", READER, "Bearer ünïcode"):
            assert (await guarded.get("/metrics", headers=[(b"authorization", given.encode())])).status_code == 404
