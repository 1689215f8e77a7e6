"""The curve: what each further reserved dollar of a company costs and brings, exactly. A numeric module.

A reserve is spent round by round, each taking the fund's pro-rata cap or what is left. For the round that the marginal
dollar lands in, `D'` is the probability of reaching it and `G'` that times what a dollar invested there brings. Both
are measured from no further participation. Source: the design's section 3.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from domain.reserves.exits import LARGEST_EXIT, Floats, expected_payoff, lognormal_call
from domain.reserves.tree import Odds, Tree, discount

LEAST_DEPLOYED: Final = 1_000.0
"""Dollars: an increment expected to deploy less says nothing about the next dollar."""
LEAST_SHARE: Final = 0.01
"""Of the increment, likewise."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One company's curve: its rounds to come, each a straight piece of it.

    Attributes:
        caps: Dollars that each round can take, shape (rounds,).
        cost: Expected dollars deployed per dollar reserved for the round: D', shape (rounds,).
        gain: Expected proceeds per dollar reserved for the round: G', shape (rounds,).
    """

    caps: Floats
    cost: Floats
    gain: Floats

    @property
    def room(self) -> float:
        """Dollars that all rounds together can take."""
        return float(self.caps.sum())

    @property
    def best(self) -> float:
        """Largest expected MOIC of a dollar in any round that may come; 0 without one."""
        return max(
            (float(gain / cost) for gain, cost in zip(self.gain, self.cost, strict=True) if cost > 0), default=0.0
        )

    def spent(self, reserve: float) -> Floats:
        """What of a reserve each round gets, shape (rounds,)."""
        before = np.concatenate(([0.0], np.cumsum(self.caps)[:-1])) if self.caps.size else self.caps
        found: Floats = np.clip(reserve - before, 0.0, self.caps)
        return found

    def deployed(self, reserve: float) -> float:
        """D: expected dollars deployed of a reserve."""
        return float(self.spent(reserve) @ self.cost)

    def proceeds(self, reserve: float) -> float:
        """G: expected proceeds that a reserve adds."""
        return float(self.spent(reserve) @ self.gain)

    def place(self, reserve: float) -> int | None:
        """The round that the next dollar after `reserve` lands in; None where none takes it."""
        ends = np.cumsum(self.caps)
        later = np.flatnonzero((ends > reserve + 1e-9) & (self.caps > 0))
        return int(later[0]) if later.size else None

    def multiple(self, reserve: float) -> float | None:
        """Expected MOIC of the next dollar: G' / D', a ratio of expectations; None where no round takes one."""
        place = self.place(reserve)
        if place is None or self.cost[place] <= 0:
            return None
        return float(self.gain[place] / self.cost[place])

    def value_per_reserved(self, reserve: float, uncalled: float = 1.0) -> float | None:
        """G' + ω (1 − D') of the next dollar, ω being what an uncalled dollar is worth; None where none is taken."""
        place = self.place(reserve)
        if place is None:
            return None
        return float(self.gain[place] + uncalled * (1.0 - self.cost[place]))

    def expected_moic(self, increment: float) -> float | None:
        """ΔG / ΔD of the first dollars, or of those the rounds can take; None where too few are deployed to tell."""
        deployed = self.deployed(increment)
        if deployed < max(LEAST_DEPLOYED, LEAST_SHARE * min(increment, self.room)):
            return None
        return self.proceeds(increment) / deployed


def curve(tree: Tree, ownership: float, rate: float = 0.0) -> Curve:
    """The company's curve.

    Args:
        ownership: The fund's fraction now, fully diluted.
        rate: Yearly discount rate of both costs and proceeds.
    """
    caps, owned = [], ownership
    for step in tree.steps:
        cap = min(owned * step.size * (1.0 + tree.super_pro_rata), step.size)
        caps.append(cap)
        owned = owned * step.retained + cap / step.post
    cost, brought = per_round(tree, tree.odds(), rate)
    return Curve(np.array(caps), cost[:, 0], (cost * brought)[:, 0])


def per_round(tree: Tree, odds: Odds, rate: float) -> tuple[Floats, Floats]:
    """`D'` of each round, and what a dollar invested in it brings, in each draw: both of shape (rounds, draws)."""
    cost: Floats = np.multiply.accumulate(odds.onward, axis=0)
    brought, months = np.zeros_like(cost), tree.months_to()
    for number in range(1, len(tree.steps) + 1):
        cost[number - 1] *= discount(rate, months[number])
        brought[number - 1] = _brought(tree, number, odds, rate)
    return cost, brought


def value_of_dollar(tree: Tree, number: int, rate: float = 0.0) -> float:
    """Expected proceeds of a dollar invested in round `number`, seen from right after it."""
    return float(_brought(tree, number, tree.odds(), rate)[0])


def _brought(tree: Tree, number: int, odds: Odds, rate: float) -> Floats:
    """Expected proceeds of a dollar invested in round `number`, seen from right after it, shape (draws,).

    The dollar is its part of the round's own class of shares: what it brings doesn't depend on how many there are.
    """
    step, reached, waited = tree.steps[number - 1], np.ones(odds.grown.shape[1]), 0.0
    found, size = np.zeros_like(reached), step.size * odds.grown[number]
    for node in range(number, len(tree.steps) + 1):
        if node > number:
            reached = reached * odds.onward[node - 1]
            waited += tree.steps[node - 1].months
        calls = tree.shares.strikes(step.dilution * tree.kept(number, node), 1.0)
        for ending, ended in zip(tree.endings[node], odds.ended[node], strict=True):
            median, sigma = ending.median * odds.grown[node] / size, tree.spread(number, node, ending)
            worth = sum(weight * lognormal_call(median, sigma, LARGEST_EXIT / size, strike) for weight, strike in calls)
            found += reached * ended * worth * discount(rate, waited + ending.months)
    return found


def value_of_holding(tree: Tree, ownership: float, paid: float, rate: float = 0.0) -> float:
    """Expected proceeds of what is held now, without taking part in any round, in dollars."""
    found, months = 0.0, tree.months_to()
    for node, reached in enumerate(tree.reach()):
        owned = ownership * tree.kept(0, node)
        for ending in tree.endings[node]:
            brought = expected_payoff(tree.worth(node, ending), tree.shares, owned, paid)
            found += reached * ending.probability * brought * discount(rate, months[node] + ending.months)
    return found


def points(found: Curve, most: float, number: int) -> Sequence[tuple[float, float, float]]:
    """Reserve, expected MOIC of the next dollar and chance of deploying it, at evenly spaced reserves up to `most`."""
    told = []
    for reserve in np.linspace(0.0, most, number):
        place, multiple = found.place(float(reserve)), found.multiple(float(reserve))
        if place is not None and multiple is not None:
            told.append((float(reserve), multiple, float(found.cost[place])))
    return told
