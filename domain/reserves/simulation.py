"""The simulation: how a portfolio's proceeds and its need for cash are spread, with and without a plan.

A numeric module. Means come from `curve`, never from here. Every company has its own stream of numbers, keyed by seed,
company and block, so that a seed gives the same numbers to the last bit whatever the number of workers, the order of
the blocks, or the companies beside it. All plans are held against the same paths. Source: the design's section 4.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from math import ceil, inf, log, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from domain.reserves.exits import LARGEST_EXIT, LEAST_BELOW, Floats, Pareto
from domain.reserves.tree import Ending, Tree, discount

BLOCK: Final = 8_192
"""Paths simulated together: their arrays fit a core's cache."""
MARKET: Final = "\0market"
"""Key of the factor that all companies share; no company has it."""
WORST: Final = 0.05
FAR: Final = 8.5
"""A normal number above this doesn't come up."""
Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Stake:
    """A company as the fund holds it.

    Attributes:
        ownership: Fraction now.
        paid: Dollars invested so far.
    """

    key: str
    tree: Tree
    ownership: float
    paid: float


@dataclass(frozen=True, slots=True)
class Simulated:
    """What a block of paths brought: dollars.

    Attributes:
        base: Proceeds without any further cheque, shape (paths,).
        added: What each plan's cheques add, shape (plans, paths).
        drawn: What each plan's cheques cost, shape (plans, paths).
    """

    base: Floats
    added: Floats
    drawn: Floats


@dataclass(frozen=True, slots=True)
class Spread:
    """How something is spread over the paths, in dollars."""

    mean: float
    standard_error: float
    p05: float
    p50: float
    p95: float
    worst_mean: float


Wanted = Sequence[tuple[int, int]]
"""Blocks: number and paths of each."""
Found = Generator[tuple[int, Simulated], None, None]
"""Blocks with their numbers, in any order. Closed early when nobody wants the rest."""
Blocks = Callable[["Portfolio", Wanted], Found]
"""Computes blocks, where and in what order it likes; how many it holds at once is memory."""


def one_by_one(portfolio: "Portfolio", wanted: Wanted) -> Found:
    """Computes blocks here, one after another."""
    for number, paths in wanted:
        yield number, portfolio.block(number, paths)


class Portfolio:
    """Companies and plans, arranged for simulation.

    Args:
        plans: For each plan, dollars by company and round.
        correlation: Of any two companies' fortunes, 0 to below 1.
        rate: Yearly discount rate of both proceeds and cheques; 0 for dollars as they are paid.
    """

    def __init__(
        self,
        stakes: Sequence[Stake],
        plans: Sequence[Sequence[Sequence[float]]],
        seed: int,
        correlation: float,
        rate: float = 0.0,
    ) -> None:
        self._seed = seed
        self._correlation = correlation
        self._plans = len(plans)
        self._companies = [_Company(stake, [plan[place] for plan in plans], rate) for place, stake in enumerate(stakes)]

    def block(self, number: int, paths: int = BLOCK) -> Simulated:
        """The first paths of one block, at most `BLOCK`."""
        base, added, drawn = np.zeros(paths), np.zeros((self._plans, paths)), np.zeros((self._plans, paths))
        market = sqrt(self._correlation) * stream(self._seed, MARKET, number).standard_normal(BLOCK)[:paths]
        alone = sqrt(1.0 - self._correlation)
        for company in self._companies:
            # A whole block is drawn, so that its first paths are the same however many are asked for.
            numbers = stream(self._seed, company.key, number)
            fortune = numbers.standard_normal(BLOCK)[:paths]
            fortune *= alone
            fortune += market
            company.simulate(fortune, numbers.standard_normal(BLOCK)[:paths], base, added, drawn)
        return Simulated(base, added, drawn)

    def blocks(self, iterations: int) -> Iterator[tuple[int, int]]:
        """Number and paths of each block that makes up so many paths."""
        for number in range(ceil(iterations / BLOCK)):
            yield number, min(BLOCK, iterations - number * BLOCK)

    def run(
        self, iterations: int, progress: Callable[[float], None] = lambda _: None, blocks: Blocks = one_by_one
    ) -> Simulated:
        """All paths, the same whatever computes the blocks.

        Args:
            progress: Told the share done, 0 to 1, after every block; what it raises ends the run.

        Raises:
            ValueError: If not every block came, once.
        """
        base = np.empty(iterations)
        added, drawn = np.empty((self._plans, iterations)), np.empty((self._plans, iterations))
        missing, done = dict(self.blocks(iterations)), 0
        with closing(blocks(self, tuple(missing.items()))) as came:
            for number, found in came:
                paths = missing.pop(number, 0)
                if found.base.size != paths:
                    message = f"block {number} isn't the one that was wanted"
                    raise ValueError(message)
                at = slice(number * BLOCK, number * BLOCK + paths)
                base[at], added[:, at], drawn[:, at] = found.base, found.added, found.drawn
                done += paths
                progress(done / iterations)
        if missing:
            message = f"{len(missing)} blocks never came"
            raise ValueError(message)
        return Simulated(base, added, drawn)


