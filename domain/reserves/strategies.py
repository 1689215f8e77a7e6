"""The strategies to compare the optimal one with: amounts by company, by priority and by the rule of thumb."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from domain.money import Money, share_of
from domain.reserves.greedy import Constraints, ReserveCompany, StagePolicy, allocate
from domain.reserves.limits import Limits
from domain.reserves.model import ReserveModelSet, StageModel

HIGH_MULTIPLE, LOW_MULTIPLE = 3.0, 1.5
THUMB, MORE, LESS = Decimal("1.5"), Decimal("1.5"), Decimal("0.5")
"""The rule of thumb: so many times what is invested, and by how much more or less above and below those multiples."""
TIE_DIGITS: Final = 9
"""Decimals to which multiples that are the same agree: floats may differ further on."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A company that may be given reserves. Money in cents.

    Attributes:
        stage: Its stage's key.
        place: Of its stage in the model; None where it isn't known.
        room: Most that it may get.
        committed: Least that it gets.
        multiple: Expected MOIC of its next dollar.
    """

    id: str
    name: str
    stage: str
    place: int | None
    invested: int
    room: int
    committed: int
    multiple: float


@dataclass(frozen=True, slots=True)
class Given:
    """What a company is given, in cents, and why no more."""

    amount: int
    limited_by: str


def by_priority(claims: Sequence[Claim], limits: Limits, model: ReserveModelSet) -> list[Given]:
    """In order of the stages' scores, each all it may have; what is committed first."""
    left = _after_commitments(claims, limits)
    stages = {claim.stage: _stage(claim, model) for claim in claims}
    constraints = Constraints(
        available=Money(left.pool),
        min_check=Money(left.min_check),
        max_per_stage={stage: Money(most) for stage, most in left.stages.items()},
        probability={stage: one.graduate for stage, one in stages.items()},
        rooms={claim.id: Money(claim.room - claim.committed) for claim in claims},
    )
    companies = [ReserveCompany(claim.id, claim.name, claim.stage, Money(claim.invested)) for claim in claims]
    policies = [StagePolicy(stage, one.reserve_multiple, one.weight) for stage, one in stages.items()]
    got = {share.company.id: int(share.allocated) for share in allocate(companies, policies, constraints).shares}
    return _told(claims, limits, [claim.committed + got.get(claim.id, 0) for claim in claims])


def by_thumb(claims: Sequence[Claim], limits: Limits) -> list[Given]:
    """A multiple of what is invested, in order of the next dollar's multiple; what is committed first."""
    left = _after_commitments(claims, limits)
    pool, in_stage = left.pool, dict(left.stages)
    multiples = [round(claim.multiple, TIE_DIGITS) for claim in claims]
    amounts = [claim.committed for claim in claims]
    for place in sorted(range(len(claims)), key=lambda place: (-multiples[place], place)):
        claim, multiple = claims[place], multiples[place]
        factor = THUMB * (MORE if multiple > HIGH_MULTIPLE else LESS if multiple < LOW_MULTIPLE else Decimal(1))
        wanted = min(share_of(claim.invested, factor), claim.room) - claim.committed
        amount = min(wanted, pool, in_stage.get(claim.stage, pool))
        if amount >= max(limits.min_check, 1):
            amounts[place] += amount
            pool -= amount
            if claim.stage in in_stage:
                in_stage[claim.stage] -= amount
    return _told(claims, limits, amounts)


def _after_commitments(claims: Sequence[Claim], limits: Limits) -> Limits:
    """The limits that are left for the rest."""
    pool, stages = limits.pool, dict(limits.stages)
    for claim in claims:
        pool -= claim.committed
        if claim.stage in stages:
            stages[claim.stage] -= claim.committed
    return Limits(pool, limits.min_check, stages)


def _stage(claim: Claim, model: ReserveModelSet) -> StageModel:
    """What the model says of a company's stage; of one that it doesn't know, as of the last."""
    return model.stages[-1 if claim.place is None else claim.place]


def _told(claims: Sequence[Claim], limits: Limits, amounts: Sequence[int]) -> list[Given]:
    in_stage: Mapping[str, int] = {
        stage: sum(amount for claim, amount in zip(claims, amounts, strict=True) if claim.stage == stage)
        for stage in limits.stages
    }
    return [
        Given(
            amount,
            "cap"
            if amount >= claim.room
            else "stage"
            if claim.stage in in_stage and in_stage[claim.stage] >= limits.stages[claim.stage]
            else "cut-off",
        )
        for claim, amount in zip(claims, amounts, strict=True)
    ]
