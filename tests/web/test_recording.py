"""Recording on the page: by forms and from a spreadsheet, checked before, once, by those who may."""

import re

from playwright.async_api import Locator, expect

from tests.web.conftest import NewWindow
from tests.web.hub import NARROW, Json, Product, Window, recorded
from tests.web.tables import cells, money

RECORD = """mutation ($input: RecordEventsInput!) {
  recordEvents(input: $input) { events { version } errors { message } }
}"""
FACTS = """query ($fund: ID!, $filter: TimelineFilter) { timeline(fundId: $fund, first: 50, filter: $filter) {
  nodes { version summary occurredAt payload }
} }"""
NEWCO = """occurred_on\ttype\tcompany_id\tcompany_name\tamount\townership_after\tnote
2026-07-01\tCOMPANY_ADDED\tnewco\tNewco
2026-07-02\tINVESTMENT_MADE\tnewco\t\t250,000\t12.5%\tinitial
{day}\tFEE_CHARGED\t\t\t"1,250.50"\t\taudit of Newco
2026-07-04\tVALUATION_UPDATED\t{company}\t\t42,000,000.00\t\tboard
"""


PASTE = """(box, text) => {
  const clipboardData = new DataTransfer();
  clipboardData.setData('text/plain', text);
  box.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
}"""


async def facts(product: Product, **chosen: object) -> list[Json]:
    """The newest facts that pass a filter."""
    nodes: list[Json] = (await product.ask(FACTS, fund=product.fund, filter=chosen))["timeline"]["nodes"]
    return nodes


def main(window: Window) -> Locator:
    return window.page.get_by_role("main")


async def record(window: Window, button: str) -> None:
    """Checks and records what is in the form, anew as long as the worker's own facts come in between."""
    await main(window).get_by_role("button", name=re.compile("^Check")).click()
    # Twice, as people do: it is recorded once.
    await recorded(main(window), button, presses=2)


async def test_a_valuation_is_recorded_once_and_seen_everywhere(product: Product, new_window: NewWindow) -> None:
    writer, reader = await new_window(), await new_window()
    await reader.open("time", role="VIEWER")
    await writer.open("record?form=valuationUpdated&company=quillmarsh", role="ANALYST")
    await main(writer).get_by_label("Company value").fill("61,234,567.8")
    await main(writer).get_by_label("Fair value").fill("4000000.01")
    await main(writer).get_by_label("Note").fill("Board of November")
    await main(writer).get_by_role("button", name="Check").click()
    statement = main(writer).get_by_role("group", name="What will be recorded")
    for told in ("Quillmarsh Health", "$61,234,567.80", "$4,000,000.01", "the moment it is recorded"):
        await expect(statement).to_contain_text(told)
    about = {"companyId": "quillmarsh", "types": ["VALUATION_UPDATED"]}
    before = await facts(product, **about)
    assert "Board of November" not in before[0]["summary"]
    # What is changed is checked again.
    await main(writer).get_by_label("Company value").fill("61,234,567.89")
    await expect(statement).to_be_hidden()
    await record(writer, "Record it")
    after = await facts(product, **about)
    (valued,) = after[: len(after) - len(before)] if len(after) < 50 else after[:1]
    assert valued["payload"] == {
        "companyId": "quillmarsh", "newValue": "61234567.89", "fairValue": "4000000.01", "note": "Board of November"
    }  # fmt: skip
    # Elsewhere it comes by itself.
    timeline = reader.page.get_by_role("table", name="Timeline")
    await expect(timeline).to_contain_text("61,234,567.89 USD: Board of November")
    await reader.settled()
    (held,) = [row for row in await cells(reader, "Holdings") if row["Company"] == "Quillmarsh Health"]
    assert held["Fair value"] == money("4000000.01")


