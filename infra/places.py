"""Places: how many of a kind a process holds at once, in all and for one subject."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class NoPlaceError(Exception):
    """All places are taken.

    Attributes:
        own: Whether it is the subject's own that are.
    """

    def __init__(self, *, own: bool) -> None:
        super().__init__("no place is left")
        self.own = own


class Places:
    """Places of one kind.

    Args:
        most: In all.
        each: Of one subject.
    """

    def __init__(self, most: int, each: int) -> None:
        self._most = most
        self._each = each
        self._taken: Counter[str] = Counter()

    @property
    def taken(self) -> int:
        """How many are taken."""
        return self._taken.total()

    def take(self, subject: str) -> None:
        """Takes a place, to be left.

        Raises:
            NoPlaceError: If there is none.
        """
        if self._taken[subject] >= self._each:
            raise NoPlaceError(own=True)
        if self.taken >= self._most:
            raise NoPlaceError(own=False)
        self._taken[subject] += 1

    def leave(self, subject: str) -> None:
        """Leaves a place that was taken."""
        self._taken[subject] -= 1
        if not self._taken[subject]:
            del self._taken[subject]

    @contextmanager
    def taking(self, subject: str) -> Iterator[None]:
        """Holds a place.

        Raises:
            NoPlaceError: If there is none.
        """
        self.take(subject)
        try:
            yield
        finally:
            self.leave(subject)
