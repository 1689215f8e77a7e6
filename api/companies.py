"""Companies as the fund holds them at a moment, and the moment itself: what everything seen at it shares."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

import strawberry

from api.context import Context
from api.events import output_enum
from api.figures import Actual, DealForecast, Forecast, actuals_of, deal_forecast_of, forecasts_of
from api.ids import company_id
from api.node import Node
from domain import fund as domain
from domain.money import Money
from infra.figures import CompanyFigures
from infra.funds import FundHead
from infra.postgres import translated
from infra.states import Folded, resolve

CompanyStatus = output_enum(domain.CompanyStatus)


@dataclass(slots=True)
class Seen:
    """A fund as seen at one moment: what its state, companies and figures in one answer share."""

    context: Context
    row: FundHead
    at: datetime
    known_at: datetime
    known_version: int
    folded: Folded
    figures: dict[str, CompanyFigures] | None = None
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def figures_of(self, key: str) -> CompanyFigures:
        """A company's forecasts and reports; those of all companies are read together, once."""
        async with self.reading:
            if self.figures is None:
                found = await self.context.runtime.figures.of(
                    self.row.id, list(self.folded.state.companies), self.at, self.known_version
                )
                self.figures = dict(found)
        return self.figures.get(key) or CompanyFigures()


@strawberry.type(description="One portfolio company as the fund holds it at a moment.")
class PortfolioCompany(Node):
    seen: strawberry.Private[Seen]
    holding: strawberry.Private[domain.Holding]
    company_id: strawberry.ID = strawberry.field(description="The caller's own key of the company.")
    name: str = strawberry.field(description="What people call it.")
    sector: str | None = strawberry.field(description="Industry, in the fund's own words.")
    stage: str | None = strawberry.field(description="Stage of its last round, in the fund's own words.")
    status: CompanyStatus = strawberry.field(description="Where it stands.")  # type: ignore[valid-type]
    ownership: Decimal | None = strawberry.field(
        description="The fund's fraction 0 to 1, fully diluted; null while unknown."
    )
    total_investment: Money = strawberry.field(description="All cheques.")
    initial_investment: Money = strawberry.field(description="Cheques that weren't paid from reserves.")
    realized_proceeds: Money = strawberry.field(description="All that came back.")
    current_valuation: Money | None = strawberry.field(description="The whole company's last value.")
    fair_value: Money = strawberry.field(
        description="What the holding is worth: as stated, else ownership × valuation, else its cost; 0 once not "
        "active."
    )
    planned_reserves: Money = strawberry.field(description="Planned in total for later rounds.")
    deployed_reserves: Money = strawberry.field(description="Of the plan, already invested.")
    moic: float | None = strawberry.field(description="(Proceeds + fair value) / invested; null before any cheque.")

    @strawberry.field(
        description="Internal rate of return with the fair value received at the moment; null if undefined."
    )
    def irr(self) -> float | None:
        return self.holding.irr(self.seen.at)

    @strawberry.field(description="Every forecast known by then, oldest first.")
    async def forecasts(self) -> list[Forecast]:
        return forecasts_of(await self.seen.figures_of(self.holding.company_id))

    @strawberry.field(description="Every reported figure known by then, oldest first, without those restated since.")
    async def actuals(self) -> list[Actual]:
        return actuals_of(await self.seen.figures_of(self.holding.company_id))

    @strawberry.field(description="The newest forecast of how the deal may go on and end.")
    async def deal_forecast(self) -> DealForecast | None:
        return deal_forecast_of(await self.seen.figures_of(self.holding.company_id))


def portfolio_company(seen: Seen, holding: domain.Holding) -> PortfolioCompany:
    """The holding as the schema shows it."""
    return PortfolioCompany(
        id=strawberry.ID(company_id(seen.row.id, seen.at, seen.known_at, holding.company_id)),
        seen=seen,
        holding=holding,
        company_id=strawberry.ID(holding.company_id),
        name=holding.name,
        sector=holding.sector,
        stage=holding.stage,
        status=holding.status,
        ownership=holding.ownership,
        total_investment=Money(holding.invested),
        initial_investment=Money(holding.initial_investment),
        realized_proceeds=Money(holding.proceeds),
        current_valuation=None if holding.valuation is None else Money(holding.valuation),
        fair_value=holding.fair_value,
        planned_reserves=Money(holding.planned_reserves),
        deployed_reserves=Money(holding.deployed_reserves),
        moic=holding.moic,
    )


async def see(context: Context, row: FundHead, at: datetime | None, known_at: datetime | None) -> Seen:
    """The fund at a moment.

    Raises:
        Invalid: If `known_at` is still to come.
        Forbidden: If the time machine is switched off and a moment is asked for.
    """
    context.time_machine(at, known_at)
    runtime = context.runtime
    with translated():
        async with runtime.pool.acquire() as connection:
            known = await resolve(connection, row.id, known_at)
            moment = known.at_now if at is None else at
            newest = runtime.ledger.newest(row.id, known.version, moment)
            folded = (
                await runtime.states.state(row.id, moment, known.version, connection=connection)
                if newest is None
                else Folded(newest, 0, None)
            )
    return Seen(context, row, moment, known.known_at, known.version, folded)
