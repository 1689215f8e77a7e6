"""Funds and their states: a fund's identity, the fund at a moment, its companies, and its totals over time."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

import strawberry

from api.alerts import AlertFilter, VarianceAlert, alerts_then
from api.arguments import AtArgument, KnownAtArgument
from api.companies import PortfolioCompany, Seen, portfolio_company, see
from api.context import Asked, Context
from api.ids import state_id
from api.node import Node
from api.reserves import ReserveRun, latest
from api.variance import Variance, VarianceFilter, all_variances
from api.wording import described_enum
from domain import fund as domain
from domain.money import Money
from domain.projector import along
from domain.refusal import Invalid
from domain.wording import Wording
from infra.funds import FundHead
from infra.postgres import translated
from infra.states import resolve

FEWEST_POINTS, MOST_POINTS, DEFAULT_POINTS = 2, 500, 100


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

    @strawberry.field(
        description="Reported figures against the forecasts in force then, and overdue ones, by company, metric and "
        "period."
    )
    async def variances(
        self,
        filter: Annotated[VarianceFilter | None, strawberry.argument(description="Which variances.")] = None,
    ) -> list[Variance]:
        return await all_variances(self.seen, filter)

    @strawberry.field(description="The alerts of that moment as they stood then, newest opened first.")
    async def variance_alerts(
        self,
        filter: Annotated[AlertFilter | None, strawberry.argument(description="Which alerts.")] = None,
    ) -> list[VarianceAlert]:
        return await alerts_then(self.seen, filter)

    @strawberry.field(description="The newest recommendation of reserves known at that moment.")
    async def latest_recommendation(
        self,
        of_present: Annotated[
            bool,
            strawberry.argument(description="Whether what was asked of an earlier moment than its own doesn't count."),
        ] = False,
    ) -> ReserveRun | None:
        seen = self.seen
        return await latest(seen.context, seen.row.id, seen.known_version, seen.at, of_present=of_present)


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
    nav: list[Money] = strawberry.field(
        description="Net asset value: fair value + cash; fair value alone where no calls are recorded."
    )
    planned_reserves: list[Money] = strawberry.field(description="Reserves planned for all companies.")
    deployed_reserves: list[Money] = strawberry.field(description="Reserves already invested.")


@strawberry.type(description="A fund's identity: what does not depend on the moment.")
class Fund(Node):
    row: strawberry.Private[FundHead]
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


def fund_of(row: FundHead) -> Fund:
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


async def fund_state(context: Context, row: FundHead, at: datetime | None, known_at: datetime | None) -> FundState:
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
    row: FundHead,
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
        nav=[state.nav for state in states],
        planned_reserves=[state.planned_reserves for state in states],
        deployed_reserves=[state.deployed_reserves for state in states],
    )
