"""Optimal reserves as a partner meets them: followed, cancelled, ranked to the digit, compared, kept, asked of then."""

import csv
import io
import re
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

from playwright.async_api import Locator

from tests.web.conftest import NewWindow
from tests.web.hub import NARROW, Json, Product, Role, Window

RUN = """query ($id: ID!) { node(id: $id) { ... on ReserveRun {
  id at status pool shadowPrice
  recommendations {
    rank companyName stage followOnMultiple expectedMoic currentReserveAllocation recommendedAllocation deployedReserves
    change action confidenceScore limitedBy companyId curve { reserve marginalMoic probabilityDeployed }
  }
  unavailable { companyName reason }
  plans {
    strategy expectedValue expectedProceeds proceedsP05 proceedsP50 proceedsP95 worstFivePercentMean totalAllocated
    remaining poolNeedP95 allocations { companyName amount }
  }
  baseline { expectedProceeds proceedsP05 proceedsP50 proceedsP95 worstFivePercentMean }
} } }"""
LATEST = "query ($fund: ID!) { fund(id: $fund) { latestRecommendation(ofPresent: true) { id } } }"
ASK = """mutation ($input: CalculateReservesInput!) {
  calculateOptimalReserves(input: $input) { run { id } errors { code path } }
}"""
RUNS = "query ($fund: ID!) { reserveRuns(fundId: $fund, first: 50) { nodes { id status } } }"
SAVE = """mutation ($input: SaveScenarioInput!) { saveReserveScenario(input: $input) { errors { code } } }"""
SCENARIOS = "query ($fund: ID!) { reserveScenarios(fundId: $fund) { name description run { id } plan { strategy } } }"
RANKING = "Ranking of companies for follow-on money"
LONG, SHORT = "5000000", "1000"
MEASURES = {
    "Expected value": "expectedValue",
    "Expected proceeds": "expectedProceeds",
    "Proceeds P05": "proceedsP05",
    "Proceeds P50": "proceedsP50",
    "Proceeds P95": "proceedsP95",
    "Mean of the worst 5%": "worstFivePercentMean",
    "Allocated": "totalAllocated",
    "Remaining": "remaining",
    "Cash need P95": "poolNeedP95",
}
STRATEGIES = {"OPTIMAL": "Optimal", "PRIORITY_GREEDY": "By priority", "HEURISTIC": "Rule of thumb"}


def money(amount: str | Decimal) -> str:
    """An amount as the page writes it."""
    return f"${Decimal(amount):,.2f}".replace("$-", "−$")


def multiple(of: float) -> str:
    # Halves away from zero, of the decimal that is told.
    return f"{Decimal(repr(of)).quantize(Decimal('0.01'), ROUND_HALF_UP):,}×"


def percent(of: float, places: str = "0.1") -> str:
    return f"{(Decimal(repr(of)) * 100).quantize(Decimal(places), ROUND_HALF_UP)}%"


def changed(amount: str) -> str:
    by = Decimal(amount)
    return "unchanged" if by == 0 else f"{'▲' if by > 0 else '▼'} {money(abs(by))}"


async def recommended(window: Window, role: Role) -> str:
    """The run that is recommended now; the sample fund asks for one as it is opened."""
    await window.open("reserves", role=role)
    await window.page.get_by_role("heading", name="Ranking").wait_for()
    found = await window.product.ask(LATEST, fund=window.product.fund)
    run: str = found["fund"]["latestRecommendation"]["id"]
    return run


async def ask(window: Window, paths: str) -> None:
    """Asks for a run of so many paths by the form."""
    await window.page.locator("summary", has_text="Options").click()
    await window.page.get_by_label("Paths", exact=True).fill(paths)
    await window.page.get_by_role("button", name=re.compile("^Run ")).click()
    await window.page.wait_for_url("**run=**")


async def finished(window: Window, product: Product) -> Json:
    """The run in the address, once the page shows what it came to."""
    await window.page.get_by_text("The run is done.").wait_for()
    await window.page.get_by_role("heading", name="Ranking").wait_for()
    await window.settled()
    return await run_in(window, product)


