"""Ranking: how nearly each way to reckon companies' multiples gives their exact order, and at what price."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean, median
from time import perf_counter

import numpy as np

from domain.reserves.curve import Curve, curve, curves
from domain.reserves.given_market import sampled_multiple
from domain.reserves.simulation import Portfolio, Stake
from tests.benchmarks.ground import Ground, at_rest
from tests.benchmarks.results import Figure, Unit, at_least, at_most, interleaved
from tests.domain.reserves.drawn import drawn_companies
from tests.domain.reserves.ranked import COMPANIES, CORRELATION, DRAWN, PATHS, advised, by_recursion, tau
from tests.domain.reserves.trees import MILLION

BEST = 5
"""The first companies of the exact order, which another order may find or not."""
SAME = 1 - 1e-9
"""Tau of an order with itself, but for rounding."""
OTHER = 1_000_000
"""Between the seeds of one simulation and of another that is to share nothing with it."""
Reckon = Callable[[Stake, Curve, int], float]
"""A company's multiple by one way, with a seed."""


@dataclass(slots=True)
class Ranked:
    """What came of one way to reckon the multiples, seed by seed.

    Attributes:
        errors: How far companies lie from their exact multiples, apart from what all have in common: that changes no
            order.
        seconds: For all companies.
    """

    taus: list[float] = field(default_factory=list)
    found: list[int] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def add(self, exact: Sequence[float], multiples: Sequence[float], seconds: float) -> None:
        self.taus.append(tau(exact, multiples))
        best, told = np.argsort(exact)[-BEST:], np.argsort(multiples)[-BEST:]
        self.found.append(np.intersect1d(best, told).size)
        self.errors.append(float(np.std(np.subtract(multiples, exact))))
        self.seconds.append(seconds)

    @property
    def error(self) -> float:
        return float(np.sqrt(np.mean(np.square(self.errors))))


def _given_market(one: Stake, exact: Curve, seed: int) -> float:
    found = sampled_multiple(one.tree, exact.spent(MILLION).tolist(), seed, CORRELATION, PATHS)
    assert found is not None, "the increment is deployed sometimes"
    return found.multiple


def _plain(one: Stake, exact: Curve, seed: int) -> float:
    paths = Portfolio([one], [[exact.spent(MILLION).tolist()]], seed, CORRELATION).run(PATHS)
    return float(paths.added.sum() / paths.drawn.sum())


def _subtracted(one: Stake, exact: Curve, seed: int) -> float:
    """The source document's: a simulation with the increment less another without it.

    Over the dollars expected to be deployed, which are exact here: what is subtracted is all that it gets wrong.
    """
    cheques = exact.spent(MILLION).tolist()
    taking = Portfolio([one], [[cheques]], seed, CORRELATION).run(PATHS)
    without = Portfolio([one], [[[0.0] * len(cheques)]], seed + OTHER, CORRELATION).run(PATHS)
    return float((taking.base + taking.added[0]).mean() - without.base.mean()) / exact.deployed(MILLION)


async def rank(ground: Ground) -> list[Figure]:
    """Companies around the default odds, ranked each way with so many seeds; and what the exact order costs."""
    stakes, seeds = drawn_companies(COMPANIES, DRAWN), ground.scale.ranking_seeds
    found = curves([one.tree for one in stakes], [one.ownership for one in stakes])
    exact = [each.expected_moic(MILLION) or 0.0 for each in found]
    ways: dict[str, Reckon] = {"given the market": _given_market, "plain": _plain, "subtracted": _subtracted}
    ranked = {name: Ranked() for name in ways}
    at_rest()
    for seed in range(seeds):
        for name in list(ways) if seed % 2 == 0 else list(ways)[::-1]:
            begun = perf_counter()
            multiples = [ways[name](one, each, seed) for one, each in zip(stakes, found, strict=True)]
            ranked[name].add(exact, multiples, perf_counter() - begun)
    return [*_exactly(stakes), *_orders(ranked, seeds), *_price(ranked), *await _curves(ground)]


def _exactly(stakes: Sequence[Stake]) -> list[Figure]:
    """The ranking as it is advised, against the order of figures reckoned another way."""
    found = {one.key: by_recursion(one) for one in stakes}
    told = advised(stakes)
    orders = [found[one.company_id] for one in told]
    following = [each.multiple(0.0) or 0.0 for each in orders]
    moics = [each.expected_moic(MILLION) or 0.0 for each in orders]
    return [
        Figure(
            f"ranking of {len(stakes)} companies by followOnMultiple: Kendall's tau with the exact order",
            Unit.DECIMAL,
            tau(following, [-one.rank for one in told]),
            at_least(SAME),
            note="the exact order by the recursion of the odds, apart from the product's code",
        ),
        Figure(
            "their expectedMoic of 1,000,000: tau with the exact order",
            Unit.DECIMAL,
            tau(moics, [one.expected_moic for one in told]),
            at_least(SAME),
            note=f"the exact orders by the next dollar and by the first million have {tau(moics, following):.3f}",
        ),
    ]


def _orders(ranked: Mapping[str, Ranked], seeds: int) -> list[Figure]:
    names = {
        "given the market": f"expectedMoic sampled, {PATHS:,} draws of the market alone: tau with the exact order",
        "plain": f"expectedMoic sampled, {PATHS:,} plain paths: tau with the exact order",
        "subtracted": f"two independent simulations of {PATHS:,} paths, subtracted: tau with the exact order",
    }
    return [
        Figure(
            names[name],
            Unit.DECIMAL,
            mean(one.taus),
            at_least(0.98) if name == "given the market" else None,
            {"tau": one.taus, f"found of the first {BEST}": one.found},
            f"mean of {seeds} seeds, from {min(one.taus):.3f}; finds {mean(one.found):.2f} of the first {BEST}",
        )
        for name, one in ranked.items()
    ]


def _price(ranked: Mapping[str, Ranked]) -> list[Figure]:
    """What the others need to be as near: errors fall by the root of the paths, time goes by their number."""
    ours, figures = ranked["given the market"], []
    for name, told in (("plain", "plain paths"), ("subtracted", "two simulations, subtracted")):
        other = ranked[name]
        times = (other.error / ours.error) ** 2
        seconds = median(other.seconds) * times
        figures.append(
            Figure(
                f"{told}: time until companies lie as near to one another as by draws of the market",
                Unit.TIMES,
                seconds / median(ours.seconds),
                None,
                {"given the market": ours.seconds, name: other.seconds},
                f"reckoned: {PATHS * times:,.0f} paths, {seconds:,.0f} s against {median(ours.seconds):.3f}; "
                f"at {PATHS:,} they are {other.error:.3f} and {ours.error:.4f} off, apart from what is common to all",
            )
        )
    return figures


async def _curves(ground: Ground) -> list[Figure]:
    stakes = drawn_companies(ground.scale.curves, DRAWN)
    trees, owned = [one.tree for one in stakes], [one.ownership for one in stakes]

    async def together() -> float:
        begun = perf_counter()
        curves(trees, owned)
        return (perf_counter() - begun) * 1000

    async def one_by_one() -> float:
        begun = perf_counter()
        for tree, ownership in zip(trees, owned, strict=True):
            curve(tree, ownership)
        return (perf_counter() - begun) * 1000

    at_rest()
    found = await interleaved({"together": together, "one by one": one_by_one}, ground.scale.rounds)
    return [
        Figure(
            f"exact curves of {len(stakes):,} companies, together",
            Unit.MILLISECONDS,
            median(found["together"]),
            at_most(50),
            found,
            f"one by one {median(found['one by one']):,.0f} ms",
        )
    ]
