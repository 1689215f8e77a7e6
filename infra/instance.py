"""The data directory of one Drypowder instance: who holds it, where it answers, its secrets.

Exists so that two instances never share a directory and every command finds the running one.
"""

import fcntl
import json
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import platformdirs
import psutil

_LOCK = "lock"
_INSTANCE = "instance.json"
_SIGNING_SECRET = "signing.secret"  # noqa: S105 - a file name
_ADMIN_TOKEN = "admin.token"  # noqa: S105 - a file name

# Seconds. `find_instance` holds the lock for an instant to see whether anybody else does, and a
# new holder needs an instant to write its pid: a refusal must outlast both.
_PATIENCE = 2.0


class DataDirectoryInUse(Exception):
    """Another process holds the data directory.

    Attributes:
        path: The data directory.
        pid: Who holds it; None if that process runs in another container or left no pid.
    """

    def __init__(self, path: Path, pid: int | None) -> None:
        holder = f"process {pid}" if pid is not None else "another process"
        super().__init__(
            f"{path} is in use by {holder}. "
            "Stop it first, or choose another directory with --data-dir or DRYPOWDER_DATA_DIR."
        )
        self.path = path
        self.pid = pid


@dataclass(frozen=True, slots=True)
class Instance:
    """A running instance: its supervisor's pid and where its parts answer."""

    pid: int
    database_url: str
    redis_url: str
    url: str


def default_data_directory() -> Path:
    """The directory of this user's instance: DRYPOWDER_DATA_DIR, or the platform's place."""
    chosen = os.environ.get("DRYPOWDER_DATA_DIR")
    return Path(chosen).expanduser() if chosen else platformdirs.user_data_path("drypowder")


class DataDirectory:
    """The data directory, held exclusively between `acquire` and `release` (or in a `with`)."""

    def __init__(self, path: Path | None = None) -> None:
        # Resolved, because processes are recognised by the directory the kernel reports for them.
        self.path = (path if path is not None else default_data_directory()).resolve()
        self._lock: int | None = None

    @property
    def postgres(self) -> Path:
        """Where the embedded PostgreSQL keeps everything."""
        return self.path / "postgres"

    @property
    def redis(self) -> Path:
        """Where the embedded Redis keeps everything."""
        return self.path / "redis"

    @property
    def logs(self) -> Path:
        """Where the child commands write their logs."""
        return self.path / "logs"

    def acquire(self) -> None:
        """Creates the directory if need be and holds it until `release` or the process's end.

        Raises:
            DataDirectoryInUse: Another process holds it.
            OSError: It can't be created or written by this user.
        """
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._wait_for(lock)
            os.ftruncate(lock, 0)
            os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        except BaseException:
            os.close(lock)
            raise
        self._lock = lock
        # Whoever published it no longer holds the directory.
        self.withdraw()

    def _wait_for(self, lock: int) -> None:
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = _recorded_pid(lock)
                if holder is not None and psutil.pid_exists(holder):
                    raise DataDirectoryInUse(self.path, holder) from None
                if time.monotonic() > deadline:
                    raise DataDirectoryInUse(self.path, None) from None
                time.sleep(0.02)
            else:
                return

    def publish(self, instance: Instance) -> None:
        """Lets other commands find the running instance."""
        _write_private(self.path / _INSTANCE, json.dumps(asdict(instance), indent=2) + "\n")

    def withdraw(self) -> None:
        """Takes back what `publish` wrote, if anything."""
        (self.path / _INSTANCE).unlink(missing_ok=True)

    def release(self) -> None:
        """Withdraws the instance and lets others have the directory."""
        if self._lock is None:
            return
        with suppress(OSError):  # the directory may have been removed meanwhile
            self.withdraw()
        # Else somebody who only looks would be taken for us, as long as our process lives.
        os.ftruncate(self._lock, 0)
        os.close(self._lock)
        self._lock = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def find_instance(data_dir: Path) -> Instance | None:
    """The instance running in a data directory, or None if nobody holds it or none is published.

    Raises:
        PermissionError: The directory belongs to somebody else.
    """
    try:
        lock = os.open(data_dir / _LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = _recorded_pid(lock)
    else:
        return None
    finally:
        os.close(lock)
    try:
        instance = Instance(**json.loads((data_dir / _INSTANCE).read_text()))
    except FileNotFoundError:
        return None
    # A new holder may not have withdrawn yet what a killed one had published.
    return instance if instance.pid == holder else None


def signing_secret(data_dir: Path) -> str:
    """The secret that signs this instance's tokens, made at the first call and kept (mode 0600).

    Processes that start together agree on one secret.
    """
    path = data_dir / _SIGNING_SECRET
    if not path.exists():
        # A link, unlike a rename, never replaces the secret that another process made first.
        with _private_file(path, secrets.token_urlsafe(48)) as made, suppress(FileExistsError):
            os.link(made, path)
    return path.read_text()


def write_admin_token(data_dir: Path, token: str) -> Path:
    """Puts the administrator's token into `admin.token` (mode 0600), whole or not at all."""
    path = data_dir / _ADMIN_TOKEN
    _write_private(path, token + "\n")
    return path


def _recorded_pid(lock: int) -> int | None:
    recorded = os.pread(lock, 32, 0).strip()
    return int(recorded) if recorded.isdigit() else None


def _write_private(path: Path, text: str) -> None:
    with _private_file(path, text) as made:
        made.rename(path)


@contextmanager
def _private_file(path: Path, text: str) -> Iterator[Path]:
    """A finished file beside `path`, readable by its owner only, gone at the end."""
    made = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        yield made
    finally:
        made.unlink(missing_ok=True)
