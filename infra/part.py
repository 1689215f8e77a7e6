"""Parts of an instance: child processes that start, are asked whether they are ready, and leave nothing behind.

Exists so that servers and commands are started and ended in one way, whoever supervises them.
"""

import ctypes
import os
import pwd
import signal
import subprocess
import sys
import time
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

# Signals in the order of growing force, each with the seconds it is given.
Ending = tuple[tuple[signal.Signals, float], ...]

# Names the part a process belongs to; children inherit it, so their leftovers are recognised too.
_MARK = "DRYPOWDER_PART"

POLL = 0.02  # seconds between two looks at a part that is not ready yet
_STARTED = 1.0  # seconds of life that count as started, for a command that can't be asked
_LOG_LIMIT = 10 * 1024 * 1024  # bytes of a log that one more start may append to
_TAIL = 20  # lines of a log worth showing
_TAIL_SIZE = 64 * 1024  # bytes to look for them in

_PR_SET_PDEATHSIG = 1  # from <linux/prctl.h>
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with_parent(parent: int, sent: signal.Signals = signal.SIGKILL) -> None:
    """Has the kernel send this process a signal when its parent dies (Linux; elsewhere nothing).

    To be called in the child, after its last change of user, which would undo it. The parent
    counts as dead when the thread that started the child ends.
    """
    if _libc is None:
        return
    _libc.prctl(_PR_SET_PDEATHSIG, int(sent), 0, 0, 0)
    # It may have died before the kernel was told.
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


class Part(ABC):
    """What the supervisor starts, watches and stops; at most one child process at a time.

    Attributes:
        name: How messages call it.
        log: Where the process writes; None for the supervisor's own output.
        awaited: Whether later parts wait until it is ready.
        patience: Seconds from its start until it must be ready.
        ending: How its process is stopped. SIGKILL follows.
    """

    awaited = True
    patience = 60.0
    ending: Ending = ((signal.SIGTERM, 10.0),)

    def __init__(self, name: str, log: Path | None) -> None:
        self.name = name
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @abstractmethod
    def start(self) -> None:
        """Ends what an earlier run left and starts the process, without waiting for it."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether it can be used; answers at once and never raises for a process that died."""

    @abstractmethod
    def owns(self, process: psutil.Process) -> bool:
        """Whether a process of this machine, perhaps of an earlier run, belongs to this part.

        Raises:
            psutil.Error: It ended or is another user's, so it doesn't.
        """

    @property
    def pid(self) -> int | None:
        """The process's id, None before `start` and after `stop`."""
        return None if self._process is None else self._process.pid

    @property
    def exit_status(self) -> int | None:
        """None while it runs, else its status, or minus the signal that killed it."""
        return None if self._process is None else self._process.poll()

    def stop(self) -> None:
        """Stops the process and whatever it started; returns when nothing of it is left."""
        if self._process is not None:
            for sent, seconds in (*self.ending, (signal.SIGKILL, 5.0)):
                if self._process.poll() is None:
                    self._process.send_signal(sent)
                    with suppress(subprocess.TimeoutExpired):
                        self._process.wait(seconds)
        self.end_leftovers()
        self._process = None

    def end_leftovers(self) -> None:
        """Stops every process that belongs to this part, whoever started it."""
        for sent, seconds in (*self.ending, (signal.SIGKILL, 5.0)):
            found = [process for process in psutil.process_iter() if self._has_left(process)]
            if not found:
                return
            for process in found:
                with suppress(psutil.Error):
                    process.send_signal(sent)
            deadline = time.monotonic() + seconds
            while any(map(_is_alive, found)) and time.monotonic() < deadline:
                time.sleep(POLL / 4)

    def last_words(self) -> str:
        """The last lines of the log since the latest start."""
        if self.log is None or not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            log.seek(max(self._log_start, self.log.stat().st_size - _TAIL_SIZE))
            return "\n".join(log.read().decode(errors="replace").splitlines()[-_TAIL:])

    def _has_left(self, process: psutil.Process) -> bool:
        try:
            return process.pid != os.getpid() and self.owns(process)
        except psutil.Error:
            return False

    def _open_log(self) -> int | None:
        if self.log is None:
            return None
        self.log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > _LOG_LIMIT:
            self.log.replace(self.log.with_name(self.log.name + ".1"))
        # The log may lie in a directory of a less trusted user: follow no link of theirs.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
        log = os.open(self.log, flags, 0o600)
        self._log_start = os.fstat(log).st_size
        return log

    def _spawn(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path | None = None,
        account: pwd.struct_passwd | None = None,
        at_parents_death: signal.Signals = signal.SIGKILL,
    ) -> subprocess.Popen[bytes]:
        """A child in a session of its own, so that Ctrl-C reaches only the supervisor."""
        parent = os.getpid()
        log = self._open_log()
        try:
            with warnings.catch_warnings():
                # Python 3.12 warns of a fork beside any thread, an idle one of NumPy included.
                warnings.simplefilter("ignore", DeprecationWarning)
                return subprocess.Popen(
                    argv,
                    env=env,
                    cwd=cwd,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    umask=0o077 if account else -1,
                    user=account.pw_uid if account else None,
                    group=account.pw_gid if account else None,
                    extra_groups=() if account else None,
                    # Runs after the change of user; touches nothing that a thread could hold.
                    preexec_fn=lambda: die_with_parent(parent, at_parents_death),  # noqa: PLW1509
                )
        finally:
            if log is not None:
                os.close(log)


class Command(Part):
    """A child command, such as the API or the worker.

    Args:
        name: How messages call it; unique within the data directory.
        argv: The program and its arguments.
        data_dir: The instance it belongs to.
        env: Variables on top of the supervisor's own.
        check: Whether it can be used: quick, False instead of an error. Without one, the command
            counts as ready when it lived for a second, and nobody waits for that.
        log: Its output; by default the supervisor's.
        stopping_seconds: How long it may take to end when told to; the usual time if left out.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        *,
        data_dir: Path,
        env: Mapping[str, str] | None = None,
        check: Callable[[], bool] | None = None,
        log: Path | None = None,
        stopping_seconds: float | None = None,
    ) -> None:
        super().__init__(name, log)
        if stopping_seconds is not None:
            self.ending = ((signal.SIGTERM, stopping_seconds),)
        self.awaited = check is not None
        self._argv = list(argv)
        self._mark = str(data_dir.resolve() / name)
        self._env = {**os.environ, **(env or {}), _MARK: self._mark}
        self._check = check
        self._started = 0.0

    def start(self) -> None:
        """Starts the command, after ending what an earlier one left."""
        self.end_leftovers()
        self._process = self._spawn(self._argv, env=self._env)
        self._started = time.monotonic()

    def is_ready(self) -> bool:
        """What the check says."""
        if self._check is None:
            return time.monotonic() - self._started > _STARTED
        return self._check()

    def owns(self, process: psutil.Process) -> bool:
        """Whether it has inherited this command's mark."""
        return process.environ().get(_MARK) == self._mark


class Step(Part):
    """Something to do once between two parts, such as migrating the database.

    Its errors end the run.
    """

    def __init__(self, name: str, do: Callable[[], None]) -> None:
        super().__init__(name, None)
        self._do = do

    def start(self) -> None:
        """Does it."""
        self._do()

    def is_ready(self) -> bool:
        """Always, once done."""
        return True

    def owns(self, process: psutil.Process) -> bool:
        """Never: it runs within the supervisor."""
        return False

    def stop(self) -> None:
        """Nothing is left to stop."""


def _is_alive(process: psutil.Process) -> bool:
    """Whether a process still runs; one that only waits to be reaped by its parent doesn't."""
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
