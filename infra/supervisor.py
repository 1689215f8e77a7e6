"""Starts the parts of an instance in order, keeps them running and stops them all.

Exists so that one command is the whole product, and no death, its own included, leaves a process.
"""

import select
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from infra.part import POLL, Part

_IDLE = 1.0  # seconds between two looks when all is well; SIGCHLD wakes us at once
_FIRST_PAUSE = 0.1  # seconds before the first restart, doubled at each further one
_LONGEST_PAUSE = 5.0  # seconds
_STEADY = 10.0  # seconds of life after which earlier deaths are forgotten
# Failures without a steady life in between. Few when there never was one in this run: the part is
# set up wrongly, as when its port is taken. More later: the cause may pass.
_ATTEMPTS_AT_FIRST = 3
_ATTEMPTS_LATER = 10


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
            return POLL
        moments = [watch.due for watch in self._watches if watch.due is not None]
        soonest = min(moments, default=float("inf")) - time.monotonic()
        return min(max(soonest, POLL), _IDLE)

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


def _how(exit_status: int) -> str:
    if exit_status < 0:
        return f"killed by signal {-exit_status} ({signal.strsignal(-exit_status)})"
    return f"ended with status {exit_status}"
