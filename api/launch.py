"""Everything at once: embedded servers, migrations, API and worker under one supervisor."""

import asyncio
import json
import os
import shlex
import sys
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import URLError

from rich.console import Console

from api import security
from api.command import console, errors, migrated
from api.ports import free_port
from api.tour import tour
from infra import locate, tenancy
from infra.embedded import EmbeddedPostgres, EmbeddedRedis
from infra.instance import DataDirectory, Instance, write_admin_token
from infra.logs import configure
from infra.part import Command, Part, Step
from infra.runtime import opened
from infra.settings import LogFormat, settings
from infra.supervisor import Supervisor

if TYPE_CHECKING:
    from infra.demo import Sample

ADMINISTRATOR = "admin@localhost"
TOKEN_LIFETIME = timedelta(days=30)
ANSWER_SECONDS = 1.0
ENDING_SECONDS = 5.0
"""For a part to close, once nothing is under way in it."""
REACHED_AT = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - listened on, but no address to go to
"""Where to find, on this machine, what listens everywhere."""


def launch(data_dir: Path | None, host: str | None, port: int | None, *, demo: bool) -> None:
    """Runs until told to stop.

    Raises:
        BadAddressError: If the environment names a server that can't be one.
        CommandError: If the port is taken, or the database can't be used.
        DataDirectoryInUse: If another instance holds the data directory.
        MissingExtraError: If the environment asks for what isn't installed.
        PartKeepsFailing: If a part can't be started, or not kept running.
        ServerDidNotStart: If an embedded server can't be set up.
        UnavailableError: If a server of the environment can't be reached.
    """
    chosen = settings()
    configure("WARNING", LogFormat.TEXT)
    locate.check_addresses(chosen)
    locate.check_issuer(chosen)
    locate.check_extras(chosen)
    with DataDirectory(data_dir) as directory:
        listen_host = host or chosen.host
        listen_port = free_port(listen_host, chosen.port if port is None else port)
        _Launch(directory, listen_host, listen_port, demo=demo).run()
    errors.print("Stopped.")


class _Launch:
    """One run of `drypowder up`. Progress goes to standard error, addresses and queries to standard output."""

    def __init__(self, directory: DataDirectory, host: str, port: int, *, demo: bool) -> None:
        self._directory = directory
        self._host = host
        self._port = port
        self._demo = demo
        self._sample: Sample | None = None
        self._token = ""
        reached = REACHED_AT.get(host, host)
        self._local_url = f"http://[{reached}]:{port}" if ":" in reached else f"http://{reached}:{port}"
        self._url = (settings().public_url or self._local_url).rstrip("/")
        self._database_url = self._application_url = settings().database_url or ""
        self._owner_url = locate.owner_url(settings()) or ""
        self._redis_url = settings().redis_url or ""

    def run(self) -> None:
        """Starts, watches and stops the parts."""
        parts: list[Part] = []
        if not self._database_url:
            postgres = EmbeddedPostgres(self._directory.postgres)
            parts.append(postgres)
            self._database_url = self._owner_url = postgres.url
            self._application_url = postgres.application_url
        if not self._redis_url:
            redis = EmbeddedRedis(self._directory.redis)
            parts.append(redis)
            self._redis_url = redis.url
        parts += [
            Step("database schema", lambda: migrated(self._owner_url)),
            Step("sample fund" if self._demo else "administrator", self._prepare_for_everyone),
            self._command("api", "serve", "--host", self._host, "--port", str(self._port)),
            self._command("worker", "worker"),
        ]
        Supervisor(parts, on_progress=self._tell, on_ready=self._ready).run()

    def _command(self, name: str, *words: str) -> Command:
        chosen = settings()
        return Command(
            name,
            [sys.executable, "-m", "api.cli", *words],
            data_dir=self._directory.path,
            env={
                "DATABASE_URL": self._application_url,
                "REDIS_URL": self._redis_url,
                "DRYPOWDER_DATA_DIR": str(self._directory.path),
            },
            check=self._answers if name == "api" else None,
            log=self._directory.logs / f"{name}.log",
            stopping_seconds=chosen.drain_notice + chosen.drain_limit + ENDING_SECONDS,
        )

    def _tell(self, message: str) -> None:
        errors.print(f"· {message}", style="dim")

    def _prepare_for_everyone(self) -> None:
        with tenancy.everyone():
            asyncio.run(self._prepare())

    async def _prepare(self) -> None:
        chosen = settings()
        async with opened(chosen, self._database_url, self._redis_url) as runtime:
            person = await runtime.people.enrol(ADMINISTRATOR, administrator=True)
            now = datetime.now(UTC)
            secret = locate.secret(chosen, self._directory.path)
            self._token = security.issue(secret, person, now, TOKEN_LIFETIME)
            write_admin_token(self._directory.path, self._token)
            if self._demo:
                from infra.demo import ensure_sample

                self._sample = await ensure_sample(runtime, person, now, self._tell)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self._local_url}/healthz", timeout=ANSWER_SECONDS) as answer:  # noqa: S310 - our own address
                return bool(json.load(answer)["status"] == "ok")
        except (URLError, OSError, ValueError):
            return False

    def _ready(self) -> None:
        self._directory.publish(Instance(os.getpid(), self._database_url, self._redis_url, self._url))
        out = console(stderr=False)
        token_file = self._directory.path / "admin.token"
        fragment = f"#token={self._token}" + (f"&fund={self._sample.fund_id}" if self._sample else "")
        out.print("\nDrypowder is running.", style="bold green")
        out.print(f"  hub       {self._url}/{fragment}")
        out.print(f"  GraphiQL  {self._url}/graphiql{fragment}")
        out.print(f"  GraphQL   {self._url}/graphql (HTTP and WebSocket)")
        out.print(f"  health    {self._url}/healthz, {self._url}/readyz")
        out.print(f"  token     {token_file} (administrator, good for {TOKEN_LIFETIME.days} days)")
        out.print(f"  data      {self._directory.path}")
        out.print(f"  logs      {self._directory.logs}")
        if self._sample:
            self._show_tour(out, self._sample, token_file)
        out.print("\nCtrl-C stops everything; the data stays.")

    def _show_tour(self, out: Console, sample: "Sample", token_file: Path) -> None:
        out.print("\nThe sample fund is made up: 25 companies over 8 years. Open GraphiQL by its link and try:")
        for title, query in tour(sample):
            out.print(f"\n{title}", style="bold")
            out.print(query)
        asked = json.dumps({"query": f'{{ fund(id: "{sample.fund_id}") {{ totalInvested totalValue tvpi irr }} }}'})
        out.print("\nOr from a shell", style="bold")
        out.print(
            f'curl -s {self._url}/graphql -H "Authorization: Bearer $(cat {shlex.quote(str(token_file))})" '
            f"-H 'Content-Type: application/json' -d {shlex.quote(asked)}"
        )
