"""Top-level errors: each with a code and the request's id; what is our fault is masked, and logged under that id."""

import asyncio
import json
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
from websockets.asyncio.client import connect

from api import security
from api.app import application
from infra.embedded import EmbeddedPostgres
from infra.migrate import migrate
from infra.people import Role
from infra.runtime import opened
from infra.settings import Settings
from tests.api.asking import PROTOCOL, RECORD, Caller, Json, OpenedFund, closing_code, conversing, event
from tests.api.conftest import MakeCaller
from tests.api.serving import serving, socket_url
from tests.conftest import SECRET, Live, Servers

VIEWER = "{ viewer { id } }"
ABSENT = "00000000-0000-4000-8000-000000000000"

# Query, variables, the codes of its errors.
WRONG: list[tuple[str, Json, str]] = [
    ("{", {}, "GRAPHQL_PARSE_FAILED"),
    ("{ viewer { id }", {}, "GRAPHQL_PARSE_FAILED"),
    ("query { viewer { id } } }", {}, "GRAPHQL_PARSE_FAILED"),
    ('{ node(id: "\\x") { id } }', {}, "GRAPHQL_PARSE_FAILED"),
    ("\0", {}, "GRAPHQL_PARSE_FAILED"),
    ("{ a(x: " + "[" * 50_000, {}, "GRAPHQL_PARSE_FAILED"),
    ("{ viewer " * 50_000, {}, "GRAPHQL_PARSE_FAILED"),
    ("{ nothing }", {}, "GRAPHQL_VALIDATION_FAILED"),
    ("{ viewer }", {}, "GRAPHQL_VALIDATION_FAILED"),
    ("{ viewer { id { id } } }", {}, "GRAPHQL_VALIDATION_FAILED"),
    ("{ funds(frist: 1) { nodes { id } } }", {}, "GRAPHQL_VALIDATION_FAILED"),
    ("{ fund { version } }", {}, "GRAPHQL_VALIDATION_FAILED"),
    ("{ node(id: $id) { id } }", {}, "GRAPHQL_VALIDATION_FAILED"),
    ("query ($id: Nothing) { node(id: $id) { id } }", {}, "GRAPHQL_VALIDATION_FAILED"),
    ("query ($id: String!) { node(id: $id) { id } }", {"id": "x"}, "GRAPHQL_VALIDATION_FAILED"),
    ("query ($id: ID) { node(id: $id) { id } }", {"id": "x"}, "GRAPHQL_VALIDATION_FAILED"),
    ("{ viewer { ...Missing } }", {}, "GRAPHQL_VALIDATION_FAILED"),
    ("{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }", {}, "GRAPHQL_VALIDATION_FAILED"),
    ("{ viewer { id @nothing } }", {}, "GRAPHQL_VALIDATION_FAILED"),
    ("query A { viewer { id } } { viewer { id } }", {}, "GRAPHQL_VALIDATION_FAILED"),
    ("query A { viewer { id } } query B { viewer { id } }", {}, "GRAPHQL_VALIDATION_FAILED"),
    ("query A { viewer { id } } query A { viewer { id } }", {}, "GRAPHQL_VALIDATION_FAILED"),
    ("{ node(id: null) { id } }", {}, "BAD_USER_INPUT"),
    ('{ funds(first: "1") { nodes { id } } }', {}, "BAD_USER_INPUT"),
    ("query ($id: ID!) { node(id: $id) { id } }", {}, "BAD_USER_INPUT"),
    ("query ($id: ID!) { node(id: $id) { id } }", {"id": None}, "BAD_USER_INPUT"),
    ("query ($id: ID!) { node(id: $id) { id } }", {"id": {}}, "BAD_USER_INPUT"),
    ("{ funds(first: 201) { nodes { id } } }", {}, "BAD_USER_INPUT"),
    (f'{{ timeline(fundId: "{ABSENT}") {{ nodes {{ id }} }} }}', {}, "NOT_FOUND"),
    (f'{{ fundChange(id: "{ABSENT}", from: {{}}, to: {{}}) {{ to {{ id }} }} }}', {}, "NOT_FOUND"),
]


@pytest.mark.parametrize(("query", "variables", "code"), WRONG, ids=range(len(WRONG)))
async def test_what_a_caller_did_wrong_has_its_code(
    stranger: Caller, caplog: pytest.LogCaptureFixture, query: str, variables: Json, code: str
) -> None:
    response = await stranger.send(json.dumps({"query": query, "variables": variables}))
    assert response.status_code == 200
    answer = response.json()
    assert {error["extensions"]["code"] for error in answer["errors"]} == {code}
    assert {error["extensions"]["requestId"] for error in answer["errors"]} == {response.headers["x-request-id"]}
    assert all(error["message"] and error["locations"] for error in answer["errors"])
    # It is no fault of ours, and no one's to be woken for.
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_an_error_in_one_field_leaves_the_others_answered(stranger: Caller) -> None:
    answer = await stranger.ask("{ viewer { isAdministrator } fund(id: 1) { id } node(id: 2) { id } }")
    assert answer == {"data": {"viewer": {"isAdministrator": False}, "fund": None, "node": None}}


