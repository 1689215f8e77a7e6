"""ReserveAdvice: from a fund's companies to a ranking, plans side by side, and how sure one can be. A numeric module.

Everything is computed from what is given and a seed; nothing here knows a clock or waits.
"""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from scipy.optimize import brentq

from domain.event import CompanyKey
from domain.money import CENTS, Money, share_of
from domain.reserves.allocation import Plan, optimise
from domain.reserves.confidence import drawn_odds, funded
from domain.reserves.curve import Curve, curves, per_round, value_of_holding
from domain.reserves.floor import Floor
from domain.reserves.known import Known
from domain.reserves.limits import Candidate, InfeasiblePlan, Limits
from domain.reserves.model import DEFAULT_MODEL, ReserveModelSet, stage_key
from domain.reserves.options import ReserveMode, ReserveStrategy, RunOptions
from domain.reserves.ranking import Confidence, ranked
from domain.reserves.results import (
    PlanAllocation,
    ReserveAdvice,
    ReserveBaseline,
    ReservePlan,
    UnavailableCompany,
)
from domain.reserves.sight import Holding
from domain.reserves.simulation import BLOCK, Blocks, Portfolio, Simulated, Spread, Stake, one_by_one, spread
from domain.reserves.strategies import by_priority, by_thumb

PRICE_TOLERANCE: Final = 1e-6
"""To which what an uncalled dollar is worth in a pool is found."""
FLOOR_FIGURES: Final = 8_000_000
"""Of paths times cheques: a floor looks at as many paths, which is all of them in runs of the usual size."""

Progress = Callable[[float, str], None]
"""Told the share of the work done, 0 to 1, and what is being done; what it raises ends the run."""


def advise(
    holdings: Sequence[Holding],
    size: int,
    available: int,
    options: RunOptions,
    progress: Progress = lambda *_: None,
    *,
    model: ReserveModelSet = DEFAULT_MODEL,
    blocks: Blocks = one_by_one,
) -> ReserveAdvice:
    """Ranks the companies and splits the pool.

    Args:
        size: The fund's, in cents.
        available: What the fund can still invest, in cents.
        model: Says how PRIORITY_GREEDY favours stages.
        blocks: Computes the portfolio's paths; which one makes no difference to the advice.

    Raises:
        InfeasiblePlan: If the limits contradict each other.
    """
    return _Run(holdings, size, available, options, progress, model).advice(blocks)


