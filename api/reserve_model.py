"""The reserve model in the schema: the odds of companies without a deal forecast, and where they come from."""

from datetime import datetime
from decimal import Decimal

import strawberry

from api.context import Context
from api.events import output_part
from domain.reserves import model as domain
from infra.postgres import translated
from infra.states import resolve

StageModel = output_part(domain.StageModel)


@strawberry.type(description="What becomes of companies that nobody has forecast. Record `reserveModelSet` to set it.")
class ReserveModel:
    stages: list[StageModel] = strawberry.field(description="From the earliest stage to the last.")  # type: ignore[valid-type]
    source: str = strawberry.field(description="Where these figures come from.")
    step_up_sigma: Decimal = strawberry.field(description="Of the logarithm of step-ups.")
    exit_sigma: Decimal = strawberry.field(description="Of the logarithm of exit multiples.")
    months_sigma: Decimal = strawberry.field(description="Of the logarithm of months waited.")
    version: int | None = strawberry.field(description="Version of the fact that set it; null for the default.")
    occurred_at: datetime | None = strawberry.field(description="From when on it holds; null for the default.")


async def model_of(context: Context, fund_id: str, at: datetime | None, known_at: datetime | None) -> ReserveModel:
    """The fund's model at a moment, as known at another.

    Raises:
        Refusal: If there is no such fund, or the moment can't be asked for.
    """
    context.time_machine(at, known_at)
    row = await context.existing_fund(fund_id, "fundId")
    with translated():
        known = await resolve(context.runtime.pool, row.id, known_at)
    found = await context.runtime.reserve_inputs.model(row.id, at or known.at_now, known.version)
    setting = found.setting
    return ReserveModel(
        stages=list(setting.stages),
        source=setting.source,
        step_up_sigma=setting.step_up_sigma,
        exit_sigma=setting.exit_sigma,
        months_sigma=setting.months_sigma,
        version=found.version or None,
        occurred_at=found.occurred_at,
    )
