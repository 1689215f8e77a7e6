"""Options of a reserve run in the schema: what to compute, within which limits."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import strawberry

from api.context import Context
from api.events import output_enum
from domain.event import CompanyKey
from domain.money import Fraction, Money
from domain.refusal import NotFound
from domain.reserves import options as domain
from domain.reserves.options import Commitment, RunOptions, StageCap

ReserveStrategy = output_enum(domain.ReserveStrategy)
ReserveMode = output_enum(domain.ReserveMode)
ReserveRankBy = output_enum(domain.ReserveRankBy)


@strawberry.input(description="The most that a stage's companies may get together.")
class StageCapInput:
    stage: str = strawberry.field(description="The stage, in the fund's own words.")
    max: Money = strawberry.field(description="Their most.")


@strawberry.input(description="What a company is promised.")
class CommitmentInput:
    company_id: strawberry.ID = strawberry.field(description="The company.")
    amount: Money = strawberry.field(description="Least new money reserved for it.")


@strawberry.input(name="ReserveOptions", description="What to compute, within which limits.")
class ReserveOptionsInput:
    iterations: int | None = strawberry.field(
        default=None, description="Paths to simulate: 100 to 10,000,000; the installation's default if left out."
    )
    incremental_amount: Money | None = strawberry.field(
        default=domain.MILLION, description="Of which the expected MOIC is told."
    )
    seed: int | None = strawberry.field(
        default=None, description="Of all random numbers, 0 or more; 1 if left out, so that a run can be repeated."
    )
    strategies: list[ReserveStrategy] | None = strawberry.field(  # type: ignore[valid-type]
        default_factory=lambda: [domain.ReserveStrategy.OPTIMAL], description="The first one is recommended."
    )
    mode: ReserveMode | None = strawberry.field(  # type: ignore[valid-type]
        default=domain.ReserveMode.RING_FENCED, description="What an undrawn dollar is worth."
    )
    rank_by: ReserveRankBy | None = strawberry.field(  # type: ignore[valid-type]
        default=domain.ReserveRankBy.FOLLOW_ON_MULTIPLE, description="What companies are ranked by."
    )
    pool: Money | None = strawberry.field(
        default=None,
        description="What to split; if left out, what is planned and not deployed, at most what is available.",
    )
    min_check: Money | None = strawberry.field(default=None, description="A cheque is at least as large.")
    max_per_company: Money | None = strawberry.field(default=None, description="The most for one company.")
    max_per_company_share: Decimal | None = strawberry.field(
        default=Decimal("0.15"), description="The most in one company, of the fund's size; what is invested counts."
    )
    max_pool_share: Decimal | None = strawberry.field(
        default=Decimal("0.20"), description="The most of the pool for one company."
    )
    max_per_stage: list[StageCapInput] | None = strawberry.field(default=None, description="The most by stage.")
    market_correlation: Decimal | None = strawberry.field(
        default=Decimal("0.3"), description="Of any two companies' fortunes, 0 to 0.99."
    )
    discount_rate: Decimal | None = strawberry.field(default=None, description="Yearly, 0.1 for 10%; none if left out.")
    confidence_level: Decimal | None = strawberry.field(
        default=Decimal("0.95"), description="Of the interval in which a multiple lies."
    )
    commitments: list[CommitmentInput] | None = strawberry.field(
        default=None, description="What companies get at least; under every strategy it comes first."
    )
    excluded_company_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Companies that get nothing; they are ranked all the same."
    )
    worst_five_percent_floor: Money | None = strawberry.field(
        default=None,
        description="Under OPTIMAL, the mean of the worst 5% of the paths is at least this; of runs with very many "
        "paths the first ones count.",
    )


def options_of(context: Context, given: Any) -> RunOptions:  # noqa: ANN401 - a `ReserveOptionsInput`, whose enumerations are made
    """The options that an input asks for; null is as if left out."""
    plain = RunOptions(iterations=context.runtime.settings.monte_carlo_iterations)
    if given is None:
        return plain

    def told(value: Any, default: Any) -> Any:  # noqa: ANN401 - any option
        return default if value is None else value

    return RunOptions(
        iterations=told(given.iterations, plain.iterations),
        incremental_amount=told(given.incremental_amount, plain.incremental_amount),
        seed=told(given.seed, plain.seed),
        strategies=tuple(told(given.strategies, plain.strategies)),
        mode=told(given.mode, plain.mode),
        rank_by=told(given.rank_by, plain.rank_by),
        pool=given.pool,
        min_check=given.min_check,
        max_per_company=given.max_per_company,
        max_per_company_share=Fraction(told(given.max_per_company_share, plain.max_per_company_share)),
        max_pool_share=Fraction(told(given.max_pool_share, plain.max_pool_share)),
        max_per_stage=tuple(StageCap(cap.stage, cap.max) for cap in told(given.max_per_stage, ())),
        market_correlation=Fraction(told(given.market_correlation, plain.market_correlation)),
        discount_rate=given.discount_rate,
        confidence_level=Fraction(told(given.confidence_level, plain.confidence_level)),
        commitments=tuple(Commitment(CompanyKey(one.company_id), one.amount) for one in told(given.commitments, ())),
        excluded_company_ids=tuple(CompanyKey(key) for key in told(given.excluded_company_ids, ())),
        worst_five_percent_floor=given.worst_five_percent_floor,
    )


async def asked_of(context: Context, fund_id: UUID, given: ReserveOptionsInput | None) -> RunOptions:
    """The options of a run to compute, once they were found possible.

    Raises:
        Refusal: If they aren't, or name a company that the fund never had; with the option's path.
    """
    options = options_of(context, given)
    options.check()
    paths: dict[str, tuple[str, ...]] = {
        one.company_id: ("commitments", str(n), "companyId") for n, one in enumerate(options.commitments)
    }
    paths |= {key: ("excludedCompanyIds", str(n)) for n, key in enumerate(options.excluded_company_ids)}
    known = await context.runtime.names.of_companies(fund_id, paths)
    for key, path in paths.items():
        if key not in known:
            message = "No such company."
            raise NotFound(message, *path)
    return options