async def test_what_is_wrong_is_said_beside_its_field(product: Product, window: Window) -> None:
    await window.open("record?form=capitalCalled")
    amount = main(window).get_by_label("Amount")
    check = main(window).get_by_role("button", name="Check")

    async def refused(field: Locator, text: str) -> None:
        await check.click()
        await expect(field).to_have_attribute("aria-invalid", "true")
        described = (await field.get_attribute("aria-describedby") or "").split()[-1]
        await expect(window.page.locator(f'[id="{described}"]')).to_contain_text(text)

    await refused(amount, "Amount is needed.")
    await amount.fill("1.234")
    await refused(amount, "Money has at most two decimals.")
    await amount.fill("999,000,000,000")
    await refused(amount, "uncalled by then")
    await amount.fill("1")
    await main(window).get_by_label("True from").fill("1990-01-01")
    await refused(main(window).get_by_label("True from"), "The fund was not open yet at that moment.")
    assert not [one for one in await facts(product, types=["CAPITAL_CALLED"]) if one["payload"]["amount"] == "1.00"]


async def test_who_was_overtaken_looks_again_before_anything_is_recorded(product: Product, window: Window) -> None:
    await window.open("record?form=feeCharged")
    await main(window).get_by_label("Amount").fill("77.70")
    await main(window).get_by_role("button", name="Check").click()
    button = main(window).get_by_role("button", name="Record it")
    await button.wait_for()
    other = {"event": {"feeCharged": {"amount": "0.01", "kind": "somebody else's"}}}
    await product.ask(RECORD, input={"fundId": product.fund, "events": [other]})
    await button.click()
    await expect(main(window)).to_contain_text("The fund has changed meanwhile")
    mine = [one for one in await facts(product, types=["FEE_CHARGED"]) if one["payload"]["amount"] == "77.70"]
    assert mine == []
    await record(window, "Record it")
    mine = [one for one in await facts(product, types=["FEE_CHARGED"]) if one["payload"]["amount"] == "77.70"]
    assert len(mine) == 1


async def test_a_figure_and_a_forecast_are_recorded_with_their_periods(product: Product, window: Window) -> None:
    await window.open("record?form=forecastCreated&company=larkspire", role="ANALYST")
    await main(window).get_by_label("Metric", exact=True).select_option("REVENUE")
    await main(window).get_by_label("Made as").select_option("BUDGET")
    await main(window).get_by_label("Period 1 from").fill("2028-01-01")
    await main(window).get_by_label("Period 1 to").fill("2028-03-31")
    await main(window).get_by_label("Period 1 expected").fill("1,000,000")
    await main(window).get_by_role("button", name="Add a period").click()
    await expect(main(window).get_by_label("Period 2 to")).to_have_value("2028-06-30")
    await main(window).get_by_label("Period 2 expected").fill("1,100,000.50")
    await record(window, "Record it")
    forecast = (await facts(product, companyId="larkspire", types=["FORECAST_CREATED"]))[0]["payload"]
    assert (forecast["metricType"], forecast["kind"]) == ("REVENUE", "BUDGET")
    assert forecast["periods"] == [
        {"start": "2028-01-01", "end": "2028-03-31", "projectedValue": "1000000"},
        {"start": "2028-04-01", "end": "2028-06-30", "projectedValue": "1100000.50"},
    ]

    await window.open("record?form=actualRecorded&company=larkspire", role="ANALYST")
    await main(window).get_by_label("Metric", exact=True).select_option("REVENUE")
    restates = main(window).get_by_label("Restates")
    reports = await facts(product, companyId="larkspire", types=["ACTUAL_RECORDED"])
    earlier = next(one for one in reports if one["payload"]["metricType"] == "REVENUE")
    await restates.select_option(str(earlier["version"]))
    await main(window).get_by_role("textbox", name="Figure").fill("1234567.8")
    await main(window).get_by_label("Period from").fill(earlier["payload"]["periodStart"])
    await main(window).get_by_label("Period to").fill(earlier["payload"]["periodEnd"])
    await record(window, "Record it")
    report = (await facts(product, companyId="larkspire", types=["ACTUAL_RECORDED"]))[0]["payload"]
    assert report == {
        **earlier["payload"], "value": "1234567.8", "source": "MANUAL", "supersedesVersion": earlier["version"]
    }  # fmt: skip


