"""The constrained, priority-based allocation: companies in order of an exact score, each given all it may have.

Source: the design's section 5, strategy 2. All money in cents; scores are exact, so equal ones are ties however floats
would round them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Context, Decimal
from fractions import Fraction
from typing import Final

from domain.money import MAX_MONEY, Money
from domain.refusal import Invalid, TooLarge
from domain.text import check_text

MOST_COMPANIES: Final = 100_000
MOST_POLICIES: Final = 1_000
DEFAULT_PROBABILITY: Final = Decimal("0.5")
DEFAULT_YEARS: Final = Decimal(5)
DEFAULT_RATE: Final = Decimal("0.12")
MOST_YEARS: Final = 100
MOST_FACTOR: Final = Decimal(10**9)
"""Of multiples, weights and rates: larger ones are typing errors."""
NO_MONEY: Final = Money(0)
_PRECISE: Final = Context(prec=50)
"""For powers whose exponent isn't whole: those have no exact value."""


@dataclass(frozen=True, slots=True)
class ReserveCompany:
    """A company that may be given reserves. `invested` in cents."""

    id: str
    name: str
    stage: str
    invested: Money


@dataclass(frozen=True, slots=True)
class StagePolicy:
    """How a stage's companies are favoured: by multiple times weight."""

    stage: str
    reserve_multiple: Decimal
    weight: Decimal


@dataclass(frozen=True, slots=True)
class Constraints:
    """What is to be split, and the limits.

    Attributes:
        available: Cents.
        min_check: Smaller allocations aren't made; 0 for none.
        max_per_company: Cents; None for no limit.
        max_per_stage: Cents by stage; a stage not in it has no limit.
        rate: Yearly discount rate, 0.12 for 12%.
        years: Until graduation, by stage.
        probability: Of graduating, by stage.
        rooms: Most for single companies, by id; a company not in it has no limit of its own.
        cap_at_policy: Whether a company gets no more than its stage's multiple of what is invested in it.
    """

    available: Money
    min_check: Money = NO_MONEY
    max_per_company: Money | None = None
    max_per_stage: Mapping[str, Money] = field(default_factory=dict)
    rate: Decimal = DEFAULT_RATE
    years: Mapping[str, Decimal] = field(default_factory=dict)
    probability: Mapping[str, Decimal] = field(default_factory=dict)
    cap_at_policy: bool = False
    rooms: Mapping[str, Money] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Share:
    """What a company gets, in cents."""

    company: ReserveCompany
    allocated: Money
    score: Fraction


@dataclass(frozen=True, slots=True)
class Split:
    """The allocation: shares in the order they were given, none of them zero."""

    shares: tuple[Share, ...]
    total: Money
    remaining: Money


def allocate(companies: Sequence[ReserveCompany], policies: Sequence[StagePolicy], limits: Constraints) -> Split:
    """Splits what is available: the best score first, ties by name then id in code-point order.

    Raises:
        Invalid: If a figure can't be, a name is given twice, or a company's stage has no policy; with its path.
        TooLarge: If there are too many companies.
    """
    by_stage = _checked(companies, policies, limits)
    scores = {stage: _score(policy, limits) for stage, policy in by_stage.items()}
    caps = {stage: limits.max_per_stage.get(stage) for stage in by_stage}
    # A score belongs to a stage, so that ordering stages orders companies by score at no cost.
    ranks = {score: rank for rank, score in enumerate(sorted(set(scores.values()), reverse=True))}
    place = {stage: ranks[score] for stage, score in scores.items()}
    ordered = sorted(companies, key=lambda one: (place[one.stage], one.name, one.id))
    remaining, in_stage = int(limits.available), dict.fromkeys(by_stage, 0)
    shares = []
    for company in ordered:
        room = remaining
        cap = caps[company.stage]
        if cap is not None:
            room = min(room, cap - in_stage[company.stage])
        if limits.max_per_company is not None:
            room = min(room, limits.max_per_company)
        if limits.rooms and company.id in limits.rooms:
            room = min(room, limits.rooms[company.id])
        if limits.cap_at_policy:
            room = min(room, _policy_cap(by_stage[company.stage], company))
        if room <= 0 or room < limits.min_check:
            continue
        remaining -= room
        in_stage[company.stage] += room
        shares.append(Share(company, Money(room), scores[company.stage]))
    total = sum(share.allocated for share in shares)
    return Split(tuple(shares), Money(total), Money(remaining))


