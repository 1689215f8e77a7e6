"""Conversations over a WebSocket: graphql-transport-ws, and how it ends for what isn't that."""

from typing import Any

from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler
from strawberry.subscriptions.protocols.graphql_transport_ws.types import ConnectionInitMessage

from api.context import Context
from api.errors import UNAVAILABLE
from api.requests import is_operation
from infra.postgres import UnavailableError

TRY_AGAIN_LATER = 1013
"""Code a WebSocket is closed with while the database is away; IANA's registry of close codes."""
MOST_REASON_BYTES = 123
"""Of the reason a WebSocket is closed for; RFC 6455, section 5.5."""


class Socket(ASGIWebSocketAdapter):
    """A WebSocket whose closing always gets through, whatever the reason echoes."""

    async def close(self, code: int, reason: str) -> None:
        await super().close(code, reason.encode(errors="replace")[:MOST_REASON_BYTES].decode(errors="ignore"))


class Conversation(BaseGraphQLTransportWSHandler[Context, None]):
    """graphql-transport-ws, closed with 4400 by a message that isn't of its shape, and with 1013 by a lost database."""

    async def handle_message(self, message: Any) -> None:  # noqa: ANN401 - whatever JSON the client sent
        if _is_message(message):
            await super().handle_message(message)
        else:
            await self.handle_invalid_message("This is no message of graphql-transport-ws")

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        try:
            await super().handle_connection_init(message)
        except UnavailableError:
            # Try again later, with the same token.
            await self.websocket.close(TRY_AGAIN_LATER, UNAVAILABLE)


def _is_message(given: object) -> bool:
    """Whether JSON has the shape that its type of message needs. Unknown types are told apart later."""
    if not isinstance(given, dict) or not isinstance(given.get("type"), str):
        return False
    payload = given.get("payload")
    if given["type"] in ("subscribe", "complete") and not isinstance(given.get("id"), str):
        return False
    if given["type"] != "subscribe":
        return payload is None or isinstance(payload, dict)
    return isinstance(payload, dict) and isinstance(payload.get("query"), str) and is_operation(payload)