class _Run:
    def __init__(
        self,
        holdings: Sequence[Holding],
        size: int,
        available: int,
        options: RunOptions,
        progress: Progress,
        model: ReserveModelSet,
    ) -> None:
        self._options = options
        self._model = model
        self._committed = {one.company_id: int(one.amount) for one in options.commitments}
        self._excluded = frozenset(options.excluded_company_ids)
        self._progress = progress
        self._size = size
        self._rate = float(options.discount_rate or 0)
        planned = sum(max(one.planned - one.deployed, 0) for one in holdings)
        self._pool = min(planned, max(available, 0)) if options.pool is None else int(options.pool)
        progress(0.0, "curves")
        self._known: list[Known] = []
        # What is held brings its proceeds, whether or not more can be put into it; in dollars as paid and discounted.
        self._others: list[Stake] = []
        self._base = self._base_now = 0.0
        self._unavailable: list[UnavailableCompany] = []
        stakes: list[tuple[Holding, Stake]] = []
        for one in sorted(holdings, key=lambda each: (each.name, each.id)):
            if one.tree is None:
                self._unavailable.append(UnavailableCompany(CompanyKey(one.id), one.name, one.unavailable))
            else:
                stakes.append((one, Stake(one.id, one.tree, one.ownership, one.invested / CENTS)))
        trees, owned = [stake.tree for _, stake in stakes], [stake.ownership for _, stake in stakes]
        found = curves(trees, owned, self._rate)
        paid = curves(trees, owned) if self._rate else found
        for (one, stake), discounted, plain in zip(stakes, found, paid, strict=True):
            self._take(one, stake, discounted, plain)
        self._unavailable.sort(key=lambda each: (each.company_name, each.company_id))
        self._check_commitments()

    def _take(self, one: Holding, stake: Stake, found: Curve, paid: Curve) -> None:
        self._base += value_of_holding(stake.tree, stake.ownership, stake.paid)
        self._base_now += value_of_holding(stake.tree, stake.ownership, stake.paid, self._rate)
        moic = found.expected_moic(self._options.incremental_amount / CENTS)
        if moic is None:
            reason = (
                "no round to come would take a cheque of the fund's"
                if found.room <= 0
                else ("too little of the increment would be deployed to say what it earns")
            )
            self._unavailable.append(UnavailableCompany(CompanyKey(one.id), one.name, reason))
            self._others.append(stake)
            return
        committed, excluded = self._committed.get(CompanyKey(one.id), 0), CompanyKey(one.id) in self._excluded
        room = 0 if excluded else self._room(one)
        self._known.append(Known(one, stake, found, paid, room, committed, excluded, moic))

    def _check_commitments(self) -> None:
        """Refuse commitments to companies that get nothing."""
        known = {known.holding.id for known in self._known}
        reasons = {one.company_id: one.reason for one in self._unavailable}
        for company_id in self._committed:
            if company_id not in known:
                reason = reasons.get(company_id, "it isn't among the active companies")
                message = f"{company_id} is committed, and can't be given anything: {reason}"
                raise InfeasiblePlan(message)

    def _room(self, one: Holding) -> int:
        """Most that a company may get: what is invested counts against its share of the fund."""
        options = self._options
        room = min(
            share_of(self._size, options.max_per_company_share) - one.invested,
            share_of(self._pool, options.max_pool_share),
        )
        if options.max_per_company is not None:
            room = min(room, options.max_per_company)
        return max(room, 0)

    def advice(self, blocks: Blocks) -> ReserveAdvice:
        self._progress(0.02, "allocation")
        best, uncalled = self._optimal()
        plans = [self._plan(strategy, best) for strategy in self._options.strategies]
        self._progress(0.1, "simulation")
        nothing = [[0.0] * len(stake.tree.steps) for stake in self._others]
        portfolio = self._portfolio(
            [[*([cheque / CENTS for cheque in cheques] for cheques in plan.cheques), *nothing] for plan in plans]
        )
        simulated = portfolio.run(
            self._options.iterations, lambda done: self._progress(0.1 + 0.6 * done, "simulation"), blocks
        )
        told = [
            self._told(strategy, plan, simulated, place)
            for place, (strategy, plan) in enumerate(zip(self._options.strategies, plans, strict=True))
        ]
        baseline = ReserveBaseline(*_spread(self._base, spread(simulated.base.copy())))
        self._progress(0.75, "confidence")
        confidence = self._confidence(uncalled)
        recommendations = ranked(self._known, plans[0], uncalled, confidence, self._options)
        self._progress(1.0, "done")
        price = best.shadow_price if ReserveStrategy.OPTIMAL in self._options.strategies else None
        return ReserveAdvice(Money(self._pool), recommendations, tuple(self._unavailable), tuple(told), baseline, price)

    def _limits(self) -> Limits:
        return Limits(self._pool, self._options.min_check or 0, self._stage_caps())

    def _stage_caps(self) -> dict[str, int]:
        """Cents by a stage's key. Where two names are one stage, both caps hold."""
        caps: dict[str, int] = {}
        for cap in self._options.max_per_stage:
            key = stage_key(cap.stage)
            caps[key] = min(cap.max, caps.get(key, cap.max))
        return caps

    def _candidates(self, uncalled: float) -> list[Candidate]:
        return [known.candidate(uncalled) for known in self._known]

    def _floor(self) -> Floor | None:
        """The floor that the optimal plan has to keep, on the first of the run's paths."""
        if self._options.worst_five_percent_floor is None:
            return None
        rounds = [len(known.stake.tree.steps) for known in self._known]
        nothing = [[0.0] * count for count in (*rounds, *(len(stake.tree.steps) for stake in self._others))]
        singly = []
        for place, count in enumerate(rounds):
            for number in range(count):
                dollar = [float(number == each) for each in range(count)]
                singly.append([*nothing[:place], dollar, *nothing[place + 1 :]])
        paths = min(self._options.iterations, max(FLOOR_FIGURES // max(len(singly), 1), BLOCK))
        simulated = self._portfolio(singly).run(paths)
        return Floor(self._options.worst_five_percent_floor / CENTS, simulated.base, simulated.added)

    def _portfolio(self, plans: Sequence[Sequence[Sequence[float]]]) -> Portfolio:
        """The whole portfolio: companies that can be given more first, in dollars by plan, company and round."""
        stakes = [*(known.stake for known in self._known), *self._others]
        return Portfolio(stakes, plans, self._options.seed, float(self._options.market_correlation))

    def _optimal(self) -> tuple[Plan, float]:
        """The optimal plan, and what an uncalled dollar is worth."""
        limits, floor = self._limits(), self._floor()
        plan = optimise(self._candidates(1.0), limits, floor=floor)
        if self._options.mode is ReserveMode.RING_FENCED or plan.shadow_price <= 1.0:
            return plan, 1.0

        def above(price: float) -> float:
            """By how much the pool's next dollar is worth more than an uncalled one at that price."""
            return optimise(self._candidates(price), limits, floor=floor).shadow_price - price

        # An uncalled dollar goes to the next best company: it is worth what the pool's next dollar adds.
        dearest = max(known.curve.best for known in self._known)
        uncalled = dearest if above(dearest) >= 0.0 else brentq(above, 1.0, dearest, xtol=PRICE_TOLERANCE)
        return optimise(self._candidates(uncalled), limits, floor=floor), uncalled

    def _plan(self, strategy: ReserveStrategy, best: Plan) -> Plan:
        if strategy is ReserveStrategy.OPTIMAL:
            return best
        claims = [known.claim(self._model) for known in self._known]
        given = (
            by_priority(claims, self._limits(), self._model)
            if strategy is ReserveStrategy.PRIORITY_GREEDY
            else by_thumb(claims, self._limits())
        )
        cheques = []
        for known, one in zip(self._known, given, strict=True):
            spent = [round(dollars * CENTS) for dollars in known.curve.spent(one.amount / CENTS)]
            # What no round would take is reserved all the same, and never drawn.
            cheques.append((*spent, one.amount - sum(spent)))
        return Plan(tuple(cheques), 0.0, 0.0, 1.0, tuple(one.limited_by for one in given))

    def _told(self, strategy: ReserveStrategy, plan: Plan, simulated: Simulated, place: int) -> ReservePlan:
        given = plan.amounts
        proceeds, worth = self._base, self._base_now + self._pool / CENTS
        for known, cheques in zip(self._known, plan.cheques, strict=True):
            dollars = np.array(cheques[: known.curve.caps.size]) / CENTS
            proceeds += float(dollars @ known.paid.gain)
            worth += float(dollars @ (known.curve.gain - known.curve.cost))
        total = sum(given)
        _, p05, p50, p95, worst = _spread(proceeds, spread(simulated.base + simulated.added[place]))
        return ReservePlan(
            strategy,
            tuple(
                PlanAllocation(CompanyKey(known.holding.id), known.holding.name, Money(amount))
                for known, amount in zip(self._known, given, strict=True)
                if amount
            ),
            Money(total),
            Money(self._pool - total),
            0 <= total <= self._pool and all(amount >= 0 for amount in given),
            _cents(worth),
            _cents(proceeds),
            p05,
            p50,
            p95,
            worst,
            _cents(spread(simulated.drawn[place].copy()).p95),
            plan.note or None,
        )

    def _confidence(self, uncalled: float) -> Confidence:
        if not self._known:
            nothing = np.zeros(0)
            return Confidence(nothing, nothing, nothing)
        values, multiples = [], []
        for done, known in enumerate(self._known):
            self._progress(0.75 + 0.1 * done / len(self._known), "confidence")
            tree, first = known.stake.tree, known.curve.place(0.0)
            assert first is not None, "a round takes the increment, so it takes its first dollar"
            cost, brought = per_round(tree, drawn_odds(tree, self._options.seed, known.holding.id), self._rate)
            values.append(cost * brought + uncalled * (1.0 - cost))
            multiples.append(brought[first])
        tail = (1.0 - float(self._options.confidence_level)) / 2.0
        low, high = np.quantile(multiples, (tail, 1.0 - tail), axis=1)
        return Confidence(funded(self._candidates(uncalled), self._limits(), values).mean(axis=0), low, high)


def _spread(mean: float, found: Spread) -> tuple[Money, Money, Money, Money, Money]:
    return _cents(mean), _cents(found.p05), _cents(found.p50), _cents(found.p95), _cents(found.worst_mean)


def _cents(dollars: float) -> Money:
    return Money(round(dollars * CENTS))
