"""Two APIs and two workers on one PostgreSQL and one Redis, each started again when it dies.

`python -m tests.system.twins DATA_DIR PORT PORT` runs them until it is told to stop.
"""

import os
import signal
import subprocess
import sys
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Self
from urllib.error import URLError

import psutil

from api.command import migrated
from api.ports import free_port
from infra.embedded import EmbeddedPostgres, EmbeddedRedis
from infra.part import Command, Part, Step
from infra.supervisor import Supervisor
from tests.conftest import SECRET
from tests.system.program import PROJECT, STARTING_SECONDS, STOPPING_SECONDS, environment, processes_of, until

READY = "both are ready"
APIS, WORKERS = ("api-1", "api-2"), ("worker-1", "worker-2")
PARTS = (*APIS, *WORKERS, "PostgreSQL", "Redis")
_PROGRAMS = {"PostgreSQL": "bin/postgres", "Redis": "redis-server"}


class Twins:
    """The running parts, seen from outside; their files lie in `folder`."""

    def __init__(self, folder: Path, **chosen: str) -> None:
        self.data_dir = folder / "data"
        self.urls = tuple(f"http://127.0.0.1:{free_port('127.0.0.1', 0)}" for _ in APIS)
        self.database_url, self.redis_url = (server.url for server in _servers(self.data_dir))
        self.env = {
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "DRYPOWDER_SECRET": SECRET,
            **chosen,
        }
        self._told = folder / "told"
        ports = [url.rsplit(":", 1)[1] for url in self.urls]
        with self._told.open("w") as told:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.system.twins", str(self.data_dir), *ports],
                cwd=PROJECT,
                env=environment(self.data_dir, **self.env),
                stdin=subprocess.DEVNULL,
                stdout=told,
                stderr=told,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        try:
            until(lambda: READY in self.told or self.process.poll() is not None, "start of the twins", STARTING_SECONDS)
            assert self.process.poll() is None, self.told
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def told(self) -> str:
        """What their supervisor has said."""
        return self._told.read_text()

    def part(self, name: str) -> psutil.Process | None:
        """The process of a part, if it lives."""
        for child in psutil.Process(self.process.pid).children():
            with suppress(psutil.Error):
                if child.status() == psutil.STATUS_ZOMBIE:
                    continue
                program = _PROGRAMS.get(name)
                if (program and program in " ".join(child.cmdline()[:1])) or self._is_marked(child, name):
                    return child
        return None

    def log(self, name: str) -> str:
        """What a part has logged."""
        return (self.data_dir / "logs" / f"{name}.log").read_text()

    def stop(self) -> list[psutil.Process]:
        """Ends everything; gives what was still running after that, and ends it too."""
        with suppress(ProcessLookupError):
            self.process.terminate()
        try:
            self.process.wait(STOPPING_SECONDS)
        finally:
            left = processes_of(self.data_dir)
            for process in left:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
        return left

    def _is_marked(self, child: psutil.Process, name: str) -> bool:
        return child.environ().get("DRYPOWDER_PART") == str(self.data_dir.resolve() / name)


def _servers(data_dir: Path) -> tuple[EmbeddedPostgres, EmbeddedRedis]:
    return EmbeddedPostgres(data_dir / "postgres"), EmbeddedRedis(data_dir / "redis")


def _answers(port: str) -> bool:
    with suppress(URLError, OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1) as answer:
        return bool(answer.status == 200)
    return False


def _command(data_dir: Path, name: str, *words: str, port: str | None = None) -> Command:
    return Command(
        name,
        [sys.executable, "-m", "api.cli", *words],
        data_dir=data_dir,
        check=None if port is None else lambda: _answers(port),
        log=data_dir / "logs" / f"{name}.log",
        stopping_seconds=20,
    )


def main() -> None:
    """Runs them."""
    data_dir, *ports = sys.argv[1:]
    directory = Path(data_dir)
    postgres, redis = _servers(directory)
    parts: list[Part] = [
        postgres,
        redis,
        Step("database schema", lambda: migrated(postgres.url)),
        *(
            _command(directory, name, "serve", "--port", port, port=port)
            for name, port in zip(APIS, ports, strict=True)
        ),
        *(_command(directory, name, "worker") for name in WORKERS),
    ]
    Supervisor(
        parts,
        on_progress=lambda told: print(told, flush=True),
        on_ready=lambda: print(READY, flush=True),
    ).run()


if __name__ == "__main__":
    # As under `nohup`: whoever started it decides when it ends.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.umask(0o077)
    main()
