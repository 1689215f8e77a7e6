"""GraphiQL in a real browser: it answers, it follows, and it asks nobody but this server for anything."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page as Tab, Request, WebSocket, async_playwright, expect

from tests.system.browser import NO_BROWSER, PIPED_FLAGS, browser_path
from tests.system.program import Up, open_fund

EXECUTABLE = browser_path()
pytestmark = pytest.mark.skipif(EXECUTABLE is None, reason=NO_BROWSER)

WAIT_SECONDS = 30.0
RUN = ".graphiql-execute-button"
QUERY = ".graphiql-query-editor .monaco-editor"
RESPONSE = ".graphiql-response .view-lines"
TAB = ".graphiql-tab-button"
ACTIVE_TAB = ".graphiql-tab-active"
LIVE_TAB = 2
# It keeps the open tab's texts twice, and the second copies, by which it finds the tab again, a moment later.
KEPT = """(tab) => {
  const { tabs, activeTabIndex } = JSON.parse(localStorage['graphiql:tabState'] ?? '{}');
  return activeTabIndex === tab
    && ['query', 'variables'].every((text) => localStorage[`graphiql:${text}`] === tabs[tab][text]);
}"""
RECORD = """mutation ($fundId: ID!) {
  recordEvents(input: {fundId: $fundId, events: [{event: {companyAdded: {companyId: "acme", name: "Acme Rockets"}}}]}) {
    errors { message }
  }
}"""


@dataclass
class Page:
    """One tab.

    Attributes:
        requested: Every address that the page or one of its workers asked for, WebSockets too.
        sent: What it sent through WebSockets.
        complaints: Errors of the console, exceptions, blocked and failed requests, breaches of its policy.
    """

    tab: Tab
    requested: set[str] = field(default_factory=set)
    sent: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    async def watch(self) -> None:
        """Takes in from now on what the tab does."""
        self.tab.context.on("request", lambda request: self.requested.add(request.url))
        self.tab.context.on("requestfailed", self._failed)
        self.tab.context.on("console", lambda message: self._told(message.type, message.text))
        self.tab.context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        self.tab.on("websocket", self._connected)
        # Playwright tells neither of icons, nor of a worker's breaches of the policy, nor of those that were caught.
        devtools = await self.tab.context.new_cdp_session(self.tab)
        devtools.on("Network.requestWillBeSent", lambda told: self.requested.add(told["request"]["url"]))
        devtools.on("Log.entryAdded", lambda told: self._told(told["entry"]["level"], told["entry"]["text"]))
        devtools.on("Audits.issueAdded", lambda told: self._found(told["issue"]["code"], str(told["issue"])))
        for domain in ("Network", "Log", "Audits"):
            await devtools.send(f"{domain}.enable")

    def _told(self, kind: str, text: str) -> None:
        if kind in ("error", "warning", "assert"):
            self.complaints.append(text)

    def _failed(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # so are those that the page cancels
            self.complaints.append(f"failed: {request.url}: {request.failure}")

    def _found(self, code: str, issue: str) -> None:
        if code == "ContentSecurityPolicyIssue":
            self.complaints.append(issue)

    def _connected(self, socket: WebSocket) -> None:
        self.requested.add(socket.url)
        socket.on("framesent", lambda text: self.sent.append(str(text)))

    async def go(self, url: str) -> None:
        """Loads an address anew, even where only its fragment is another."""
        await self.tab.goto("about:blank")
        await self.tab.goto(url)

    async def has_sent(self, text: str) -> None:
        """Returns once a WebSocket has sent a text."""
        async with asyncio.timeout(WAIT_SECONDS):
            while not any(text in frame for frame in self.sent):
                await asyncio.sleep(0.02)

    async def shows(self, selector: str, text: str) -> None:
        """Returns once an element shows a text, however it is broken into lines.

        Raises:
            AssertionError: If it doesn't in time.
        """
        broken = re.compile(r"\s*".join(map(re.escape, "".join(text.split()))))
        try:
            shown = expect(self.tab.locator(selector).first)
            await shown.to_contain_text(broken, use_inner_text=True, timeout=WAIT_SECONDS * 1000)
        except AssertionError as failure:
            failure.add_note(f"{text!r}; {self.complaints}")
            raise

    async def click(self, selector: str, place: int = 0) -> None:
        """Clicks into the middle of an element, the first unless another is meant, once nothing covers it."""
        await self.tab.locator(selector).nth(place).click()

    async def paste(self, selector: str, text: str) -> None:
        """Replaces the whole text of an editor: all selected, then pasted over."""
        await self.click(selector)
        await self.tab.keyboard.press("Control+A")
        await self.tab.evaluate(
            """(text) => {
              const clipboardData = new DataTransfer();
              clipboardData.setData('text/plain', text);
              const paste = new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true });
              document.activeElement.dispatchEvent(paste);
            }""",
            text,
        )


@asynccontextmanager
async def browsing(browser: Browser) -> AsyncIterator[Page]:
    """A profile of its own with one empty tab."""
    async with await browser.new_context(viewport={"width": 1600, "height": 1000}) as context:
        page = Page(await context.new_page())
        await page.watch()
        yield page


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One for all tests; each has a profile of its own."""
    async with (
        async_playwright() as playwright,
        await playwright.chromium.launch(executable_path=EXECUTABLE, args=PIPED_FLAGS) as launched,
    ):
        yield launched


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    async with browsing(browser) as opened:
        yield opened


