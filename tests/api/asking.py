"""Whoever asks the API: over HTTP, and over a WebSocket that speaks graphql-transport-ws."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

Json = dict[str, Any]

PROTOCOL = Subprotocol("graphql-transport-ws")

RECORD = """
mutation ($input: RecordEventsInput!) {
  recordEvents(input: $input) {
    events { id version hash }
    state { version availableCapital }
    errors { code message path }
  }
}
"""


@dataclass(frozen=True, slots=True)
class Caller:
    """Someone with a token, or without one."""

    http: httpx.AsyncClient
    token: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        """What tells the server who asks."""
        return {} if self.token is None else {"authorization": f"Bearer {self.token}"}

    async def send(self, content: bytes | str, **headers: str) -> httpx.Response:
        """The answer to a body sent as it is; it may hold what `json` would not write."""
        told = {"content-type": "application/json", **self.headers, **headers}
        return await self.http.post("/graphql", content=content, headers=told)

    async def ask(self, query: str, **variables: object) -> Json:
        """The whole answer, but what it cost."""
        # ASCII alone, so that half a surrogate pair can be sent too.
        response = await self.send(json.dumps({"query": query, "variables": variables}))
        answer: Json = response.json()
        answer.pop("extensions", None)
        return answer

    async def data(self, query: str, **variables: object) -> Json:
        """The answer's data; there must be no error."""
        answer = await self.ask(query, **variables)
        assert "errors" not in answer, answer["errors"]
        data: Json = answer["data"]
        return data

    async def error(self, query: str, **variables: object) -> Json:
        """The answer's one error."""
        answer = await self.ask(query, **variables)
        (error,) = answer["errors"]
        found: Json = error
        return found

    async def code(self, query: str, **variables: object) -> str:
        """The code of the answer's one error."""
        error = await self.error(query, **variables)
        code: str = error["extensions"]["code"]
        return code

    async def record(self, fund_id: str, *events: Json, **rest: object) -> Json:
        """What `recordEvents` answered."""
        data = await self.data(RECORD, input={"fundId": fund_id, "events": events, **rest})
        payload: Json = data["recordEvents"]
        return payload

    async def recorded(self, fund_id: str, *events: Json, **rest: object) -> list[int]:
        """Versions of the facts recorded; none may be refused."""
        payload = await self.record(fund_id, *events, **rest)
        assert payload["errors"] == [], payload["errors"]
        return [event["version"] for event in payload["events"]]

    async def version(self, fund_id: str) -> int:
        """Version of the fund's newest fact."""
        data = await self.data("query ($id: ID!) { fund(id: $id) { fund { version } } }", id=fund_id)
        version: int = data["fund"]["fund"]["version"]
        return version


@dataclass(frozen=True, slots=True)
class OpenedFund:
    """A fund, and someone who may record in it."""

    uuid: UUID
    analyst: Caller

    @property
    def id(self) -> str:
        """As the API has it."""
        return str(self.uuid)


@dataclass(frozen=True, slots=True)
class Conversation:
    """An open WebSocket whose token was taken."""

    socket: ClientConnection

    async def send(self, message: object) -> None:
        """Sends JSON."""
        await self.socket.send(json.dumps(message))

    async def receive(self) -> Json:
        """The next message."""
        message: Json = json.loads(await self.socket.recv())
        return message

    async def subscribe(self, query: str, operation: str = "1", /, **variables: object) -> None:
        """Starts an operation."""
        payload = {"query": query, "variables": variables}
        await self.send({"id": operation, "type": "subscribe", "payload": payload})

    async def next(self) -> Json:
        """The data of the next message, which must hold a result without errors."""
        message = await self.receive()
        assert message["type"] == "next", message
        assert "errors" not in message["payload"], message
        data: Json = message["payload"]["data"]
        return data

    async def closed(self) -> int:
        """The code that the server closes with, whatever it still sends before."""
        return await closing_code(self.socket)


async def closing_code(socket: ClientConnection) -> int:
    """The code that the server closes a WebSocket with, whatever it still sends before; 1006 if it just breaks off."""
    await socket.wait_closed()
    assert socket.close_code is not None
    return socket.close_code


@asynccontextmanager
async def conversing(url: str, token: str | None) -> AsyncIterator[Conversation]:
    """A WebSocket that the server acknowledged."""
    async with connect(url, subprotocols=[PROTOCOL], max_size=None) as socket:
        conversation = Conversation(socket)
        await conversation.send({"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}})
        assert await conversation.receive() == {"type": "connection_ack"}
        yield conversation


def refusals(payload: Json) -> list[tuple[str, list[str] | None]]:
    """Code and path of each refusal in a mutation's payload."""
    return [(error["code"], error["path"]) for error in payload["errors"]]


def event(kind: str, occurred_at: str | None = None, /, **fields: object) -> Json:
    """One fact to record, such as `event("feeCharged", "2010-01-01", amount="1.00")`."""
    given: Json = {"event": {kind: fields}}
    if occurred_at is not None:
        given["occurredAt"] = f"{occurred_at}T00:00:00Z" if len(occurred_at) == 10 else occurred_at
    return given
