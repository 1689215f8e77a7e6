"""The time machine on the page: exact holdings at any moment, every fact with both clocks, corrections, snapshots."""

import re
from urllib.parse import parse_qs, urlparse

from playwright.async_api import Locator, expect

from tests.web.conftest import NewWindow
from tests.web.hub import NARROW, Json, Product, Window, recorded
from tests.web.tables import cells, money

HOLDINGS = """query ($fund: ID!, $at: DateTime, $knownAt: DateTime) { fund(id: $fund, at: $at, knownAt: $knownAt) {
  portfolioCompanies { name totalInvestment fairValue realizedProceeds plannedReserves deployedReserves moic status }
} }"""
FACTS = """query ($fund: ID!, $filter: TimelineFilter) { timeline(fundId: $fund, first: 50, filter: $filter) {
  nodes { version summary hash occurredAt recordedAt recordedBy ... on ActualRecorded { supersedesVersion } }
} }"""
CHANGE = """query ($fund: ID!, $begin: MomentInput!, $end: MomentInput!) {
  fundChange(id: $fund, from: $begin, to: $end) {
    from { nav totalValue } to { nav totalValue } companies { name } facts { version }
  }
}"""
RECORD = """mutation ($input: RecordEventsInput!) {
  recordEvents(input: $input) { events { version } errors { message } }
}"""
COLUMNS = {
    "Invested": "totalInvestment",
    "Fair value": "fairValue",
    "Proceeds": "realizedProceeds",
    "Planned reserves": "plannedReserves",
    "Deployed reserves": "deployedReserves",
}


async def facts(product: Product, **chosen: object) -> list[Json]:
    """The newest facts that pass a filter."""
    nodes: list[Json] = (await product.ask(FACTS, fund=product.fund, filter=chosen))["timeline"]["nodes"]
    return nodes


async def check_holdings(product: Product, window: Window, at: str | None, known_at: str | None = None) -> Json:
    """The holdings on screen are the API's, to the cent; the API's by name."""
    asked = await product.ask(HOLDINGS, fund=product.fund, at=at, knownAt=known_at)
    companies = asked["fund"]["portfolioCompanies"]
    shown = {row["Company"]: row for row in await cells(window, "Holdings")}
    assert shown.keys() == {one["name"] for one in companies}
    for one in companies:
        row = shown[one["name"]]
        assert {title: row[title] for title in COLUMNS} == {title: money(one[name]) for title, name in COLUMNS.items()}
        assert row["MOIC"] == ("–" if one["moic"] is None else f"{one['moic']:.2f}×")
        assert row["Status"] == one["status"].lower().replace("_", " ")
    return {one["name"]: one for one in companies}


def section(window: Window, title: str) -> Locator:
    return window.page.get_by_role("region", name=title, exact=True)


def moment(window: Window, name: str) -> str | None:
    """A moment in the address."""
    found = parse_qs(urlparse(window.page.url).query).get(name)
    return found[0].strip('"') if found else None


async def test_the_holdings_of_a_past_moment_are_those_of_the_api_to_the_cent(product: Product, window: Window) -> None:
    held: Json = {}
    for day in ("2019-08-15", "2022-12-31", "2025-03-03"):
        await window.open(f"time?at={day}")
        held = await check_holdings(product, window, f"{day}T23:59:59.999999Z")
        assert held
    # Sorted by what they are worth, until another heading is clicked; found by what is typed.
    names = [row["Company"] for row in await cells(window, "Holdings")]
    assert names == sorted(held, key=lambda name: -float(held[name]["fairValue"]))
    await section(window, "Holdings").get_by_role("button", name="Company", exact=True).click()
    assert [row["Company"] for row in await cells(window, "Holdings")] == sorted(held)
    await section(window, "Holdings").get_by_role("searchbox").fill(names[0].upper())
    await expect(section(window, "Holdings").get_by_text(f"1 of {len(held)}")).to_be_visible()