async def run_in(window: Window, product: Product) -> Json:
    id = await window.page.evaluate("() => new URLSearchParams(location.search).get('run')")
    run: Json = (await product.ask(RUN, id=id))["node"]
    return run


async def cells(table: Locator) -> list[list[str]]:
    """What a table shows, without what only screen readers are told."""
    found: list[list[str]] = await table.evaluate(
        """(table) => [...table.tBodies[0].rows].map((row) => [...row.cells].map((cell) => {
             const shown = cell.cloneNode(true);
             shown.querySelectorAll('.spoken').forEach((spoken) => spoken.remove());
             return shown.textContent.trim();
           }))"""
    )
    return found


async def test_a_run_is_followed_over_a_reload_and_cancelled(product: Product, window: Window) -> None:
    await recommended(window, "ANALYST")
    await ask(window, LONG)
    moved = "(document.querySelector('main progress')?.value ?? 0) > {}"
    await window.until(moved.format(0))
    before = await window.page.locator("main progress").evaluate("(bar) => bar.value")
    await window.until(moved.format(before))
    assert await window.page.get_by_role("button", name="Run optimal reserves").is_disabled()
    address = window.page.url
    await window.page.reload()
    assert window.page.url == address
    await window.until(moved.format(before))
    await window.page.get_by_text("Simulating the portfolio").wait_for()
    await window.page.get_by_role("button", name="Cancel the run").click()
    await window.page.get_by_text("The run was cancelled").wait_for()
    assert (await run_in(window, product))["status"] == "CANCELLED"
    # What was known before is still there.
    await window.page.get_by_role("link", name="Close").click()
    await window.page.get_by_role("heading", name="Ranking").wait_for()


async def test_a_finished_run_shows_the_api_s_figures_and_its_plan_is_kept(product: Product, window: Window) -> None:
    await recommended(window, "MANAGER")
    await ask(window, SHORT)
    run = await finished(window, product)
    assert run["id"] == (await product.ask(LATEST, fund=product.fund))["fund"]["latestRecommendation"]["id"]
    shown = await cells(window.page.get_by_role("table", name=RANKING))
    # The first column opens a row.
    assert [row[1:] for row in shown] == [
        [
            str(one["rank"]),
            one["companyName"],
            multiple(one["followOnMultiple"]),
            multiple(one["expectedMoic"]),
            money(one["currentReserveAllocation"]),
            money(one["recommendedAllocation"]),
            money(one["deployedReserves"]),
            changed(one["change"]),
            one["action"].capitalize(),
            percent(one["confidenceScore"], "1"),
            one["limitedBy"],
            one["stage"] or "–",
        ]
        for one in run["recommendations"]
    ]
    await check_file(window, run)
    await check_plans(window, run)
    await check_insights(window, run)
    await check_curve(window, run["recommendations"][1])
    await window.page.locator("summary", has_text="What was asked").click()
    await window.page.get_by_role("button", name="Use these options for another run").click()
    assert await window.page.get_by_label("Paths", exact=True).input_value() == SHORT
    assert await window.page.get_by_label("Most in one company, % of the fund").input_value() == "15"

    await window.page.get_by_role("button", name="Save this run as a scenario").click()
    dialog = window.page.get_by_role("dialog")
    await dialog.get_by_label("Name").fill(" ")
    await dialog.get_by_role("button", name="Save").click()
    await dialog.get_by_role("alert").wait_for()
    await dialog.get_by_label("Name").fill("By thumb")
    await dialog.get_by_label("Plan").select_option("HEURISTIC")
    await dialog.get_by_role("button", name="Save").click()
    await window.page.get_by_text("Saved as “By thumb”.").wait_for()
    await window.page.get_by_role("table", name="Saved scenarios").get_by_text("By thumb").wait_for()
    kept = (await product.ask(SCENARIOS, fund=product.fund))["reserveScenarios"][0]
    assert (kept["name"], kept["run"], kept["plan"]) == ("By thumb", {"id": run["id"]}, {"strategy": "HEURISTIC"})


