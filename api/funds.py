"""Funds and their states: a fund's identity, the fund at a moment, its companies, and its totals over time."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Annotated

import strawberry

from api.context import Asked, Context
from api.events import output_enum
from api.figures import Actual, DealForecast, Forecast, actuals_of, deal_forecast_of, forecasts_of
from api.ids import company_id, state_id
from api.node import Node
from api.wording import described_enum
from domain import fund as domain
from domain.money import Money
from domain.projector import along
from domain.refusal import Invalid
from domain.wording import Wording
from infra.figures import CompanyFigures
from infra.postgres import translated
from infra.rows import FundRow
from infra.states import Folded, resolve

FEWEST_POINTS, MOST_POINTS, DEFAULT_POINTS = 2, 500, 100

CompanyStatus = output_enum(domain.CompanyStatus)


class CompanyOrderWords(Wording):
    """What to order companies by; all but the name from the most down."""

    NAME = "NAME", "By name, from A."
    INVESTED = "INVESTED", "Most invested first."
    FAIR_VALUE = "FAIR_VALUE", "Most valuable holding first."
    MOIC = "MOIC", "Highest multiple first, those without one last."
    PLANNED_RESERVES = "PLANNED_RESERVES", "Most planned reserves first."


described_enum(CompanyOrderWords, "CompanyOrder")

_ORDERS: dict[str, Callable[[domain.Holding], tuple[object, ...]]] = {
    "NAME": lambda holding: (holding.name.casefold(),),
    "INVESTED": lambda holding: (-holding.invested,),
    "FAIR_VALUE": lambda holding: (-holding.fair_value,),
    "MOIC": lambda holding: (-(holding.moic if holding.moic is not None else -1.0),),
    "PLANNED_RESERVES": lambda holding: (-holding.planned_reserves,),
}


@dataclass(slots=True)
class Seen:
    """A fund as seen at one moment: what its state, companies and figures in one answer share."""

    context: Context
    row: FundRow
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


@strawberry.type(description="A fund at a moment. `id` encodes the moment, so a client's cache never mixes two times.")
class FundState(Node):
    seen: strawberry.Private[Seen]
    fund: "Fund" = strawberry.field(description="The fund's identity.")
    at: datetime = strawberry.field(description="What was true at this moment …")
    known_at: datetime = strawberry.field(description="… as far as it was known at this one.")
    version: int = strawberry.field(
        description="Version of the last fact folded in as known at that moment; 0 before the first."
    )
    events_replayed: int = strawberry.field(
        description="Facts replayed on top of the snapshot used; a figure for the curious."
    )
    total_committed: Money = strawberry.field(description="What the investors committed.")
    total_called: Money = strawberry.field(description="Called from the investors.")
    total_invested: Money = strawberry.field(description="All cheques.")
    total_distributed: Money = strawberry.field(description="Distributed to the investors.")
    total_fees: Money = strawberry.field(description="Fees and expenses.")
    total_proceeds: Money = strawberry.field(description="All that came back from companies.")
    total_value: Money = strawberry.field(description="Fair value of the active holdings.")
    cash: Money = strawberry.field(
        description="Called + proceeds − invested − fees − distributed; below zero where calls aren't recorded."
    )
    nav: Money = strawberry.field(
        description="Net asset value: fair value + cash; fair value alone where no calls are recorded."
    )
    available_capital: Money = strawberry.field(
        description="Size − invested − fees + recallable distributions: the most a cheque can be."
    )
    planned_reserves: Money = strawberry.field(description="Reserves planned for all companies.")
    deployed_reserves: Money = strawberry.field(description="Reserves already invested.")
    moic: float | None = strawberry.field(
        description="Gross: (proceeds + fair value) / invested; null before any cheque."
    )
    dpi: float | None = strawberry.field(description="Distributed / called; null without calls.")
    rvpi: float | None = strawberry.field(description="Net asset value / called; null without calls.")
    tvpi: float | None = strawberry.field(description="DPI + RVPI; null without calls.")

    @strawberry.field(
        description="The investors' internal rate of return, actual/365, net asset value received at the moment; "
        "null without calls, and where no rate or more than one answers."
    )
    def irr(self) -> float | None:
        return self.seen.folded.state.irr(self.seen.at)

    @strawberry.field(description="The companies held by then, in the order they joined unless another is asked for.")
    def portfolio_companies(
        self,
        # The enumerations' own classes, which mypy follows; strawberry knows them by what is hung on them.
        status: Annotated[domain.CompanyStatus | None, strawberry.argument(description="Only those.")] = None,
        order_by: Annotated[CompanyOrderWords | None, strawberry.argument(description="The order.")] = None,
    ) -> list[PortfolioCompany]:
        holdings = [h for h in self.seen.folded.state.companies.values() if status in (None, h.status)]
        if order_by is not None:
            holdings.sort(key=_ORDERS[order_by.value])
        return [portfolio_company(self.seen, holding) for holding in holdings]

    @strawberry.field(description="One company by the caller's own key.")
    def company(
        self,
        id: Annotated[strawberry.ID, strawberry.argument(description="The company's key.")],
    ) -> PortfolioCompany | None:
        holding = self.seen.folded.state.companies.get(id)
        return None if holding is None else portfolio_company(self.seen, holding)


@strawberry.type(
    description="Totals over time for charts and a slider: equal-length lists, one place a point, computed in one pass."
)
class FundSeries:
    at: list[datetime] = strawberry.field(description="The moments, evenly spaced.")
    version: list[int] = strawberry.field(description="Version of the last fact folded in; 0 before the first.")
    total_called: list[Money] = strawberry.field(description="Called from the investors.")
    total_invested: list[Money] = strawberry.field(description="All cheques.")
    total_value: list[Money] = strawberry.field(description="Fair value of the active holdings.")
    total_proceeds: list[Money] = strawberry.field(description="All that came back from companies.")
    total_distributed: list[Money] = strawberry.field(description="Distributed to the investors.")
    planned_reserves: list[Money] = strawberry.field(description="Reserves planned for all companies.")


AtArgument = Annotated[
    datetime | None, strawberry.argument(description="What was true at this moment; now if left out.")
]
KnownAtArgument = Annotated[
    datetime | None, strawberry.argument(description="As far as it was known at this moment; now if left out.")
]


@strawberry.type(description="A fund's identity: what does not depend on the moment.")
class Fund(Node):
    row: strawberry.Private[FundRow]
    name: str = strawberry.field(description="What people call it.")
    currency: str = strawberry.field(description="ISO 4217 code of the one currency all its money is in.")
    vintage_year: int = strawberry.field(description="Year of its first investment, as the industry compares funds.")
    size: Money = strawberry.field(description="What its investors committed.")
    time_zone: str = strawberry.field(description="IANA name of the zone its dates are in.")
    opened_at: datetime = strawberry.field(description="When it opened.")
    version: int = strawberry.field(description="Version of its newest fact: pass it as expectedVersion.")

    @strawberry.field(description="The fund at a moment.")
    async def state(self, info: Asked, at: AtArgument = None, known_at: KnownAtArgument = None) -> FundState:
        return await fund_state(info.context, self.row, at, known_at)

    @strawberry.field(description="Totals over time, from the fund's opening until now unless told otherwise.")
    async def series(
        self,
        info: Asked,
        from_: Annotated[
            datetime | None, strawberry.argument(name="from", description="First moment; the opening if left out.")
        ] = None,
        to: Annotated[datetime | None, strawberry.argument(description="Last moment; now if left out.")] = None,
        points: Annotated[int | None, strawberry.argument(description="How many moments: 2 to 500.")] = DEFAULT_POINTS,
        known_at: KnownAtArgument = None,
    ) -> FundSeries:
        return await fund_series(
            info.context, self.row, from_, to, DEFAULT_POINTS if points is None else points, known_at
        )


def fund_of(row: FundRow) -> Fund:
    """The fund's head as the schema shows it."""
    return Fund(
        id=strawberry.ID(str(row.id)),
        row=row,
        name=row.name,
        currency=row.currency,
        vintage_year=row.vintage_year,
        size=Money(row.size_cents),
        time_zone=row.time_zone,
        opened_at=row.opened_at,
        version=row.version,
    )


