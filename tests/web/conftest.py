"""One product with the sample fund and one browser for all tests of the page; each test has windows of its own."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, async_playwright

from tests.system.browser import NO_BROWSER, PIPED_FLAGS, browser_path
from tests.system.program import Up
from tests.web.hub import WIDE, Product, Scheme, Window, profile

NewWindow = Callable[..., Awaitable[Window]]
NewProfile = Callable[[int, Scheme], Awaitable[BrowserContext]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leaves the tests of the page out where there is no browser."""
    if browser_path() is None:
        missing = pytest.mark.skip(reason=NO_BROWSER)
        for item in items:
            if "tests/web/" in item.nodeid:
                item.add_marker(missing)


@pytest.fixture(scope="package")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A running `up --demo` of the page's own: its tests record facts."""
    with Up(tmp_path_factory.mktemp("hub"), "--demo") as up:
        fund = re.search(r"fund=([0-9a-f-]{36})", up.link("hub"))
        assert fund
        yield Product(up, fund[1])


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def profiles() -> AsyncIterator[NewProfile]:
    """One browser, with a profile for each width and scheme that is asked for: what it has of the page, it keeps."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=browser_path(), args=PIPED_FLAGS)
        made: dict[tuple[int, Scheme], BrowserContext] = {}

        async def of(width: int, scheme: Scheme) -> BrowserContext:
            if (width, scheme) not in made:
                made[width, scheme] = await profile(browser, width, scheme)
                # It stays: Chromium does more for a window than for one more page in it.
                await made[width, scheme].new_page()
            return made[width, scheme]

        yield of
        await browser.close()


@pytest.fixture
async def new_window(product: Product, profiles: NewProfile) -> AsyncIterator[NewWindow]:
    """Opens windows, of a `width` and a colour `scheme`; what one of them complained of fails the test."""
    async with AsyncExitStack() as windows:
        made: list[Window] = []

        async def window(*, width: int = WIDE, scheme: Scheme = "light") -> Window:
            one = Window(product, await (await profiles(width, scheme)).new_page())
            windows.push_async_callback(one.page.close)
            made.append(one)
            return one

        yield window
        for one in made:
            one.check_kept_to_itself()


@pytest.fixture
async def window(new_window: NewWindow) -> Window:
    """A window at 1440 pixels, light."""
    return await new_window()
