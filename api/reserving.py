"""Reserving: the queries, mutations and subscriptions about optimal reserves."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

import strawberry

from api import constrained, reserves
from api.arguments import After, AtArgument, First, FundId, KnownAtArgument
from api.context import Asked
from api.reserve_model import ReserveModel, model_of
from api.reserve_options import ReserveOptionsInput

RunId = Annotated[strawberry.ID, strawberry.argument(description="The run.")]


@strawberry.type
class Queries:
    @strawberry.field(
        description="The newest finished run that asks exactly this, or null: `calculateOptimalReserves` makes one. "
        "Where the moment is left out, the newest of the present; `staleSince` says whether it is out of date."
    )
    async def optimal_reserves(
        self,
        info: Asked,
        fund_id: FundId,
        at: AtArgument = None,
        known_at: KnownAtArgument = None,
        options: Annotated[ReserveOptionsInput | None, strawberry.argument(description="What was computed.")] = None,
    ) -> reserves.ReserveRun | None:
        return await reserves.optimal(info.context, fund_id, at, known_at, options)

    @strawberry.field(description="What becomes of companies that nobody has forecast, as a run would take it.")
    async def reserve_model(
        self, info: Asked, fund_id: FundId, at: AtArgument = None, known_at: KnownAtArgument = None
    ) -> ReserveModel:
        return await model_of(info.context, fund_id, at, known_at)

    @strawberry.field(description="A fund's reserve runs, newest asked first.")
    async def reserve_runs(
        self, info: Asked, fund_id: FundId, first: First = 20, after: After = None
    ) -> reserves.ReserveRunConnection:
        return await reserves.listed(info.context, fund_id, first, after)

    @strawberry.field(description="A fund's saved scenarios, newest first.")
    async def reserve_scenarios(self, info: Asked, fund_id: FundId) -> list[reserves.ReserveScenario]:
        return await reserves.scenarios(info.context, fund_id)

    @strawberry.field(
        description="The constrained, priority-based allocation on figures given by the caller; stores nothing."
    )
    async def constrained_reserves(
        self,
        info: Asked,
        input: Annotated[
            constrained.ConstrainedReservesInput, strawberry.argument(description="What is to be split, among whom.")
        ],
    ) -> constrained.ConstrainedReserves:
        return await constrained.constrained(info.context, input)


@strawberry.type
class Mutations:
    @strawberry.mutation(
        description="Asks where the next follow-on dollar earns most, and answers at once: follow `reserveProgress`. "
        "Takes ANALYST."
    )
    async def calculate_optimal_reserves(
        self,
        info: Asked,
        input: Annotated[reserves.CalculateReservesInput, strawberry.argument(description="What to compute.")],
    ) -> reserves.ReserveRunPayload:
        return await reserves.calculate(info.context, input)

    @strawberry.mutation(description="Ends a run that isn't over. Takes ANALYST.")
    async def cancel_reserve_run(self, info: Asked, id: RunId) -> reserves.ReserveRunPayload:
        return await reserves.cancel(info.context, id)

    @strawberry.mutation(description="Keeps a finished run's plan under a name. Takes MANAGER.")
    async def save_reserve_scenario(
        self,
        info: Asked,
        input: Annotated[reserves.SaveScenarioInput, strawberry.argument(description="The plan.")],
    ) -> reserves.ReserveScenarioPayload:
        return await reserves.save(info.context, input)


@strawberry.type
class Subscriptions:
    @strawberry.subscription(description="How a run is doing: starts with the state now, and ends after the final one.")
    async def reserve_progress(self, info: Asked, run_id: RunId) -> AsyncGenerator[reserves.ReserveProgress, None]:
        async with aclosing(reserves.follow(info.context, run_id)) as told:
            async for one in told:
                yield one
