"""Options of a run: what is asked, within which limits."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Final

from domain.event import CompanyKey
from domain.money import MAX_MONEY, Fraction, Money
from domain.refusal import Invalid, TooLarge
from domain.text import check_text
from domain.wording import Wording

FEWEST_ITERATIONS: Final = 100
MOST_ITERATIONS: Final = 10_000_000
MOST_SEED: Final = 2**31 - 1
"""What an Int of GraphQL can hold."""
MOST_CORRELATION: Final = Decimal("0.99")
MOST_COMPANIES: Final = 10_000
"""Committed, or excluded."""
MOST_RATE: Final = Decimal(10)
ONE: Final = Decimal(1)
MILLION: Final = Money(100_000_000)
COMPANY_SHARE, POOL_SHARE = Fraction(Decimal("0.15")), Fraction(Decimal("0.20"))
CORRELATION, LEVEL = Fraction(Decimal("0.3")), Fraction(Decimal("0.95"))


class ReserveStrategy(Wording):
    """How the pool is split."""

    OPTIMAL = "OPTIMAL", "So that the expected value is largest, within all limits."
    PRIORITY_GREEDY = (
        "PRIORITY_GREEDY",
        "By a score of its stage, each company all it may have until the pool is empty.",
    )
    HEURISTIC = (
        "HEURISTIC",
        "By the rule of thumb: one and a half times what is invested, adjusted by the multiple.",
    )


class ReserveMode(Wording):
    """What a reserved dollar that isn't drawn is worth."""

    RING_FENCED = "RING_FENCED", "A dollar: it stays in the fund."
    POOLED = "POOLED", "What the next best company makes of it."


class ReserveRankBy(Wording):
    """What companies are ranked by, the most first."""

    FOLLOW_ON_MULTIPLE = "FOLLOW_ON_MULTIPLE", "Expected MOIC of the next dollar."
    VALUE_PER_RESERVED_DOLLAR = "VALUE_PER_RESERVED_DOLLAR", "What the next reserved dollar is worth, drawn or not."
    RECOMMENDED_CHANGE = "RECOMMENDED_CHANGE", "How much more is recommended than planned."
    OWNERSHIP_ADJUSTED = "OWNERSHIP_ADJUSTED", "Expected MOIC of the next dollar over the fund's ownership."


@dataclass(frozen=True, slots=True)
class StageCap:
    """The most that a stage's companies may get together."""

    stage: Annotated[str, "The stage, in the fund's own words."]
    max: Annotated[Money, "Their most."]