class _Company:
    """One company's outcomes from the worst to the best, and what each brings."""

    def __init__(self, stake: Stake, cheques: Sequence[Sequence[float]], rate: float) -> None:
        tree = stake.tree
        paid_in = [discount(rate, months) for months in tree.months_to()[1:]]
        self.key = stake.key
        outcomes, self._bounds = outcomes_of(tree)
        costs = [[cheque * now for cheque, now in zip(plan, paid_in, strict=False)] for plan in cheques]
        self._drawn = np.array([[sum(plan[:node]) for _, node, _ in outcomes] for plan in costs])
        self._base = _Payoffs([_held(stake, node, place, rate) for _, node, place in outcomes], LARGEST_EXIT)
        # What a dollar brings in each round that any plan writes a cheque for, and those cheques.
        self._added = [
            (
                _Payoffs(
                    [bought(tree, number, node, place, 1.0, rate) for _, node, place in outcomes],
                    LARGEST_EXIT / step.size,
                ),
                written,
            )
            for number, step in enumerate(tree.steps)
            if (written := [(plan, each[number]) for plan, each in enumerate(cheques) if each[number] > 0.0])
        ]
        self._writing = [plan for plan, each in enumerate(cheques) if any(cheque > 0.0 for cheque in each)]

    def simulate(self, fortune: Floats, chance: Floats, base: Floats, added: Floats, drawn: Floats) -> None:
        """Adds what each path brings."""
        outcome = np.zeros(fortune.shape, np.intp)
        for bound in self._bounds:
            outcome += fortune > bound
        base += self._base.of(outcome, chance)
        for plan in self._writing:
            drawn[plan] += self._drawn[plan][outcome]
        for payoffs, written in self._added:
            brought = payoffs.of(outcome, chance)
            for plan, cheque in written:
                added[plan] += cheque * brought


Outcome = tuple[float, int, int | None]
"""How a company ends: its probability, the node, and the place of the node's ending; None where it fails there."""


def outcomes_of(tree: Tree) -> tuple[list[Outcome], Floats]:
    """A company's outcomes from the worst to the best, and the normal numbers between them."""
    outcomes: list[Outcome] = []
    for node, reached in enumerate(tree.reach()):
        onward = tree.steps[node].probability if node < len(tree.steps) else 0.0
        endings = sorted(enumerate(tree.endings[node]), key=lambda placed: placed[1].median)
        ended = sum(ending.probability for _, ending in endings)
        outcomes.append((reached * max(1.0 - onward - ended, 0.0), node, None))
        outcomes.extend((reached * ending.probability, node, place) for place, ending in endings)
    outcomes = [outcome for outcome in outcomes if outcome[0] > 0.0]
    shares = np.cumsum([chance for chance, _, _ in outcomes])[:-1]
    return outcomes, ndtri(np.clip(shares, 0.0, 1.0))


Calls = tuple[tuple[float, float], ...]
"""Calls on a value: (weight, strike) of each."""
Terms = tuple[float, float, float | None, Calls]
"""Median and sigma of a value, the power of its tail if it has one, and the calls on it."""
NOTHING: Final[Terms] = (0.0, 0.0, None, ())


