"""graphql-transport-ws: who may open a WebSocket, what may be said on it, and how it is closed otherwise."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from api import app as web, security
from api.app import application
from infra.people import Role
from infra.settings import Settings
from tests.api.asking import PROTOCOL, RECORD, Json, OpenedFund, closing_code, conversing, event
from tests.api.serving import serving, socket_url
from tests.conftest import SECRET, Live, Servers

VIEWER = "{ viewer { isAdministrator } }"


async def code_after(live: Live, *messages: object, init: bool = True) -> int:
    """The code the server closes with after these messages; text and bytes are sent as they are."""
    async with connect(live.ws_url, subprotocols=[PROTOCOL]) as socket:
        if init:
            header = f"Bearer {await live.token()}"
            await socket.send(json.dumps({"type": "connection_init", "payload": {"Authorization": header}}))
            assert json.loads(await socket.recv()) == {"type": "connection_ack"}
        for message in messages:
            await socket.send(message if isinstance(message, str | bytes) else json.dumps(message))
        return await closing_code(socket)


# Opening.


async def test_the_token_comes_with_the_first_message(live: Live) -> None:
    for name in ("Authorization", "authorization"):
        async with connect(live.ws_url, subprotocols=[PROTOCOL]) as socket:
            assert socket.subprotocol == PROTOCOL
            given = {name: f"Bearer {await live.token()}", "more": [1]}
            await socket.send(json.dumps({"type": "connection_init", "payload": given}))
            assert json.loads(await socket.recv()) == {"type": "connection_ack"}


BAD_INITS: list[Json] = [
    {},
    {"payload": {}},
    {"payload": {"Authorization": None}},
    {"payload": {"Authorization": ""}},
    {"payload": {"Authorization": 5}},
    {"payload": {"Authorization": ["Bearer x"]}},
    {"payload": {"Authorization": "Bearer"}},
    {"payload": {"Authorization": "Bearer sesame"}},
    {"payload": {"Authorization": "Bearer \0"}},
    {"payload": {"Authorization": "Basic YTpi"}},
    {"payload": {"token": "x"}},
]


@pytest.mark.parametrize("init", BAD_INITS)
async def test_without_a_good_token_it_is_closed_with_4403(live: Live, init: Json) -> None:
    assert await code_after(live, {"type": "connection_init", **init}, init=False) == 4403


async def test_with_an_expired_token_too(live: Live) -> None:
    person = await live.runtime.people.enrol("late@example.org")
    old = security.issue(SECRET, person, datetime.now(UTC) - timedelta(hours=2), timedelta(hours=1))
    init = {"type": "connection_init", "payload": {"Authorization": f"Bearer {old}"}}
    assert await code_after(live, init, init=False) == 4403


async def test_a_header_of_the_handshake_is_no_token(live: Live) -> None:
    headers = {"Authorization": f"Bearer {await live.token()}"}
    async with connect(live.ws_url, subprotocols=[PROTOCOL], additional_headers=headers) as socket:
        await socket.send(json.dumps({"type": "connection_init"}))
        assert await closing_code(socket) == 4403


async def test_without_any_message_it_is_closed_with_4408(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    assert web.INIT_SECONDS == 10.0
    monkeypatch.setattr(web, "INIT_SECONDS", 0.05)
    app = application(Settings(), servers.database_url, servers.redis_url, SECRET)
    async with serving(app) as http, connect(socket_url(http), subprotocols=[PROTOCOL]) as socket:
        assert await closing_code(socket) == 4408


@pytest.mark.parametrize("protocols", [["graphql-ws"], ["graphql-ws", "chat"], [], ["GRAPHQL-TRANSPORT-WS"]])
async def test_no_other_protocol_is_spoken(live: Live, protocols: list[str]) -> None:
    offered = [Subprotocol(one) for one in protocols]
    async with connect(live.ws_url, subprotocols=offered or None) as socket:
        assert socket.subprotocol is None
        assert await closing_code(socket) == 4406


async def test_of_two_protocols_the_legacy_one_is_not_chosen(live: Live) -> None:
    async with connect(live.ws_url, subprotocols=[Subprotocol("graphql-ws"), PROTOCOL]) as socket:
        assert socket.subprotocol == PROTOCOL


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://localhost:1", "null", "file://", "http://127.0.0.1.evil.example"]
)
async def test_a_page_of_another_origin_may_not_open_one(live: Live, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(live.ws_url, subprotocols=[PROTOCOL], origin=Origin(origin))
    assert refused.value.response.status_code == 403


async def test_a_page_of_this_server_may(live: Live) -> None:
    async with connect(live.ws_url, subprotocols=[PROTOCOL], origin=Origin(live.url)) as socket:
        assert socket.subprotocol == PROTOCOL


# Talking.


async def test_a_query_is_answered_and_completed(live: Live) -> None:
    async with conversing(live.ws_url, await live.token()) as talk:
        await talk.subscribe(VIEWER, "q")
        answer = await talk.receive()
        assert (answer["id"], answer["type"]) == ("q", "next")
        assert answer["payload"]["data"] == {"viewer": {"isAdministrator": False}}
        assert await talk.receive() == {"id": "q", "type": "complete"}


async def test_a_mutation_is_carried_out(live: Live, fund: OpenedFund) -> None:
    async with conversing(live.ws_url, fund.analyst.token) as talk:
        await talk.subscribe(RECORD, input={"fundId": fund.id, "events": [event("feeCharged", amount="1.00")]})
        assert (await talk.next())["recordEvents"]["events"][0]["version"] == 2
    assert await fund.analyst.version(fund.id) == 2


async def test_many_operations_go_on_at_once(live: Live, fund: OpenedFund) -> None:
    async with conversing(live.ws_url, fund.analyst.token) as talk:
        for place in range(50):
            await talk.subscribe("query ($id: ID!) { fund(id: $id) { version } }", str(place), id=fund.id)
        messages = [await talk.receive() for _ in range(100)]
    told = {message["id"] for message in messages if message["type"] == "next"}
    assert told == {message["id"] for message in messages if message["type"] == "complete"} == set(map(str, range(50)))


async def test_a_ping_is_answered_with_a_pong_before_and_after_the_token(live: Live) -> None:
    async with connect(live.ws_url, subprotocols=[PROTOCOL]) as socket:
        await socket.send('{"type": "ping"}')
        assert json.loads(await socket.recv()) == {"type": "pong"}
    async with conversing(live.ws_url, await live.token()) as talk:
        await talk.send({"type": "ping", "payload": {"sent": 1}})
        assert await talk.receive() == {"type": "pong"}
        await talk.send({"type": "pong"})
        await talk.send({"type": "complete", "id": "never begun"})
        await talk.subscribe(VIEWER)
        assert await talk.next() == {"viewer": {"isAdministrator": False}}


ERRORS: list[tuple[Json, str]] = [
    ({"query": "{"}, "GRAPHQL_PARSE_FAILED"),
    ({"query": "{ " + "nothing " * 100 + "("}, "GRAPHQL_PARSE_FAILED"),
    ({"query": ""}, "GRAPHQL_VALIDATION_FAILED"),
    ({"query": "{ nothing }"}, "GRAPHQL_VALIDATION_FAILED"),
    ({"query": "query A { viewer { id } } query B { viewer { id } }"}, "GRAPHQL_VALIDATION_FAILED"),
    ({"query": "{ viewer { id } }", "operationName": "Other"}, "GRAPHQL_VALIDATION_FAILED"),
    ({"query": "query ($id: ID!) { node(id: $id) { id } }", "variables": {"id": 1.5}}, "BAD_USER_INPUT"),
    ({"query": "query ($id: ID!) { node(id: $id) { id } }"}, "BAD_USER_INPUT"),
    ({"query": '{ timeline(fundId: "x") { nodes { id } } }'}, "NOT_FOUND"),
]


async def test_errors_have_codes_and_ids_here_too_and_leave_the_websocket_open(live: Live) -> None:
    ids = []
    async with conversing(live.ws_url, await live.token()) as talk:
        for place, (payload, code) in enumerate(ERRORS):
            await talk.send({"type": "subscribe", "id": str(place), "payload": payload})
            message = await talk.receive()
            found = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
            assert {error["extensions"]["code"] for error in found} == {code}, payload
            ids.append(found[0]["extensions"]["requestId"])
            if message["type"] == "next":
                assert await talk.receive() == {"id": str(place), "type": "complete"}
        await talk.subscribe(VIEWER)
        assert await talk.next() == {"viewer": {"isAdministrator": False}}
    assert len(set(ids)) == len(ERRORS)
    assert all(len(one) == 32 for one in ids)


async def test_an_operation_cancelled_by_the_client_says_nothing_more(live: Live, fund: OpenedFund) -> None:
    async with conversing(live.ws_url, fund.analyst.token) as talk:
        await talk.subscribe(
            "subscription ($id: ID!) { fundEvents(fundId: $id, afterVersion: 0) { version } }", "f", id=fund.id
        )
        assert await talk.next() == {"fundEvents": {"version": 1}}
        await talk.send({"type": "complete", "id": "f"})
        await fund.analyst.recorded(fund.id, event("feeCharged", amount="1.00"))
        await talk.subscribe(VIEWER, "f")
        assert await talk.next() == {"viewer": {"isAdministrator": False}}


# Saying what can't be said.

SUBSCRIBE: Json = {"type": "subscribe", "id": "1", "payload": {"query": VIEWER}}
NO_MESSAGES: list[object] = [
    [], [1], [SUBSCRIBE], 0, 1.5, None, True, False, '"text"', "", " ", "{", "null", "NaN", "{'type': 'ping'}", b"{}",
    b"\x00\xff", json.dumps(SUBSCRIBE).encode(), {}, {"type": None}, {"type": 1}, {"type": []}, {"type": {}},
    {"type": "nothing"}, {"type": "x" * 100_000}, {"type": "é" * 100}, {"type": "connection_ack"}, {"type": "next"},
    {"type": "subscribe"}, {"type": "subscribe", "id": "1"}, {**SUBSCRIBE, "id": None}, {**SUBSCRIBE, "id": 1},
    {**SUBSCRIBE, "id": []}, {**SUBSCRIBE, "id": {}}, {"type": "complete"}, {"type": "complete", "id": 1},
    {"type": "complete", "id": []}, {**SUBSCRIBE, "payload": None}, {**SUBSCRIBE, "payload": []},
    {**SUBSCRIBE, "payload": "x"}, {**SUBSCRIBE, "payload": 1}, {**SUBSCRIBE, "payload": {}},
    {**SUBSCRIBE, "payload": {"query": None}}, {**SUBSCRIBE, "payload": {"query": 1}},
    {**SUBSCRIBE, "payload": {"query": VIEWER, "variables": []}},
    {**SUBSCRIBE, "payload": {"query": VIEWER, "variables": 1}},
    {**SUBSCRIBE, "payload": {"query": VIEWER, "operationName": 1}},
    {**SUBSCRIBE, "payload": {"query": VIEWER, "extensions": []}}, {"type": "ping", "payload": []},
    {"type": "pong", "payload": 1}, "[" * 100_000, '{"type": "ping", "payload": {"a": ' + "9" * 5_000 + "}}",
    '{"type": "ping", "payload": {"a": "\\ud800"}}', '{"type": "subscribe", "id": "\\ud800", "payload": {}}',
    '{"type":"subscribe","id":"1","payload":{"query":"{a}","variables":' + '{"a":' * 50_000 + "1" + "}" * 50_003,
]  # fmt: skip


@pytest.mark.parametrize(
    "message", NO_MESSAGES, ids=[f"{place}-{str(one)[:24]!r}" for place, one in enumerate(NO_MESSAGES)]
)
async def test_what_is_no_message_closes_with_4400(live: Live, message: object) -> None:
    assert await code_after(live, message) == 4400


@pytest.mark.parametrize("payload", [[], "x", 1, True, [{"Authorization": "Bearer x"}]])
async def test_an_init_whose_payload_is_no_object_closes_with_4400(live: Live, payload: object) -> None:
    assert await code_after(live, {"type": "connection_init", "payload": payload}, init=False) == 4400


async def test_asking_before_the_token_closes_with_4401(live: Live) -> None:
    assert await code_after(live, SUBSCRIBE, init=False) == 4401


async def test_a_second_init_closes_with_4429(live: Live) -> None:
    init = {"type": "connection_init", "payload": {"Authorization": f"Bearer {await live.token()}"}}
    assert await code_after(live, init) == 4429


@pytest.mark.parametrize("id", ["1", "x" * 100_000, "é" * 100])
async def test_an_id_in_use_closes_with_4409_however_long_it_is(live: Live, portfolio: OpenedFund, id: str) -> None:
    token = await live.token(Role.VIEWER, portfolio.uuid)
    follow = f'subscription {{ fundEvents(fundId: "{portfolio.id}") {{ version }} }}'
    message = {"type": "subscribe", "id": id, "payload": {"query": follow}}
    async with conversing(live.ws_url, token) as talk:
        await talk.send(message)
        await talk.send(message)
        assert await talk.closed() == 4409


async def test_a_closed_websocket_disturbs_no_other(live: Live) -> None:
    async with conversing(live.ws_url, await live.token()) as talk:
        bad: list[object] = [[], None, "{", b"x"]
        await asyncio.gather(*[code_after(live, one) for one in bad])
        await talk.subscribe(VIEWER)
        assert await talk.next() == {"viewer": {"isAdministrator": False}}
