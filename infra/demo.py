"""The demo's sample fund: opened once, filled batch by batch, gone on with after a crash."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from domain import handling
from domain.alerts import AlertStatus
from domain.event import CompanyKey
from domain.forecasting import ActualRecorded, MetricType
from domain.fund import CompanyStatus
from domain.matching import Basis, Plans
from domain.periods import Period
from domain.reserves.options import RunOptions
from domain.sample.calendar import HISTORY, Calendar
from domain.sample.fund import Moments, sample_fund
from domain.sample.rules import PAUSED_RULE
from infra.drafts import Draft
from infra.learned import calendar_of, series
from infra.people import Person
from infra.runtime import Runtime
from infra.states import resolve

OPENING_KEY = "drypowder sample fund"
HANDLED = 3
"""Alerts that the partners did something about."""
SNOOZED = timedelta(days=14)
MISSED = Decimal("0.55")
"""Share of the budget that the miss to come reaches."""


_BEFORE_FIRST_VOID = """
    SELECT recorded_at FROM fact WHERE fund_id = $1 AND version =
        (SELECT min(version) - 1 FROM fact WHERE fund_id = $1 AND type = 'EVENT_VOIDED')
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """The sample fund as it stands in the ledger.

    Attributes:
        moments: Instants worth a look.
        first_reported: As known at this moment, a valuation still stands as first reported.
        restated_company_id: Whose.
        miss: A report that would be one, for people to record themselves; None once it was.
    """

    fund_id: UUID
    moments: Moments
    first_reported: datetime
    restated_company_id: str
    miss: ActualRecorded | None


async def ensure_sample(runtime: Runtime, owner: Person, now: datetime, progress: Callable[[str], None]) -> Sample:
    """The sample fund, made if this person has none; its history ends with the latest quarter before it was made.

    Its facts are appended all or none, so a fund with more than its opening is whole.
    """
    fund_id = await runtime.pool.fetchval(
        "SELECT fund_id FROM opening_key WHERE actor = $1 AND key = $2", owner.id, OPENING_KEY
    )
    if fund_id is not None:
        opening = await runtime.history.fact(fund_id, 1)
        assert opening is not None, "a fund has an opening"
        now = opening.recorded_at
    sample = sample_fund(now.date())
    if fund_id is None:
        progress("Opening the sample fund")
        fund_id, _ = await runtime.ledger.open_fund(sample.opening, sample.opened_at, actor=owner.id, key=OPENING_KEY)
    if await runtime.history.fact(fund_id, 2) is None:
        drafts = [Draft(event, occurred_at) for batch in sample.recordings for occurred_at, event in batch]
        progress(f"Recording its {len(drafts)} facts")
        await runtime.ledger.record_all(fund_id, drafts, actor=owner.id, key=OPENING_KEY)
    first_reported = await runtime.pool.fetchval(_BEFORE_FIRST_VOID, fund_id)
    await runtime.evaluator.evaluate(fund_id)
    await _handle_alerts(runtime, fund_id, owner)
    for moment, key in ((None, "now"), (sample.moments.three_years_ago, "three years ago")):
        options = RunOptions(iterations=runtime.settings.monte_carlo_iterations)
        await runtime.runs.request(fund_id, options, moment, None, actor=owner.id, key=f"{OPENING_KEY}: {key}")
    miss = await _miss_to_come(runtime, fund_id, Calendar(now.date()))
    return Sample(fund_id, sample.moments, first_reported, sample.restated_company_id, miss)


async def _handle_alerts(runtime: Runtime, fund_id: UUID, owner: Person) -> None:
    """What partners did with the alerts: one acknowledged, one snoozed, one resolved, and a rule paused; once."""
    now = datetime.now(UTC)
    known = await resolve(runtime.pool, fund_id, None)
    book = await runtime.alerts.book_at(fund_id, now, known.version)
    paused = book.rules.get(PAUSED_RULE)
    sales = [alert for alert in book.alerts.values() if alert.rule_id == "sales"]
    opened = [alert.id for alert in sales if alert.stage is AlertStatus.OPEN]
    if paused is None or not paused.setting.enabled or len(opened) < HANDLED:
        return
    first, second, third, *_ = opened
    done = [
        handling.acknowledge(book, first),
        handling.snooze(book, second, now + SNOOZED, now),
        handling.resolve(book, third, "A large order moved into the next quarter; the board has seen the contract."),
        replace(paused.setting, enabled=False),
    ]
    drafts = [Draft(event) for event in done if event is not None]
    await runtime.ledger.record_apart(fund_id, drafts, actor=owner.id, read_at=known.version)
    await runtime.evaluator.evaluate(fund_id)


async def _miss_to_come(runtime: Runtime, fund_id: UUID, calendar: Calendar) -> ActualRecorded | None:
    """A report for the running quarter, far below its budget, of the company with the most to miss."""
    known = await resolve(runtime.pool, fund_id, None)
    folded = await runtime.states.state(fund_id, known.at_now, known.version)
    running = Period(calendar.first_day(HISTORY), calendar.last_day(HISTORY))
    basis, days = Basis(backdated=True), calendar_of(folded.state.time_zone, known.at_now)
    found: list[tuple[Decimal, str]] = []
    for (company_id, metric), one in (await series(runtime.pool, fund_id, None, known.at_now, known.version)).items():
        if metric is MetricType.REVENUE and folded.state.companies[company_id].status is CompanyStatus.ACTIVE:
            budget = Plans(one, basis, days).in_force(running).projected
            if budget is not None and running not in one.newest_reports():
                found.append((budget, company_id))
    if not found:
        return None
    budget, company_id = max(found)
    missed = Decimal(round(budget * MISSED, -3))
    return ActualRecorded(CompanyKey(company_id), MetricType.REVENUE, missed, *running)
