"""Forecasts and reported figures of a company in the schema."""

from datetime import date, datetime
from decimal import Decimal

import strawberry

from api.events import output_enum, output_part
from domain import forecasting
from infra.figures import CompanyFigures

MetricType = output_enum(forecasting.MetricType)
ForecastKind = output_enum(forecasting.ForecastKind)
RecordSource = output_enum(forecasting.RecordSource)
ExitScenario = output_part(forecasting.ExitScenario)
FutureRound = output_part(forecasting.FutureRound)
Preference = output_part(forecasting.Preference)


@strawberry.type(description="What was expected of one period, by one forecast.")
class Forecast:
    metric_type: MetricType = strawberry.field(description="The figure forecast.")  # type: ignore[valid-type]
    period_start: date = strawberry.field(description="First day.")
    period_end: date = strawberry.field(description="Last day, included.")
    projected_value: Decimal = strawberry.field(description="In the metric's own unit; money in the fund's currency.")
    kind: ForecastKind = strawberry.field(description="What it was made for.")  # type: ignore[valid-type]
    version: int = strawberry.field(description="Version of the fact that holds it.")
    occurred_at: datetime = strawberry.field(description="When it was made.")
    recorded_at: datetime = strawberry.field(description="When it was learned.")


@strawberry.type(description="A figure a company reported for a period.")
class Actual:
    metric_type: MetricType = strawberry.field(description="The figure reported.")  # type: ignore[valid-type]
    period_start: date = strawberry.field(description="First day.")
    period_end: date = strawberry.field(description="Last day, included.")
    value: Decimal = strawberry.field(description="In the metric's own unit; money in the fund's currency.")
    source: RecordSource = strawberry.field(description="How it reached the ledger.")  # type: ignore[valid-type]
    version: int = strawberry.field(description="Version of the fact that holds it.")
    recorded_at: datetime = strawberry.field(description="When it was learned.")


@strawberry.type(description="How one company may go on and end, as last forecast.")
class DealForecast:
    version: int = strawberry.field(description="Version of the fact that holds it.")
    exit_scenarios: list[ExitScenario] = strawberry.field(description="Ways to end.")  # type: ignore[valid-type]
    future_rounds: list[FutureRound] = strawberry.field(description="Rounds to come, the next one first.")  # type: ignore[valid-type]
    preference: Preference | None = strawberry.field(description="The fund's shares; common without it.")  # type: ignore[valid-type]
    super_pro_rata: Decimal = strawberry.field(description="How far above pro rata the fund may go.")


def forecasts_of(figures: CompanyFigures) -> list[Forecast]:
    """One entry a period of each forecast."""
    return [
        Forecast(
            metric_type=event.metric_type,
            period_start=period.start,
            period_end=period.end,
            projected_value=period.projected_value,
            kind=event.kind,
            version=fact.version,
            occurred_at=fact.occurred_at,
            recorded_at=fact.recorded_at,
        )
        for fact in figures.forecasts
        if isinstance(event := fact.event, forecasting.ForecastCreated)
        for period in event.periods
    ]


def actuals_of(figures: CompanyFigures) -> list[Actual]:
    """One entry a report."""
    return [
        Actual(
            metric_type=event.metric_type,
            period_start=event.period_start,
            period_end=event.period_end,
            value=event.value,
            source=event.source,
            version=fact.version,
            recorded_at=fact.recorded_at,
        )
        for fact in figures.actuals
        if isinstance(event := fact.event, forecasting.ActualRecorded)
    ]


def deal_forecast_of(figures: CompanyFigures) -> DealForecast | None:
    """The newest one."""
    fact = figures.deal_forecast
    if fact is None or not isinstance(fact.event, forecasting.DealForecastCreated):
        return None
    event = fact.event
    return DealForecast(
        version=fact.version,
        exit_scenarios=list(event.exit_scenarios),
        future_rounds=list(event.future_rounds),
        preference=event.preference,
        super_pro_rata=event.super_pro_rata,
    )
