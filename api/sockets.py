"""Sockets: how long one stays open whose client says nothing, and how much it may say before it has asked."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

HEAD_SECONDS = 10.0
"""How long a request's head may take, from the connection or the head's first byte."""
MOST_HEAD_BYTES = 64 * 1024
LINGER_SECONDS = 10.0
"""How long a WebSocket that we are done with may take to read the rest."""


class HttpSocket(HttpToolsProtocol):
    """HTTP, closed where no head comes, or one without end."""

    _awaited: asyncio.TimerHandle | None = None
    _before_head = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's own
        """Awaits the first request."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Awaits nothing any more."""
        self._heard_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Reads on, but for a head that is too long."""
        super().data_received(data)
        if self._awaited is not None:
            self._before_head += len(data)
            if self._before_head > MOST_HEAD_BYTES:
                self.transport.abort()

    def on_message_begin(self) -> None:
        """A head begins; the first one was awaited before."""
        if self._awaited is None:
            self._await_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._heard_head()
        super().on_headers_complete()

    def _await_head(self) -> None:
        self._before_head = 0
        self._awaited = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _heard_head(self) -> None:
        if self._awaited is not None:
            self._awaited.cancel()
            self._awaited = None


class WebSocket(WebSocketsSansIOProtocol):
    """A WebSocket that is let go of even where its client never reads the rest."""

    async def run_asgi(self) -> None:
        """Runs the application, and gives the client time to read what it was told last."""
        await super().run_asgi()
        self.loop.call_later(LINGER_SECONDS, self.transport.abort)
