"""The ranking: what is recommended for each company, in order, and why. A numeric module."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from domain.event import CompanyKey
from domain.money import CENTS, Money
from domain.reserves.allocation import Plan
from domain.reserves.curve import points
from domain.reserves.exits import Floats
from domain.reserves.given_market import sampled_multiple
from domain.reserves.kelly import kelly_fraction
from domain.reserves.known import Known
from domain.reserves.options import ReserveRankBy, RunOptions
from domain.reserves.results import CurvePoint, ReserveAction, ReserveRecommendation
from domain.reserves.simulation import BLOCK, Portfolio
from domain.reserves.strategies import TIE_DIGITS

CURVE_POINTS: Final = 12
MULTIPLE_PATHS: Final = 4 * BLOCK
"""At most as many are simulated for the spread of a single company's multiple."""
EXCLUDED: Final = "excluded"


@dataclass(frozen=True, slots=True)
class Confidence:
    """How a plan holds up where the odds themselves are drawn.

    Attributes:
        funded: Share of draws in which each company's next increment is funded, shape (companies,).
        low: Lower end of the interval of its multiple, shape (companies,).
        high: Upper end of it, shape (companies,).
    """

    funded: Floats
    low: Floats
    high: Floats


def ranked(
    companies: Sequence[Known], plan: Plan, uncalled: float, confidence: Confidence, options: RunOptions
) -> tuple[ReserveRecommendation, ...]:
    """The recommendations, best first; ties by name, then id, in code-point order.

    Args:
        plan: The one that is recommended, of these companies.
        uncalled: What an uncalled dollar is worth.
    """
    found = [
        _recommendation(known, plan.amounts[place], plan.limited_by[place], uncalled, confidence, place, options)
        for place, known in enumerate(companies)
    ]
    ordered = sorted(
        found,
        key=lambda one: (-round(_rank_by(one, options.rank_by), TIE_DIGITS), one.company_name, one.company_id),
    )
    return tuple(replace(one, rank=rank) for rank, one in enumerate(ordered, start=1))


def _recommendation(
    known: Known,
    amount: int,
    limited_by: str,
    uncalled: float,
    confidence: Confidence,
    place: int,
    options: RunOptions,
) -> ReserveRecommendation:
    one, increment = known.holding, options.incremental_amount / CENTS
    recommended = one.deployed + amount
    multiple = known.curve.multiple(0.0)
    assert multiple is not None, "a round takes the increment, so it takes its first dollar"
    spread = _spread(known, options)
    return ReserveRecommendation(
        rank=0,
        company_id=CompanyKey(one.id),
        company_name=one.name,
        stage=one.stage,
        current_reserve_allocation=Money(one.planned),
        deployed_reserves=Money(one.deployed),
        recommended_allocation=Money(recommended),
        change=Money(recommended - one.planned),
        action=_action(recommended - one.planned),
        follow_on_multiple=multiple,
        follow_on_multiple_low=float(confidence.low[place]),
        follow_on_multiple_high=float(confidence.high[place]),
        expected_moic=known.moic,
        value_per_reserved_dollar=known.curve.value_per_reserved(0.0, uncalled) or 0.0,
        ownership_adjusted_multiple=multiple / one.ownership if one.ownership > 0 else None,
        marginal_at_planned=known.curve.multiple(max(one.planned - one.deployed, 0) / CENTS),
        confidence_score=float(confidence.funded[place]),
        expected_deployment=_cents(known.paid.deployed(increment)),
        standard_error=spread.standard_error,
        moic_p05=spread.p05,
        moic_p50=spread.p50,
        moic_p95=spread.p95,
        limited_by=EXCLUDED if known.excluded else limited_by,
        curve=tuple(
            CurvePoint(_cents(reserve), marginal, deployed)
            for reserve, marginal, deployed in points(known.curve, known.curve.room, CURVE_POINTS)
        ),
        simulated_moic=spread.multiple,
        kelly_fraction=spread.kelly,
    )


@dataclass(frozen=True, slots=True)
class _Spread:
    """A multiple as simulated, and how it is spread over the paths on which any of the increment is deployed."""

    multiple: float
    standard_error: float
    p05: float
    p50: float
    p95: float
    kelly: float


def _spread(known: Known, options: RunOptions) -> _Spread:
    paths = min(options.iterations, MULTIPLE_PATHS)
    seed, correlation, rate = options.seed, float(options.market_correlation), float(options.discount_rate or 0)
    spent = list(known.curve.spent(options.incremental_amount / CENTS))
    told = sampled_multiple(known.stake.tree, spent, seed, correlation, paths, rate)
    assert told is not None, "given any market, some of the increment may be deployed"
    alone = Portfolio([known.stake], [[spent]], seed, correlation, rate).run(paths)
    drawn, added = alone.drawn[0], alone.added[0]
    invested = drawn > 0
    multiples = added[invested] / drawn[invested] if invested.any() else np.zeros(1)
    p05, p50, p95 = np.quantile(multiples, (0.05, 0.5, 0.95))
    return _Spread(told.multiple, told.standard_error, float(p05), float(p50), float(p95), kelly_fraction(multiples))


def _rank_by(one: ReserveRecommendation, by: ReserveRankBy) -> float:
    match by:
        case ReserveRankBy.FOLLOW_ON_MULTIPLE:
            return one.follow_on_multiple
        case ReserveRankBy.VALUE_PER_RESERVED_DOLLAR:
            return one.value_per_reserved_dollar
        case ReserveRankBy.RECOMMENDED_CHANGE:
            return float(one.change)
    return one.ownership_adjusted_multiple or 0.0


def _action(change: int) -> ReserveAction:
    return ReserveAction.INCREASE if change > 0 else ReserveAction.REDUCE if change < 0 else ReserveAction.HOLD


def _cents(dollars: float) -> Money:
    return Money(round(dollars * CENTS))
