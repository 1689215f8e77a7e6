"""Alerting: from a miss recorded to every subscriber holding its alert, with a worker in between."""

import asyncio
from collections.abc import Mapping
from time import sleep

from api.connection import cursor
from infra.wire import body_to_wire
from tests.benchmarks.crowds import allow_descriptors, crowd
from tests.benchmarks.following import Delays, Recorded, record
from tests.benchmarks.ground import Api, Ground, at_rest
from tests.benchmarks.results import Figure, Unit, at_most, percentile
from tests.benchmarks.watched import WatchedFund, figure, watched

SETTLING = 0.1
"""Seconds between two misses, once everybody has heard of the first: it is evaluated in the meantime."""


async def alert(ground: Ground) -> list[Figure]:
    """Delay of alerts to the subscribers of a large fund, beside that of the facts to as many subscribers of these."""
    fund = await watched(ground)
    allow_descriptors()
    # What other benchmarks recorded is none of this worker's business.
    await ground.skip_what_there_is()
    with ground.serving() as api, ground.working():
        at_rest()
        found = await asyncio.to_thread(_measure, api, fund, ground.scale.alerted, ground.scale.watchers)
    return _figures(fund, found, ground.scale.watchers)


def _measure(api: Api, fund: WatchedFund, misses: Mapping[str, int], count: int) -> dict[str, Delays]:
    """Delays of what each kind of subscriber hears, the kinds taking turns: A B, B A."""
    found = {what: Delays() for what in misses}
    for kinds in (list(misses), list(misses)[::-1]):
        for what in kinds:
            first = _miss(api, fund)
            after = first.version if what == "facts" else cursor(str(first.version))
            with crowd(api, fund.id, count, after, what=what) as subscribers:
                # The first finds the subscriptions still being set up, and at the beginning the worker starting.
                for place in range(misses[what] + 1):
                    recorded = _miss(api, fund)
                    held = subscribers.holding(recorded.version)
                    if place:
                        found[what].add(recorded, held, count)
                    sleep(SETTLING)
    return found


def _miss(api: Api, fund: WatchedFund) -> Recorded:
    return record(api, fund.id, body_to_wire(figure(next(fund.fine), 1, miss=True)))


def _figures(fund: WatchedFund, found: Mapping[str, Delays], count: int) -> list[Figure]:
    alerts, facts = found["alerts"], found["facts"]
    name = f"recordEvents answered → alert held by {count:,} subscribers, {fund.figures:,} figures"
    lost = f"; {alerts.lost} never came" if alerts.lost else ""
    sides = {"alerts": alerts.answered, "facts": facts.answered}
    figures = [
        Figure(
            f"{name}: p50",
            Unit.MILLISECONDS,
            percentile(alerts.answered, 0.5),
            note=f"since it was sent {percentile(alerts.sent, 0.5):,.1f} ms",
        ),
        Figure(
            f"{name}: p99",
            Unit.MILLISECONDS,
            percentile(alerts.answered, 0.99),
            at_most(1_000),
            {side: times[:: max(1, len(times) // 2_000)] for side, times in sides.items()},
            f"since it was sent {percentile(alerts.sent, 0.99):,.1f} ms{lost}",
        ),
    ]
    for share in (50, 99):
        heard, read = percentile(alerts.sent, share / 100), percentile(facts.sent, share / 100)
        figures.append(
            Figure(
                f"alert held since its miss was sent: of the miss itself held by as many others, p{share}",
                Unit.RATIO,
                heard / read,
                note=f"{heard:,.1f} against {read:,.1f} ms",
            )
        )
    return figures
