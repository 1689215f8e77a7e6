"""GraphiQL in a real browser: it answers, it follows, and it asks nobody but this server for anything."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.system.browser import NO_BROWSER, Page, browser_path, browsing
from tests.system.program import Up, open_fund

EXECUTABLE = browser_path()
pytestmark = pytest.mark.skipif(EXECUTABLE is None, reason=NO_BROWSER)

RUN = ".graphiql-execute-button"
QUERY = ".graphiql-query-editor .monaco-editor"
RESPONSE = ".graphiql-response .view-lines"
TAB = ".graphiql-tab-button"
ACTIVE_TAB = ".graphiql-tab-active"
LIVE_TAB = 2
RECORD = """mutation ($fundId: ID!) {
  recordEvents(input: {fundId: $fundId, events: [{event: {companyAdded: {companyId: "acme", name: "Acme Rockets"}}}]}) {
    errors { message }
  }
}"""


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    assert EXECUTABLE is not None
    async with browsing(EXECUTABLE, tmp_path) as opened:
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
    assert await page.evaluate("location.hash") == ""
    printed = re.search(r"^query ThreeYearsAgo \{\n(?:.*\n)*?\}\n", demo.out, re.MULTILINE)
    assert printed
    assert ", at: " in printed[0]
    expected = ask(demo, printed[0]).json()["data"]["fund"]
    await page.paste(QUERY, printed[0])
    await page.shows(ACTIVE_TAB, "ThreeYearsAgo")
    await page.click(RUN)
    await page.shows(RESPONSE, f'"totalInvested": "{expected["totalInvested"]}"')
    await page.shows(RESPONSE, f'"name": "{expected["portfolioCompanies"][0]["name"]}"')
    await page.screenshot(tmp_path / "query.png")
    check_kept_to_itself(page, demo)


async def test_the_first_tab_is_answered_as_it_stands(demo: Up, page: Page, tmp_path: Path) -> None:
    await page.go(demo.link("GraphiQL"))
    await page.shows(QUERY, "query FundAtAMoment")
    await page.click(RUN)
    await page.shows(RESPONSE, '"name": "Sample Ventures I (sample data)"')
    await page.screenshot(tmp_path / "first-tab.png")
    check_kept_to_itself(page, demo)


async def test_a_subscription_shows_a_fact_recorded_meanwhile(demo: Up, page: Page, tmp_path: Path) -> None:
    fund = open_fund(demo.data_dir)
    link = f"{demo.url}/graphiql#token={demo.token}&fund={fund}"
    await page.go(link)
    await page.shows(QUERY, "query FundAtAMoment")
    await page.click(TAB, LIVE_TAB)
    await page.until(f"JSON.parse(localStorage['graphiql:tabState'] ?? '{{}}').activeTabIndex === {LIVE_TAB}")
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
    await page.screenshot(tmp_path / "subscription.png")
    check_kept_to_itself(page, demo)


async def test_a_miss_recorded_in_one_window_alerts_another(demo: Up, page: Page, tmp_path: Path) -> None:
    watch, miss = (
        re.search(rf"^{operation} \{{\n(?:.*\n)*?\}}\n", demo.out, re.MULTILINE)
        for operation in ("subscription Watch", "mutation Miss")
    )
    assert EXECUTABLE is not None
    assert watch
    assert miss
    (tmp_path / "other").mkdir()
    async with browsing(EXECUTABLE, tmp_path / "other") as other:
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
        await page.screenshot(tmp_path / "alert.png")
        check_kept_to_itself(other, demo)
    check_kept_to_itself(page, demo)


async def test_the_hub_hands_the_token_on_to_graphiql(demo: Up, page: Page, tmp_path: Path) -> None:
    await page.go(demo.link("hub"))
    await page.shows("h1", "Sample Ventures I (sample data)")
    await page.click("summary")
    await page.screenshot(tmp_path / "hub.png")
    await page.click("#graphiql")
    await page.shows(QUERY, "query FundAtAMoment")
    await page.click(RUN)
    await page.shows(RESPONSE, '"name": "Sample Ventures I (sample data)"')
    check_kept_to_itself(page, demo)
