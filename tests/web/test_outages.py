"""What the page does while the server is away, and when a token ends."""

from tests.system.program import succeeded, until
from tests.web.hub import Product, Window

RECORD = """mutation ($fund: ID!) {
  recordEvents(input: { fundId: $fund, events: [{ event: { feeCharged: { amount: "1.00", kind: "postage" } } }] }) {
    events { version } errors { message }
  }
}"""
VERSION = "query ($fund: ID!) { node(id: $fund) { ... on Fund { version } } }"
CASH = "query ($fund: ID!) { fund(id: $fund) { cash } }"


async def record(product: Product) -> int:
    """Records a fee and gives its version."""
    told = (await product.ask(RECORD, fund=product.fund))["recordEvents"]
    assert told["errors"] == []
    version: int = told["events"][0]["version"]
    return version


async def shows_cash(product: Product, window: Window) -> None:
    """Returns once the page shows the cash that the API tells of."""
    cash = (await product.ask(CASH, fund=product.fund))["fund"]["cash"]
    await window.page.locator("main dd", has_text=f"${float(cash):,.2f}").first.wait_for()


async def test_the_page_outlives_the_api_and_its_feed_has_no_gap(product: Product, window: Window) -> None:
    await window.open("overview")
    status = window.page.get_by_role("banner").get_by_role("status")
    await status.get_by_text("live").wait_for()
    held = (await product.ask(VERSION, fund=product.fund))["node"]["version"]
    assert await record(product) == held + 1
    await shows_cash(product, window)
    window.bears_outage = True
    api = product.up.part("api.cli", "serve")
    assert api
    api.kill()
    await status.get_by_text("reconnecting").wait_for()
    until(lambda: product.up.part("api.cli", "serve") not in (None, api) and product.answers(), "the API's return")
    # Some of these are recorded before the page is back: the feed tells them once it is.
    recorded = [await record(product) for _ in range(3)]
    await status.get_by_text("live").wait_for()
    await shows_cash(product, window)
    assert window.told == list(range(held + 1, recorded[-1] + 1))


async def test_a_revoked_token_asks_for_another_and_goes_on_there(product: Product, window: Window) -> None:
    options = ("--subject", "leaver@example.org", "--role", "VIEWER", "--fund", product.fund)
    token = succeeded("token", *options, data_dir=product.up.data_dir).strip()
    address = f"{product.url}/funds/{product.fund}/overview?at=2021-06-30"
    await window.page.goto(f"{address}#token={token}")
    await window.settled()
    succeeded("revoke", "--subject", "leaver@example.org", data_dir=product.up.data_dir)
    await window.page.get_by_text("You have been signed out").wait_for()
    await window.page.get_by_label("Access token").fill(product.token("VIEWER"))
    await window.page.get_by_role("button", name="Sign in").click()
    await window.settled()
    assert window.page.url == address
    assert await window.page.get_by_text("The fund at the end of 30 Jun 2021").is_visible()
