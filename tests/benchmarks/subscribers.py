"""Subscribers: many WebSockets in a process of their own, each receipt stamped the moment its bytes arrive.

Frames are parsed only once every subscriber has its bytes, so that the client's own work delays nothing measured.
Speaks in lines of JSON: told `{"version": n}`, it answers with the moments at which subscribers held that version.
"""

import asyncio
import json
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from time import monotonic
from typing import Any, cast

import uvloop
from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.frames import Frame, Opcode
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

FACTS = """
    subscription ($fundId: ID!, $after: Int) { fundEvents(fundId: $fundId, afterVersion: $after) {
        id version type occurredAt recordedAt recordedBy summary
    } }
"""
ALERTS = """
    subscription ($fundId: ID!, $after: String) { varianceAlerts(fundId: $fundId, after: $after) {
        cursor change alert {
            id severity status metricType triggeringEventVersion occurrences why
            company { companyId name }
            details { periodStart periodEnd forecast actual variance variancePercent }
        }
    } }
"""
SUBSCRIPTIONS: Mapping[str, tuple[str, Callable[[Any], int]]] = {
    "facts": (FACTS, lambda told: told["fundEvents"]["version"]),
    "alerts": (ALERTS, lambda told: told["varianceAlerts"]["alert"]["triggeringEventVersion"]),
}
"""What can be subscribed to, and how to find the version of the fact that brought it."""
JOINING = 25
"""Connections made at once."""
PATIENCE = 20.0
"""Seconds that all subscribers together have for one fact."""
UNDISTURBED = 3.0
"""Seconds in which only bytes are counted."""
LOOK = 0.02
"""Seconds between two looks afterwards."""


class Subscriber(asyncio.Protocol):
    """One WebSocket with one subscription."""

    def __init__(self, crowd: "Crowd") -> None:
        self._crowd = crowd
        extensions = [ClientPerMessageDeflateFactory()] if crowd.deflates else None
        self._websocket = ClientProtocol(
            parse_uri(crowd.url), subprotocols=[Subprotocol("graphql-transport-ws")], extensions=extensions
        )
        self._received: list[tuple[float, bytes]] = []
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.held: dict[int, float] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's are none of asyncio's class.
        self._transport = cast("asyncio.Transport", transport)
        self._websocket.send_request(self._websocket.connect())
        self._flush()

    def data_received(self, data: bytes) -> None:
        if self.ready.done():
            if not self._received:
                self._crowd.arrived += 1
                if self._crowd.arrived == len(self._crowd.subscribers):
                    self._crowd.complete.set()
            self._received.append((monotonic(), data))
        else:
            self._websocket.receive_data(data)
            self._greet()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ready.done():
            self.ready.set_exception(ConnectionError("closed while joining"))

    def _greet(self) -> None:
        for event in self._websocket.events_received():
            if not isinstance(event, Frame):
                self._say({"type": "connection_init", "payload": {"Authorization": f"Bearer {self._crowd.token}"}})
                continue
            kind = json.loads(bytes(event.data))["type"] if event.opcode is Opcode.TEXT else None
            if kind == "connection_ack":
                variables = {"fundId": self._crowd.fund_id, "after": self._crowd.after}
                payload = {"query": self._crowd.query, "variables": variables}
                self._say({"type": "subscribe", "id": "1", "payload": payload})
                self.ready.set_result(None)
        self._flush()

    def parse(self) -> None:
        """Takes the versions out of what has arrived."""
        for moment, data in self._received:
            self._websocket.receive_data(data)
            for event in self._websocket.events_received():
                if isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                    message = json.loads(bytes(event.data))
                    if message["type"] != "next" or "errors" in message["payload"]:
                        raise RuntimeError(str(message))
                    self.held.setdefault(self._crowd.version(message["payload"]["data"]), moment)
        self._received.clear()
        # The answers to pings, among others.
        self._flush()

    def _say(self, message: dict[str, object]) -> None:
        self._websocket.send_text(json.dumps(message).encode())

    def _flush(self) -> None:
        for data in self._websocket.data_to_send():
            if data:
                self._transport.write(data)


class Crowd:
    """All subscribers of this process."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.url, self.token, self.fund_id = told["url"], told["token"], told["fund"]
        self.after, self.deflates = told["after"], told["deflates"]
        self.query, self.version = SUBSCRIPTIONS[told["what"]]
        self.subscribers: list[Subscriber] = []
        self.arrived = 0
        self.complete = asyncio.Event()

    async def join(self, count: int) -> None:
        loop, uri = asyncio.get_running_loop(), parse_uri(self.url)
        while len(self.subscribers) < count:
            some = min(JOINING, count - len(self.subscribers))
            made = await asyncio.gather(
                *(loop.create_connection(lambda: Subscriber(self), uri.host, uri.port) for _ in range(some))
            )
            self.subscribers += [subscriber for _, subscriber in made]
            async with asyncio.timeout(PATIENCE):
                await asyncio.gather(*(subscriber.ready for _, subscriber in made))
            # Those that have joined are pinged meanwhile.
            for subscriber in self.subscribers:
                subscriber.parse()
        self.arrived = 0
        self.complete.clear()

    async def holding(self, version: int) -> list[float]:
        """When each subscriber held the version; those that don't within `PATIENCE` are left out."""
        deadline, wait = monotonic() + PATIENCE, UNDISTURBED
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.complete.wait(), wait)
            self.complete.clear()
            self.arrived = 0
            for subscriber in self.subscribers:
                subscriber.parse()
            held = [subscriber.held[version] for subscriber in self.subscribers if version in subscriber.held]
            if len(held) == len(self.subscribers) or monotonic() > deadline:
                return held
            # What had arrived was something else for some, such as a ping: from here on they are looked at.
            wait = LOOK


async def main() -> None:
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    told = json.loads(await lines.readline())
    crowd = Crowd(told)
    await crowd.join(told["count"])
    _answer({"joined": len(crowd.subscribers)})
    while line := await lines.readline():
        _answer({"held": await crowd.holding(json.loads(line)["version"])})


def _answer(told: dict[str, object]) -> None:
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    uvloop.run(main())