async def check_file(window: Window, run: Json) -> None:
    """The table's file holds every figure to the last digit."""
    async with window.page.expect_download() as download:
        await window.page.get_by_role("button", name=f"Download {RANKING} as CSV").click()
    told = csv.DictReader(
        io.StringIO(Path(await (await download.value).path()).read_text(encoding="utf-8"), newline="")
    )
    rows: list[dict[str, Any]] = list(told)
    assert [row["Company"] for row in rows] == [one["companyName"] for one in run["recommendations"]]
    for row, one in zip(rows, run["recommendations"], strict=True):
        assert float(row["Follow-on multiple"]) == one["followOnMultiple"]
        assert float(row["Expected MOIC"]) == one["expectedMoic"]
        assert float(row["Confidence"]) == one["confidenceScore"]
        assert (row["Recommended"], row["Change"]) == (one["recommendedAllocation"], one["change"])


async def check_plans(window: Window, run: Json) -> None:
    """Strategies stand side by side, measure by measure and company by company."""
    assert [plan["strategy"] for plan in run["plans"]] == list(STRATEGIES)
    measures = await cells(window.page.get_by_role("table", name="Strategies side by side"))
    assert [row[:-1] for row in measures] == [
        [
            name,
            *(money(plan[field]) for plan in run["plans"]),
            money(run["baseline"][field]) if field in run["baseline"] else "–",
        ]
        for name, field in MEASURES.items()
    ]
    given = await cells(window.page.get_by_role("table", name="New money by company and strategy"))
    amounts = [{one["companyName"]: one["amount"] for one in plan["allocations"]} for plan in run["plans"]]
    assert {row[0]: row[3:] for row in given} == {
        one["companyName"]: [money(plan.get(one["companyName"], "0")) for plan in amounts]
        for one in run["recommendations"]
    }


async def check_insights(window: Window, run: Json) -> None:
    """Cards add up what the ranking tells."""
    ranked = run["recommendations"]
    figures: dict[str, str] = await window.page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll('main dl > div')].map((entry) => [
             entry.querySelector('dt').textContent, entry.querySelector('dd .figure')?.textContent,
           ]))"""
    )
    assert figures["High opportunities"] == str(sum(one["followOnMultiple"] > 3 for one in ranked))
    assert figures["Total reallocation"] == money(sum((abs(Decimal(one["change"])) for one in ranked), Decimal(0)))
    assert figures["Average expected MOIC"] == multiple(sum(one["expectedMoic"] for one in ranked) / len(ranked))
    assert figures["Pool"] == money(run["pool"])
    assert figures["Shadow price"] == multiple(run["shadowPrice"])


async def check_curve(window: Window, one: Json) -> None:
    """A company's curve, as tables, tells what the API does; the address names the company."""
    await window.page.get_by_label("Company", exact=True).select_option(one["companyName"])
    await window.page.wait_for_url(f"**company={one['companyId']}*")
    for title, field, written in (
        ("expected MOIC of the next dollar", "marginalMoic", multiple),
        ("chance that the next dollar is deployed", "probabilityDeployed", percent),
    ):
        name = f"{one['companyName']}: {title}"
        await window.page.get_by_role("button", name=f"{name} as a table").click()
        shown = await cells(window.page.get_by_role("table", name=name))
        assert [row[0] for row in shown] == [money(point["reserve"]) for point in one["curve"]]
        assert [row[1] for row in shown] == [written(point[field]) for point in one["curve"]]


