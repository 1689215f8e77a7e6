"""The same types and resolvers served by Strawberry as it comes: what the product's endpoint is measured beside."""

import argparse
from dataclasses import dataclass
from typing import Any

import strawberry
import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.schema.config import StrawberryConfig

from api.context import Context
from api.events import EVENT_TYPES
from api.scalars import SCALARS
from api.schema import Mutation, Query, Subscription
from api.security import Gate
from infra import tenancy
from infra.runtime import Runtime, opened
from infra.settings import settings
from tests.benchmarks.ground import SECRET

SCHEMA = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=list(EVENT_TYPES.values()),
    config=StrawberryConfig(scalar_map=dict(SCALARS)),
)


@dataclass(slots=True)
class StockContext(Context):
    """With the payload of `connection_init`, which Strawberry puts there."""

    connection_params: Any = None


class Stock(GraphQL[StockContext, None]):
    """Strawberry's own endpoint, which asks who asks."""

    def __init__(self, runtime: Runtime) -> None:
        super().__init__(SCHEMA)
        self._runtime = runtime
        self._gate = Gate(SECRET, runtime.people, None)

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> StockContext:
        admitted = None
        if isinstance(request, Request):
            admitted = await self._gate.admitted(request.headers.get("authorization"))
        return StockContext(self._runtime, admitted, "", None)

    async def on_ws_connect(self, context: StockContext) -> Any:  # noqa: ANN401 - strawberry's own
        context.admitted = await self._gate.admitted(context.connection_params["Authorization"])
        return strawberry.UNSET


async def serve(port: int) -> None:
    chosen = settings()
    assert chosen.database_url is not None, "given by whoever starts this"
    assert chosen.redis_url is not None, "as above"
    async with opened(chosen, chosen.database_url, chosen.redis_url, lambda: SECRET) as runtime:
        endpoint = Stock(runtime)

        async def readyz(_: Request) -> Response:
            return JSONResponse({})

        routes = [Route("/graphql", endpoint), WebSocketRoute("/graphql", endpoint), Route("/readyz", readyz)]
        config = uvicorn.Config(
            Starlette(routes=routes),
            port=port,
            log_config=None,
            access_log=False,
            ws="websockets-sansio",
            ws_per_message_deflate=False,
        )
        await uvicorn.Server(config).serve()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    with tenancy.everyone():
        uvloop.run(serve(parser.parse_args().port))
