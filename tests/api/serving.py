"""An application of a test's own on a real port, where the shared one's settings or servers won't do."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
import uvicorn
from starlette.applications import Starlette

from api.serve import MOST_FRAME_BYTES
from api.sockets import HttpSocket, WebSocket
from infra.runtime import Runtime

PATIENCE_SECONDS = 20.0


@asynccontextmanager
async def serving(app: Starlette, *, ping_seconds: float | None = 20.0) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application while it runs; whoever doesn't answer a WebSocket's ping so long is cut off."""
    server = uvicorn.Server(
        uvicorn.Config(
            app, host="127.0.0.1", port=0, log_config=None, access_log=False, http=HttpSocket, ws=WebSocket,
            ws_max_size=MOST_FRAME_BYTES, ws_per_message_deflate=False, ws_ping_interval=ping_seconds,
        )
    )  # fmt: skip
    app.state.connections = server.server_state.connections
    running = asyncio.ensure_future(server.serve())
    try:
        await until(lambda: server.started or running.done())
        port = server.servers[0].sockets[0].getsockname()[1]
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            yield client
    finally:
        server.should_exit = True
        await running


def socket_url(client: httpx.AsyncClient) -> str:
    """Where the same application takes WebSockets."""
    return f"ws://{client.base_url.host}:{client.base_url.port}/graphql"


def runtime_of(app: Starlette) -> Runtime:
    """The running application's own runtime."""
    runtime: Runtime = app.router.routes[0].endpoint._endpoint._runtime  # type: ignore[attr-defined]
    return runtime


async def until(condition: Callable[[], bool]) -> None:
    """Waits until it holds; fails if it won't."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            await asyncio.sleep(0.005)
