"""The instances that tests share: one with the demo for those that only look, one for those that kill its parts."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.system.mortal import Mortal, living
from tests.system.program import Up


@pytest.fixture(scope="package")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A running `up --demo`."""
    with Up(tmp_path_factory.mktemp("demo"), "--demo") as up:
        yield up


@pytest_asyncio.fixture(scope="package")
async def mortal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mortal]:
    """A running instance whose parts may be killed."""
    async with living(tmp_path_factory.mktemp("mortal")) as found:
        yield found
