"""Following: from a fact recorded to every subscriber holding it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic, sleep, time
from uuid import UUID

from infra.wire import Json
from tests.benchmarks.appending import FEW_COMPANIES, FEW_FACTS
from tests.benchmarks.crowds import allow_descriptors, crowd
from tests.benchmarks.ground import Api, Ground, at_rest
from tests.benchmarks.results import Figure, Unit, at_most, percentile
from tests.benchmarks.wire import Client, data_of

PAUSE = 0.1
"""Seconds between two facts, once everybody holds the first."""
RECORD = """
    mutation ($input: RecordEventsInput!) {
        recordEvents(input: $input) { events { version recordedAt } errors { code message } }
    }
"""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A fact's version, and moments on the monotonic clock."""

    version: int
    sent: float
    recorded: float
    answered: float


@dataclass(slots=True)
class Delays:
    """Milliseconds until each subscriber held what each fact brought, since three moments."""

    sent: list[float] = field(default_factory=list)
    recorded: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)
    lost: int = 0

    def add(self, fact: Recorded, held: Sequence[float], count: int) -> None:
        """Adds those of one fact, of which `count` subscribers were to hear."""
        self.sent += [(moment - fact.sent) * 1000 for moment in held]
        self.recorded += [(moment - fact.recorded) * 1000 for moment in held]
        self.answered += [(moment - fact.answered) * 1000 for moment in held]
        self.lost += count - len(held)


async def follow(ground: Ground) -> list[Figure]:
    """Delay to few and to many subscribers of one fund."""
    few, many = ground.scale.subscribers
    fund_id = await ground.filled(FEW_FACTS, FEW_COMPANIES)
    allow_descriptors()
    figures = []
    for count, deflates in ((few, False), (many, False), (many, True)):
        with ground.serving() as api:
            at_rest()
            delays = await asyncio.to_thread(_measure, api, fund_id, count, ground.scale.followed, deflates)
        figures += _figures(count, delays, deflates=deflates, goal=count == many and not deflates)
    return figures


def _figures(count: int, delays: Delays, *, deflates: bool, goal: bool) -> list[Figure]:
    packed = ", packed" if deflates else ""
    name = f"fact sent to be recorded → held by {count:,} subscribers{packed}"
    lost = f"; {delays.lost} never came" if delays.lost else ""
    return [
        Figure(
            f"{name}: p99",
            Unit.MILLISECONDS,
            percentile(delays.sent, 0.99),
            at_most(100) if goal else None,
            {"milliseconds": delays.sent[:: max(1, len(delays.sent) // 2_000)]},
            f"since it was recorded {percentile(delays.recorded, 0.99):,.1f} ms, "
            f"since the answer {percentile(delays.answered, 0.99):,.1f} ms{lost}",
        ),
        Figure(
            f"{name}: p50",
            Unit.MILLISECONDS,
            percentile(delays.sent, 0.5),
            note=f"since it was recorded {percentile(delays.recorded, 0.5):,.1f} ms, "
            f"since the answer {percentile(delays.answered, 0.5):,.1f} ms",
        ),
    ]


def _measure(api: Api, fund_id: UUID, count: int, facts: int, deflates: bool) -> Delays:
    delays, bodies = Delays(), [body(place) for place in range(facts + 2)]
    first = record(api, fund_id, bodies[0])
    with crowd(api, fund_id, count, first.version, deflates=deflates) as subscribers:
        # The first fact finds the subscriptions still being set up.
        for place, given in enumerate(bodies[1:]):
            recorded = record(api, fund_id, given)
            held = subscribers.holding(recorded.version)
            if place:
                delays.add(recorded, held, count)
            sleep(PAUSE)
    return delays


def body(place: int) -> Json:
    """A figure to record, told from others by its value."""
    period = {"periodStart": "2024-01-01", "periodEnd": "2024-03-31"}
    return {"actualRecorded": {"companyId": "company-0000", "metricType": "ARR", "value": f"{place}.25", **period}}


def record(api: Api, fund_id: UUID, body: Json) -> Recorded:
    """Has the API record an event, in a request of its own.

    Raises:
        RuntimeError: If it doesn't.
    """
    # A connection each: the server closes one that is idle while many join, or while one of them is waited for.
    with Client(api) as client:
        request = client.request(RECORD, {"input": {"fundId": str(fund_id), "events": [{"event": body}]}})
        sent = monotonic()
        answer = client.answer(request)
        answered = monotonic()
    told = data_of(answer)["recordEvents"]
    if told["errors"]:
        raise RuntimeError(str(told["errors"]))
    event = told["events"][0]
    # Both clocks are this machine's.
    recorded = datetime.fromisoformat(event["recordedAt"]).timestamp() - time() + monotonic()
    return Recorded(event["version"], sent, recorded, answered)