async def test_what_changed_between_two_moments_is_said_in_totals_companies_and_facts(
    product: Product, window: Window
) -> None:
    await window.open("time?at=2022-12-31")
    await window.page.get_by_role("button", name="A year before").click()
    await window.page.wait_for_url("**compare=2021-12-31*")
    await window.settled()
    begin, end = ({"at": f"{year}-12-31T23:59:59.999999Z"} for year in (2021, 2022))
    change = (await product.ask(CHANGE, fund=product.fund, begin=begin, end=end))["fundChange"]
    totals = {row["Total"]: (row["Before"], row["After"]) for row in await cells(window, "Totals before and after")}
    for title, name in (("Net asset value", "nav"), ("Fair value", "totalValue")):
        assert totals[title] == (money(change["from"][name]), money(change["to"][name]))
    companies = [row["Company"] for row in await cells(window, "Companies before and after")]
    assert companies == [one["name"] for one in change["companies"]]
    between = window.page.get_by_role("table", name="The first 50 facts in between")
    versions = [str(one["version"]) for one in change["facts"]]
    assert await between.locator("tbody th").all_inner_texts() == versions[:50]


async def test_the_timeline_is_filtered_and_a_fact_opens_to_its_hash_and_the_fund_around_it(
    product: Product, window: Window
) -> None:
    await window.open("time")
    filters = section(window, "Timeline")
    await filters.get_by_text("Kinds: all").click()
    await filters.get_by_label("Valuation updated").check()
    await filters.get_by_label("Company", exact=True).select_option("fernhollow")
    await filters.get_by_label("True to").fill("2024-12-31")
    await window.page.wait_for_url("**trueTo=2024-12-31*")
    expected = await facts(
        product, types=["VALUATION_UPDATED"], companyId="fernhollow", occurredTo="2025-01-01T00:00:00Z"
    )
    table = window.page.get_by_role("table", name="Timeline")
    versions = [str(one["version"]) for one in expected]
    assert versions
    await expect(table.locator("tbody th")).to_have_text(versions)
    # The link shows a colleague the same facts.
    await window.page.reload()
    await expect(table.locator("tbody th")).to_have_text(versions)

    fact = expected[0]
    await table.get_by_role("button", name=f"More about {fact['version']}").click()
    detail = window.page.get_by_role("group", name=f"Version {fact['version']}", exact=True)
    await expect(detail).to_contain_text(fact["hash"])
    await expect(detail).to_contain_text('"companyId": "fernhollow"')
    await expect(detail).to_contain_text(fact["recordedBy"])
    micros = fact["occurredAt"].rstrip("Z").partition(".")[2] or "0"
    await expect(detail).to_contain_text(f".{micros.ljust(6, '0')}")
    await detail.get_by_role("button", name="Copy the hash").click()
    assert await window.page.evaluate("navigator.clipboard.readText()") == fact["hash"]

    await detail.get_by_role("button", name="Just after it was true").click()
    await window.settled()
    assert moment(window, "at") == fact["occurredAt"]
    after = await check_holdings(product, window, fact["occurredAt"])
    await detail.get_by_role("button", name="Just before it was true").click()
    await window.settled()
    before_it = moment(window, "at")
    assert before_it is not None
    assert before_it < fact["occurredAt"]
    before = await check_holdings(product, window, before_it)
    assert before["Fernhollow Robotics"]["fairValue"] != after["Fernhollow Robotics"]["fairValue"]


async def test_older_facts_come_a_page_at_a_time(product: Product, window: Window) -> None:
    await window.open("time")
    listed = window.page.get_by_role("table", name="Timeline").locator("tbody th")
    await expect(listed).to_have_count(50)
    await window.page.get_by_role("button", name="Load more").click()
    await expect(listed).to_have_count(100)
    versions = [int(text) for text in await listed.all_inner_texts()]
    assert versions == list(range(versions[0], versions[0] - 100, -1))


async def test_before_a_restatement_the_page_knows_the_figure_as_it_was_reported_first(
    product: Product, window: Window
) -> None:
    restated = next(one for one in await facts(product, types=["ACTUAL_RECORDED"]) if one["supersedesVersion"])
    await window.open("time")
    corrections = section(window, "Corrections")
    opener = corrections.get_by_role("button", name=f"More about {restated['version']}")
    await opener.click()
    assert restated["summary"] in await corrections.inner_text()
    await expect(
        corrections.get_by_role("group", name=f"Version {restated['supersedesVersion']}", exact=True)
    ).to_be_visible()
    await corrections.get_by_role("button", name=f"Show the fund as known before version {restated['version']}").click()
    await window.settled()
    known_at = moment(window, "knownAt")
    assert known_at is not None
    assert known_at < restated["recordedAt"]
    await expect(opener).to_be_hidden()
    await check_holdings(product, window, None, known_at)
    newest = window.page.get_by_role("table", name="Timeline").locator("tbody th").first
    await expect(newest).to_have_text(str(restated["version"] - 1))
    # Nothing is taken back or snapped of the past.
    await expect(window.page.get_by_role("button", name="Take a snapshot")).to_be_hidden()


