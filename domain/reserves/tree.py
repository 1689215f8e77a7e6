"""Trees: how one company may go on and end, from a deal's own forecast or from its stage. A numeric module.

After k rounds a company stands at node k: it ends there in one of several ways, or goes on to round k + 1, or fails.
Dollars are floats here; what is recommended is made whole cents where it leaves the numeric modules.
"""

from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from typing import Final

import numpy as np

from domain.forecasting import DealForecastCreated
from domain.reserves.exits import LARGEST_EXIT, Exit, Floats, Lognormal, Pareto, ShareClass
from domain.reserves.model import DEFAULT_MODEL, ReserveModelSet
from domain.reserves.stages import StageOdds, stage_odds, waited

CENTS: Final = 100.0


class UnavailableModel(Exception):
    """A company that no tree can be made for; says why."""


@dataclass(frozen=True, slots=True)
class Ending:
    """One way to end at a node.

    Attributes:
        probability: Given the node.
        median: Of the equity's value, in dollars, where every step-up is its median; the least value with a tail.
        sigma: Of its logarithm, apart from that of the step-ups.
        months: From the node.
        alpha: Power of its Pareto tail; None for none.
    """

    probability: float
    median: float
    sigma: float
    months: float
    alpha: float | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A round to come.

    Attributes:
        probability: Of going on to it, given the node before.
        post: Median post-money, in dollars.
        size: New money of all investors, in dollars, at that post-money.
        pool: Share of the post-money added to the option pool.
        sigma: Of the step-up's logarithm; 0 where the round is forecast as a number.
        months: From the node before.
    """

    stage: str
    probability: float
    post: float
    size: float
    pool: float
    sigma: float
    months: float

    @property
    def dilution(self) -> float:
        """Share of the post-money that the new money buys."""
        return self.size / self.post

    @property
    def retained(self) -> float:
        """What is left of a share that takes no part; nothing where new money and pool together take all."""
        return max(1.0 - self.dilution - self.pool, 0.0)


@dataclass(frozen=True, slots=True)
class Odds:
    """A tree's odds and step-ups: as it has them, or draws of what they might be.

    Attributes:
        onward: Probability of each step, given the node before, shape (rounds, draws).
        ended: Of each ending of a node, given the node: shape (endings, draws) at each of the rounds + 1 nodes.
        grown: By how much values at each node exceed the tree's, shape (rounds + 1, draws).
    """

    onward: Floats
    ended: tuple[Floats, ...]
    grown: Floats


@dataclass(frozen=True, slots=True)
class Tree:
    """How a company may go on and end.

    Attributes:
        steps: Rounds to come, the next one first: K of them.
        endings: At each of the K + 1 nodes.
        shares: What the fund's shares get first.
        super_pro_rata: How far above pro rata the fund may go.
    """

    steps: tuple[Step, ...]
    endings: tuple[tuple[Ending, ...], ...]
    shares: ShareClass
    super_pro_rata: float

    def odds(self) -> Odds:
        """Its odds as they are: one draw."""
        return Odds(
            np.array([[step.probability] for step in self.steps]).reshape(-1, 1),
            tuple(np.array([[ending.probability] for ending in ends]).reshape(-1, 1) for ends in self.endings),
            np.ones((len(self.steps) + 1, 1)),
        )

    def reach(self) -> tuple[float, ...]:
        """Probability of standing at each node, node 0 (certain) first."""
        reached = [1.0]
        for step in self.steps:
            reached.append(reached[-1] * step.probability)
        return tuple(reached)

    def months_to(self) -> tuple[float, ...]:
        """Months until each node, by medians."""
        months = [0.0]
        for step in self.steps:
            months.append(months[-1] + step.months)
        return tuple(months)

    def kept(self, after: int, node: int) -> float:
        """What is left at a node of a share held after round `after`, without taking part in the rounds between."""
        left = 1.0
        for step in self.steps[after:node]:
            left *= step.retained
        return left

    def spread(self, after: int, node: int, ending: Ending) -> float:
        """Sigma of an exit's logarithm at a node, seen from right after round `after`."""
        return sqrt(ending.sigma**2 + sum(step.sigma**2 for step in self.steps[after:node]))

    def worth(self, node: int, ending: Ending) -> Exit:
        """What the equity may be worth at an ending, in dollars, seen from now."""
        sigma = self.spread(0, node, ending)
        if ending.alpha is not None:
            return Pareto(ending.median, ending.alpha, LARGEST_EXIT, sigma)
        return Lognormal(ending.median, sigma, LARGEST_EXIT)