async def test_what_cannot_be_asked_is_refused_beside_its_field(window: Window) -> None:
    await window.open("reserves", role="ANALYST")
    await window.page.locator("summary", has_text="Options").click()
    paths = window.page.get_by_label("Paths", exact=True)
    for typed, told in (("a few", "Write a whole number."), ("5", "At least 100 iterations.")):
        await paths.fill(typed)
        await window.page.get_by_role("button", name="Run optimal reserves").click()
        await window.page.get_by_role("alert").get_by_text(told).or_(window.page.get_by_text(told)).first.wait_for()
        assert await paths.get_attribute("aria-invalid") == "true"
    assert "run=" not in window.page.url


async def test_what_would_have_been_recommended_and_what_changed_since(product: Product, window: Window) -> None:
    latest = await recommended(window, "ANALYST")
    await window.open("reserves?at=2022-06-30", role="ANALYST")
    await window.page.get_by_text("No recommendation was known at this moment.").wait_for()
    await ask(window, SHORT)
    then = await finished(window, product)
    assert then["at"] == "2022-06-30T23:59:59.999999Z"
    await window.page.get_by_text("What it would have been").wait_for()
    await window.page.goto(f"{window.page.url}&with={latest}")
    await window.settled()
    now = (await product.ask(RUN, id=latest))["node"]
    shown = await cells(window.page.get_by_role("table", name="What changed between two runs"))
    # The one of the earlier moment stands before.
    ranks = [{one["companyName"]: str(one["rank"]) for one in run["recommendations"]} for run in (then, now)]
    assert {row[0]: row[1] for row in shown} == {
        name: " → ".join(rank.get(name, "not ranked") for rank in ranks) for name in {*ranks[0], *ranks[1]}
    }
    # Another moment is another question: the run that was opened gives way.
    await window.page.get_by_role("button", name="Back to now").click()
    await window.page.wait_for_url(lambda url: "?run=" not in url and "&run=" not in url)
    await window.settled()
    assert await window.page.get_by_text("What it would have been").is_hidden()
    assert (await product.ask(LATEST, fund=product.fund))["fund"]["latestRecommendation"]["id"] == latest


async def test_a_viewer_sees_what_came_of_runs_and_asks_for_none(product: Product, window: Window) -> None:
    role: Role = "VIEWER"
    latest = await recommended(window, role)
    for name in ("Run optimal reserves", "Cancel the run", "Save this run as a scenario"):
        assert await window.page.get_by_role("button", name=name).count() == 0
    refused = await product.ask(ASK, role, input={"fundId": product.fund})
    assert [error["code"] for error in refused["calculateOptimalReserves"]["errors"]] == ["FORBIDDEN"]
    refused = await product.ask(SAVE, role, input={"fundId": product.fund, "name": "Mine", "runId": latest})
    assert [error["code"] for error in refused["saveReserveScenario"]["errors"]] == ["FORBIDDEN"]


async def test_the_tab_is_usable_by_everyone(product: Product, new_window: NewWindow) -> None:
    for width, scheme in ((1440, "light"), (NARROW, "dark")):
        window = await new_window(width=width, scheme=scheme)
        page = window.page
        latest = await recommended(window, "MANAGER")
        runs = (await product.ask(RUNS, fund=product.fund))["reserveRuns"]["nodes"]
        other = next(run["id"] for run in runs if run["id"] != latest and run["status"] == "SUCCEEDED")
        await window.open(f"reserves?with={other}", role="MANAGER")
        await page.get_by_role("heading", name="What changed between two runs").wait_for()
        await page.get_by_role("heading", name="Marginal curve").wait_for()
        await page.locator("summary", has_text="Options").click()
        await page.get_by_role("button", name="Promise a company something").click()
        await page.get_by_role("button", name="Limit a stage").click()
        await page.locator("summary", has_text="What was asked").click()
        await page.locator("summary", has_text="What is this?").first.click()
        await page.get_by_role("button", name="More about ").first.click()
        await page.get_by_role("button", name="as a table").first.click()
        await window.settled()
        assert await window.axe() == []
        assert await window.overhang() == 0
        await page.get_by_role("button", name="Save this run as a scenario").click()
        assert await window.axe() == []
        await page.keyboard.press("Escape")
        assert await page.get_by_role("dialog").count() == 0