async def test_forbidden_is_told_from_not_found_only_to_those_who_take_part(
    fund: OpenedFund, caller: MakeCaller, stranger: Caller
) -> None:
    viewer = await caller(Role.VIEWER, fund.uuid)
    codes = [
        (await someone.record(fund.id, event("feeCharged", amount="1.00")))["errors"][0]["code"]
        for someone in (viewer, stranger)
    ]
    assert codes == ["FORBIDDEN", "NOT_FOUND"]


async def corrupted(live: Live, fund: OpenedFund, type: str, payload: str) -> None:
    """Puts a fact into the table behind the ledger's back."""
    async with live.runtime.pool.acquire() as connection, connection.transaction():
        await connection.execute(
            """INSERT INTO fact (fund_id, version, schema_version, type, occurred_at, touches_at, recorded_at, actor,
            payload, hash) VALUES ($1, 2, 1, $2, '2010-01-01Z', '2010-01-01Z', clock_timestamp(), $3, $4, '\\x00')""",
            fund.uuid, type, fund.uuid, payload,
        )  # fmt: skip
        await connection.execute(
            "UPDATE fund SET version = 2, touched_until = '2010-01-01Z', recorded_at = clock_timestamp() WHERE id = $1",
            fund.uuid,
        )


READS = [
    "query ($id: ID!) { fund(id: $id) { version } }",
    "query ($id: ID!) { timeline(fundId: $id) { nodes { id } } }",
    "query ($id: ID!) { fundChange(id: $id, from: {}, to: {}) { to { version } } }",
    "query ($id: ID!) { fund(id: $id) { fund { series { version } } } }",
]
SECRETS = ["SELECT", "Traceback", "site-packages", ".py", "asyncpg", "msgspec", "/work", "MERGER_AGREED", "sesame"]


