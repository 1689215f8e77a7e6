"""Draining: how the API ends without cutting anybody off.

Told to stop, it says so at once by /readyz. After a notice, in which balancers take it out, it lets nothing new in,
lets what is under way finish, and closes WebSockets at a pace, for their clients to go on elsewhere.
"""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol
from uuid import uuid4

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

log = logging.getLogger(__name__)

ALWAYS_ANSWERED = frozenset({"/healthz", "/metrics", "/readyz"})
"""Whoever watches this process is told to the end."""
RETRY_SECONDS = 1
"""After which one may ask again: a balancer, or the process that follows, has taken over by then."""
MOST_CLOSED_A_SECOND = 500
"""WebSockets: their clients come back at once, and all of them to the other processes."""
LOOK_SECONDS = 0.02
LEAVING = "The server is going away; connect again."


class Leaver(Protocol):
    """A conversation or a stream, which ends when asked to."""

    async def leave(self) -> None:
        """Lets what will end by itself do so, and ends the rest."""


class Drain:
    """What a process is at, and whether it is about to stop.

    Attributes:
        told: Whether it was told to stop.
        closed: Whether nothing new is let in.
    """

    def __init__(self) -> None:
        self.told = False
        self.closed = False
        self._under_way = 0
        self._lasting: set[Leaver] = set()
        self._hurried = False

    def begin(self) -> None:
        """From now on it is about to stop; told again, it stops waiting. May be called by a signal's handler."""
        self._hurried = self.told
        self.told = True

    async def finish(self, notice: float, limit: float) -> None:
        """Returns when nothing is under way any more, or the time is up.

        Args:
            notice: Seconds in which everything is still let in.
            limit: Seconds that what is under way has after that.
        """
        self.told = True
        await self._pass(notice)
        self.closed = True
        leaving = asyncio.ensure_future(self._dismiss(limit / 2))
        try:
            await self._pass(limit, until_idle=True)
        finally:
            leaving.cancel()
            await asyncio.gather(leaving, return_exceptions=True)
        if self._under_way:
            log.warning("%d requests or connections are cut off: they took too long", self._under_way)

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Something is under way inside."""
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1

    @contextmanager
    def may_dismiss(self, one: Leaver) -> Iterator[None]:
        """Inside goes on what would not end by itself."""
        self._lasting.add(one)
        try:
            yield
        finally:
            self._lasting.discard(one)

    async def _pass(self, seconds: float, *, until_idle: bool = False) -> None:
        clock = asyncio.get_running_loop().time
        self._hurried = False
        deadline = clock() + seconds
        while clock() < deadline and not self._hurried and not (until_idle and self._under_way == 0):  # noqa: ASYNC110
            # A signal's handler could not wake us.
            await asyncio.sleep(LOOK_SECONDS)

    async def _dismiss(self, seconds: float) -> None:
        """Ends what would not end by itself, for ever, at a pace that leaves time for the last one."""
        dismissed = set[Leaver]()
        pause = min(1 / MOST_CLOSED_A_SECOND, seconds / max(len(self._lasting), 1))
        async with asyncio.TaskGroup() as leaving:
            while True:
                # Those too that were only just let in.
                for one in self._lasting - dismissed:
                    dismissed.add(one)
                    leaving.create_task(one.leave())
                    await asyncio.sleep(pause)
                await asyncio.sleep(LOOK_SECONDS)


class Door:
    """Lets in what is asked of an application, until its process is about to stop."""

    def __init__(self, app: ASGIApp, drain: Drain) -> None:
        self._app = app
        self._drain = drain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers, or refuses with 503."""
        if scope["type"] == "lifespan" or scope["path"] in ALWAYS_ANSWERED:
            await self._app(scope, receive, send)
        elif self._drain.closed:
            await _refusal()(scope, receive, send)
        else:
            with self._drain.under_way():
                await self._app({**scope, "drain": self._drain}, receive, send)


def _refusal() -> JSONResponse:
    error = {"message": LEAVING, "extensions": {"code": "UNAVAILABLE", "requestId": uuid4().hex}}
    # So that the next request goes to another process.
    headers = {"retry-after": str(RETRY_SECONDS), "connection": "close"}
    return JSONResponse({"errors": [error]}, status_code=503, headers=headers)
