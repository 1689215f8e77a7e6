"""The API alone: on servers that run already."""

import asyncio
import socket
import sys
from contextlib import suppress
from pathlib import Path
from types import FrameType

import uvicorn

from api.app import application
from api.command import CommandError
from api.draining import Drain
from api.ports import free_port
from api.sockets import HttpSocket, WebSocket
from api.trusted import ManifestError
from infra import locate
from infra.logs import configure
from infra.revision import check_revision
from infra.runtime import opened
from infra.settings import Settings, settings

MOST_FRAME_BYTES = 2**20
LAST_WORDS_SECONDS = 1
"""For what is under way when its time is up: connections are closed, then tasks cancelled."""


class Server(uvicorn.Server):
    """A server that drains before it closes."""

    def __init__(self, config: uvicorn.Config, drain: Drain, chosen: Settings) -> None:
        super().__init__(config)
        self._drain = drain
        self._chosen = chosen

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Told by a signal to stop: known by /readyz before the loop's next look."""
        self._drain.begin()
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Lets what is under way finish, then closes."""
        await self._drain.finish(self._chosen.drain_notice, self._chosen.drain_limit)
        await super().shutdown(sockets)


def serve(host: str | None, port: int | None, data_dir: Path | None) -> None:
    """Answers until told to stop.

    Raises:
        CommandError: If it can't listen there, or a manifest can't be read.
        MissingExtraError: If it is to trace, and what does that isn't installed.
        NotRunningError: If there are no servers to work with.
        SchemaError: If this program can't work with the database's schema.
        UnavailableError: If the database can't be reached.
    """
    chosen = settings()
    configure(chosen.log_level, chosen.log_format)
    locate.check_tracing(chosen)
    locate.check_issuer(chosen)
    database_url, redis_url = locate.servers(data_dir)
    listen_host = host or chosen.host
    listen_port = free_port(listen_host, chosen.port if port is None else port)
    # Here it ends in one line; once the server is starting, in its traceback.
    asyncio.run(_check(database_url, redis_url))
    drain = Drain()
    try:
        app = application(chosen, database_url, redis_url, locate.secret(chosen, data_dir), drain)
    except ManifestError as fault:
        raise CommandError(str(fault)) from fault
    config = uvicorn.Config(
        app,
        host=listen_host,
        port=listen_port,
        log_config=None,
        access_log=False,
        http=HttpSocket,
        ws=WebSocket,
        ws_max_size=MOST_FRAME_BYTES,
        # Facts are small: compressing them for each subscriber costs more than it saves, and some clients report its
        # close as a failure.
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=LAST_WORDS_SECONDS,
    )
    server = Server(config, drain, chosen)
    # It raises again the signal that ended it.
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(1)


async def _check(database_url: str, redis_url: str) -> None:
    async with opened(settings(), database_url, redis_url) as runtime:
        await check_revision(runtime.pool)
