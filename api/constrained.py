"""The constrained, priority-based allocation on figures that the caller gives; stores nothing."""

import asyncio
from collections.abc import Iterable
from decimal import Decimal
from typing import TypeVar

import strawberry

from api.context import Context
from api.errors import UserError, user_error
from api.reserve_options import StageCapInput
from domain.money import Money
from domain.refusal import Invalid, Refusal
from domain.reserves.greedy import Constraints, ReserveCompany, Split, StagePolicy, allocate, conserved

F = TypeVar("F")


@strawberry.input(description="A company that may be given reserves.")
class ReserveCompanyInput:
    id: strawberry.ID = strawberry.field(description="The caller's own key; no two companies have the same.")
    name: str = strawberry.field(description="What people call it; of equal scores the first by name goes first.")
    stage: str = strawberry.field(description="Its stage; there must be a policy for it.")
    invested: Money = strawberry.field(description="What was invested in it.")


@strawberry.input(description="How a stage's companies are favoured.")
class StagePolicyInput:
    stage: str = strawberry.field(description="The stage.")
    reserve_multiple: Decimal = strawberry.field(description="Of the score.")
    weight: Decimal = strawberry.field(description="Of the score.")


@strawberry.input(description="Years until a stage's companies graduate.")
class StageYearsInput:
    stage: str = strawberry.field(description="The stage.")
    years: Decimal = strawberry.field(description="Years, 5 where a stage isn't named.")


@strawberry.input(description="Chance that a stage's companies graduate.")
class StageProbInput:
    stage: str = strawberry.field(description="The stage.")
    probability: Decimal = strawberry.field(description="0 to 1, 0.5 where a stage isn't named.")


@strawberry.input(description="What is to be split, among whom, within which limits.")
class ConstrainedReservesInput:
    available_reserves: Money = strawberry.field(description="What is to be split.")
    companies: list[ReserveCompanyInput] = strawberry.field(
        description="Up to 100,000 companies, as many as a request's 2 MiB hold."
    )
    stage_policies: list[StagePolicyInput] = strawberry.field(description="One for each stage.")
    min_check: Money | None = strawberry.field(default=None, description="Smaller allocations aren't made.")
    max_per_company: Money | None = strawberry.field(default=None, description="The most for one company.")
    max_per_stage: list[StageCapInput] | None = strawberry.field(default=None, description="The most by stage.")
    discount_rate_annual: Decimal | None = strawberry.field(
        default=Decimal("0.12"), description="Yearly discount rate, 0.12 for 12%."
    )
    graduation_years: list[StageYearsInput] | None = strawberry.field(default=None, description="Years by stage.")
    graduation_prob: list[StageProbInput] | None = strawberry.field(default=None, description="Chances by stage.")


@strawberry.type(description="What a company gets.")
class ConstrainedAllocation:
    id: strawberry.ID = strawberry.field(description="The caller's own key.")
    name: str = strawberry.field(description="What people call it.")
    stage: str = strawberry.field(description="Its stage.")
    allocated: Money = strawberry.field(description="What it gets, above 0.")
    score: float = strawberry.field(description="Multiple × chance × weight / (1 + rate) ^ years; ranked exactly.")


@strawberry.type(description="The allocation, or why not.")
class ConstrainedReserves:
    allocations: list[ConstrainedAllocation] = strawberry.field(description="In the order they were given.")
    total_allocated: Money = strawberry.field(description="Together.")
    remaining: Money = strawberry.field(description="What is left.")
    conservation_ok: bool = strawberry.field(
        description="Whether what was given and what is left make what was available, to the cent."
    )
    errors: list[UserError] = strawberry.field(description="Why not; empty when it worked.")


async def constrained(context: Context, given: ConstrainedReservesInput) -> ConstrainedReserves:
    """The allocation.

    Raises:
        UnauthenticatedError: If nobody known asks.
    """
    _ = context.someone
    companies = [ReserveCompany(one.id, one.name, one.stage, one.invested) for one in given.companies]
    policies = [StagePolicy(one.stage, one.reserve_multiple, one.weight) for one in given.stage_policies]
    try:
        limits = Constraints(
            available=given.available_reserves,
            min_check=given.min_check or Money(0),
            max_per_company=given.max_per_company,
            max_per_stage=_once("maxPerStage", ((one.stage, one.max) for one in given.max_per_stage or ())),
            rate=Decimal("0.12") if given.discount_rate_annual is None else given.discount_rate_annual,
            years=_once("graduationYears", ((one.stage, one.years) for one in given.graduation_years or ())),
            probability=_once("graduationProb", ((one.stage, one.probability) for one in given.graduation_prob or ())),
        )
        # Beside the loop: a hundred thousand companies take a while.
        split = await asyncio.to_thread(allocate, companies, policies, limits)
    except Refusal as refusal:
        return ConstrainedReserves(
            allocations=[],
            total_allocated=Money(0),
            remaining=given.available_reserves,
            conservation_ok=True,
            errors=[user_error(refusal)],
        )
    return _told(split, given.available_reserves)


def _once(field: str, given: Iterable[tuple[str, F]]) -> dict[str, F]:
    """By stage; a stage named twice is refused."""
    found: dict[str, F] = {}
    for place, (stage, figure) in enumerate(given):
        if stage in found:
            message = f"The stage {stage!r} is given twice."
            raise Invalid(message, field, str(place), "stage")
        found[stage] = figure
    return found


def _told(split: Split, available: Money) -> ConstrainedReserves:
    return ConstrainedReserves(
        allocations=[
            ConstrainedAllocation(
                id=strawberry.ID(share.company.id),
                name=share.company.name,
                stage=share.company.stage,
                allocated=share.allocated,
                score=float(share.score),
            )
            for share in split.shares
        ],
        total_allocated=split.total,
        remaining=split.remaining,
        conservation_ok=conserved(split, available),
        errors=[],
    )
