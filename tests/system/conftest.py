"""One instance with the demo for the tests that only look at it; those that stop or kill start their own."""

from collections.abc import Iterator

import pytest

from tests.system.program import Up


@pytest.fixture(scope="package")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A running `up --demo`."""
    with Up(tmp_path_factory.mktemp("demo"), "--demo") as up:
        yield up
