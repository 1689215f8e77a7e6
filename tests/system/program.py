"""The `drypowder` command as a person runs it: real processes, what they print, and what they leave behind."""

import atexit
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from threading import Lock
from typing import Self

import psutil

from tests.system import forked
from tests.system.forked import MOST

PROJECT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-m", "api.cli")
READY = "Ctrl-C stops everything"
STARTING_SECONDS = 90.0
STOPPING_SECONDS = 45.0
COMMAND_SECONDS = 90.0

_OURS = ("DATABASE_URL", "REDIS_URL", "HOST", "PORT", "PUBLIC_URL", "SNAPSHOT_FREQUENCY", "LOG_LEVEL")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str


def environment(data_dir: Path, **more: str) -> dict[str, str]:
    """This process's variables without those that steer Drypowder, pointed at a data directory."""
    kept = {name: text for name, text in os.environ.items() if name not in _OURS and not name.startswith("DRYPOWDER_")}
    path = os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH")]))
    return {**kept, "PYTHONPATH": path, "DRYPOWDER_DATA_DIR": str(data_dir), **more}


def drypowder(*words: str, data_dir: Path, given: str | None = None, **more: str) -> Outcome:
    """Runs a command to its end; its outputs are pipes, so it has no terminal."""
    ended = subprocess.run(
        [*COMMAND, *words],
        cwd=PROJECT,
        env=environment(data_dir, **more),
        input=given or "",
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    return Outcome(ended.returncode, ended.stdout, ended.stderr)


def succeeded(*words: str, data_dir: Path, **more: str) -> str:
    """What a command printed that had to work; it is forked from a process that is loaded already."""
    request = json.dumps([words, environment(data_dir, **more)]).encode()
    with _one_at_a_time, TemporaryFile("w+") as out, TemporaryFile("w+") as err:
        line = _forking()
        socket.send_fds(line, [request], [out.fileno(), err.fileno()])
        code = line.recv(MOST)
        out.seek(0)
        err.seek(0)
        outcome = Outcome(int(code), out.read(), err.read())
    assert (outcome.code, outcome.err) == (0, ""), outcome
    return outcome.out


@cache
def _forking() -> socket.socket:
    """The line to the process that commands are forked from, which ends with this one."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(COMMAND_SECONDS)
    with theirs:
        command = [sys.executable, "-m", forked.__name__, str(theirs.fileno())]
        process = subprocess.Popen(command, cwd=PROJECT, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
    atexit.register(process.wait)
    atexit.register(ours.close)
    return ours


_one_at_a_time = Lock()


def open_fund(data_dir: Path, **more: str) -> str:
    """The id of a new fund of 60,000,000 USD, opened on 1 January 2006."""
    options = ("--size", "60000000.00", "--currency", "USD", "--vintage", "2006", "--opened-at", "2006-01-01T00:00:00Z")
    return succeeded("open", "--name", "Test Fund", *options, data_dir=data_dir, **more).strip()


def until(holds: Callable[[], object], what: str, seconds: float = 30.0) -> None:
    """Returns once something holds; fails when it doesn't in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s"
        time.sleep(0.02)


class Up:
    """A running `drypowder up`, in a session and process group of its own, as a terminal would start it.

    Its servers' files, and what it prints, lie in `folder`.

    Attributes:
        ready_at: When it was seen to be ready.
    """

    ready_at: datetime

    def __init__(self, folder: Path, *words: str, port: int = 0, **more: str) -> None:
        self.data_dir = folder / "data"
        self._out, self._err = folder / "out", folder / "err"
        with self._out.open("w") as out, self._err.open("w") as err:
            self.process = subprocess.Popen(
                [*COMMAND, "up", "--port", str(port), *words],
                cwd=PROJECT,
                env=environment(self.data_dir, **more),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        try:
            self.wait_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Ends it, and whatever a failed test left of it."""
        with suppress(ProcessLookupError):
            self.process.terminate()
        try:
            self.process.wait(STOPPING_SECONDS)
        finally:
            for process in processes_of(self.data_dir):
                with suppress(psutil.NoSuchProcess):
                    process.kill()

    @property
    def out(self) -> str:
        """Printed so far on standard output."""
        return self._out.read_text()

    @property
    def err(self) -> str:
        """Printed so far on standard error."""
        return self._err.read_text()

    def wait_ready(self) -> None:
        """Returns when it says that it runs."""
        until(lambda: READY in self.out or self.process.poll() is not None, "start of `up`", STARTING_SECONDS)
        assert self.process.poll() is None, self.err
        self.ready_at = datetime.now(UTC)

    def wait_stopped(self) -> int:
        """Its exit status, once it has one."""
        return self.process.wait(STOPPING_SECONDS)

    @property
    def url(self) -> str:
        """Where the API answers."""
        return str(self._published()["url"])

    @property
    def port(self) -> int:
        """The port it chose."""
        return int(self.url.rsplit(":", 1)[1])

    @property
    def database_url(self) -> str:
        """Where its PostgreSQL answers."""
        return str(self._published()["database_url"])

    @property
    def redis_url(self) -> str:
        """Where its Redis answers."""
        return str(self._published()["redis_url"])

    @property
    def token(self) -> str:
        """The administrator's."""
        return (self.data_dir / "admin.token").read_text().strip()

    def link(self, name: str) -> str:
        """An address it printed."""
        found = re.search(rf"^  {name} +(\S+)", self.out, re.MULTILINE)
        assert found, self.out
        return found[1]

    def part(self, *words: str) -> psutil.Process | None:
        """Its child whose command line holds all these words, if that lives."""
        for child in psutil.Process(self.process.pid).children():
            with suppress(psutil.NoSuchProcess):
                if child.status() != psutil.STATUS_ZOMBIE and _holds_all(child.cmdline(), words):
                    return child
        return None

    def _published(self) -> dict[str, object]:
        published: dict[str, object] = json.loads((self.data_dir / "instance.json").read_text())
        return published


def interrupt(up: Up) -> None:
    """Ctrl-C, as a terminal sends it: to the whole process group."""
    os.killpg(up.process.pid, signal.SIGINT)


def processes_of(data_dir: Path) -> list[psutil.Process]:
    """Every living process with the data directory in its command line, environment or working directory."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            told = [*process.cmdline(), *process.environ().values(), process.cwd()]
            if process.status() != psutil.STATUS_ZOMBIE and any(str(data_dir) in text for text in told):
                found.append(process)
    return found


def _holds_all(command_line: Sequence[str], words: Sequence[str]) -> bool:
    told = " ".join(command_line)
    return all(word in told for word in words)
