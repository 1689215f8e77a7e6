"""Results: what a run came to, as its fact keeps it and the API shows it."""

from dataclasses import dataclass
from typing import Annotated

from domain.event import CompanyKey
from domain.money import Money
from domain.reserves.options import ReserveStrategy
from domain.wording import Wording


class ReserveAction(Wording):
    """What to do about a company's reserve."""

    INCREASE = "INCREASE", "Reserve more than is planned."
    REDUCE = "REDUCE", "Reserve less than is planned."
    HOLD = "HOLD", "Leave it as planned."


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """What the next dollar earns once so much is reserved."""

    reserve: Annotated[Money, "What is reserved."]
    marginal_moic: Annotated[float, "Expected MOIC of the next dollar."]
    probability_deployed: Annotated[float, "That the next dollar is deployed, 0 to 1."]


@dataclass(frozen=True, slots=True)
class ReserveRecommendation:
    """What is recommended for one company, and why."""

    rank: Annotated[int, "1 for the first."]
    company_id: Annotated[CompanyKey, "The company."]
    company_name: Annotated[str, "What people call it."]
    stage: Annotated[str | None, "Its stage, in the fund's own words."]
    current_reserve_allocation: Annotated[Money, "Planned in total."]
    deployed_reserves: Annotated[Money, "Of that, invested already."]
    recommended_allocation: Annotated[Money, "What to plan in total: deployed, and what the plan gives it."]
    change: Annotated[Money, "Recommended − current."]
    action: Annotated[ReserveAction, "What to do."]
    follow_on_multiple: Annotated[float, "Expected MOIC of the next dollar."]
    follow_on_multiple_low: Annotated[float, "Lower end of the interval it lies in, by draws of the odds."]
    follow_on_multiple_high: Annotated[float, "Upper end of that interval."]
    expected_moic: Annotated[float, "Expected MOIC of the increment: expected proceeds over expected deployment."]
    value_per_reserved_dollar: Annotated[float, "What the next reserved dollar is worth, drawn or not."]
    ownership_adjusted_multiple: Annotated[float | None, "The follow-on multiple over the fund's ownership."]
    marginal_at_planned: Annotated[float | None, "Expected MOIC of the next dollar once all that is planned is spent."]
    confidence_score: Annotated[float, "Share of draws of the odds in which its next increment is funded, 0 to 1."]
    expected_deployment: Annotated[Money, "Of the increment."]
    standard_error: Annotated[float, "Of the simulated MOIC."]
    moic_p05: Annotated[float, "The increment's MOIC that 5% of the paths in which it is deployed stay below."]
    moic_p50: Annotated[float, "That 50% stay below."]
    moic_p95: Annotated[float, "That 95% stay below."]
    limited_by: Annotated[str, "Why it got no more: cap, stage, pro-rata, minimum cheque or cut-off."]
    curve: Annotated[tuple[CurvePoint, ...], "What the next dollar earns along its reserve."]
    simulated_moic: Annotated[float | None, "The increment's MOIC as simulated: a check on the exact one."] = None
    kelly_fraction: Annotated[float | None, "Of one's capital that growth allows to put into it at most, 0 to 1."] = (
        None
    )


@dataclass(frozen=True, slots=True)
class UnavailableCompany:
    """A company that nothing can be recommended for."""

    company_id: Annotated[CompanyKey, "The company."]
    company_name: Annotated[str, "What people call it."]
    reason: Annotated[str, "Why not."]


@dataclass(frozen=True, slots=True)
class PlanAllocation:
    """What a plan gives a company."""

    company_id: Annotated[CompanyKey, "The company."]
    company_name: Annotated[str, "What people call it."]
    amount: Annotated[Money, "New money reserved."]


@dataclass(frozen=True, slots=True)
class ReservePlan:
    """One strategy's split of the pool; proceeds are the whole portfolio's, on the same paths as every other plan's."""

    strategy: Annotated[ReserveStrategy, "How it was split."]
    allocations: Annotated[tuple[PlanAllocation, ...], "What each company gets; those that get nothing are left out."]
    total_allocated: Annotated[Money, "Together."]
    remaining: Annotated[Money, "Of the pool."]
    conservation_ok: Annotated[bool, "Whether what was given and what remains make the pool, to the cent."]
    expected_value: Annotated[Money, "Expected proceeds and what is never drawn: what OPTIMAL makes largest."]
    expected_proceeds: Annotated[Money, "Exact, not simulated."]
    proceeds_p05: Annotated[Money, "Proceeds that 5% of the paths stay below."]
    proceeds_p50: Annotated[Money, "That 50% stay below."]
    proceeds_p95: Annotated[Money, "That 95% stay below."]
    worst_five_percent_mean: Annotated[Money, "Mean of the worst 5% of the paths."]
    pool_need_p95: Annotated[Money, "Cheques that 95% of the paths need no more than."]
    note: Annotated[str | None, "What went wrong, where something did."] = None


@dataclass(frozen=True, slots=True)
class ReserveBaseline:
    """The portfolio without any further cheque."""

    expected_proceeds: Annotated[Money, "Exact, not simulated."]
    proceeds_p05: Annotated[Money, "Proceeds that 5% of the paths stay below."]
    proceeds_p50: Annotated[Money, "That 50% stay below."]
    proceeds_p95: Annotated[Money, "That 95% stay below."]
    worst_five_percent_mean: Annotated[Money, "Mean of the worst 5% of the paths."]


@dataclass(frozen=True, slots=True)
class ReserveAdvice:
    """What a run came to."""

    pool: Annotated[Money, "What was split."]
    recommendations: Annotated[tuple[ReserveRecommendation, ...], "The ranking."]
    unavailable: Annotated[tuple[UnavailableCompany, ...], "Companies that nothing can be recommended for."]
    plans: Annotated[tuple[ReservePlan, ...], "One for each strategy, the recommended one first."]
    baseline: Annotated[ReserveBaseline, "The portfolio without any further cheque."]
    shadow_price: Annotated[float | None, "What one more dollar in the pool would add; null without OPTIMAL."] = None
