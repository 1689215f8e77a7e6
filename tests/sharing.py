"""Shares the tests out among the processes of a run, a file to one process.

Tests of the whole product make up one share: two instances that start, or lose a part, at the same moment would only
wait for each other's processors.
"""

from xdist.scheduler import LoadScopeScheduling

SYSTEM = "tests/system/"


class Sharing(LoadScopeScheduling):  # type: ignore[misc]  # xdist brings no types
    """Hands out shares in the order in which their first tests were collected."""

    def _split_scope(self, nodeid: str) -> str:
        """The share that a test is of."""
        file = nodeid.split("::", 1)[0]
        return SYSTEM if file.startswith(SYSTEM) else file
