"""The one instance whose parts are killed by all tests that kill parts, and the mail server it sends to."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.locate import secret
from infra.people import Person
from infra.runtime import Runtime, opened
from infra.settings import Settings
from tests.system.mailbox import HOST
from tests.system.program import PROJECT, Up


class Mailbox:
    """A mail server that is started again whenever it was killed, and what it has answered for in a file."""

    def __init__(self, file: Path) -> None:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            self._port = probe.getsockname()[1]
        self._file = file
        self._file.touch()
        self.start()

    @property
    def url(self) -> str:
        """As SMTP_URL has it."""
        return f"smtp://{HOST}:{self._port}?starttls=never"

    def start(self) -> None:
        """Starts it."""
        command = [sys.executable, "-m", "tests.system.mailbox", str(self._port), str(self._file)]
        self.process = subprocess.Popen(command, cwd=PROJECT)

    def kill(self) -> None:
        """Ends it without warning."""
        self.process.kill()
        self.process.wait()

    def taken(self) -> set[str]:
        """The Message-IDs of all e-mails it took."""
        return set(self._file.read_text().splitlines())


@dataclass(frozen=True, slots=True)
class Mortal:
    """An instance that survives its parts; each test makes funds of its own, and leaves every part alive."""

    up: Up
    mailbox: Mailbox
    runtime: Runtime
    owner: Person


@asynccontextmanager
async def living(folder: Path) -> AsyncIterator[Mortal]:
    """The instance, until it has served."""
    mailbox = Mailbox(folder / "mail")
    up = Up(
        folder,
        # Few, so that a snapshot soon tells that queue and worker do their work.
        SNAPSHOT_FREQUENCY="20",
        # So that the next run tells whether the worker is free.
        RESERVE_CONCURRENCY="1",
        SMTP_URL=mailbox.url,
        SMTP_SENDER="Drypowder <alerts@fund.example>",
        ALLOW_PRIVATE_WEBHOOKS="true",
    )
    try:
        await asyncio.to_thread(up.wait_ready)
        settings = Settings()
        async with opened(settings, up.database_url, up.redis_url, lambda: secret(settings, up.data_dir)) as runtime:
            yield Mortal(up, mailbox, runtime, await runtime.people.enrol("owner@example.org"))
    finally:
        await asyncio.to_thread(up.stop)
        mailbox.kill()
