"""The web application: GraphQL over HTTP and WebSocket, health, the Analytics Hub and GraphiQL."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute

from api import graphiql
from api.draining import Door, Drain
from api.endpoint import Endpoint
from api.observing import Observing
from api.origins import Origins
from api.security import guarded
from api.trusted import TrustedDocuments
from infra.exposition import PATH, Exposition
from infra.postgres import UnavailableError, translated
from infra.runtime import Runtime, opened
from infra.settings import Settings
from infra.tracing import traced

INIT_SECONDS = 10.0
"""How long a WebSocket may take to send its token."""
READY_SECONDS = 2.0
"""How long a part may take to answer before it counts as away."""


def application(
    settings: Settings, database_url: str, redis_url: str, secret: str, drain: Drain | None = None
) -> Starlette:
    """The whole application on these servers.

    Args:
        drain: What ends it; left out, whoever runs it cuts off what is under way.
    """
    held: dict[str, Runtime] = {}
    # The hub must work where no other documents do. Where the pages weren't built there is nothing of theirs to trust.
    manifests = [path for path in (settings.trusted_documents, *graphiql.manifests()) if path is not None]
    documents = TrustedDocuments.read(*manifests, only=settings.trusted_documents_only)
    draining = drain or Drain()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with (
            opened(settings, database_url, redis_url, lambda: secret) as runtime,
            guarded(settings, secret, runtime) as gate,
        ):
            held["runtime"] = runtime
            # Loaded before anybody waits for it.
            runtime.funds.lists()
            shown = Exposition(runtime.metrics, settings.metrics_token)
            origins = Origins(settings.public_url, settings.cors_origins)
            endpoint = Observing(Endpoint(runtime, gate, documents, origins, INIT_SECONDS), runtime.metrics)
            app.router.routes[:0] = [
                Route("/graphql", origins.opened(endpoint)),
                WebSocketRoute("/graphql", endpoint),
                Route(PATH, shown.answer),
            ]
            async with shown.of(runtime), runtime.metrics.watching_loop():
                with traced(settings, "api"):
                    yield

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(_: Request) -> Response:
        if draining.told:
            return JSONResponse({"status": "draining"}, status_code=503)
        runtime = held["runtime"]
        parts = {
            "database": await _answers(runtime.pool.fetchval("SELECT 1")),
            "redis": await _answers(runtime.redis.ping()),
        }
        ready = all(parts.values())
        return JSONResponse({"status": "ready" if ready else "waiting", **parts}, status_code=200 if ready else 503)

    routes = [Route("/healthz", healthz), Route("/readyz", readyz), *graphiql.routes()]
    return Starlette(routes=routes, middleware=[Middleware(Door, draining)], lifespan=lifespan)


async def _answers(asked: Awaitable[object]) -> bool:
    try:
        with translated():
            async with asyncio.timeout(READY_SECONDS):
                await asked
    except (UnavailableError, RedisError):
        return False
    return True
