"""The curve: what each further reserved dollar of a company costs and brings, exactly. A numeric module.

A reserve is spent round by round, each taking the fund's pro-rata cap or what is left. For the round that the marginal
dollar lands in, `D'` is the probability of reaching it and `G'` that times what a dollar invested there brings. Both
are measured from no further participation. Source: the design's section 3.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final, NamedTuple

import numpy as np

from domain.reserves.exits import LARGEST_EXIT, Floats, exit_call, expected_payoff
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
    """One company's curve; see `curves`."""
    return curves([tree], [ownership], rate)[0]


def curves(trees: Sequence[Tree], ownership: Sequence[float], rate: float = 0.0) -> list[Curve]:
    """The curves of many companies, reckoned together.

    Args:
        ownership: The fund's fraction of each now, fully diluted.
        rate: Yearly discount rate of both costs and proceeds.
    """
    starts = np.cumsum([0, *(len(tree.steps) for tree in trees)])
    cost = np.concatenate([_deployed(tree, rate) for tree in trees]) if trees else np.zeros(0)
    rounds: list[int] = []
    terms: list[_Term] = []
    for start, tree in zip(starts, trees, strict=False):
        for term in _terms(tree, rate):
            rounds.append(int(start) + term.number - 1)
            terms.append(term)
    told = np.array([term[3:] for term in terms]).reshape(-1, _FIGURES)
    weight, median, sigma, alpha, cut, strike, chance = told.T
    worth = weight * chance * exit_call(median, sigma, alpha, cut, strike)
    gain = cost * np.bincount(rounds, worth, minlength=int(starts[-1]))
    return [
        Curve(_caps(tree, owned), cost[first:last], gain[first:last])
        for tree, owned, first, last in zip(trees, ownership, starts[:-1], starts[1:], strict=True)
    ]


def per_round(tree: Tree, odds: Odds, rate: float) -> tuple[Floats, Floats]:
    """`D'` of each round, and what a dollar invested in it brings, in each draw: both of shape (rounds, draws)."""
    cost: Floats = np.multiply.accumulate(odds.onward, axis=0)
    cost *= np.array([discount(rate, months) for months in tree.months_to()[1:]]).reshape(-1, 1)
    brought, terms = np.zeros_like(cost), list(_terms(tree, rate))
    told = np.array([term[3:] for term in terms]).reshape(-1, _FIGURES, 1)
    weight, median, sigma, alpha, cut, strike, _ = told.swapaxes(0, 1)
    numbers, nodes = [term.number for term in terms], [term.node for term in terms]
    # Against the round's own size, which grows with its value.
    size = odds.grown[numbers]
    worth = weight * exit_call(median * odds.grown[nodes] / size, sigma, alpha, cut / size, strike)
    for term, each in zip(terms, worth, strict=True):
        reached = np.prod(odds.onward[term.number : term.node], axis=0)
        brought[term.number - 1] += reached * odds.ended[term.node][term.place] * each
    return cost, brought


class _Term(NamedTuple):
    """One call of what a dollar invested in round `number` brings at an ending of a later node.

    The dollar is its part of the round's own class of shares: what it brings doesn't depend on how many there are.

    Attributes:
        place: Of the ending at its node.
        weight: Of the call, discounted.
        median: Of the equity over the round's size.
        alpha: Of its tail; 0 for none.
        cut: Likewise.
        chance: Of the ending, seen from right after the round.
    """

    number: int
    node: int
    place: int
    weight: float
    median: float
    sigma: float
    alpha: float
    cut: float
    strike: float
    chance: float


_FIGURES: Final = 7
"""Of a term, after the places."""


def _terms(tree: Tree, rate: float) -> Iterator[_Term]:
    for number, step in enumerate(tree.steps, start=1):
        owned, chance, variance, months, size = step.dilution, 1.0, 0.0, 0.0, step.size
        for node in range(number, len(tree.steps) + 1):
            if node > number:
                after = tree.steps[node - 1]
                owned *= after.retained
                chance *= after.probability
                variance += after.sigma**2
                months += after.months
            calls = tree.shares.strikes(owned, 1.0)
            for place, ending in enumerate(tree.endings[node]):
                sigma, now = sqrt(ending.sigma**2 + variance), discount(rate, months + ending.months)
                median, cut, ended = ending.median / size, LARGEST_EXIT / size, chance * ending.probability
                alpha = ending.alpha or 0.0
                for weight, strike in calls:
                    yield _Term(number, node, place, weight * now, median, sigma, alpha, cut, strike, ended)


def _deployed(tree: Tree, rate: float) -> Floats:
    """`D'` of each round, shape (rounds,)."""
    told = zip(tree.reach()[1:], tree.months_to()[1:], strict=True)
    return np.array([reached * discount(rate, months) for reached, months in told])


def _caps(tree: Tree, ownership: float) -> Floats:
    """Dollars that each round can take of an owner who takes part in full, shape (rounds,)."""
    caps, owned = [], ownership
    for step in tree.steps:
        cap = min(owned * step.size * (1.0 + tree.super_pro_rata), step.size)
        caps.append(cap)
        owned = owned * step.retained + cap / step.post
    return np.array(caps)


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
