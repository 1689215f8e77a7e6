"""Conversations over a WebSocket: graphql-transport-ws, and how it ends for what isn't that."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import ExitStack, aclosing, suppress
from dataclasses import dataclass, replace
from json import JSONDecodeError
from typing import Any, TypeGuard
from uuid import uuid4

from starlette.types import Message, Receive, Send
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType

from api.context import Context, now
from api.course import Course
from api.draining import LEAVING, LOOK_SECONDS
from api.encoding import decode, encode
from api.errors import UNAVAILABLE
from api.execution import is_refusal, payload, results
from api.limits.connections import FullError, held_of
from api.refused import RefusedRequest
from api.requests import Operation, operation
from api.security import Gate
from api.slow import PARTING_SECONDS, SLOW_CONSUMER, STALLED_SECONDS, too_slow
from api.tokens import EXPIRED, LEEWAY, REVOKED, BadTokenError
from api.trusted import TrustedDocuments
from infra.postgres import UnavailableError

log = logging.getLogger(__name__)

PROTOCOL = "graphql-transport-ws"
BAD_REQUEST, UNAUTHORISED, FORBIDDEN, TOO_LATE, IN_USE, TOO_MANY = 4400, 4401, 4403, 4408, 4409, 4429
"""Codes of graphql-transport-ws."""
GOING_AWAY, TRY_AGAIN_LATER = 1001, 1013
"""Codes a WebSocket is closed with when we stop, and for a lost database or a client too slow; IANA's registry."""
MOST_REASON_BYTES = 123
"""Of the reason a WebSocket is closed for; RFC 6455, section 5.5."""
MOST_OPERATIONS = 100
"""Under way at once on one WebSocket."""


@dataclass(slots=True, eq=False)
class Underway:
    """An operation under way."""

    id: str
    context: Context
    task: "asyncio.Task[None] | None" = None
    begun: bool = False

    @property
    def course(self) -> Course:
        """How it goes."""
        return self.context.course

    def cancel(self) -> None:
        """Ends it, unless it changes something."""
        if self.task is not None and not self.course.changes:
            self.task.cancel()


