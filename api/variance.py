"""Variances in the schema: figures against the forecasts in force then, listed and summed up."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal

import strawberry

from api.companies import PortfolioCompany, Seen, portfolio_company
from api.connection import Page, PageInfo, bad_cursor, cursor, page, page_info
from api.events import output_enum
from api.figures import MetricType
from domain import forecasting, matching, rules, summaries, variance as domain
from domain.alerts import AlertFigures
from domain.matching import Basis
from domain.money import Money
from domain.periods import Period
from domain.refusal import Invalid, NotFound
from domain.text import check_text
from domain.variance import Variance as Compared
from infra.learned import calendar_of, series
from infra.postgres import translated
from infra.runtime import Runtime

VarianceStatus = output_enum(domain.VarianceStatus)
ForecastPolicy = output_enum(matching.ForecastPolicy)
VarianceGrouping = output_enum(summaries.VarianceGrouping)
AlertSeverity = output_enum(rules.AlertSeverity)
COMPANIES_AT_ONCE = 25
"""Companies whose figures a page reads together at most."""
MOST_COMPANIES = 1_000


@strawberry.type(description="One company's figure against its forecast.")
class Variance:
    seen: strawberry.Private[Seen]
    company_key: strawberry.Private[str]
    metric_type: MetricType = strawberry.field(description="The figure.")
    period_start: date = strawberry.field(description="First day of the period.")
    period_end: date = strawberry.field(description="Last day of the period, included.")
    forecast: Decimal | None = strawberry.field(description="The forecast in force then.")
    actual: Decimal | None = strawberry.field(description="The figure reported.")
    variance: Decimal | None = strawberry.field(
        description="Actual − forecast; percentage points for metrics in percent."
    )
    variance_percent: Decimal | None = strawberry.field(
        description="100 × variance / |forecast|, to six decimals; null where the forecast is too near to zero."
    )
    favourable: bool | None = strawberry.field(
        description="Whether it is good news; null for no difference, and for metrics that are neither."
    )
    status: VarianceStatus = strawberry.field(description="Whether it could be compared.")  # type: ignore[valid-type]
    flags: list[str] = strawberry.field(
        description="What is particular: " + " ".join(f"{flag}: {text}" for flag, text in domain.FLAGS.items())
    )
    forecast_version: int | None = strawberry.field(description="Version of the fact that holds the forecast.")
    actual_version: int | None = strawberry.field(description="Version of the fact that reported the figure.")

    @strawberry.field(description="The company at that moment.")
    def company(self) -> PortfolioCompany:
        holding = self.seen.folded.state.companies.get(self.company_key)
        if holding is None:
            message = "The company isn't in the fund at that moment."
            raise NotFound(message, "company")
        return portfolio_company(self.seen, holding)


def variance_of(seen: Seen, one: Compared) -> Variance:
    """A variance as the schema shows it."""
    return Variance(
        seen=seen,
        company_key=one.company_id,
        metric_type=one.metric,
        period_start=one.period.start,
        period_end=one.period.end,
        forecast=one.forecast,
        actual=one.actual,
        variance=one.variance,
        variance_percent=one.percent,
        favourable=one.favourable,
        status=one.status,
        flags=list(one.flags),
        forecast_version=one.forecast_version,
        actual_version=one.actual_version,
    )


def variance_of_alert(seen: Seen, company_id: str, metric: forecasting.MetricType, kept: AlertFigures) -> Variance:
    """The figure that an alert keeps, as the schema shows it."""
    return Variance(
        seen=seen,
        company_key=company_id,
        metric_type=metric,
        period_start=kept.period_start,
        period_end=kept.period_end,
        forecast=kept.forecast,
        actual=kept.actual,
        variance=kept.variance,
        variance_percent=kept.percent,
        favourable=kept.favourable,
        status=kept.status,
        flags=list(kept.flags),
        forecast_version=kept.forecast_version,
        actual_version=kept.actual_version,
    )


@strawberry.input(description="Which variances; what is left out leaves that side open.")
class VarianceFilter:
    company_ids: list[strawberry.ID] | None = strawberry.field(default=None, description="Only these companies.")
    metrics: list[MetricType] | None = strawberry.field(default=None, description="Only these figures.")
    statuses: list[VarianceStatus] | None = strawberry.field(default=None, description="Only these.")  # type: ignore[valid-type]
    period_from: date | None = strawberry.field(default=None, description="Periods that end on this day or later.")
    period_to: date | None = strawberry.field(default=None, description="Periods that end on this day or earlier.")
    forecast_policy: ForecastPolicy | None = strawberry.field(  # type: ignore[valid-type]
        default=matching.ForecastPolicy.LATEST_AT_PERIOD_START, description="Which forecast counts."
    )
    include_backdated: bool | None = strawberry.field(
        default=False, description="Whether forecasts recorded too late to have been in force count too."
    )


@strawberry.type(description="A variance and its place in the list.")
class VarianceEdge:
    cursor: str = strawberry.field(description="Its place; stays good when facts are added.")
    node: Variance = strawberry.field(description="The variance.")


@strawberry.type(description="A page of variances, by company, metric and period.")
class VarianceConnection:
    edges: list[VarianceEdge] = strawberry.field(description="The variances with their places.")
    nodes: list[Variance] = strawberry.field(description="The variances.")
    page_info: PageInfo = strawberry.field(description="Where the page stands.")


@strawberry.type(description="How many alerts of a severity.")
class SeverityCount:
    severity: AlertSeverity = strawberry.field(description="The severity.")  # type: ignore[valid-type]
    count: int = strawberry.field(description="Alerts that have opened and aren't over.")


@strawberry.type(description="Variances and alerts of one company, metric or period.")
class VarianceSummaryRow:
    key: str = strawberry.field(description="The company's key, the metric, or the period as 2026-07-01/2026-09-30.")
    figures: int = strawberry.field(description="Figures reported or overdue.")
    by_severity: list[SeverityCount] = strawberry.field(
        description="Alerts open or acknowledged, mildest first; those of paused rules left out."
    )
    favourable: Money = strawberry.field(description="Sum of the variances that are good news, of metrics in money.")
    unfavourable: Money = strawberry.field(description="Sum of those that are bad news, as a positive amount.")
    worst: Variance | None = strawberry.field(description="The bad news with the largest percentage.")
    on_time_share: float | None = strawberry.field(description="Of the figures, reported by their due date: 0 to 1.")


def basis_of(policy: matching.ForecastPolicy | None, *, backdated: bool | None) -> Basis:
    """How forecasts are chosen; what is null is as if left out."""
    return Basis(policy or matching.ForecastPolicy.LATEST_AT_PERIOD_START, bool(backdated))


def check_filter(chosen: VarianceFilter | None) -> VarianceFilter:
    """The filter, once it was found possible.

    Raises:
        Invalid: With the field's path.
    """
    chosen = chosen or VarianceFilter()
    if chosen.company_ids is not None:
        if len(chosen.company_ids) > MOST_COMPANIES:
            message = f"At most {MOST_COMPANIES} companies."
            raise Invalid(message, "filter", "companyIds")
        for place, key in enumerate(chosen.company_ids):
            check_text(key, "filter", "companyIds", str(place))
    if chosen.period_from and chosen.period_to and chosen.period_to < chosen.period_from:
        message = "This is before periodFrom."
        raise Invalid(message, "filter", "periodTo")
    return chosen


async def compared(
    runtime: Runtime,
    seen: Seen,
    company_ids: Sequence[str] | None,
    basis: Basis,
    metrics: Collection[forecasting.MetricType] | None = None,
) -> list[Compared]:
    """Variances of some companies and metrics (None: of all) at the moment seen, by company, metric and period."""
    with translated():
        found = await series(runtime.pool, seen.row.id, company_ids, seen.at, seen.known_version)
    calendar = calendar_of(seen.row.time_zone, seen.at)
    known = [
        found[company_id, metric]
        for company_id, metric in sorted(found)
        if company_id in seen.folded.state.companies and (metrics is None or metric in metrics)
    ]
    # Beside the loop: thousands of comparisons would hold everyone else up.
    return await asyncio.to_thread(lambda: [one for each in known for one in domain.compare(each, basis, calendar)])


def chosen_of(found: Iterable[Compared], chosen: VarianceFilter) -> list[Compared]:
    """Those that the filter lets through."""
    metrics = None if chosen.metrics is None else set(chosen.metrics)
    statuses = None if chosen.statuses is None else set(chosen.statuses)
    return [
        one
        for one in found
        if (metrics is None or one.metric in metrics)
        and (statuses is None or one.status in statuses)
        and (chosen.period_from is None or one.period.end >= chosen.period_from)
        and (chosen.period_to is None or one.period.end <= chosen.period_to)
    ]


async def all_variances(seen: Seen, chosen: VarianceFilter | None) -> list[Variance]:
    """All variances of a moment.

    Raises:
        Invalid: If the filter can't be.
    """
    chosen = check_filter(chosen)
    basis = basis_of(chosen.forecast_policy, backdated=chosen.include_backdated)
    wanted = None if chosen.company_ids is None else list(chosen.company_ids)
    found = await compared(seen.context.runtime, seen, wanted, basis, chosen.metrics)
    return [variance_of(seen, one) for one in chosen_of(found, chosen)]


async def listed(seen: Seen, chosen: VarianceFilter | None, first: int | None, after: str | None) -> VarianceConnection:
    """One page of the variances of a moment: only the companies it shows are read.

    Raises:
        Invalid: If the page's arguments or the filter can't be.
    """
    chosen = check_filter(chosen)
    asked: Page[Compared] = page(first, after, default=100)
    place = _place(asked.place)
    wanted = sorted(set(seen.folded.state.companies if chosen.company_ids is None else chosen.company_ids))
    if place is not None:
        wanted = [key for key in wanted if key >= place[0]]
    basis = basis_of(chosen.forecast_policy, backdated=chosen.include_backdated)
    found: list[Compared] = []
    # A few companies often fill a page; where they don't, more and more are read together.
    at_once = 1
    while wanted and len(found) <= asked.limit:
        several, wanted = wanted[:at_once], wanted[at_once:]
        at_once = min(2 * at_once, COMPANIES_AT_ONCE)
        more = chosen_of(await compared(seen.context.runtime, seen, several, basis, chosen.metrics), chosen)
        found.extend(one for one in more if place is None or _order(one) > place)
    kept, more_left = asked.cut(found)
    cursors = [cursor("\0".join(map(str, (one.company_id, one.metric, *one.period)))) for one in kept]
    nodes = [variance_of(seen, one) for one in kept]
    return VarianceConnection(
        edges=[VarianceEdge(cursor=at, node=node) for at, node in zip(cursors, nodes, strict=True)],
        nodes=nodes,
        page_info=page_info(asked, cursors, more=more_left),
    )


_Order = tuple[str, str, tuple[date, int]]


def _order(one: Compared) -> _Order:
    return one.company_id, one.metric.value, one.period.order


def _place(held: str | None) -> _Order | None:
    if held is None:
        return None
    try:
        company_id, metric, start, end = held.split("\0")
        return company_id, metric, Period(date.fromisoformat(start), date.fromisoformat(end)).order
    except ValueError:
        raise bad_cursor("after") from None


async def summary(seen: Seen, by: summaries.VarianceGrouping, basis: Basis, *, now: bool) -> list[VarianceSummaryRow]:
    """The summary of a moment: as it is kept where that is the present and the default, else from the facts."""
    runtime = seen.context.runtime
    rows = None
    if now and basis == Basis():
        rows = await runtime.board.summary(seen.row.id, by, seen.at)
    if rows is None:
        found = await compared(runtime, seen, None, basis)
        book = await runtime.alerts.book_at(seen.row.id, seen.at, seen.known_version)
        rows = summaries.summarise(found, summaries.counted(book), by)
    return [_row(seen, row) for row in rows if _is_seen(seen, row, by)]


def _is_seen(seen: Seen, row: summaries.SummaryRow, by: summaries.VarianceGrouping) -> bool:
    return by is not summaries.VarianceGrouping.COMPANY or row.key in seen.folded.state.companies


def _row(seen: Seen, row: summaries.SummaryRow) -> VarianceSummaryRow:
    return VarianceSummaryRow(
        key=row.key,
        figures=row.figures,
        by_severity=_counts(row.by_severity),
        favourable=row.favourable,
        unfavourable=row.unfavourable,
        worst=None if row.worst is None else variance_of(seen, row.worst),
        on_time_share=row.on_time_share,
    )


def _counts(by_severity: Mapping[rules.AlertSeverity, int]) -> list[SeverityCount]:
    return [
        SeverityCount(severity=severity, count=by_severity[severity])
        for severity in rules.AlertSeverity
        if by_severity.get(severity)
    ]
