"""Looking: the page in a browser, from a link to its first figures, and from a step of the slider to a moment's."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from random import Random
from statistics import median
from uuid import UUID

from playwright.async_api import Browser, Page, ViewportSize, async_playwright

from infra.cursors import Cursors
from infra.demo import ensure_sample
from infra.evaluation import CONSUMER
from tests.benchmarks.ground import Api, Ground, at_rest
from tests.benchmarks.results import Figure, Goal, Unit, at_most, percentile
from tests.system.browser import NO_BROWSER, PIPED_FLAGS, browser_path

SIZE = ViewportSize(width=1440, height=900)
PAUSE_SECONDS = 0.4
"""Between two steps, as a hand makes them."""
WARMING = 5
"""Steps before those that count: the browser compiles what it runs often."""
FIRST_VIEW = at_most(1_500)
# Frame by frame, for that is how a reader sees it.
_FIGURES = """async () => {
  const frame = () => new Promise((done) => requestAnimationFrame(() => done()));
  const shown = () => document.querySelector('main dl dd .figure') !== null
    && document.querySelector('main section:first-of-type [aria-busy=true]') === null;
  while (!shown()) await frame();
  return performance.now();
}"""
_STEP = """async (place) => {
  const frame = () => new Promise((done) => requestAnimationFrame(() => done()));
  const slider = document.querySelector('input[type=range]');
  const date = document.querySelector('input[type=date]');
  const due = new Date(Date.parse(date.min) + place * 86400000).toISOString().slice(0, 10);
  const began = performance.now();
  Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(slider, String(place));
  slider.dispatchEvent(new Event('input', { bubbles: true }));
  const busy = () => document.querySelector('main section:first-of-type [aria-busy=true]') !== null;
  do await frame(); while (busy() || date.value !== due);
  return performance.now() - began;
}"""


async def look(ground: Ground) -> list[Figure]:
    """First view and steps of the demo's fund of 25 companies, and of the largest one."""
    executable = browser_path()
    if executable is None:
        ground.say(NO_BROWSER)
        return []
    sample = await ensure_sample(ground.runtime, ground.person, datetime.now(UTC), lambda _: None)
    facts = ground.scale.facts[-1]
    large = await ground.kept(facts)
    funds = {
        "the sample of 25 companies": (sample.fund_id, at_most(150)),
        f"{ground.scale.companies} companies and {facts:,} facts": (large.id, at_most(400)),
    }
    await ground.vacuum("fact", "snapshot")
    # With a worker, as people have it: it keeps what the page asks for ready.
    with ground.working(), ground.serving() as api:
        while await Cursors(ground.runtime.pool).behind(CONSUMER):
            await asyncio.sleep(0.2)
        at_rest()
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=executable, args=PIPED_FLAGS)
            figures = [
                figure
                for name, (fund_id, goal) in funds.items()
                for figure in await _seen(ground, browser, api, fund_id, name, goal)
            ]
            await browser.close()
    return figures


async def _seen(ground: Ground, browser: Browser, api: Api, fund_id: UUID, name: str, goal: Goal) -> Sequence[Figure]:
    views = []
    for _ in range(ground.scale.rounds + 1):
        async with _opened(browser, api, fund_id) as page:
            views.append(float(await page.evaluate(_FIGURES)))
    # The first one has the server's caches to fill.
    del views[0]
    steps = []
    async with _opened(browser, api, fund_id) as page:
        await page.evaluate(_FIGURES)
        most = int(await page.locator("input[type=range]").get_attribute("max") or 0)
        random = Random(6)
        for _ in range(WARMING + ground.scale.stepped):
            await asyncio.sleep(PAUSE_SECONDS)
            steps.append(float(await page.evaluate(_STEP, random.randrange(most))))
    return _figures(name, {"milliseconds": views}, {"milliseconds": steps[WARMING:]}, goal)


def _figures(
    name: str, views: Mapping[str, Sequence[float]], steps: Mapping[str, Sequence[float]], goal: Goal
) -> Sequence[Figure]:
    taken, stepped = views["milliseconds"], steps["milliseconds"]
    return (
        Figure(
            f"the page of {name}: link to first figures",
            Unit.MILLISECONDS,
            median(taken),
            FIRST_VIEW,
            views,
            f"the slowest of {len(taken)} took {max(taken):,.0f} ms; nothing cached",
        ),
        Figure(
            f"the page of {name}: step of the slider, p95",
            Unit.MILLISECONDS,
            percentile(stepped, 0.95),
            goal,
            steps,
            f"p50 {median(stepped):,.0f} ms; to {len(stepped)} days at random, none fetched ahead",
        ),
    )


@asynccontextmanager
async def _opened(browser: Browser, api: Api, fund_id: UUID) -> AsyncIterator[Page]:
    """A window of a profile of its own with the fund's overview."""
    context = await browser.new_context(viewport=SIZE, locale="en-US")
    try:
        page = await context.new_page()
        await page.goto(f"http://{api.host}:{api.port}/funds/{fund_id}/overview#token={api.token}")
        yield page
    finally:
        await context.close()