def ask(demo: Up, query: str, **variables: object) -> httpx.Response:
    answer = httpx.post(
        f"{demo.url}/graphql",
        json={"query": query, "variables": variables},
        headers={"authorization": f"Bearer {demo.token}"},
    )
    return answer.raise_for_status()


def check_kept_to_itself(page: Page, demo: Up) -> None:
    """Nothing was asked of anybody else, and nothing complained of."""
    ours = (f"{demo.url}/", f"{demo.url.replace('http', 'ws', 1)}/", f"blob:{demo.url}/", "data:", "about:")
    assert [url for url in page.requested if not url.startswith(ours)] == []
    assert len([url for url in page.requested if url.startswith(f"{demo.url}/static/assets/")]) > 5
    assert not [url for url in page.requested if demo.token in url.split("#")[0]]
    assert page.complaints == []


async def test_the_link_that_the_demo_prints_opens_graphiql_and_its_query_is_answered(
    demo: Up, page: Page, tmp_path: Path
) -> None:
    await page.go(demo.link("GraphiQL"))
    await page.shows(QUERY, "query FundAtAMoment")
    assert await page.tab.evaluate("() => location.hash") == ""
    printed = re.search(r"^query ThreeYearsAgo \{\n(?:.*\n)*?\}\n", demo.out, re.MULTILINE)
    assert printed
    assert ", at: " in printed[0]
    expected = ask(demo, printed[0]).json()["data"]["fund"]
    await page.paste(QUERY, printed[0])
    await page.shows(ACTIVE_TAB, "ThreeYearsAgo")
    await page.click(RUN)
    await page.shows(RESPONSE, f'"totalInvested": "{expected["totalInvested"]}"')
    await page.shows(RESPONSE, f'"name": "{expected["portfolioCompanies"][0]["name"]}"')
    await page.tab.screenshot(path=tmp_path / "query.png")
    check_kept_to_itself(page, demo)


async def test_the_first_tab_is_answered_as_it_stands(demo: Up, page: Page, tmp_path: Path) -> None:
    await page.go(demo.link("GraphiQL"))
    await page.shows(QUERY, "query FundAtAMoment")
    await page.click(RUN)
    await page.shows(RESPONSE, '"name": "Sample Ventures I (sample data)"')
    await page.tab.screenshot(path=tmp_path / "first-tab.png")
    check_kept_to_itself(page, demo)


async def test_a_subscription_shows_a_fact_recorded_meanwhile(demo: Up, page: Page, tmp_path: Path) -> None:
    fund = open_fund(demo.data_dir)
    link = f"{demo.url}/graphiql#token={demo.token}&fund={fund}"
    await page.go(link)
    await page.shows(QUERY, "query FundAtAMoment")
    await page.click(TAB, LIVE_TAB)
    await page.tab.wait_for_function(KEPT, arg=LIVE_TAB)
    # GraphiQL learns the operation's name a moment after the tab has changed, and then shows nothing of it. Opened
    # again, it starts with the tab it was left with.
    await page.go(link)
    await page.shows(QUERY, "subscription LiveFacts")
    await page.click(RUN)
    await page.shows(RESPONSE, '"type": "FUND_OPENED"')
    told = ask(demo, RECORD, fundId=fund).json()
    assert told["data"] == {"recordEvents": {"errors": []}}
    await page.shows(RESPONSE, '"type": "COMPANY_ADDED"')
    await page.shows(RESPONSE, "Acme Rockets")
    await page.tab.screenshot(path=tmp_path / "subscription.png")
    check_kept_to_itself(page, demo)


async def test_a_miss_recorded_in_one_window_alerts_another(
    demo: Up, page: Page, browser: Browser, tmp_path: Path
) -> None:
    watch, miss = (
        re.search(rf"^{operation} \{{\n(?:.*\n)*?\}}\n", demo.out, re.MULTILINE)
        for operation in ("subscription Watch", "mutation Miss")
    )
    assert watch
    assert miss
    async with browsing(browser) as other:
        for window, operation, name in ((page, watch[0], "Watch"), (other, miss[0], "Miss")):
            await window.go(demo.link("GraphiQL"))
            await window.shows(QUERY, "query FundAtAMoment")
            await window.paste(QUERY, operation)
            await window.shows(ACTIVE_TAB, name)
        await page.click(RUN)
        await page.has_sent("subscription Watch")
        await other.click(RUN)
        await other.shows(RESPONSE, '"errors": []')
        await page.shows(RESPONSE, '"change": "OPENED"')
        await page.shows(RESPONSE, "below the forecast of")
        await page.tab.screenshot(path=tmp_path / "alert.png")
        check_kept_to_itself(other, demo)
    check_kept_to_itself(page, demo)


async def test_the_hub_hands_the_token_on_to_graphiql(demo: Up, page: Page, tmp_path: Path) -> None:
    await page.go(demo.link("hub"))
    await page.shows("h1", "Sample Ventures I (sample data)")
    await page.click("summary")
    await page.tab.screenshot(path=tmp_path / "hub.png")
    await page.click("#graphiql")
    await page.shows(QUERY, "query FundAtAMoment")
    await page.click(RUN)
    await page.shows(RESPONSE, '"name": "Sample Ventures I (sample data)"')
    check_kept_to_itself(page, demo)