async def test_two_bad_rows_are_told_and_nothing_is_written_until_they_are_mended(
    product: Product, window: Window
) -> None:
    await window.open("record?form=import", role="ANALYST")
    box = main(window).get_by_label("Rows, with their header")
    await box.fill(NEWCO.format(day="03/07/2026", company="nobody"))
    await main(window).get_by_role("button", name="Check the rows").click()
    await expect(main(window)).to_contain_text("2 rows can’t be recorded; nothing was recorded")
    bad = await cells(window, "Rows to mend")
    assert [(row["Line"], row["Column"], row["What stands there"]) for row in bad] == [
        ("4", "occurred_on", "03/07/2026"),
        ("5", "company_id", "nobody"),
    ]
    assert bad[0]["What is wrong"].startswith("This isn’t a day.")
    assert bad[1]["What is wrong"] == "No company 'nobody' in the fund at that moment."
    await expect(main(window).get_by_role("button", name=re.compile("^Record"))).to_be_hidden()
    assert await facts(product, companyId="newco") == []

    await box.fill(NEWCO.format(day="2026-07-03", company="newco"))
    await record(window, "Record 4 facts")
    company = await facts(product, companyId="newco")
    assert [one["summary"] for one in reversed(company)] == [
        "Newco joined the portfolio",
        "Invested 250,000 USD in Newco",
        "Valued Newco at 42,000,000 USD: board",
    ]
    assert company[1]["payload"]["ownershipAfter"] == "0.125"
    assert company[1]["occurredAt"] == "2026-07-02T00:00:00.000000Z"
    fees = [one for one in await facts(product, types=["FEE_CHARGED"]) if one["payload"]["kind"] == "audit of Newco"]
    assert [one["payload"]["amount"] for one in fees] == ["1250.50"]


async def test_more_rows_than_are_recorded_at_once_are_said_to_be_too_many(window: Window) -> None:
    await window.open("record?form=import")
    rows = "2026-07-01,FEE_CHARGED,1.00\n" * 1_001
    await main(window).get_by_label("Rows, with their header").evaluate(PASTE, f"occurred_on,type,amount\n{rows}")
    await main(window).get_by_role("button", name="Check the rows").click()
    await expect(main(window).get_by_role("alert")).to_contain_text(
        "At most 1,000 rows are recorded at once, all or none"
    )


async def test_nothing_is_recorded_by_a_viewer_or_in_the_past(window: Window) -> None:
    await window.open("record", role="VIEWER")
    link = window.page.get_by_role("navigation", name="Fund").get_by_role("link", name="Recording")
    await expect(link).to_be_hidden()
    await expect(main(window)).to_contain_text("Recording takes an analyst’s role")
    await expect(main(window).get_by_role("form").or_(main(window).locator("input"))).to_have_count(0)
    await window.open("record?at=2021-06-30", role="ANALYST")
    await expect(link).to_be_visible()
    await expect(main(window)).to_contain_text("Recording is done as of now")
    await expect(main(window).locator("input")).to_have_count(0)
    await main(window).get_by_role("button", name="Go back to now").click()
    await expect(main(window).get_by_role("heading", name="Capital call")).to_be_visible()


async def test_everyone_can_record(new_window: NewWindow) -> None:
    for look in ({}, {"width": NARROW, "scheme": "dark"}):
        window = await new_window(**look)
        await window.open("record?form=forecastCreated")
        await main(window).get_by_role("button", name="Check").click()
        await expect(main(window).get_by_role("alert").first).to_be_visible()
        assert await window.axe() == []
        assert await window.overhang() == 0
        await window.open("record?form=import")
        await main(window).get_by_text("Columns, and what goes into them").click()
        await (
            main(window)
            .get_by_label("Rows, with their header")
            .fill("occurred_on,type,amount\n2026-07-01,FEE_CHARGED,x")
        )
        await main(window).get_by_role("button", name="Check the rows").click()
        await expect(main(window).get_by_role("table", name="Rows to mend")).to_be_visible()
        assert await window.axe() == []
        assert await window.overhang() == 0
