"""Tables on the page, read as a partner reads them."""

from decimal import Decimal

from playwright.async_api import expect

from tests.web.hub import PATIENCE, Window

expect.set_options(timeout=PATIENCE * 1_000)


def money(amount: str) -> str:
    """An amount in dollars as the page writes it."""
    return f"${Decimal(amount):,.2f}".replace("$-", "−$")


async def cells(window: Window, caption: str) -> list[dict[str, str]]:
    """The rows of the table with this caption, by the headings of its columns; what is for ears alone left out."""
    rows: list[dict[str, str]] = await window.page.evaluate(
        """(caption) => {
             const tables = [...document.querySelectorAll('main table')];
             const table = tables.find((one) => one.caption?.innerText === caption);
             const seen = (cell) => {
               const copy = cell.cloneNode(true);
               copy.querySelectorAll('.spoken').forEach((one) => one.remove());
               return copy.textContent.trim();
             };
             const titles = [...table.tHead.rows[0].cells].map((cell) => seen(cell).replace(/[↑↓]$/, ''));
             return [...table.tBodies[0].rows].map((row) =>
               Object.fromEntries([...row.cells].map((cell, place) => [titles[place], seen(cell)])));
           }""",
        caption,
    )
    return rows