def conserved(split: Split, available: int) -> bool:
    """Whether what was allocated and what remains make what was available, to the cent."""
    return (
        sum(share.allocated for share in split.shares) + split.remaining == available == split.total + split.remaining
    )


def _policy_cap(policy: StagePolicy, company: ReserveCompany) -> int:
    exact = Fraction(policy.reserve_multiple) * company.invested
    return exact.numerator // exact.denominator


def _score(policy: StagePolicy, limits: Constraints) -> Fraction:
    """Multiple × probability × weight / (1 + rate)^years, exact where the years are whole."""
    years = limits.years.get(policy.stage, DEFAULT_YEARS)
    probability = limits.probability.get(policy.stage, DEFAULT_PROBABILITY)
    if years == years.to_integral_value():
        discount = (1 + Fraction(limits.rate)) ** int(years)
    else:
        discount = Fraction(_PRECISE.power(_PRECISE.add(Decimal(1), limits.rate), years))
    return Fraction(policy.reserve_multiple) * Fraction(probability) * Fraction(policy.weight) / discount


def _checked(
    companies: Sequence[ReserveCompany], policies: Sequence[StagePolicy], limits: Constraints
) -> dict[str, StagePolicy]:
    """The policies by stage, once all figures were found possible."""
    _check_money(limits.available, "availableReserves")
    _check_money(limits.min_check, "minCheck")
    if limits.max_per_company is not None:
        _check_money(limits.max_per_company, "maxPerCompany")
    if len(companies) > MOST_COMPANIES:
        message = f"At most {MOST_COMPANIES} companies; {len(companies)} were given."
        raise TooLarge(message, "companies")
    if len(policies) > MOST_POLICIES:
        message = f"At most {MOST_POLICIES} policies."
        raise TooLarge(message, "stagePolicies")
    by_stage: dict[str, StagePolicy] = {}
    for place, policy in enumerate(policies):
        check_text(policy.stage, "stagePolicies", str(place), "stage")
        if policy.stage in by_stage:
            message = f"The stage {policy.stage!r} has two policies."
            raise Invalid(message, "stagePolicies", str(place), "stage")
        _check_factor(policy.reserve_multiple, "stagePolicies", str(place), "reserveMultiple")
        _check_factor(policy.weight, "stagePolicies", str(place), "weight")
        by_stage[policy.stage] = policy
    _check_factor(limits.rate, "discountRateAnnual")
    for place, (stage, cap) in enumerate(limits.max_per_stage.items()):
        check_text(stage, "maxPerStage", str(place), "stage")
        _check_money(cap, "maxPerStage", str(place), "max")
    for place, years in enumerate(limits.years.values()):
        _check_within(years, MOST_YEARS, "graduationYears", str(place), "years")
    for place, probability in enumerate(limits.probability.values()):
        _check_within(probability, 1, "graduationProb", str(place), "probability")
    _check_companies(companies, by_stage)
    return by_stage


def _check_companies(companies: Sequence[ReserveCompany], by_stage: Mapping[str, StagePolicy]) -> None:
    seen: set[str] = set()
    for place, company in enumerate(companies):
        if company.id in seen:
            message = f"The id {company.id!r} is given twice."
            raise Invalid(message, "companies", str(place), "id")
        seen.add(company.id)
        check_text(company.id, "companies", str(place), "id")
        check_text(company.name, "companies", str(place), "name")
        if company.stage not in by_stage:
            message = f"The stage {company.stage!r} has no policy."
            raise Invalid(message, "companies", str(place), "stage")
        _check_money(company.invested, "companies", str(place), "invested")


def _check_money(amount: int, *path: str) -> None:
    if not 0 <= amount <= MAX_MONEY:
        message = "This is an amount of 0 or more."
        raise Invalid(message, *path)


def _check_factor(factor: Decimal, *path: str) -> None:
    if not (factor.is_finite() and 0 <= factor <= MOST_FACTOR):
        message = f"This is a number from 0 to {MOST_FACTOR:f}."
        raise Invalid(message, *path)


def _check_within(figure: Decimal, most: int, *path: str) -> None:
    if not (figure.is_finite() and 0 <= figure <= most):
        message = f"This is a number from 0 to {most}."
        raise Invalid(message, *path)