class Conversation:
    """One WebSocket's conversation.

    Args:
        context: What its operations know, but who asks.
        gate: Who is let in.
        documents: Those known by their ids.
        init_seconds: How long its token may take.
    """

    def __init__(
        self,
        receive: Receive,
        send: Send,
        context: Context,
        gate: Gate,
        documents: TrustedDocuments,
        init_seconds: float,
    ) -> None:
        self._receive = receive
        self._send = send
        self._context = context
        self._gate = gate
        self._documents = documents
        self._deadline = asyncio.timeout(init_seconds)
        self._ending = TOO_LATE, "Connection initialisation timeout"
        self._held = ExitStack()
        self._greeted = False
        self._admitted = False
        self._closed = False
        self._parting = False
        self._leaving = False
        self._tasks: set[asyncio.Task[None]] = set()
        self.operations: dict[str, Underway] = {}

    async def hold(self) -> None:
        """Talks until either side ends it."""
        with self._held:
            try:
                async with self._deadline:
                    while not self._closed:
                        message = await self._receive()
                        if message["type"] == "websocket.disconnect":
                            return
                        await self._hear(message)
            except TimeoutError:
                await self._part()
            except OSError:
                # Gone, while it was told something.
                return
            finally:
                await self._drop()

    async def end(self, code: int, reason: str) -> None:
        """Closes it; whatever the reason echoes, it gets through."""
        if not self._closed:
            self._closed = True
            told = reason.encode(errors="replace")[:MOST_REASON_BYTES].decode(errors="ignore")
            await self._send({"type": "websocket.close", "code": code, "reason": told})

    async def leave(self) -> None:
        """Answers queries and mutations under way, takes up no others, and ends; subscriptions go on elsewhere."""
        self._leaving = True
        while answering := [
            one.task
            for one in self.operations.values()
            if one.task is not None and one.course.kind is not OperationType.SUBSCRIPTION
        ]:
            # What has only begun doesn't say yet what it is.
            await asyncio.wait(answering, timeout=LOOK_SECONDS)
        if not (self._closed or self._parting):
            self._until(0, GOING_AWAY, LEAVING)

    async def _hear(self, message: Message) -> None:
        text = message.get("text")
        if text is None:
            await self.end(BAD_REQUEST, "A message must be text")
            return
        try:
            given = decode(text)
        except JSONDecodeError:
            await self.end(BAD_REQUEST, "A message must be JSON")
            return
        if not _is_message(given):
            await self.end(BAD_REQUEST, f"This is no message of {PROTOCOL}")
            return
        kind = given["type"]
        if kind == "connection_init":
            await self._greet(given.get("payload") or {})
        elif kind == "ping":
            await self._say('{"type":"pong"}')
        elif kind == "subscribe":
            await self._begin(given["id"], given["payload"])
        elif kind == "complete":
            self._cancel(given["id"])
        elif kind != "pong":
            await self.end(BAD_REQUEST, f"Unknown message type: {kind}")

    async def _greet(self, given: Mapping[str, object]) -> None:
        if self._greeted:
            await self.end(TOO_MANY, "Too many initialisation requests")
            return
        self._greeted = True
        try:
            admitted = await self._gate.admitted(given.get("Authorization", given.get("authorization")))
        except BadTokenError as fault:
            await self.end(FORBIDDEN, str(fault))
            return
        except UnavailableError:
            # With the same token.
            await self.end(TRY_AGAIN_LATER, UNAVAILABLE)
            return
        self._context = replace(self._context, admitted=admitted)
        try:
            self._held.enter_context(held_of(self._context.runtime, self._context))
        except FullError as fault:
            await self.end(TOO_MANY, str(fault))
            return
        self._until((admitted.expires_at + LEEWAY - now()).total_seconds(), FORBIDDEN, EXPIRED)
        standings = self._context.runtime.standings
        self._held.enter_context(standings.watched(admitted.person, None, self._lose_standing))
        await self._say('{"type":"connection_ack"}')
        self._admitted = True

    def _lose_standing(self, _: Exception) -> None:
        if not self._parting:
            self._until(0, FORBIDDEN, REVOKED)

    def _until(self, seconds: float, code: int, reason: str) -> None:
        """Has the conversation end by then, for that."""
        self._deadline.reschedule(asyncio.get_running_loop().time() + seconds)
        self._ending = code, reason

    async def _begin(self, id: str, given: Mapping[str, Any]) -> None:
        if not self._admitted:
            await self.end(UNAUTHORISED, "Unauthorized")
            return
        if self._leaving:
            # Its client hears of nothing, and asks again elsewhere.
            return
        if id in self.operations:
            await self.end(IN_USE, f"Subscriber for {id} already exists")
            return
        context = replace(self._context, request_id=uuid4().hex, course=Course())
        one = Underway(id, context)
        try:
            if len(self.operations) >= MOST_OPERATIONS:
                message = f"At most {MOST_OPERATIONS} operations may be under way on one WebSocket."
                raise RefusedRequest(429, message, "TOO_MANY_OPERATIONS")
            asked = self._documents.resolved(operation(given))
        except RefusedRequest as fault:
            await self._say(encode({"id": id, "type": "error", "payload": fault.errors(context.request_id)}))
            return
        head = f'{{"id":{encode(id)},"type":"next","payload":'

        async def deliver(told: str) -> None:
            # What it was to change is changed.
            one.begun, one.course.changes = True, False
            if self.operations.get(id) is one:
                await self._say(f"{head}{told}}}")

        one.course.asked, one.course.deliver = asked, deliver
        self.operations[id] = one
        one.task = asyncio.create_task(self._run(one, asked))
        self._tasks.add(one.task)
        one.task.add_done_callback(self._done)

    async def _run(self, one: Underway, asked: Operation) -> None:
        """Executes an operation and tells what comes of it."""
        assert one.course.deliver is not None
        async with aclosing(await results(asked, one.context)) as told:
            async for result in told:
                if not one.begun and (isinstance(result, PreExecutionError) or is_refusal(result)):
                    await self._finish(one, "error", [error.formatted for error in result.errors or []])
                    return
                await one.course.deliver(payload(result))
        await self._finish(one, "complete")

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        fault = None if task.cancelled() else task.exception()
        if fault is not None and not isinstance(fault, OSError):
            log.error("an operation on a WebSocket failed", exc_info=fault)

    async def _finish(self, one: Underway, kind: str, told: object = None) -> None:
        # Before it is told: the client may use the id again at once.
        if self.operations.get(one.id) is one:
            del self.operations[one.id]
            message: dict[str, object] = {"id": one.id, "type": kind}
            await self._say(encode(message if told is None else {**message, "payload": told}))

    def _cancel(self, id: str) -> None:
        one = self.operations.pop(id, None)
        if one is not None:
            one.cancel()

    async def _say(self, text: str) -> None:
        """Sends a message; if its client doesn't read those before it, everything ends."""
        if self._closed:
            return
        try:
            async with asyncio.timeout(STALLED_SECONDS):
                await self._send({"type": "websocket.send", "text": text})
        except TimeoutError:
            if not self._parting:
                self._until(0, TRY_AGAIN_LATER, SLOW_CONSUMER)
                # Cancelled here: to a resolver it is no error.
                await asyncio.Event().wait()

    async def _part(self) -> None:
        """Ends what has come to its end, and tells each subscription how to go on where that helps."""
        self._parting = True
        code, reason = self._ending
        operations, self.operations = list(self.operations.values()), {}
        for one in operations:
            one.cancel()
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout(PARTING_SECONDS):
                if reason == SLOW_CONSUMER:
                    for one in operations:
                        error = too_slow(one.context)
                        told = encode({"id": one.id, "type": "error", "payload": [error]})
                        await self._send({"type": "websocket.send", "text": told})
                await self.end(code, reason)

    async def _drop(self) -> None:
        """Lets go of what is under way; what changes something runs to its end."""
        self._parting = self._closed = True
        for one in self.operations.values():
            one.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)


def _is_message(given: object) -> TypeGuard[dict[str, Any]]:
    """Whether JSON has the shape that its type of message needs. Unknown types are told apart later."""
    if not isinstance(given, dict) or not isinstance(given.get("type"), str):
        return False
    told = given.get("payload")
    if given["type"] in ("subscribe", "complete") and not isinstance(given.get("id"), str):
        return False
    if given["type"] != "subscribe":
        return told is None or isinstance(told, dict)
    return _is_operation(told)


def _is_operation(given: object) -> bool:
    try:
        operation(given)
    except RefusedRequest:
        return False
    return True