class _Payoffs:
    """Payoffs by outcome: calls on a value that is lognormal or has a Pareto tail, cut off at `cut`."""

    def __init__(self, terms: Sequence[Terms], cut: float) -> None:
        below = [_cut_off(median, sigma, alpha, cut) for median, sigma, alpha, _ in terms]
        self._median, self._sigma, self._limits = np.array(below).T
        self._cut = bool((self._limits < FAR).any())
        self._tailed = [
            (place, Pareto(1.0, alpha, sigma=sigma))
            for place, (_, sigma, alpha, _) in enumerate(terms)
            if alpha is not None and self._limits[place] < inf
        ]
        calls = [one for _, _, _, one in terms]
        most = max(map(len, calls))
        self._weights = np.array([[each[n][0] if n < len(each) else 0.0 for each in calls] for n in range(most)])
        self._strikes = np.array([[each[n][1] if n < len(each) else 0.0 for each in calls] for n in range(most)])
        self._plain = most == 1 and not self._strikes.any()
        self._empty = most == 0

    def of(self, outcome: Places, chance: Floats) -> Floats:
        """The payoff of each path, given its outcome and how well that went."""
        if self._empty:
            return np.zeros(chance.shape)
        if self._cut:
            chance = _below(chance, self._limits[outcome])
        value: Floats = self._sigma[outcome]
        value *= chance
        for place, tail in self._tailed:
            there = outcome == place
            value[there] = tail.log_quantile(chance[there])
        np.exp(value, out=value)
        if self._plain:
            # One gather instead of two: what is owned times the median.
            value *= (self._median * self._weights[0])[outcome]
            return value
        value *= self._median[outcome]
        found = np.zeros(value.shape)
        for weights, strikes in zip(self._weights, self._strikes, strict=True):
            found += weights[outcome] * np.maximum(value - strikes[outcome], 0.0)
        return found


def _cut_off(median: float, sigma: float, alpha: float | None, cut: float) -> tuple[float, float, float]:
    """Median and sigma of a value cut off, and the normal number at which it reaches the cut."""
    if alpha is not None and median > 0.0:
        limit = Pareto(median, alpha, sigma=sigma).score(cut)
        return (median, sigma, limit) if ndtr(limit) > LEAST_BELOW else (min(median, cut), 0.0, inf)
    limit = (log(cut) - log(median)) / sigma if median > 0.0 and sigma > 0.0 else -inf
    # Certain, or certain to lie above the cut.
    return (median, sigma, limit) if ndtr(limit) > 0.0 else (min(median, cut), 0.0, inf)


def _below(chance: Floats, limits: Floats) -> Floats:
    """Normal numbers of which those above their limit are drawn anew from below it, by how far they were above."""
    above = np.flatnonzero(chance > limits)
    if not above.size:
        return chance
    found, most = chance.copy(), limits[above]
    found[above] = ndtri(ndtr(-chance[above]) / ndtr(-most) * ndtr(most))
    return found


def _held(stake: Stake, node: int, place: int | None, rate: float) -> Terms:
    """What the fund's shares of today bring at an ending."""
    if place is None:
        return NOTHING
    tree, ending = stake.tree, stake.tree.endings[node][place]
    calls = tree.shares.strikes(stake.ownership * tree.kept(0, node), stake.paid)
    held = _times(calls, discount(rate, _months(tree, node, ending)))
    return ending.median, tree.spread(0, node, ending), ending.alpha, held


def bought(tree: Tree, number: int, node: int, place: int | None, cheque: float, rate: float) -> Terms:
    """What a cheque into a round brings at an ending: its part of the round's class."""
    if place is None or node <= number:
        return NOTHING
    step, ending = tree.steps[number], tree.endings[node][place]
    calls = tree.shares.strikes(step.dilution * tree.kept(number + 1, node), 1.0)
    part = cheque * discount(rate, _months(tree, node, ending))
    return ending.median / step.size, tree.spread(number + 1, node, ending), ending.alpha, _times(calls, part)


def _times(calls: Calls, part: float) -> Calls:
    return tuple((weight * part, strike) for weight, strike in calls)


def _months(tree: Tree, node: int, ending: Ending) -> float:
    return tree.months_to()[node] + ending.months


def stream(seed: int, key: str, block: int) -> np.random.Generator:
    """The numbers of one company in one block, whoever asks for them and when."""
    word = int.from_bytes(sha256(key.encode()).digest()[:8], "big")
    return np.random.Generator(np.random.Philox(key=np.array([seed, word], np.uint64), counter=[0, 0, block, 0]))


def spread(values: Floats) -> Spread:
    """How values are spread. Takes them apart: they are in another order afterwards."""
    count = values.size
    mean = float(values.mean())
    # Block by block: the differences of millions of paths from their mean are memory.
    parts = (values[start : start + BLOCK] - mean for start in range(0, count, BLOCK))
    deviation = sqrt(sum(float(part @ part) for part in parts) / count)
    places = [int(share * count) for share in (0.05, 0.5, 0.95)]
    values.partition(places)
    worst = max(int(WORST * count), 1)
    return Spread(
        mean=mean,
        standard_error=deviation / sqrt(count),
        p05=float(values[places[0]]),
        p50=float(values[places[1]]),
        p95=float(values[places[2]]),
        worst_mean=float(values[:worst].mean()),
    )
