"""Books: a model of one company's quarterly figures, as they turn out and as they are planned."""

from collections.abc import Mapping
from decimal import Decimal
from math import exp, log
from typing import Final

from domain.forecasting import MetricType, RecordSource
from domain.sample.calendar import HISTORY, QUARTERS_IN_YEAR
from domain.sample.draws import Draws
from domain.sample.life import Life
from domain.sample.misses import MISSES, SHOCKS
from domain.sample.portfolio import STAGES

Figures = Mapping[MetricType, float]

METRICS: Final = (MetricType.ARR, MetricType.REVENUE, MetricType.EBITDA, MetricType.CASH_BURN)
COUNTS_HEADS, TYPES_BY_HAND = 0.4, 0.3
"""Shares of the companies that also report headcount, and whose reports a person types in."""
LEAST_GROWTH, LEAST_FIRST_GROWTH, MOST_GROWTH = 0.0, 0.25, 1.2
"""Yearly growth that companies plan; the second while they have no history."""
LEAST_OPTIMISM, MOST_OPTIMISM = 0.7, 1.05
"""Growth planned over growth seen; growth slows with age."""
MATURING, MATURING_QUARTERS = 0.8, 14.0
"""A company's multiple falls with age: what revenue gains on value by then, and how fast."""
LOSS_KEPT, PROFIT = 0.92, 0.12
"""Share of the loss per dollar of revenue left after a quarter; profit per dollar it tends to."""
STICKY, SHEDDING = 0.5, 0.95
"""Share of the costs made for the most revenue a company had; the share of that size left after a quarter."""
ENTRY_ARR_SIGMA, ENTRY_LOSS_SIGMA, NOISE, LOSS_NOISE = 0.2, 0.15, 0.03, 0.1
BURN_OVER_LOSS, EQUIPMENT = 1.05, 0.02
"""Cash burn over the loss, and the share of revenue spent on equipment."""
FIRST_HEADS, ARR_PER_HEAD = 8, 170_000
_THOUSANDS: Final = -3


class Books:
    """One company's figures.

    Attributes:
        metrics: What it plans and reports.
        source: How its reports reach the ledger.
        first: Its first whole quarter with the fund.
        last: The newest quarter it reports.
        reported: Its reports by quarter and metric.
    """

    def __init__(self, life: Life, seed: int) -> None:
        who = life.profile
        draws = Draws(seed, who.company_id, "figures")
        entry = STAGES[who.stage]
        self._entry_loss = draws.lognormal(entry.loss, ENTRY_LOSS_SIGMA)
        self._optimism = draws.uniform(LEAST_OPTIMISM, MOST_OPTIMISM)
        self.metrics = (*METRICS, MetricType.HEADCOUNT) if draws.uniform() < COUNTS_HEADS else METRICS
        self.source = RecordSource.MANUAL if draws.uniform() < TYPES_BY_HAND else RecordSource.API
        self.first = who.quarter + 1
        self.last = (HISTORY if life.ending is None else life.ending.quarter) - 1
        entry_arr = draws.lognormal(entry.arr, ENTRY_ARR_SIGMA)
        self._arr: dict[int, float] = {}
        self._built_for: dict[int, float] = {}
        factor, built_for = 1.0, 0.0
        for quarter in range(who.quarter, self.last + 1):
            factor *= SHOCKS.get((who.company_id, quarter), 1.0)
            maturing = 1 + MATURING * (1 - exp((who.quarter - quarter) / MATURING_QUARTERS))
            arr = entry_arr * factor * life.growth(quarter) * maturing
            built_for = max(arr, built_for * SHEDDING)
            self._arr[quarter], self._built_for[quarter] = arr, built_for
        self.reported = {quarter: self._report(life, quarter, draws) for quarter in range(self.first, self.last + 1)}

    def planned(self, known: int, quarters: range) -> Mapping[int, Mapping[MetricType, Decimal]]:
        """What the company plans for some quarters once it knows its figures up to `known`."""
        growth = 1 + self._planned_growth(known)
        plan = {}
        for quarter in quarters:
            arr = self._arr[known] * growth ** ((quarter - known) / QUARTERS_IN_YEAR)
            before = arr / growth ** (1 / QUARTERS_IN_YEAR)
            built_for = max(arr, self._built_for[known] * SHEDDING ** (quarter - known))
            figures = _figures(before, arr, built_for, self._loss(quarter))
            plan[quarter] = {metric: rounded(metric, figures[metric]) for metric in self.metrics}
        return plan

    def _planned_growth(self, known: int) -> float:
        """Yearly growth, from the last year's; without any history, from what the first will bring."""
        back = min(QUARTERS_IN_YEAR, known - self.first + 1)
        if back:
            since, until, least = known - back, known, LEAST_GROWTH
        else:
            since, until, least = known, min(known + QUARTERS_IN_YEAR, self.last), LEAST_FIRST_GROWTH
        years = (until - since) / QUARTERS_IN_YEAR
        seen = exp(log(self._arr[until] / self._arr[since]) / years) - 1
        return min(max(seen, least), MOST_GROWTH) * self._optimism

    def _loss(self, quarter: int) -> float:
        """Loss per dollar of revenue."""
        kept = LOSS_KEPT ** (quarter - self.first)
        return self._entry_loss * kept - PROFIT * (1 - kept)

    def _report(self, life: Life, quarter: int, draws: Draws) -> Mapping[MetricType, Decimal]:
        surprise = draws.lognormal(1.0, NOISE)
        loss = self._loss(quarter) + draws.uniform(-1, 1) * LOSS_NOISE * PROFIT
        before, arr = self._arr[quarter - 1] * surprise, self._arr[quarter] * surprise
        figures = _figures(before, arr, max(arr, self._built_for[quarter]), loss)
        company_id = life.profile.company_id
        return {
            metric: rounded(metric, figures[metric] * MISSES.get((company_id, quarter, metric), 1.0))
            for metric in self.metrics
        }


def rounded(metric: MetricType, figure: float) -> Decimal:
    """Money to a thousand, heads to one."""
    return Decimal(int(round(figure, 0 if metric is MetricType.HEADCOUNT else _THOUSANDS)))


def _figures(arr_before: float, arr: float, built_for: float, loss: float) -> Figures:
    """A quarter's figures, its costs partly made for the revenue that `built_for` would bring."""
    revenue = (arr_before + arr) / 2 / QUARTERS_IN_YEAR
    costs = revenue * (1 + loss) * (1 + STICKY * (built_for / arr - 1))
    return {
        MetricType.ARR: arr,
        MetricType.REVENUE: revenue,
        MetricType.EBITDA: revenue - costs,
        MetricType.CASH_BURN: (costs - revenue) * BURN_OVER_LOSS + revenue * EQUIPMENT,
        MetricType.HEADCOUNT: FIRST_HEADS + arr / ARR_PER_HEAD,
    }
