"""Places: how many of a kind a process holds at once for one subject."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class NoPlaceError(Exception):
    """All of the subject's places are taken."""


class Places:
    """Places of one kind.

    Args:
        most: Of one subject.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._taken: Counter[str] = Counter()

    @property
    def taken(self) -> int:
        """How many are taken, of all subjects."""
        return self._taken.total()

    @contextmanager
    def taking(self, subject: str) -> Iterator[None]:
        """Holds a place.

        Raises:
            NoPlaceError: If there is none.
        """
        if self._taken[subject] >= self.most:
            raise NoPlaceError
        self._taken[subject] += 1
        try:
            yield
        finally:
            self._taken[subject] -= 1
            if not self._taken[subject]:
                del self._taken[subject]
