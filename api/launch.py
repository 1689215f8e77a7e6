"""Everything at once: embedded servers, migrations, API and worker under one supervisor."""

import asyncio
import json
import os
import socket
import sys
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.error import URLError

from rich.console import Console

from api import security
from domain.moments import instant_text
from infra import locate
from infra.demo import Sample, ensure_sample
from infra.account import ServerDidNotStart
from infra.embedded import EmbeddedPostgres, EmbeddedRedis
from infra.instance import DataDirectory, DataDirectoryInUse, Instance, write_admin_token
from infra.logs import configure
from infra.migrate import UnsupportedServerError, migrate
from infra.part import Command, Part, Step
from infra.postgres import UnavailableError
from infra.runtime import opened
from infra.settings import settings
from infra.supervisor import PartKeepsFailing, Supervisor

ADMINISTRATOR = "admin@localhost"
TOKEN_LIFETIME = timedelta(days=30)
ANSWER_SECONDS = 1.0


def launch(data_dir: Path | None, host: str | None, port: int | None, *, demo: bool) -> None:
    """Runs until told to stop.

    Raises:
        SystemExit: With 1 and a line on standard error, if it can't be started.
    """
    chosen, console = settings(), Console(stderr=True, highlight=False, soft_wrap=True)
    configure("WARNING")
    listen_host = host or chosen.host
    try:
        listen_port = _free_port(listen_host, chosen.port if port is None else port)
        with DataDirectory(data_dir) as directory:
            _Launch(directory, console, listen_host, listen_port, demo=demo).run()
    except DataDirectoryInUse as fault:
        _fail(console, str(fault))
    except (ServerDidNotStart, PartKeepsFailing, UnavailableError, UnsupportedServerError) as fault:
        _fail(console, str(fault))
    except OSError as fault:
        _fail(console, f"can't start: {fault}")
    console.print("Stopped.")


def _fail(console: Console, message: str) -> None:
    console.print(f"drypowder: {message}", style="red", markup=False)
    sys.exit(1)


def _free_port(host: str, port: int) -> int:
    """The port, found to be free; another instance's is told before anything is started."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as fault:
            message = f"port {port} on {host} is not free ({fault.strerror}); choose another with --port"
            raise OSError(message) from None
        found: int = probe.getsockname()[1]
        return found


class _Launch:
    """One run of `drypowder up`."""

    def __init__(self, directory: DataDirectory, console: Console, host: str, port: int, *, demo: bool) -> None:
        self._directory = directory
        self._console = console
        self._host = host
        self._port = port
        self._demo = demo
        self._sample: Sample | None = None
        self._token = ""
        shown_host = f"[{host}]" if ":" in host else {"0.0.0.0": "127.0.0.1"}.get(host, host)  # noqa: S104
        self._url = (settings().public_url or f"http://{shown_host}:{port}").rstrip("/")
        self._local_url = f"http://{shown_host}:{port}"

    def run(self) -> None:
        """Starts, watches and stops the parts."""
        chosen = settings()
        parts: list[Part] = []
        self._database_url, self._redis_url = chosen.database_url or "", chosen.redis_url or ""
        if not self._database_url:
            postgres = EmbeddedPostgres(self._directory.postgres)
            parts.append(postgres)
            self._database_url = postgres.url
        if not self._redis_url:
            redis = EmbeddedRedis(self._directory.redis)
            parts.append(redis)
            self._redis_url = redis.url
        parts.append(Step("the database's schema", lambda: migrate(self._database_url)))
        parts.append(Step("the accounts", lambda: asyncio.run(self._prepare())))
        environment = {
            "DATABASE_URL": self._database_url,
            "REDIS_URL": self._redis_url,
            "DRYPOWDER_DATA_DIR": str(self._directory.path),
        }
        serve = [sys.executable, "-m", "api.cli", "serve", "--host", self._host, "--port", str(self._port)]
        parts.append(
            Command(
                "api",
                serve,
                data_dir=self._directory.path,
                env=environment,
                check=self._answers,
                log=self._directory.logs / "api.log",
            )
        )
        work = [sys.executable, "-m", "api.cli", "worker"]
        parts.append(Command(
                "worker",
                work,
                data_dir=self._directory.path,
                env=environment,
                log=self._directory.logs / "worker.log",
            ))
        Supervisor(parts, on_progress=self._tell, on_ready=self._ready).run()

    def _tell(self, message: str) -> None:
        self._console.print(f"· {message}", style="dim", markup=False)

    async def _prepare(self) -> None:
        chosen = settings()
        async with opened(chosen, self._database_url, self._redis_url) as runtime:
            person = await runtime.people.enrol(ADMINISTRATOR, administrator=True)
            now = datetime.now(UTC)
            secret = locate.secret(chosen, self._directory.path)
            self._token = security.issue(secret, person, now, TOKEN_LIFETIME)
            write_admin_token(self._directory.path, self._token)
            if self._demo:
                self._sample = await ensure_sample(runtime, person, now, self._tell)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self._local_url}/healthz", timeout=ANSWER_SECONDS) as answer:  # noqa: S310 - our own address
                return bool(json.load(answer)["status"] == "ok")
        except (URLError, OSError, ValueError):
            return False

    def _ready(self) -> None:
        self._directory.publish(Instance(os.getpid(), self._database_url, self._redis_url, self._url))
        fragment = f"#token={self._token}" + (f"&fund={self._sample.fund_id}" if self._sample else "")
        say = self._console.print
        say("\nDrypowder is running.", style="bold green")
        say(f"  page      {self._url}/{fragment}", markup=False)
        say(f"  GraphiQL  {self._url}/graphiql{fragment}", markup=False)
        say(f"  GraphQL   {self._url}/graphql (HTTP and WebSocket)", markup=False)
        say(f"  health    {self._url}/healthz, {self._url}/readyz", markup=False)
        say(f"  token     {self._directory.path / 'admin.token'}", markup=False)
        if self._sample:
            for title, query in queries(self._sample):
                say(f"\n{title}", style="bold", markup=False)
                say(query, markup=False)
        say("\nCtrl-C stops everything.")


def queries(sample: Sample) -> list[tuple[str, str]]:
    """Three queries to try on the sample fund, each with what it shows."""
    then, restated = instant_text(sample.moments.three_years_ago), instant_text(sample.moments.restated)
    fund, company = sample.fund_id, json.dumps(sample.restated_company_id)
    valued = f"company(id: {company}) {{ name currentValuation fairValue }}"
    return [
        (
            "1. The fund three years ago",
            f'{{ fund(id: "{fund}", at: "{then}") {{ version totalInvested totalValue nav moic tvpi irr\n'
            "    portfolioCompanies(orderBy: FAIR_VALUE) { name stage status ownership fairValue moic } } }",
        ),
        (
            "2. The second clock: one day, before and after a valuation was restated",
            f'{{ asFirstReported: fund(id: "{fund}", at: "{restated}", knownAt: "{instant_text(sample.first_reported)}")'
            f' {{ totalValue {valued} }}\n  asWeKnowNow: fund(id: "{fund}", at: "{restated}") {{ totalValue {valued} }} }}',
        ),
        (
            "3. What happened, newest first",
            f'{{ timeline(fundId: "{fund}", first: 10) {{ nodes {{ version occurredAt recordedAt type summary }} }} }}',
        ),
    ]