@dataclass(frozen=True, slots=True)
class Commitment:
    """What a company is promised."""

    company_id: Annotated[CompanyKey, "The company."]
    amount: Annotated[Money, "Least new money reserved for it."]


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What was asked of a run."""

    iterations: Annotated[int, "Paths simulated."] = 10_000
    incremental_amount: Annotated[Money, "Of which the expected MOIC is told."] = MILLION
    seed: Annotated[int, "Of all random numbers: the same gives the same figures."] = 1
    strategies: Annotated[tuple[ReserveStrategy, ...], "The first one is recommended."] = (ReserveStrategy.OPTIMAL,)
    mode: Annotated[ReserveMode, "What an undrawn dollar is worth."] = ReserveMode.RING_FENCED
    rank_by: Annotated[ReserveRankBy, "What companies are ranked by."] = ReserveRankBy.FOLLOW_ON_MULTIPLE
    pool: Annotated[Money | None, "What was to be split; null for what was planned and not deployed."] = None
    min_check: Annotated[Money | None, "A cheque is at least as large."] = None
    max_per_company: Annotated[Money | None, "The most for one company."] = None
    max_per_company_share: Annotated[Fraction, "Of the fund's size; what is invested counts."] = COMPANY_SHARE
    max_pool_share: Annotated[Fraction, "The most of the pool for one company."] = POOL_SHARE
    max_per_stage: Annotated[tuple[StageCap, ...], "The most by stage."] = ()
    market_correlation: Annotated[Fraction, "Of any two companies' fortunes."] = CORRELATION
    discount_rate: Annotated[Decimal | None, "Yearly; null for none."] = None
    confidence_level: Annotated[Fraction, "Of the interval in which a multiple lies."] = LEVEL
    commitments: Annotated[tuple[Commitment, ...], "What companies get at least."] = ()
    excluded_company_ids: Annotated[tuple[CompanyKey, ...], "Companies that get nothing."] = ()
    worst_five_percent_floor: Annotated[Money | None, "Least mean of the worst 5% of the paths under OPTIMAL."] = None

    def check(self) -> None:
        """Refuse what can't be asked, with the option's path.

        Raises:
            Invalid: If a figure can't be.
            TooLarge: If there are too many iterations.
        """
        if self.iterations < FEWEST_ITERATIONS:
            message = f"At least {FEWEST_ITERATIONS} iterations."
            raise Invalid(message, "iterations")
        if self.iterations > MOST_ITERATIONS:
            message = f"At most {MOST_ITERATIONS:,} iterations."
            raise TooLarge(message, "iterations")
        if not 0 <= self.seed <= MOST_SEED:
            message = f"A seed lies from 0 to {MOST_SEED}."
            raise Invalid(message, "seed")
        if not self.strategies or len(set(self.strategies)) < len(self.strategies):
            message = "Name each strategy once, at least one."
            raise Invalid(message, "strategies")
        _check_amount(self.incremental_amount, 1, "incrementalAmount")
        _check_amount(self.pool, 0, "pool")
        _check_amount(self.min_check, 0, "minCheck")
        _check_amount(self.max_per_company, 0, "maxPerCompany")
        _check_share(self.max_per_company_share, ONE, "maxPerCompanyShare")
        _check_share(self.max_pool_share, ONE, "maxPoolShare")
        _check_share(self.market_correlation, MOST_CORRELATION, "marketCorrelation")
        _check_share(self.discount_rate, MOST_RATE, "discountRate")
        if not (self.confidence_level.is_finite() and 0 < self.confidence_level < 1):
            message = "This lies between 0 and 1."
            raise Invalid(message, "confidenceLevel")
        _check_amount(self.worst_five_percent_floor, 0, "worstFivePercentFloor")
        self._check_stages()
        self._check_companies()
        if self.max_per_company is not None and (self.min_check or 0) > self.max_per_company:
            message = "No company could get as much: this is above maxPerCompany."
            raise Invalid(message, "minCheck")

    def _check_stages(self) -> None:
        for place, cap in enumerate(self.max_per_stage):
            check_text(cap.stage, "maxPerStage", str(place), "stage")
            _check_amount(cap.max, 0, "maxPerStage", str(place), "max")
            if cap.stage in (before.stage for before in self.max_per_stage[:place]):
                message = f"The stage {cap.stage!r} is given twice."
                raise Invalid(message, "maxPerStage", str(place), "stage")

    def _check_companies(self) -> None:
        for path, given in (("commitments", self.commitments), ("excludedCompanyIds", self.excluded_company_ids)):
            if len(given) > MOST_COMPANIES:
                message = f"At most {MOST_COMPANIES:,} companies."
                raise TooLarge(message, path)
        seen: set[str] = set()
        for place, commitment in enumerate(self.commitments):
            check_text(commitment.company_id, "commitments", str(place), "companyId")
            _check_amount(commitment.amount, 1, "commitments", str(place), "amount")
            if commitment.company_id in seen:
                message = f"The company {commitment.company_id!r} is given twice."
                raise Invalid(message, "commitments", str(place), "companyId")
            seen.add(commitment.company_id)
        for place, company_id in enumerate(self.excluded_company_ids):
            check_text(company_id, "excludedCompanyIds", str(place))
            if company_id in seen:
                message = f"The company {company_id!r} is committed, or excluded twice."
                raise Invalid(message, "excludedCompanyIds", str(place))
            seen.add(company_id)


def _check_amount(amount: int | None, least: int, *path: str) -> None:
    if amount is not None and not least <= amount <= MAX_MONEY:
        message = "This is an amount above 0." if least else "This is an amount of 0 or more."
        raise Invalid(message, *path)


def _check_share(share: Decimal | None, most: Decimal, *path: str) -> None:
    if share is not None and not (share.is_finite() and 0 <= share <= most):
        message = f"This lies from 0 to {most}."
        raise Invalid(message, *path)
