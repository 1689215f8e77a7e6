"""Connections that stay open: how many a process holds, in all and of one person."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from api.context import Context
from api.limits.subject import subject
from infra.places import NoPlaceError, Places
from infra.runtime import Runtime

ALL = "all"
"""What every connection is one of."""


class FullError(Exception):
    """No further connection can be held, and why, in words that may be shown.

    Attributes:
        own: Whether it is for how many whoever asks holds already.
    """

    def __init__(self, message: str, *, own: bool) -> None:
        super().__init__(message)
        self.own = own


@contextmanager
def held(runtime: Runtime) -> Iterator[None]:
    """Counts a connection of the process.

    Raises:
        FullError: If it holds as many as it may.
    """
    full = FullError("As many connections are open here as may be: try again later.", own=False)
    with _counted(runtime, runtime.connections, ALL, full):
        yield


@contextmanager
def held_of(runtime: Runtime, context: Context) -> Iterator[None]:
    """Counts a connection of whoever it is of.

    Raises:
        FullError: If they hold as many as they may.
    """
    full = FullError(f"You hold {runtime.connections_each.most} connections here already.", own=True)
    with _counted(runtime, runtime.connections_each, subject(context), full):
        yield


@contextmanager
def _counted(runtime: Runtime, places: Places, whose: str, full: FullError) -> Iterator[None]:
    with ExitStack() as place:
        try:
            place.enter_context(places.taking(whose))
        except NoPlaceError:
            runtime.metrics.limited.labels("TOO_MANY_CONNECTIONS").inc()
            raise full from None
        yield
