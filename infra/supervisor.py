"""Starts the parts of an instance in order, keeps them running and stops them all.

Exists so that one command is the whole product, and no death, its own included, leaves a process.
"""

import ctypes
import os
import pwd
import select
import signal
import socket
import subprocess
import sys
import time
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

# Signals in the order of growing force, each with the seconds it is given.
Ending = tuple[tuple[signal.Signals, float], ...]

# Names the part a process belongs to; children inherit it, so their leftovers are recognised too.
_MARK = "DRYPOWDER_PART"

_POLL = 0.02  # seconds between two looks at a part that is not ready yet
_IDLE = 1.0  # seconds between two looks when all is well; SIGCHLD wakes us at once
_FIRST_PAUSE = 0.1  # seconds before the first restart, doubled at each further one
_LONGEST_PAUSE = 5.0  # seconds
_STEADY = 10.0  # seconds of life after which earlier deaths are forgotten
_STARTED = 1.0  # seconds of life that count as started, for a command that can't be asked
# Failures without a steady life in between. Few when there never was one in this run: the part is
# set up wrongly, as when its port is taken. More later: the cause may pass.
_ATTEMPTS_AT_FIRST = 3
_ATTEMPTS_LATER = 10
_LOG_LIMIT = 10 * 1024 * 1024  # bytes of a log that one more start may append to
_TAIL = 20  # lines of a log worth showing
_TAIL_SIZE = 64 * 1024  # bytes to look for them in

_PR_SET_PDEATHSIG = 1  # from <linux/prctl.h>
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class PartKeepsFailing(Exception):
    """A part fails again and again.

    Attributes:
        name: The part.
        last_words: The end of its log; empty when it writes to the terminal.
    """

    def __init__(self, name: str, attempts: int, reason: str, last_words: str) -> None:
        message = f"{name} failed {attempts} times in a row, at last: {reason}."
        super().__init__(f"{message} Its last words:\n{last_words}" if last_words else message)
        self.name = name
        self.last_words = last_words


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
                time.sleep(_POLL / 4)

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
    ) -> None:
        super().__init__(name, log)
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


@dataclass(slots=True)
class _Watch:
    """What the supervisor remembers of one part; moments are those of the monotonic clock."""

    part: Part
    due: float | None = 0.0  # when to start it; None while it runs
    started: float = 0.0
    ready: bool = False
    was_ready: bool = False  # at any time in this run
    was_steady: bool = False  # likewise
    failures: int = 0  # since it was last steady, those by its own doing
    deaths: int = 0  # since it was last steady, all


class Supervisor:
    """Runs parts: started in order, each restarted when it dies, stopped in reverse order.

    Args:
        parts: Later ones may need earlier ones.
        on_progress: Told in a sentence what happens.
        on_ready: Called once, when every awaited part is ready for the first time.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        *,
        on_progress: Callable[[str], None],
        on_ready: Callable[[], None] | None = None,
    ) -> None:
        self._watches = [_Watch(part) for part in parts]
        self._tell = on_progress
        self._on_ready = on_ready
        self._stopping = False

    def run(self) -> None:
        """Returns after SIGINT, SIGTERM or SIGHUP, when every part has been stopped.

        To be called in the main thread, the only one that gets signals.

        Raises:
            PartKeepsFailing: A part can't be started. The others have been stopped.
            Exception: What starting a part raised, likewise.
        """
        with self._signals() as awaken, ExitStack() as running:
            while not self._stopping:
                self._advance(running)
                if select.select([awaken], [], [], self._pause())[0]:
                    awaken.recv(4096)

    def _advance(self, running: ExitStack) -> None:
        clear = True  # whether all that the next part may need is ready
        for watch in self._watches:
            if self._stopping:
                return
            if watch.due is not None and clear and time.monotonic() >= watch.due:
                if not watch.started:
                    running.callback(self._stop, watch.part)
                self._start(watch)
            if watch.due is None:
                self._look_at(watch)
            clear = clear and (watch.ready or not watch.part.awaited)
        if clear and self._on_ready is not None:
            on_ready, self._on_ready = self._on_ready, None
            on_ready()

    def _start(self, watch: _Watch) -> None:
        self._tell(f"{watch.part.name}: starting")
        watch.started = time.monotonic()
        watch.part.start()
        watch.due = None

    def _look_at(self, watch: _Watch) -> None:
        part, age = watch.part, time.monotonic() - watch.started
        status = part.exit_status
        if status is not None:
            # Being killed is nobody's failure once it has worked. An exit of its own soon after it
            # seemed ready is one: the check may have asked another server on the same port.
            self._restart(watch, _how(status), failed=status >= 0 or not watch.was_ready)
        elif watch.ready:
            if age > _STEADY:
                watch.was_steady = True
                watch.failures = watch.deaths = 0
        elif part.is_ready():
            watch.ready = watch.was_ready = True
            if part.awaited:
                self._tell(f"{part.name}: ready ({age:.1f} s)")
        elif age > part.patience:
            part.stop()
            self._restart(watch, f"not ready after {part.patience:.0f} s", failed=True)

    def _restart(self, watch: _Watch, reason: str, *, failed: bool) -> None:
        watch.failures += failed
        if watch.failures >= (_ATTEMPTS_LATER if watch.was_steady else _ATTEMPTS_AT_FIRST):
            name, words = watch.part.name, watch.part.last_words()
            raise PartKeepsFailing(name, watch.failures, reason, words)
        pause = min(_FIRST_PAUSE * 2**watch.deaths, _LONGEST_PAUSE)
        watch.deaths += 1
        watch.due, watch.ready = time.monotonic() + pause, False
        self._tell(f"{watch.part.name}: {reason}, starting it again in {pause:.1f} s")

    def _pause(self) -> float:
        """Seconds until there may be something to do, unless a signal comes first."""
        if any(watch.due is None and not watch.ready for watch in self._watches):
            return _POLL
        moments = [watch.due for watch in self._watches if watch.due is not None]
        soonest = min(moments, default=float("inf")) - time.monotonic()
        return min(max(soonest, _POLL), _IDLE)

    def _stop(self, part: Part) -> None:
        try:
            if part.pid is not None:
                self._tell(f"{part.name}: stopping")
        finally:  # even if the terminal to tell it to is gone
            part.stop()

    @contextmanager
    def _signals(self) -> Iterator[socket.socket]:
        """A socket that becomes readable at a signal, and handlers that note a wish to stop."""

        def wish_to_stop(_number: int, _frame: object) -> None:
            self._stopping = True

        handlers = {
            signal.SIGINT: wish_to_stop,
            signal.SIGTERM: wish_to_stop,
            # Python writes to the wake-up socket only for signals that have a handler.
            signal.SIGCHLD: lambda _number, _frame: None,
        }
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as under nohup
            handlers[signal.SIGHUP] = wish_to_stop
        awaken, wake = socket.socketpair()
        with awaken, wake:
            awaken.setblocking(False)
            wake.setblocking(False)
            before = {number: signal.signal(number, do) for number, do in handlers.items()}
            wakeup = signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
            try:
                yield awaken
            finally:
                signal.set_wakeup_fd(wakeup)
                for number, handler in before.items():
                    signal.signal(number, handler)


def _is_alive(process: psutil.Process) -> bool:
    """Whether a process still runs; one that only waits to be reaped by its parent doesn't."""
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def _how(exit_status: int) -> str:
    if exit_status < 0:
        return f"killed by signal {-exit_status} ({signal.strsignal(-exit_status)})"
    return f"ended with status {exit_status}"
