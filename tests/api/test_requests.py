"""Requests as HTTP carries them: what is taken, what is refused before it is read, and in what words."""

import json
from collections.abc import AsyncIterator

import pytest

from api.requests import MOST_BYTES
from tests.api.asking import Caller, Json

VIEWER = "{ viewer { id } }"
QUERY = json.dumps({"query": VIEWER})


def only_error(answer: Json) -> Json:
    (error,) = answer["errors"]
    assert set(error["extensions"]) == {"code", "requestId"}
    found: Json = error
    return found


@pytest.mark.parametrize("type", ["application/json", "application/json; charset=utf-8", "Application/JSON ;x=y"])
async def test_json_is_taken_by_post(stranger: Caller, type: str) -> None:
    response = await stranger.send(QUERY, **{"content-type": type})
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert set(response.json()) == {"data", "extensions"}


@pytest.mark.parametrize(
    "type",
    [
        "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonfoo",
        "application/graphql", "text/plain; application/json", "application/vnd.api+json", "json",
    ],
)  # fmt: skip
async def test_other_types_are_refused_for_a_browser_sends_them_across_origins(stranger: Caller, type: str) -> None:
    response = await stranger.send(QUERY, **{"content-type": type})
    assert response.status_code == 415
    assert only_error(response.json())["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize("method", ["HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
async def test_other_methods_than_get_and_post_are_refused(stranger: Caller, method: str) -> None:
    response = await stranger.http.request(method, "/graphql", params={"query": VIEWER}, headers=stranger.headers)
    assert (response.status_code, response.headers["allow"]) == (405, "GET, POST")


NO_REQUESTS: list[bytes | str] = [
    "", " ", "{", "}", "nul", "{'query': 1}", '{"query": "{ a }"} x', "\ufeff{}", b"\xff\xfe{\x00}\x00", b"\x80",
    b'{"query": "\xed\xa0\x80"}', '{"query": NaN}', '{"variables": Infinity}', '{"variables": {"a": 1e400}}',
    '{"variables": {"a": ' + "9" * 5_000 + "}}", "[" * 100_000, '{"a":' * 50_000, "[" * 900 + "]" * 900,
    '{"query": "{ viewer { id } }", "variables": ' + '{"a":' * 50_000 + "1" + "}" * 50_001,
    "null", "true", "false", "0", "1", "-1.5", '"query"', "[]", "[1]", "[null]", f"[{QUERY}]", f"[{QUERY}, {QUERY}]",
    "{}", '{"query": null}', '{"query": ""}', '{"query": 1}', '{"query": []}', '{"query": {}}', '{"query": true}',
    '{"query": "{ viewer { id } }", "variables": []}', '{"query": "{ viewer { id } }", "variables": 1}',
    '{"query": "{ viewer { id } }", "variables": "{}"}', '{"query": "{ viewer { id } }", "operationName": 1}',
    '{"query": "{ viewer { id } }", "operationName": {}}', '{"query": "{ viewer { id } }", "extensions": []}',
    '{"query": "{ viewer { id } }", "extensions": "x"}', '{"variables": {}}', '{"id": "documentId"}',
]  # fmt: skip


@pytest.mark.parametrize("body", NO_REQUESTS, ids=[f"{place}-{body[:16]!r}" for place, body in enumerate(NO_REQUESTS)])
async def test_a_body_that_is_no_request_is_answered_with_400(stranger: Caller, body: bytes | str) -> None:
    response = await stranger.send(body)
    assert response.status_code == 400
    error = only_error(response.json())
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["extensions"]["requestId"] == response.headers["x-request-id"]
    assert len(error["message"]) < 200


@pytest.mark.parametrize("more", [{"variables": None}, {"operationName": None}, {"extensions": None}, {"other": [1]}])
async def test_what_may_be_left_out_may_be_null(stranger: Caller, more: Json) -> None:
    response = await stranger.send(json.dumps({"query": VIEWER, **more}))
    assert set(response.json()) == {"data", "extensions"}


async def test_an_operation_is_chosen_by_its_name(stranger: Caller) -> None:
    document = "query A { viewer { id } } query B { funds { nodes { id } } }"
    chosen = await stranger.send(json.dumps({"query": document, "operationName": "B"}))
    assert chosen.json()["data"] == {"funds": {"nodes": []}}
    for name in (None, "A"):
        first = (await stranger.send(json.dumps({"query": document, "operationName": name}))).json()
        # None is not the first one's name.
        assert ("data" in first and first["data"] is not None) is (name == "A")
    unknown = await stranger.send(json.dumps({"query": document, "operationName": "C"}))
    assert unknown.status_code == 400
    assert only_error(unknown.json())["message"] == 'Unknown operation named "C".'


async def test_a_subscription_needs_a_websocket(stranger: Caller) -> None:
    response = await stranger.send(json.dumps({"query": 'subscription { fundEvents(fundId: "x") { version } }'}))
    assert response.status_code == 400
    message = "A subscription needs a WebSocket, or to be accepted as text/event-stream."
    assert only_error(response.json())["message"] == message


# Sizes.


def sized(size: int) -> bytes:
    """A good request of so many bytes."""
    short = json.dumps({"query": VIEWER, "pad": ""}).encode()
    return short.replace(b'""', b'"' + b"x" * (size - len(short)) + b'"')


async def test_the_largest_request_is_answered(stranger: Caller) -> None:
    response = await stranger.send(sized(MOST_BYTES))
    assert (response.status_code, set(response.json())) == (200, {"data", "extensions"})


@pytest.mark.parametrize("size", [MOST_BYTES + 1, 5 * MOST_BYTES])
async def test_a_larger_one_is_refused_by_its_length(stranger: Caller, size: int) -> None:
    response = await stranger.send(sized(size))
    assert response.status_code == 413
    error = only_error(response.json())
    assert error["message"] == "A request has at most 2097152 bytes."
    assert error["extensions"]["requestId"] == response.headers["x-request-id"]


async def test_a_larger_one_is_refused_by_its_bytes_where_it_tells_no_length(stranger: Caller) -> None:
    body = sized(MOST_BYTES + 1)
    sent = 0

    async def streamed() -> AsyncIterator[bytes]:
        nonlocal sent
        for start in range(0, len(body), 65_536):
            sent += 1
            yield body[start : start + 65_536]

    headers = {"content-type": "application/json", **stranger.headers}
    response = await stranger.http.post("/graphql", content=streamed(), headers=headers)
    assert "content-length" not in response.request.headers
    assert sent > 30
    assert response.status_code == 413
    assert only_error(response.json())["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_streamed_request_within_the_limit_is_answered(stranger: Caller) -> None:
    async def streamed() -> AsyncIterator[bytes]:
        for byte in QUERY.encode():
            yield bytes([byte])

    headers = {"content-type": "application/json", **stranger.headers}
    response = await stranger.http.post("/graphql", content=streamed(), headers=headers)
    assert (response.status_code, set(response.json())) == (200, {"data", "extensions"})


# The id of a request.


async def test_every_answer_carries_a_request_id_of_its_own(stranger: Caller) -> None:
    ids = [(await stranger.send(body)).headers["x-request-id"] for body in (QUERY, QUERY, "{", "null")]
    assert len(set(ids)) == 4
    assert all(len(one) == 32 for one in ids)


async def test_no_other_origin_may_read_an_answer(stranger: Caller) -> None:
    response = await stranger.send(QUERY, origin="https://evil.example")
    assert [name for name in response.headers if name.startswith("access-control-")] == []
    asked = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    preflight = await stranger.http.options("/graphql", headers=asked)
    assert preflight.status_code == 405
    assert [name for name in preflight.headers if name.startswith("access-control-")] == []
