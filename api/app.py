"""The web application: GraphQL over HTTP and WebSocket, health, GraphiQL and the start page."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import uuid4

import msgspec
from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from api import graphiql
from api.context import Context
from api.schema import schema
from api.security import BadTokenError, bearer
from infra.postgres import UnavailableError, translated
from infra.runtime import Runtime, opened
from infra.settings import Settings

log = logging.getLogger(__name__)

INIT_SECONDS = 10
"""How long a WebSocket may take to send its token."""
READY_SECONDS = 2.0
"""How long a part may take to answer before it counts as away."""


class Endpoint(GraphQL[Context, None]):
    """The GraphQL endpoint."""

    def __init__(self, runtime: Runtime, secret: str) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            allow_queries_via_get=False,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
            connection_init_wait_timeout=timedelta(seconds=INIT_SECONDS),
        )
        self._runtime = runtime
        self._secret = secret

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:
        """Who asks, by the Authorization header; a WebSocket's token comes with its first message."""
        person, why_not, client = None, "Give a token: Authorization: Bearer …", None
        if isinstance(request, Request):
            client = request.client.host if request.client else None
            try:
                person = await bearer(self._secret, self._runtime.people, request.headers.get("authorization"))
            except BadTokenError as fault:
                why_not = str(fault)
        request_id = uuid4().hex
        if isinstance(response, Response):
            response.headers["x-request-id"] = request_id
        return Context(self._runtime, person, why_not, client, request_id=request_id)

    async def on_ws_connect(self, context: Context) -> None:
        """Refuses (4403) a WebSocket without a good token."""
        given = context.connection_params
        header = given.get("Authorization", given.get("authorization")) if isinstance(given, dict) else None
        try:
            context.person = await bearer(self._secret, self._runtime.people, header)
        except BadTokenError as fault:
            raise ConnectionRejectionError({"reason": str(fault)}) from None
        except UnavailableError:
            raise ConnectionRejectionError({"reason": "The service can't answer right now."}) from None

    def encode_json(self, data: object) -> str:
        """JSON text: bytes would make binary WebSocket frames."""
        return encode(data)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers; while the database is away, with 503 in GraphQL's own shape."""
        try:
            await super().__call__(scope, receive, send)
        except UnavailableError:
            if scope["type"] != "http":
                raise
            error = {"message": "The service can't answer right now; try again.", "extensions": {"code": "UNAVAILABLE"}}
            await JSONResponse({"errors": [error]}, status_code=503)(scope, receive, send)


def encode(data: object) -> str:
    """JSON text of an answer. Input may be echoed in a message, so a lone surrogate must not break it."""
    try:
        return msgspec.json.encode(data).decode()
    except UnicodeEncodeError:
        return json.dumps(data)


def application(settings: Settings, database_url: str, redis_url: str, secret: str) -> Starlette:
    """The whole application on these servers."""
    held: dict[str, Runtime] = {}

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with opened(settings, database_url, redis_url) as runtime:
            held["runtime"] = runtime
            endpoint = Endpoint(runtime, secret)
            app.router.routes[:0] = [
                Route("/graphql", endpoint),
                WebSocketRoute("/graphql", endpoint),
            ]
            yield

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(_: Request) -> Response:
        runtime = held["runtime"]
        parts = {
            "database": await _answers(runtime.pool.fetchval("SELECT 1")),
            "redis": await _answers(runtime.redis.ping()),
        }
        ready = all(parts.values())
        return JSONResponse({"status": "ready" if ready else "waiting", **parts}, status_code=200 if ready else 503)

    routes = [Route("/healthz", healthz), Route("/readyz", readyz), *graphiql.routes()]
    return Starlette(routes=routes, lifespan=lifespan)


async def _answers(asked: Awaitable[object]) -> bool:
    try:
        with translated():
            async with asyncio.timeout(READY_SECONDS):
                await asked
    except (UnavailableError, RedisError):
        return False
    return True