def from_forecast(forecast: DealForecastCreated) -> Tree:
    """The tree that a deal's own forecast describes, taken as written."""
    rounds = forecast.future_rounds
    steps = tuple(
        Step(
            stage=one.stage,
            probability=float(one.probability),
            post=(one.pre_money + one.round_size) / CENTS,
            size=one.round_size / CENTS,
            pool=float(one.option_pool),
            sigma=0.0,
            months=float(one.months),
        )
        for one in rounds
    )
    endings = tuple(
        tuple(
            Ending(
                probability=float(one.probability),
                median=Lognormal.with_mean(one.exit_value / CENTS, float(one.sigma)).median,
                sigma=float(one.sigma),
                months=float(one.months),
            )
            for one in forecast.exit_scenarios
            if one.after_round in (None, node)
        )
        for node in range(len(rounds) + 1)
    )
    preference = forecast.preference
    shares = (
        ShareClass()
        if preference is None
        else ShareClass(
            preference.kind, float(preference.multiple), None if preference.cap is None else float(preference.cap)
        )
    )
    return Tree(steps, endings, shares, float(forecast.super_pro_rata))


def from_stage(
    stage: str | None,
    post_money: float | None,
    months_waited: float,
    model: ReserveModelSet = DEFAULT_MODEL,
) -> Tree:
    """The tree of a company that nobody has forecast, by the odds of its stage.

    Args:
        post_money: Of its last priced round, in dollars.
        months_waited: Since then.

    Raises:
        UnavailableModel: If its stage or value isn't known.
    """
    place = model.place(stage)
    if place is None:
        message = "no deal forecast, and no odds are known for its stage" + (f" {stage!r}" if stage else "")
        raise UnavailableModel(message)
    if post_money is None or post_money <= 0:
        message = "no deal forecast, and no priced round or valuation to start from"
        raise UnavailableModel(message)
    stages = stage_odds(model)
    chain = (waited(stages[place], months_waited), *stages[place + 1 :])
    chain = chain[: next((number for number, one in enumerate(chain, start=1) if one.graduate <= 0), len(chain))]
    posts = [post_money]
    for here in chain[:-1]:
        posts.append(posts[-1] * here.step_up / (1.0 - here.dilution))
    steps = tuple(
        Step(
            after.name,
            here.graduate,
            post,
            post * here.dilution,
            here.pool,
            here.step_up_sigma,
            here.months_to_graduate,
        )
        for (here, after), post in zip(pairwise(chain), posts[1:], strict=True)
    )
    endings = tuple((_exit(here, post),) for here, post in zip(chain, posts, strict=True))
    return Tree(steps, endings, ShareClass(), 0.0)


def _exit(here: StageOdds, post: float) -> Ending:
    """The exit from a stage at a post-money, by its median."""
    median = post * here.exit_multiple
    if here.exit_alpha is None:
        return Ending(here.exit, median, here.exit_sigma, here.months_to_exit)
    return Ending(here.exit, median * 2.0 ** (-1.0 / here.exit_alpha), 0.0, here.months_to_exit, here.exit_alpha)


def discount(rate: float, months: float) -> float:
    """What a dollar so many months on is worth now, at a yearly rate; 1 at a rate of 0."""
    return float((1.0 + rate) ** (-months / 12.0))
