"""Exposition: a process's metrics for whoever may read them, with what is looked up at that moment."""

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from hmac import compare_digest

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import SecretStr
from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from infra.metrics import Metrics
from infra.postgres import UnavailableError, translated
from infra.runtime import Runtime
from infra.waiting import waiting

PATH = "/metrics"
LOOKING_SECONDS = 1.0
"""How long a server may take to answer before it counts as away: Prometheus waits for ten."""
FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")
"""Headers of what a proxy passes on, which may be anybody's."""


class PortTakenError(Exception):
    """Metrics can't be served where they were to be."""


class Exposition:
    """Shows a process's metrics.

    Args:
        token: What reads them; without one, whoever asks from this machine does.
    """

    def __init__(self, metrics: Metrics, token: SecretStr | None) -> None:
        self.metrics = metrics
        self._token = token
        self._runtime: Runtime | None = None

    @asynccontextmanager
    async def of(self, runtime: Runtime) -> AsyncIterator[None]:
        """Looks at the parts of a runtime while the block runs; without one, its servers count as away."""
        self._runtime = runtime
        try:
            yield
        finally:
            self._runtime = None

    async def answer(self, request: Request) -> Response:
        """The metrics; to others than who may read them, nothing is here."""
        if not self._may_read(request):
            return PlainTextResponse("Not Found", status_code=404)
        await self._look()
        return Response(self.metrics.text(), media_type=CONTENT_TYPE_LATEST)

    def _may_read(self, request: Request) -> bool:
        if self._token is not None:
            given, wanted = request.headers.get("authorization", ""), f"Bearer {self._token.get_secret_value()}"
            return compare_digest(given.encode(), wanted.encode())
        passed_on = any(name in request.headers for name in FORWARDED)
        return not passed_on and request.client is not None and _is_here(request.client.host)

    async def _look(self) -> None:
        database, redis = await asyncio.gather(self._database(), self._redis())
        self.metrics.reachable.labels("database").set(database)
        self.metrics.reachable.labels("redis").set(redis)

    async def _database(self) -> bool:
        if self._runtime is None:
            return False
        pool = self._runtime.pool
        self.metrics.pool.labels("idle").set(pool.get_idle_size())
        self.metrics.pool.labels("used").set(pool.get_size() - pool.get_idle_size())
        try:
            with translated():
                async with asyncio.timeout(LOOKING_SECONDS):
                    await pool.fetchval("SELECT 1")
        except UnavailableError:
            return False
        return True

    async def _redis(self) -> bool:
        if self._runtime is None:
            return False
        try:
            async with asyncio.timeout(LOOKING_SECONDS):
                found = await waiting(self._runtime.redis)
        except (RedisError, OSError):
            return False
        for one in found:
            self.metrics.queued.labels(one.queue).set(one.jobs)
            self.metrics.queue_age.labels(one.queue).set(one.age)
        return True


def _is_here(host: str) -> bool:
    """Whether an address is this machine's own."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


class _Server(uvicorn.Server):
    """One that leaves signals to the process it is part of."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def exposed(shown: Exposition, host: str, port: int | None) -> AsyncIterator[None]:
    """Has a process that serves nothing else serve its metrics; not at all without a port.

    Raises:
        PortTakenError: If it can't listen there.
    """
    if port is None:
        yield
        return
    try:
        listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as fault:
        message = f"can't serve metrics on port {port} of {host}: {fault.strerror}; choose another by METRICS_PORT"
        raise PortTakenError(message) from fault
    app = Starlette(routes=[Route(PATH, shown.answer)])
    server = _Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", ws="none"))
    serving = asyncio.ensure_future(server.serve([listening]))
    try:
        yield
    finally:
        server.should_exit = True
        await serving
        listening.close()
