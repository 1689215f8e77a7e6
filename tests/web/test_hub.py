"""The hub as a partner meets it: signed in by a link, one moment for all, exact figures, usable by everyone."""

import random
import re
from datetime import date, timedelta
from decimal import Decimal

from tests.web.conftest import NewWindow
from tests.web.hub import NARROW, Json, Product, Window

VOIDED = """query ($fund: ID!) {
  timeline(fundId: $fund, first: 1, newestFirst: false, filter: { types: [EVENT_VOIDED] }) {
    nodes { version recordedAt occurredAt }
  }
}"""
NAMES = {
    "nav": "Net asset value",
    "totalValue": "Fair value",
    "totalInvested": "Invested",
    "totalCalled": "Called",
    "totalDistributed": "Distributed",
    "cash": "Cash",
}
TOTALS = " ".join(NAMES)
STATE = f"""query ($fund: ID!, $at: DateTime, $knownAt: DateTime) {{
  fund(id: $fund, at: $at, knownAt: $knownAt) {{ {TOTALS} }}
}}"""
SLIDER = "What was true at"


def money(amount: str) -> str:
    """An amount as the page writes it."""
    return f"${Decimal(amount):,.2f}".replace("$-", "−$")


def written(state: Json) -> dict[str, str]:
    """A state's totals as the page writes them, by their names there."""
    return {name: money(state[field]) for field, name in NAMES.items()}


async def expected(product: Product, at: str | None = None, known_at: str | None = None) -> dict[str, str]:
    return written((await product.ask(STATE, fund=product.fund, at=at, knownAt=known_at))["fund"])


async def shown(window: Window) -> dict[str, str]:
    figures = await window.figures()
    return {name: figures[name] for name in NAMES.values()}


async def slide(window: Window, place: int) -> None:
    await window.page.get_by_label(SLIDER).fill(str(place))
    # What is slow to answer waits until the thumb has rested; the figures are there at once.
    await window.until("document.querySelector('main section:first-of-type [aria-busy=true]') === null")


async def test_the_link_opens_the_fund_and_leaves_no_token_in_the_address(product: Product, window: Window) -> None:
    await window.page.goto(product.up.link("hub"))
    await window.settled()
    assert window.page.url == f"{product.url}/funds/{product.fund}/overview"
    assert await window.page.get_by_role("heading", level=1).inner_text() == "Sample Ventures I (sample data)"
    assert product.up.token not in await window.page.content()
    await window.page.reload()
    await window.settled()
    assert await shown(window) == await expected(product)


async def test_scrubbing_to_2021_and_back(product: Product, window: Window) -> None:
    await window.open("overview")
    now = await shown(window)
    opened = await window.page.get_by_label("True at", exact=True).get_attribute("min")
    assert opened
    await slide(window, (date(2021, 6, 30) - date.fromisoformat(opened)).days)
    assert await shown(window) == await expected(product, "2021-06-30T23:59:59.999999Z")
    assert await window.page.get_by_text("Not now.").is_visible()
    await window.page.wait_for_url(f"{product.url}/funds/{product.fund}/overview?at=2021-06-30")
    # A colleague who gets the link sees the same.
    link = window.page.url
    then = await shown(window)
    await window.page.goto("about:blank")
    await window.page.goto(link)
    await window.settled()
    assert await shown(window) == then
    await window.page.get_by_role("button", name="Back to now").click()
    await window.settled()
    assert await shown(window) == now
    assert await window.page.get_by_text("Not now.").is_hidden()
    await window.page.go_back()
    await window.page.get_by_text("Not now.").wait_for()


async def test_the_figures_of_twenty_moments_are_the_apis_to_the_cent(product: Product, window: Window) -> None:
    await window.open("overview")
    slider = window.page.get_by_label(SLIDER)
    opened = date.fromisoformat(await window.page.get_by_label("True at", exact=True).get_attribute("min") or "")
    most = int(await slider.get_attribute("max") or 0)
    found = {}
    for place in random.Random(6).sample(range(most), 20):
        await slide(window, place)
        found[f"{opened + timedelta(days=place)}T23:59:59.999999Z"] = await shown(window)
    asked = " ".join(f'm{place}: fund(id: $fund, at: "{at}") {{ {TOTALS} }}' for place, at in enumerate(found))
    told = await product.ask(f"query ($fund: ID!) {{ {asked} }}", fund=product.fund)
    assert found == {at: written(told[f"m{place}"]) for place, at in enumerate(found)}


async def test_what_was_known_before_a_correction(product: Product, window: Window) -> None:
    (correction,) = (await product.ask(VOIDED, fund=product.fund))["timeline"]["nodes"]
    day = correction["occurredAt"][:10]
    await window.open(f"overview?at={day}")
    since = await shown(window)
    await window.page.get_by_role("button", name="As known at: now").click()
    # The sample's own, whatever other tests have voided since.
    before_it = f"Know as before version {correction['version']}"
    await window.page.get_by_role("button", name=before_it, exact=True).click()
    await window.page.get_by_role("dialog").wait_for(state="detached")
    await window.settled()
    known_at = re.search(r"knownAt=([^&]+)", window.page.url)
    assert known_at
    instant = known_at[1].replace("%3A", ":")
    assert instant < correction["recordedAt"]
    before = await shown(window)
    assert before == await expected(product, f"{day}T23:59:59.999999Z", instant)
    assert before["Fair value"] != since["Fair value"]


async def test_every_tab_is_accessible_and_fits_a_phone(new_window: NewWindow) -> None:
    window = await new_window(width=NARROW)
    await window.open("overview")
    found = []
    for tab in await window.page.get_by_role("navigation", name="Fund").get_by_role("link").all():
        await tab.click()
        await window.settled()
        name = await tab.inner_text()
        await window.page.emulate_media(color_scheme="light")
        found += [(name, "light", fault) for fault in await window.axe()]
        await window.page.emulate_media(color_scheme="dark")
        found += [(name, "dark", fault) for fault in await window.axe("color-contrast")]
        found += [(name, "wider by", str(wider)) for wider in [await window.overhang()] if wider > 0]
    assert found == []


async def test_every_tab_is_accessible_on_a_wide_screen_at_another_moment(window: Window) -> None:
    await window.open("overview?at=2021-06-30")
    found = []
    for tab in await window.page.get_by_role("navigation", name="Fund").get_by_role("link").all():
        await tab.click()
        await window.settled()
        found += [(await tab.inner_text(), fault) for fault in await window.axe()]
    assert found == []


async def test_without_a_token_one_is_asked_for_and_the_address_stays(product: Product, window: Window) -> None:
    address = f"{product.url}/funds/{product.fund}/overview?at=2021-06-30"
    await window.page.goto(address)
    field = window.page.get_by_label("Access token")
    assert await window.axe() == []
    await field.fill("no token")
    await window.page.get_by_role("button", name="Sign in").click()
    await window.page.get_by_text("That is not a bearer token.").wait_for()
    await field.fill(product.token("VIEWER"))
    await window.page.get_by_role("button", name="Sign in").click()
    await window.settled()
    assert window.page.url == address
    assert await shown(window) == await expected(product, "2021-06-30T23:59:59.999999Z")
