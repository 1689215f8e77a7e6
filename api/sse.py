"""Server-sent events: graphql-sse's distinct connections, one operation each."""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing, suppress
from math import inf

from starlette.types import Receive, Send
from strawberry.types.graphql import OperationType

from api.context import Context, now
from api.draining import LOOK_SECONDS
from api.encoding import encode
from api.execution import left, payload, results
from api.requests import Operation
from api.slow import PARTING_SECONDS, STALLED_SECONDS, too_slow
from api.tokens import EXPIRED, LEEWAY

KEEP_ALIVE_SECONDS = 12.0
"""Between two comments on a connection with nothing to tell."""
HEADERS = {
    "content-type": "text/event-stream; charset=utf-8",
    # Neither kept nor packed on its way, nor held back by nginx.
    "cache-control": "no-store, no-transform",
    "x-accel-buffering": "no",
}


class EventStream:
    """One operation told by server-sent events.

    Args:
        allowed: Types of operation that may be executed.
    """

    def __init__(
        self, asked: Operation, context: Context, allowed: set[OperationType], receive: Receive, send: Send
    ) -> None:
        self._asked = asked
        self._context = context
        self._allowed = allowed
        self._receive = receive
        self._send = send
        self._stalled = False
        self._leaving = False
        self._telling: asyncio.Future[None]
        context.course.asked, context.course.deliver = asked, self._deliver

    async def run(self, headers: Mapping[str, str]) -> None:
        """Tells it to its end, or until the client leaves, is too slow, or its token has expired."""
        told = [(name.encode(), value.encode()) for name, value in {**headers, **HEADERS}.items()]
        await self._send({"type": "http.response.start", "status": 200, "headers": told})
        self._telling = asyncio.ensure_future(self._tell())
        leaving = asyncio.ensure_future(left(self._receive))
        try:
            error = await self._until_ended(leaving)
            if not self._context.course.changes:
                self._telling.cancel()
            await asyncio.wait({self._telling})
            if not leaving.done():
                with suppress(TimeoutError):
                    async with asyncio.timeout(PARTING_SECONDS):
                        await self._end(error)
        finally:
            leaving.cancel()
            self._telling.cancel()
        if not self._telling.cancelled():
            self._telling.result()

    async def leave(self) -> None:
        """Ends a subscription without saying that it is complete: its client goes on elsewhere."""
        while self._context.course.kind is None:  # noqa: ASYNC110 - whoever notes it knows nothing of us
            await asyncio.sleep(LOOK_SECONDS)
        if self._context.course.kind is OperationType.SUBSCRIPTION:
            self._leaving = True
            self._telling.cancel()

    async def _until_ended(self, leaving: "asyncio.Future[None]") -> dict[str, object] | None:
        """Returns when it has come to its end: the error it ends with, if there is one."""
        clock, admitted = asyncio.get_running_loop().time, self._context.admitted
        ends = clock() + (admitted.expires_at + LEEWAY - now()).total_seconds() if admitted else inf
        while not self._stalled:
            wait = min(KEEP_ALIVE_SECONDS, max(ends - clock(), 0))
            done, _ = await asyncio.wait({self._telling, leaving}, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
            if done and not self._stalled:
                return None
            if clock() >= ends:
                extensions = {"code": "UNAUTHENTICATED", "requestId": self._context.request_id}
                return {"message": EXPIRED, "extensions": extensions}
            if not done:
                await self._write(":\n\n")
        return too_slow(self._context)

    async def _tell(self) -> None:
        async with aclosing(await results(self._asked, self._context, self._allowed)) as told:
            async for result in told:
                await self._deliver(payload(result))

    async def _deliver(self, told: str) -> None:
        # What it was to change is changed.
        self._context.course.changes = False
        await self._write(f"event: next\ndata: {told}\n\n")
        if self._stalled:
            # Cancelled here: to a resolver it is no error.
            self._telling.cancel()
            await asyncio.Event().wait()

    async def _write(self, text: str) -> None:
        """Sends some of the stream, or notes that its client doesn't read what came before."""
        try:
            async with asyncio.timeout(STALLED_SECONDS):
                await self._send({"type": "http.response.body", "body": text.encode(), "more_body": True})
        except TimeoutError:
            self._stalled = True

    async def _end(self, error: Mapping[str, object] | None) -> None:
        last = "" if error is None else f"event: next\ndata: {encode({'errors': [error]})}\n\n"
        # Browsers drop an event without data.
        text = "" if self._leaving else f"{last}event: complete\ndata:\n\n"
        await self._send({"type": "http.response.body", "body": text.encode(), "more_body": False})