@pytest.mark.parametrize(
    ("type", "payload"), [("MERGER_AGREED", "{}"), ("FEE_CHARGED", '{"amount": "sesame"}'), ("FEE_CHARGED", "sesame")]
)
async def test_a_corrupt_fact_is_masked_and_logged_under_the_requests_id(
    fund: OpenedFund, live: Live, caplog: pytest.LogCaptureFixture, type: str, payload: str
) -> None:
    await corrupted(live, fund, type, payload)
    for query in [*READS, RECORD]:
        variables: Json = {"id": fund.id} if query != RECORD else {
            "input": {"fundId": fund.id, "events": [event("feeCharged", "2011-01-01", amount="1.00")]}
        }  # fmt: skip
        caplog.clear()
        response = await fund.analyst.send(json.dumps({"query": query, "variables": variables}))
        assert response.status_code == 200
        (error,) = response.json()["errors"]
        request_id = response.headers["x-request-id"]
        assert error["message"] == "Something went wrong on our side."
        assert error["extensions"] == {"code": "INTERNAL_SERVER_ERROR", "requestId": request_id}
        assert [word for word in SECRETS if word in response.text] == []
        (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
        assert request_id in record.getMessage()
        assert record.exc_info is not None
        assert "version 2" in str(record.exc_info[1])
    assert await live.runtime.pool.fetchval("SELECT count(*) FROM fact WHERE fund_id = $1", fund.uuid) == 2


async def test_a_corrupt_fact_stops_its_fund_alone(fund: OpenedFund, portfolio: OpenedFund, live: Live) -> None:
    await corrupted(live, fund, "MERGER_AGREED", "{}")
    assert await portfolio.analyst.version(portfolio.id) == 23


async def test_before_a_corrupt_fact_was_known_its_fund_can_be_seen(fund: OpenedFund, live: Live) -> None:
    query = "query ($id: ID!, $k: DateTime) { fund(id: $id, knownAt: $k) { version knownAt } }"
    known = (await fund.analyst.data(query, id=fund.id))["fund"]["knownAt"]
    await corrupted(live, fund, "MERGER_AGREED", "{}")
    assert (await fund.analyst.data(query, id=fund.id, k=known))["fund"]["version"] == 1


async def test_a_corrupt_fact_ends_a_subscription_with_a_masked_error(fund: OpenedFund, live: Live) -> None:
    await corrupted(live, fund, "MERGER_AGREED", "{}")
    async with conversing(live.ws_url, fund.analyst.token) as talk:
        query = "subscription ($id: ID!) { fundEvents(fundId: $id, afterVersion: 0) { version } }"
        await talk.subscribe(query, id=fund.id)
        assert (await talk.next()) == {"fundEvents": {"version": 1}}
        message = await talk.receive()
        (error,) = message["payload"]["errors"]
        assert (error["message"], error["extensions"]["code"]) == (
            "Something went wrong on our side.",
            "INTERNAL_SERVER_ERROR",
        )
        assert [word for word in SECRETS if word in json.dumps(message)] == []
        assert await talk.receive() == {"id": "1", "type": "complete"}


async def test_while_the_database_is_away_answers_are_unavailable_and_then_go_on(
    servers: Servers, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    postgres = EmbeddedPostgres(tmp_path / "postgres")
    postgres.start()
    try:
        postgres.wait_ready()
        await asyncio.to_thread(migrate, postgres.url)
        async with opened(Settings(), postgres.url, servers.redis_url) as runtime:
            person = await runtime.people.enrol("admin@example.org", administrator=True)
        token = security.issue(SECRET, person, datetime.now(UTC), timedelta(hours=1))
        app = application(Settings(), postgres.url, servers.redis_url, SECRET)
        async with serving(app) as http, conversing(socket_url(http), token) as talk:
            someone = Caller(http, token)
            opening = {"name": "x", "currency": "USD", "vintageYear": 2010, "size": "9.00"}
            given = await someone.data(
                "mutation ($i: OpenFundInput!) { openFund(input: $i) { fund { id } } }", i=opening
            )
            fund = given["openFund"]["fund"]["id"]
            follow = f'subscription {{ fundEvents(fundId: "{fund}", afterVersion: 0) {{ version }} }}'
            await talk.subscribe(follow, "feed")
            assert await talk.next() == {"fundEvents": {"version": 1}}

            postgres.stop()
            caplog.clear()
            for query in (VIEWER, f'{{ fund(id: "{fund}") {{ version }} }}', "{ funds { nodes { id } } }"):
                response = await someone.send(json.dumps({"query": query}))
                assert response.status_code == 503
                (error,) = response.json()["errors"]
                assert error["message"] == "The service can't answer right now; try again."
                request_id = response.headers["x-request-id"]
                assert error["extensions"] == {"code": "UNAVAILABLE", "requestId": request_id}
            # Here the token was taken before, so that it is the resolvers that find the database away.
            for place, query in enumerate(
                (
                    "{ funds { nodes { id } } }",
                    f'{{ fund(id: "{fund}") {{ version }} }}',
                    "{ viewer { memberships { role } } }",
                )
            ):
                await talk.subscribe(query, f"q{place}")
                message = await talk.receive()
                assert [error["extensions"]["code"] for error in message["payload"]["errors"]] == ["UNAVAILABLE"]
                assert await talk.receive() == {"id": f"q{place}", "type": "complete"}
            async with connect(socket_url(http), subprotocols=[PROTOCOL]) as socket:
                init = {"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}}
                await socket.send(json.dumps(init))
                # Not 4403: the token may be as good as ever.
                assert await closing_code(socket) == 1013
            assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
            assert (await http.get("/healthz")).status_code == 200
            ready = await http.get("/readyz")
            assert (ready.status_code, ready.json()) == (503, {"status": "waiting", "database": False, "redis": True})

            postgres.start()
            postgres.wait_ready()
            assert await someone.recorded(fund, event("feeCharged", amount="1.00")) == [2]
            assert await talk.next() == {"fundEvents": {"version": 2}}
            assert (await http.get("/readyz")).json() == {"status": "ready", "database": True, "redis": True}
    finally:
        postgres.stop()


async def test_what_breaks_before_any_resolver_is_masked_and_logged_too(
    live: Live, database: asyncpg.Pool, stranger: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    await database.execute("ALTER TABLE person RENAME TO person_away")
    try:
        response = await stranger.send(json.dumps({"query": VIEWER}))
        request_id = response.headers["x-request-id"]
        extensions = {"code": "INTERNAL_SERVER_ERROR", "requestId": request_id}
        error = {"message": "Something went wrong on our side.", "extensions": extensions}
        assert (response.status_code, response.json()) == (500, {"errors": [error]})
        (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
        assert request_id in record.getMessage()
        assert 'relation "person" does not exist' in str(record.exc_info and record.exc_info[1])
        caplog.clear()
        async with connect(live.ws_url, subprotocols=[PROTOCOL]) as socket:
            init = {"type": "connection_init", "payload": {"Authorization": f"Bearer {stranger.token}"}}
            await socket.send(json.dumps(init))
            assert await closing_code(socket) == 1011
            assert socket.close_reason == "Something went wrong on our side."
        assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == [
            "a WebSocket failed"
        ]
    finally:
        await database.execute("ALTER TABLE person_away RENAME TO person")
    assert "viewer" in await stranger.data(VIEWER)


async def test_health_is_told_to_anyone(stranger: Caller) -> None:
    assert (await stranger.http.get("/healthz")).json() == {"status": "ok"}
    assert (await stranger.http.get("/readyz")).json() == {"status": "ready", "database": True, "redis": True}
