"""Shares the tests out among the processes of a run, a file to one process.

Tests of the whole product make up two shares, those that kill parts of it and the others: more instances that start, or
lose a part, at the same moment would only wait for each other's processors. Tests of the page make up another, around
one product and one browser.
"""

from xdist.scheduler import LoadScopeScheduling

TOGETHER = ("tests/system/", "tests/web/")
KILLS = "kills.py"
APART = "tests/system/test_postgres_15.py"
"""A run of tests by itself, with a server but without the product."""


class Sharing(LoadScopeScheduling):  # type: ignore[misc]  # xdist brings no types
    """Hands out shares in the order in which their first tests were collected."""

    def _split_scope(self, nodeid: str) -> str:
        """The share that a test is of."""
        file = nodeid.split("::", 1)[0]
        if file == APART:
            return file
        if file.endswith(KILLS):
            return KILLS
        return next((folder for folder in TOGETHER if file.startswith(folder)), file)