async def test_a_void_says_what_it_changed(product: Product, window: Window) -> None:
    (void,) = [one for one in await facts(product, types=["EVENT_VOIDED"]) if "audit" in one["summary"]]
    await window.open("time")
    corrections = section(window, "Corrections")
    await corrections.get_by_role("button", name=f"More about {void['version']}").click()
    await corrections.get_by_role("button", name=f"What version {void['version']} changed").click()
    between = corrections.get_by_role("table", name="Facts in between").locator("tbody th")
    await expect(between).to_have_text([str(void["version"])])


async def test_a_new_fact_comes_by_itself_and_is_voided_from_its_detail(product: Product, window: Window) -> None:
    await window.open("time")
    fee = {"event": {"feeCharged": {"amount": "1.23", "kind": "courier"}}}
    answer = await product.ask(RECORD, input={"fundId": product.fund, "events": [fee]})
    version = answer["recordEvents"]["events"][0]["version"]
    timeline = window.page.get_by_role("table", name="Timeline")
    await expect(timeline.get_by_role("row").filter(has_text="(courier)")).to_contain_text("new")
    await timeline.get_by_role("button", name=f"More about {version}").click()
    await window.page.get_by_role("button", name=f"Void version {version}…").click()
    dialog = window.page.get_by_role("dialog")
    await dialog.get_by_label("Reason").fill("It was another fund's")
    await dialog.get_by_role("button", name="Check").click()
    await recorded(dialog, f"Void version {version}")
    await dialog.get_by_role("button", name="Close").click()
    await expect(timeline).to_contain_text(re.compile(r"voided by version \d+"))
    (void,) = [one for one in await facts(product, types=["EVENT_VOIDED"]) if str(version) in one["summary"]]
    assert void["summary"] == f"Voided version {version}: It was another fund's"
    await expect(section(window, "Corrections")).to_contain_text(f"voided version {version}")


async def test_a_snapshot_is_taken_and_listed(product: Product, window: Window) -> None:
    await window.open("time")
    await window.page.get_by_label("What for (optional)").fill("Board of June")
    await window.page.get_by_role("button", name="Take a snapshot").click()
    await expect(window.page.get_by_text(re.compile(r"Snapshot taken at version \d+"))).to_be_visible()
    row = (
        window.page.get_by_role("table", name=re.compile("napshots"))
        .get_by_role("row")
        .filter(has_text="Board of June")
    )
    await expect(row).to_contain_text("by hand")
    listed = await product.ask(
        "query ($fund: ID!) { snapshots(fundId: $fund, first: 1) { nodes { description kind } } }", fund=product.fund
    )
    assert listed["snapshots"]["nodes"] == [{"description": "Board of June", "kind": "MANUAL"}]


async def test_a_viewer_changes_nothing(window: Window) -> None:
    await window.open("time", role="VIEWER")
    await expect(window.page.get_by_role("button", name="Take a snapshot")).to_be_hidden()
    await section(window, "Timeline").get_by_text("Kinds: all").click()
    await section(window, "Timeline").get_by_label("Capital called").check()
    opener = window.page.get_by_role("table", name="Timeline").get_by_role("button", name="More about").first
    await expect(window.page.get_by_role("table", name="Timeline").get_by_text("Called").first).to_be_visible()
    await opener.click()
    await expect(window.page.get_by_role("button", name="Copy the payload")).to_be_visible()
    await expect(window.page.get_by_role("button", name="Void")).to_be_hidden()


async def test_everyone_can_use_the_time_machine(new_window: NewWindow) -> None:
    # Few rows, for axe looks at each of their cells: now, and early in the fund's life.
    wide = await new_window()
    await wide.open('time?kinds=["CAPITAL_CALLED"]&trueFrom=2025-01-01')
    narrow = await new_window(width=NARROW, scheme="dark")
    await narrow.open("time?at=2019-03-31&compare=2019-02-28")
    for window in (wide, narrow):
        await window.page.get_by_role("table", name="Timeline").get_by_role("button", name="More about").first.click()
        await window.page.get_by_role("button", name="Copy the payload").wait_for()
        await window.settled()
        assert await window.axe() == []
        assert await window.overhang() == 0
