"""Whose rows the database shows: every connection is told for which organisations it works, and shows nothing untold.

The second wall behind the checks of roles: PostgreSQL's row-level security compares each row with what the
connection was told last. A query that forgets to ask who may see a fund still finds none of another firm's.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID

SETTING = "drypowder.organisations"
"""What PostgreSQL's policies read: ids with commas between, or `EVERYONE`."""
EVERYONE = "*"


class Scope:
    """The organisations that some work is done for; grows as the database confirms further parts in them."""

    def __init__(self, organisations: Iterable[UUID] = (), *, everyone: bool = False) -> None:
        self._organisations = set(organisations)
        self.setting = EVERYONE
        if not everyone:
            self._tell()

    def add(self, organisation: UUID) -> None:
        """One more organisation, whose part in it the database has confirmed, or that is about to be founded."""
        if organisation not in self._organisations:
            self._organisations.add(organisation)
            if self.setting != EVERYONE:
                self._tell()

    def _tell(self) -> None:
        self.setting = ",".join(sorted(map(str, self._organisations)))


_current: ContextVar[Scope | None] = ContextVar("scope", default=None)


def scope() -> Scope:
    """The scope of the work under way; an empty one, which sees nothing, where none was entered."""
    return _current.get() or Scope()


def act_for(organisations: Iterable[UUID], *, everyone: bool = False) -> None:
    """From here on, this task and those it starts work for these organisations alone, or for everyone."""
    _current.set(Scope(organisations, everyone=everyone))


@contextmanager
def everyone() -> Iterator[None]:
    """Work that isn't done for anybody in particular: jobs, commands, the feed's readers, enrolment."""
    token = _current.set(Scope(everyone=True))
    try:
        yield
    finally:
        _current.reset(token)