async def see(context: Context, row: FundRow, at: datetime | None, known_at: datetime | None) -> Seen:
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


async def fund_state(context: Context, row: FundRow, at: datetime | None, known_at: datetime | None) -> FundState:
    """The fund at a moment as the schema shows it."""
    return state_of(await see(context, row, at, known_at))


def state_of(seen: Seen) -> FundState:
    """A seen fund as the schema shows it."""
    state = seen.folded.state
    return FundState(
        id=strawberry.ID(state_id(seen.row.id, seen.at, seen.known_at)),
        seen=seen,
        fund=fund_of(seen.row),
        at=seen.at,
        known_at=seen.known_at,
        version=state.version,
        events_replayed=seen.folded.replayed,
        total_committed=Money(state.committed),
        total_called=Money(state.called),
        total_invested=Money(state.invested),
        total_distributed=Money(state.distributed),
        total_fees=Money(state.fees),
        total_proceeds=Money(state.proceeds),
        total_value=state.total_value,
        cash=state.cash,
        nav=state.nav,
        available_capital=state.available_capital,
        planned_reserves=state.planned_reserves,
        deployed_reserves=state.deployed_reserves,
        moic=state.moic,
        dpi=state.dpi,
        rvpi=state.rvpi,
        tvpi=state.tvpi,
    )


async def fund_series(
    context: Context,
    row: FundRow,
    start: datetime | None,
    end: datetime | None,
    points: int,
    known_at: datetime | None,
) -> FundSeries:
    """Totals at evenly spaced moments, in one pass over the facts.

    Raises:
        Invalid: If there are too few or too many points, or the end isn't after the start.
    """
    context.time_machine(start, end, known_at)
    if not FEWEST_POINTS <= points <= MOST_POINTS:
        message = f"A series has {FEWEST_POINTS} to {MOST_POINTS} points."
        raise Invalid(message, "points")
    runtime = context.runtime
    with translated():
        known = await resolve(runtime.pool, row.id, known_at)
        first, last = start or row.opened_at, end or known.at_now
        if last <= first:
            message = "A series ends after it starts."
            raise Invalid(message, "to")
        base, facts = await runtime.states.facts_between(row.id, first, last, known.version)
    moments = [first + (last - first) * place / (points - 1) for place in range(points)]
    states = list(along(base, facts, moments))
    return FundSeries(
        at=moments,
        version=[state.version for state in states],
        total_called=[Money(state.called) for state in states],
        total_invested=[Money(state.invested) for state in states],
        total_value=[state.total_value for state in states],
        total_proceeds=[Money(state.proceeds) for state in states],
        total_distributed=[Money(state.distributed) for state in states],
        planned_reserves=[state.planned_reserves for state in states],
    )
