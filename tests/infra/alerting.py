"""A fund with a company, its plans and a rule: what tests of alerts start from."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

from domain.alerts import Alert, AlertKind
from domain.event import CompanyKey, Event
from domain.forecasting import ActualRecorded, ForecastCreated, ForecastKind, ForecastPeriod, MetricType
from domain.investing import CompanyAdded
from domain.matching import ForecastPolicy
from domain.rules import AlertRuleSet
from infra.alerts import AlertFilter
from infra.drafts import Draft
from infra.people import Person
from infra.runtime import Runtime

COMPANY = CompanyKey("acme")


def month(ago: int, today: date | None = None) -> tuple[date, date]:
    """First and last day of the month so many before this one."""
    now = today or datetime.now(UTC).date()
    months = now.year * 12 + now.month - 1 - ago
    first = date(months // 12, months % 12 + 1, 1)
    after = date((months + 1) // 12, (months + 1) % 12 + 1, 1)
    return first, after - timedelta(days=1)


def plan(
    ago: int,
    figure: int,
    *,
    company: str = COMPANY,
    metric: MetricType = MetricType.REVENUE,
    kind: ForecastKind = ForecastKind.BUDGET,
) -> ForecastCreated:
    """A forecast of one month."""
    return ForecastCreated(CompanyKey(company), metric, (ForecastPeriod(*month(ago), Decimal(figure)),), kind)


def report(
    ago: int,
    figure: int,
    *,
    company: str = COMPANY,
    metric: MetricType = MetricType.REVENUE,
    restates: int | None = None,
) -> ActualRecorded:
    """A report of one month."""
    return ActualRecorded(CompanyKey(company), metric, Decimal(figure), *month(ago), supersedes_version=restates)


def rule(**changes: object) -> AlertRuleSet:
    """A rule on revenue that takes forecasts whenever they were recorded: tests record all of them now."""
    setting = AlertRuleSet(
        rule_id=uuid4().hex,
        name="Revenue misses",
        metrics=(MetricType.REVENUE,),
        forecast_policy=ForecastPolicy.LATEST_AT_EFFECTIVE_DATE,
    )
    return replace(setting, **changes)  # type: ignore[arg-type]


class Watched:
    """A fund that is watched."""

    def __init__(self, runtime: Runtime, fund_id: UUID, owner: Person) -> None:
        self.runtime = runtime
        self.fund_id = fund_id
        self.owner = owner

    async def record(self, *events: Event, at: datetime | None = None) -> int:
        """The version of the last of these facts, in a request of their own."""
        appended = await self.runtime.ledger.record(
            self.fund_id,
            [Draft(event, at) for event in events],
            actor=self.owner.id,
            correlation_id=uuid4().hex,
        )
        return appended.last_version

    async def begin(self, *companies: str, at: datetime | None = None, ago: int = 60) -> None:
        """Companies, and plans of a million a month for the last five years, dated when the fund opened."""
        start = at or datetime(2006, 2, 1, tzinfo=UTC)
        for company in companies or (COMPANY,):
            plans = tuple(ForecastPeriod(*month(back), Decimal(1_000_000)) for back in range(ago, -1, -1))
            await self.record(
                CompanyAdded(CompanyKey(company), company.capitalize()),
                ForecastCreated(CompanyKey(company), MetricType.REVENUE, plans, ForecastKind.BUDGET),
                at=start,
            )

    async def set_rule(self, setting: AlertRuleSet) -> int:
        """The version of the rule's setting."""
        read_at = await self.runtime.alerts.caught_up(self.fund_id)
        appended = await self.runtime.ledger.record_apart(
            self.fund_id, [Draft(setting)], actor=self.owner.id, read_at=read_at
        )
        return appended.last_version

    async def evaluate(self) -> int:
        """How many facts that recorded."""
        return await self.runtime.evaluator.evaluate(self.fund_id)

    async def alerts(self, kind: AlertKind = AlertKind.VARIANCE) -> list[Alert]:
        """All alerts of a kind as they stand, newest first."""
        found = await self.runtime.alerts.page(self.fund_id, AlertFilter(), below=None, limit=200)
        return [alert for alert in found if alert.kind is kind]

    async def alert(self) -> Alert:
        """The only alert."""
        (found,) = await self.alerts()
        return found
