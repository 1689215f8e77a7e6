"""What clients are run with: their packages, the page's snippets, and a fund at version 2."""

import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import UUID

import pytest
import pytest_asyncio

from domain.capital import FeeCharged
from domain.money import Money
from infra.drafts import Draft
from infra.people import Person
from infra.runtime import Runtime
from tests.clients import node, page
from tests.conftest import OpenFund

ChargeFees = Callable[[UUID, int], Awaitable[None]]


@pytest_asyncio.fixture(scope="session")
async def packages() -> Path:
    """The folder with the npm packages."""
    return await node.install()


@pytest_asyncio.fixture(scope="session")
async def scripts(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the page's snippets and the scripts that use them, beside the packages."""
    folder = tmp_path_factory.mktemp("clients")
    for script in node.HERE.glob("*.js"):
        shutil.copy(script, folder)
    shutil.copy(node.HERE / "package.json", folder)
    page.write_into(folder)
    (folder / "node_modules").symlink_to(packages)
    return folder


@pytest_asyncio.fixture(scope="session")
async def charge_fees(runtime: Runtime, owner: Person) -> ChargeFees:
    """Records some fees of 12.50 in a fund, each a fact."""

    async def charged(fund: UUID, number: int) -> None:
        fees = [Draft(FeeCharged(Money(12_50), "audit"))] * number
        await runtime.ledger.record(fund, fees, actor=owner.id)

    return charged


@pytest_asyncio.fixture
async def fund(open_fund: OpenFund, charge_fees: ChargeFees) -> UUID:
    """A fund at version 2."""
    opened = await open_fund()
    await charge_fees(opened, 1)
    return opened
