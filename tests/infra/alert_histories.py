"""Random histories of a watched fund: figures reported, restated and voided, rules changed, alerts dealt with.

All that is drawn comes from one seed, and every history goes through what few people would think of in a row.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

from domain.alerting import assess
from domain.alerts import Alert, AlertEvent, Alerts, AlertStatus
from domain.correction import EventVoided
from domain.event import CompanyKey, Event
from domain.forecasting import ForecastCreated, ForecastKind, ForecastPeriod, MetricType
from domain.fund import CompanyStatus
from domain.handling import acknowledge, resolve, snooze
from domain.investing import CompanyAdded, CompanyStatusChanged
from domain.refusal import Refusal
from domain.rules import AlertRuleSet, AlertRung, AlertSeverity, DeliveryChannel, RungCombination, VarianceDirection
from infra.alerts import told
from infra.drafts import Draft
from infra.history import COLUMNS
from infra.learned import calendar_of, series
from infra.states import resolve as resolve_moment
from tests.infra.alerting import Watched, month, report, rule

COMPANIES = ("acme", "beta", "Älpha")
MONTHS_AGO = (3, 2, -1, -2, -3, -4)
"""The plans are recorded now: in time for the months to come, too late for those past."""
PLANNED = {
    MetricType.REVENUE: (1_000_000, 1_000_000, -50_000, 5_000, 1_000_000, 1_000_000),
    MetricType.CASH_BURN: (400_000, 400_000, 400_000, 0, 250_000, 100_000),
    MetricType.GROSS_MARGIN: (60, 60, 60, 0, 55, 50),
    MetricType.HEADCOUNT: (100, 90, 100, 90, 80, 70),
}
"""What is planned of each metric for these months."""
FACTORS = (Decimal("0.4"), Decimal("0.7"), Decimal("0.85"), Decimal("0.95"), 1, 1, Decimal("1.15"), Decimal("1.6"))
LONG_AGO = datetime(2006, 2, 1, tzinfo=UTC)
SNOOZED_FOR = timedelta(days=30)


async def begin(watched: Watched) -> None:
    """Companies and their plans."""
    facts: list[Event] = []
    for company in map(CompanyKey, COMPANIES):
        facts.append(CompanyAdded(company, company.capitalize()))
        for metric, figures in PLANNED.items():
            periods = tuple(
                ForecastPeriod(*month(ago), Decimal(figure)) for ago, figure in zip(MONTHS_AGO, figures, strict=True)
            )
            facts.append(ForecastCreated(company, metric, periods, ForecastKind.BUDGET))
    await watched.record(*facts, at=LONG_AGO)


class Lived:
    """A watched fund and what has happened to it so far."""

    def __init__(self, watched: Watched, seed: int) -> None:
        self.watched = watched
        self._random = Random(seed)
        self._rules: list[AlertRuleSet] = []
        self._correctable: list[int] = []

    async def live(self, steps: int) -> None:
        """Begins, and goes on for so many steps; then all of it is evaluated."""
        await begin(self.watched)
        await self._set_rule()
        for _ in range(steps):
            await self.step()
        await self.watched.evaluate()

    async def step(self) -> None:
        """Something happens."""
        draw = self._random.random()
        if draw < 0.3:
            await self._report()
        elif draw < 0.5:
            await self.watched.evaluate()
        elif draw < 0.7:
            await self._handle()
        elif draw < 0.8:
            await self._correct()
        elif draw < 0.9:
            await self._set_rule()
        elif draw < 0.95:
            await self.watched.runtime.evaluator.look_again(self.watched.fund_id)
        else:
            await self._change_status()

    async def _record(self, *events: Event) -> None:
        # What the ledger refuses, such as a void of what is void, is no part of the history.
        with suppress(Refusal):
            self._correctable.append(await self.watched.record(*events))

    async def _report(self) -> None:
        drawn = []
        for _ in range(self._random.choice((1, 1, 3))):
            metric, place = self._random.choice(list(PLANNED)), self._random.randrange(len(MONTHS_AGO))
            figure = int(PLANNED[metric][place] * self._random.choice(FACTORS))
            figure -= 60_000 if self._random.random() < 0.1 else 0
            drawn.append(report(MONTHS_AGO[place], figure, company=self._random.choice(COMPANIES), metric=metric))
            if self._random.random() < 0.2:
                # Half a cent: sums are rounded once.
                drawn[-1] = replace(drawn[-1], value=drawn[-1].value + Decimal("0.005"))
        await self._record(*drawn)

    async def _correct(self) -> None:
        if self._correctable:
            await self._record(EventVoided(self._random.choice(self._correctable), "a typing error"))

    async def _change_status(self) -> None:
        status = self._random.choice((CompanyStatus.ACTIVE, CompanyStatus.ACTIVE, CompanyStatus.EXITED))
        await self._record(CompanyStatusChanged(CompanyKey(self._random.choice(COMPANIES)), status))

    async def _set_rule(self) -> None:
        random = self._random
        known = random.choice(self._rules) if self._rules and random.random() < 0.6 else rule()
        setting = replace(
            known,
            metrics=tuple(random.sample(list(PLANNED), random.randint(1, 4))),
            company_ids=random.choice((None, None, (CompanyKey("acme"), CompanyKey("Älpha")))),
            direction=VarianceDirection.BOTH,
            combine=random.choice(list(RungCombination)),
            ladder=(
                AlertRung(AlertSeverity.INFO, Decimal(random.choice((2, 5))), Decimal(1)),
                AlertRung(AlertSeverity.CRITICAL, Decimal(random.choice((15, 30))), Decimal(100_000)),
            ),
            persistence=random.choice((1, 1, 2)),
            persistence_window=2,
            channels=tuple(random.sample(list(DeliveryChannel), random.randint(1, 4))),
            cooldown_minutes=random.choice((0, 1440)),
            enabled=random.random() < 0.85,
            retired=known in self._rules and random.random() < 0.15,
        )
        with suppress(Refusal):
            await self.watched.set_rule(setting)
            self._rules = [one for one in self._rules if one.rule_id != setting.rule_id]
            if not setting.retired:
                self._rules.append(setting)

    async def _handle(self) -> None:
        book = await whole_book(self.watched)
        if not book.alerts:
            return
        alert = self._random.choice(list(book.alerts.values()))
        with suppress(Refusal):
            event = self._handled(book, alert)
            if event is not None:
                await self.watched.runtime.ledger.record_apart(
                    self.watched.fund_id, [Draft(event)], actor=self.watched.owner.id, read_at=book.version
                )

    def _handled(self, book: Alerts, alert: Alert) -> AlertEvent | None:
        draw = self._random.random()
        if draw < 0.4:
            return acknowledge(book, alert.id)
        if draw < 0.7:
            now = datetime.now(UTC)
            return snooze(book, alert.id, now + SNOOZED_FOR, now)
        return resolve(book, alert.id, "looked into it")


async def whole_book(watched: Watched) -> Alerts:
    """Rules and alerts by definition: folded from the facts in the order they came."""
    rows = await watched.runtime.pool.fetch(
        f"SELECT {COLUMNS} FROM fact WHERE fund_id = $1 AND starts_with(type, 'ALERT_') ORDER BY version",  # noqa: S608
        watched.fund_id,
    )
    return Alerts().fold(told(watched.fund_id, rows))


async def told_before(watched: Watched, ago: timedelta, figure: int = 600_000) -> None:
    """A miss that people were told of so long ago."""
    await watched.record(report(1, figure))
    known = await resolve_moment(watched.runtime.pool, watched.fund_id, None)
    book = await whole_book(watched)
    fund = (await watched.runtime.states.state(watched.fund_id, known.at_now, known.version)).state
    found = await series(watched.runtime.pool, watched.fund_id, None, known.at_now, known.version)
    calendar = calendar_of("UTC", known.at_now)
    (decided,) = (one for each in found.values() for one in assess(book, each, fund, calendar))
    await watched.runtime.ledger.record_apart(
        watched.fund_id, [Draft(decided.event, known.at_now - ago)], actor=watched.owner.id, read_at=book.version
    )
    await watched.evaluate()


def counted(book: Alerts) -> list[Alert]:
    """Alerts that a summary counts: begun, not over, of rules that aren't paused."""
    return [
        alert
        for alert in book.alerts.values()
        if alert.stage in (AlertStatus.OPEN, AlertStatus.ACKNOWLEDGED) and not book.paused(alert)
    ]


def newest_first(alerts: Sequence[Alert]) -> list[Alert]:
    """As lists have them."""
    return sorted(alerts, key=lambda one: -one.opened_version)
