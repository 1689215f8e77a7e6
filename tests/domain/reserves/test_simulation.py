"""The simulation: the same numbers whoever asks, means as reckoned exactly, and fortunes that go together."""

from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from math import erf, exp, inf, sqrt
from statistics import NormalDist

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import binom, norm

from domain.reserves.curve import curve, value_of_holding
from domain.reserves.exits import Floats, Pareto
from domain.reserves.simulation import (
    BLOCK,
    MARKET,
    Found,
    Portfolio,
    Simulated,
    Stake,
    Wanted,
    one_by_one,
    spread,
    stream,
)
from domain.reserves.tree import Tree, from_stage
from tests.domain.reserves.trees import CLASSES, KNOWN, MILLION, ending, expected, paths, step, tree

CASES: dict[str, Tree] = {
    "known": KNOWN,
    "seed": from_stage("Seed", 20e6, 18.0),
    "series a": from_stage("Series A", 60e6, 0.0),
    "near the cut": from_stage("Seed", 300e6, 0.0),
    "above the cut": tree([step(0.7, 40, 10)], [ending(0.1, 60)], [ending(0.4, 300_000), ending(0.3, 150_000, 0.8)]),
    "tail": tree(
        [step(0.6, 40, 10, sigma=0.4), step(0.5, 90, 30, sigma=0.2)],
        [ending(0.2, 15, alpha=3.0), ending(0.1, 120)],
        [ending(0.3, 60, alpha=4.0)],
        [ending(0.3, 200, 0.5), ending(0.3, 100, alpha=3.5)],
        shares=CLASSES[4],
    ),
    "tail cut off": tree(
        [step(0.7, 40, 10, sigma=0.3)], [ending(0.1, 60_000, alpha=1.2)], [ending(0.5, 40_000, alpha=1.5)]
    ),
    "tail above the cut": tree([step(0.7, 40, 10)], [], [ending(0.5, 200_000, alpha=1.5), ending(0.1, 0, alpha=2.0)]),
    "worthless": tree([step(0.7, 40, 10)], [ending(0.2, 0)], [ending(0.4, 0, 0.9), ending(0.3, 80)]),
    **{
        f"class {number}": tree(
            [step(0.6, 40, 10, sigma=0.4), step(0.5, 90, 30)],
            [ending(0.2, 15, 0.7), ending(0.1, 120)],
            [ending(0.3, 60, 1.0)],
            [ending(0.6, 200, 0.5)],
            shares=shares,
            super_pro_rata=0.5,
        )
        for number, shares in enumerate(CLASSES)
    },
}


def stake(key: str = "acme", one: Tree = KNOWN, ownership: float = 0.12, paid: float = 2 * MILLION) -> Stake:
    return Stake(key, one, ownership, paid)


def plan_of(*stakes: Stake, part: float = 1.0) -> list[list[float]]:
    """Every round's cheque at so large a part of its cap."""
    return [[part * float(cap) for cap in curve(one.tree, one.ownership).caps] for one in stakes]


FOUR = [stake(key, CASES[case]) for key, case in zip("abcd", ("known", "seed", "class 4", "near the cut"), strict=True)]
SPREAD = FOUR[1]
PLANS = [plan_of(*FOUR), plan_of(*FOUR, part=0.3), [[0.0] * len(each) for each in plan_of(*FOUR)]]


def same(one: Simulated, other: Simulated) -> bool:
    """Whether they are alike to the last bit."""
    return (
        one.base.tobytes() == other.base.tobytes()
        and one.added.tobytes() == other.added.tobytes()
        and one.drawn.tobytes() == other.drawn.tobytes()
    )


def test_a_seed_gives_the_same_paths_to_the_last_bit() -> None:
    assert same(Portfolio(FOUR, PLANS, 7, 0.3).run(20_000), Portfolio(FOUR, PLANS, 7, 0.3).run(20_000))


def test_another_seed_gives_other_paths() -> None:
    one, other = Portfolio([SPREAD], [[[0.0] * 4]], 7, 0.3), Portfolio([SPREAD], [[[0.0] * 4]], 8, 0.3)
    exits = one.run(1_000).base
    assert not np.intersect1d(exits[exits > 0], other.run(1_000).base).size


def test_the_order_of_the_blocks_does_not_matter() -> None:
    whole = Portfolio(FOUR, PLANS, 7, 0.3).run(3 * BLOCK + 11)
    other = Portfolio(FOUR, PLANS, 7, 0.3)
    blocks = dict(other.blocks(3 * BLOCK + 11))
    found = {number: other.block(number, blocks[number]) for number in (2, 0, 3, 1)}
    joined = [found[number] for number in sorted(found)]
    assert whole.base.tobytes() == np.concatenate([each.base for each in joined]).tobytes()
    assert whole.added.tobytes() == np.concatenate([each.added for each in joined], axis=1).tobytes()
    assert whole.drawn.tobytes() == np.concatenate([each.drawn for each in joined], axis=1).tobytes()


def shuffled(portfolio: Portfolio, wanted: Wanted) -> Found:
    """The last block first."""
    yield from one_by_one(portfolio, wanted[::-1])


def test_blocks_may_come_in_any_order() -> None:
    told: list[float] = []
    portfolio = Portfolio(FOUR, PLANS, 7, 0.3)
    assert same(portfolio.run(3 * BLOCK + BLOCK // 2, told.append, shuffled), portfolio.run(3 * BLOCK + BLOCK // 2))
    assert told == pytest.approx([1 / 7, 3 / 7, 5 / 7, 1])


@pytest.mark.parametrize("most", [1, 2, 7])
def test_blocks_may_be_simulated_in_threads(most: int) -> None:
    def in_threads(portfolio: Portfolio, wanted: Wanted) -> Found:
        with ThreadPoolExecutor(most) as executor:
            numbers = {executor.submit(portfolio.block, *one): one[0] for one in wanted}
            for done in as_completed(numbers):
                yield numbers[done], done.result()

    portfolio = Portfolio(FOUR, PLANS, 7, 0.3)
    assert same(portfolio.run(9 * BLOCK + 11, blocks=in_threads), portfolio.run(9 * BLOCK + 11))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([(0, BLOCK)], "2 blocks never came"),
        ([(0, BLOCK), (0, BLOCK)], "block 0 isn't the one that was wanted"),
        ([(3, BLOCK)], "block 3 isn't the one that was wanted"),
        ([(2, BLOCK)], "block 2 isn't the one that was wanted"),
    ],
)
def test_paths_that_nobody_simulated_are_never_told(given: list[tuple[int, int]], told: str) -> None:
    def wrong(portfolio: Portfolio, wanted: Wanted) -> Found:
        assert wanted == ((0, BLOCK), (1, BLOCK), (2, 5))
        yield from one_by_one(portfolio, given)

    with pytest.raises(ValueError, match=told):
        Portfolio(FOUR, PLANS, 7, 0.3).run(2 * BLOCK + 5, blocks=wrong)


def test_blocks_that_nobody_wants_any_more_are_told_so() -> None:
    ended: list[int] = []

    def counted(portfolio: Portfolio, wanted: Wanted) -> Found:
        try:
            yield from one_by_one(portfolio, wanted)
        finally:
            ended.append(len(wanted))

    def stop(_: float) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        Portfolio(FOUR, PLANS, 7, 0.3).run(3 * BLOCK, stop, counted)
    assert ended == [3]


def test_blocks_differ_from_one_another() -> None:
    one = Portfolio([SPREAD], [[[0.0] * 4]], 7, 0.3)
    first, second = one.block(0).base, one.block(1).base
    assert not np.intersect1d(first[first > 0], second).size


@pytest.mark.parametrize(
    ("iterations", "blocks"),
    [
        (1, [(0, 1)]),
        (BLOCK, [(0, BLOCK)]),
        (BLOCK + 1, [(0, BLOCK), (1, 1)]),
        (2 * BLOCK + 5, [(0, BLOCK), (1, BLOCK), (2, 5)]),
    ],
)
def test_blocks_make_up_the_iterations(iterations: int, blocks: list[tuple[int, int]]) -> None:
    assert list(Portfolio(FOUR, PLANS, 7, 0.3).blocks(iterations)) == blocks


def test_fewer_iterations_are_the_first_of_more() -> None:
    one = Portfolio(FOUR, PLANS, 7, 0.3)
    more = one.run(2 * BLOCK)
    for iterations in (100, BLOCK, BLOCK + 1_808):
        fewer = one.run(iterations)
        assert fewer.base.tobytes() == more.base[:iterations].tobytes()
        assert fewer.added.tobytes() == more.added[:, :iterations].tobytes()
        assert fewer.drawn.tobytes() == more.drawn[:, :iterations].tobytes()


def test_one_more_company_changes_no_other_companys_paths() -> None:
    # Whole dollars: sums of them are exact, whatever their order.
    certain = [stake(key, tree([step(0.5, 40, 10)], [ending(0.25, 64)], [ending(0.5, 512)]), 0.125) for key in "abcd"]
    cheques = [[1.0 * 2**20] for _ in certain]

    def alone(place: int) -> Simulated:
        return Portfolio([certain[place]], [[cheques[place]]], 7, 0.3).run(5_000)

    for chosen in ([0, 1, 2, 3], [0, 1, 2], [3, 1], [2]):
        together = Portfolio([certain[n] for n in chosen], [[cheques[n] for n in chosen]], 7, 0.3).run(5_000)
        parts = [alone(n) for n in chosen]
        assert together.drawn.tobytes() == np.sum([part.drawn for part in parts], axis=0).tobytes()
        assert together.base == pytest.approx(np.sum([part.base for part in parts], axis=0), rel=1e-12)
        assert together.added == pytest.approx(np.sum([part.added for part in parts], axis=0), rel=1e-12)


def test_one_more_plan_changes_no_other_plans_paths() -> None:
    three = Portfolio(FOUR, PLANS, 7, 0.3).run(2_000)
    for place, plan in enumerate(PLANS):
        one = Portfolio(FOUR, [plan], 7, 0.3).run(2_000)
        assert one.base.tobytes() == three.base.tobytes()
        assert one.added[0].tobytes() == three.added[place].tobytes()
        assert one.drawn[0].tobytes() == three.drawn[place].tobytes()


def test_a_stream_is_found_by_seed_company_and_block() -> None:
    keys = [(7, "a", 0), (8, "a", 0), (7, "b", 0), (7, "a", 1), (7, MARKET, 0), (2**31 - 1, "Ä", 10**6)]
    found = [tuple(stream(*key).standard_normal(4)) for key in keys]
    assert len(set(found)) == len(keys)
    assert found == [tuple(stream(*key).standard_normal(4)) for key in keys]


def near(values: Floats, told: float, most: float = 5.0) -> bool:
    """Whether a mean lies within so many standard errors of what was told."""
    return abs(float(values.mean()) - told) <= most * float(values.std()) / sqrt(values.size) + 1e-9 * abs(told)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("rate", [0.0, 0.15])
def test_simulated_means_are_the_exact_ones(case: str, seed: int, rate: float) -> None:
    one = stake(case, CASES[case])
    found = curve(one.tree, one.ownership, rate)
    plans = [plan_of(one), plan_of(one, part=0.4)]
    told = Portfolio([one], plans, seed, 0.3, rate).run(2 * BLOCK)
    assert near(told.base, value_of_holding(one.tree, one.ownership, one.paid, rate))
    for place, plan in enumerate(plans):
        assert near(told.added[place], float(np.array(plan[0]) @ found.gain))
        assert near(told.drawn[place], float(np.array(plan[0]) @ found.cost))


def test_every_path_of_a_certain_tree_is_one_that_can_be_gone() -> None:
    one = stake(
        "acme", tree([step(0.5, 40, 10), step(0.4, 75, 30)], [ending(0.2, 30)], [ending(0.42, 90)], [ending(0.5, 300)])
    )
    found = Portfolio([one], [plan_of(one)], 3, 0.3).run(4_000)
    reserve = sum(map(sum, plan_of(one)))
    told = {
        tuple(round(part) for part in (outcome.held, outcome.added, outcome.drawn))
        for path in paths(one.tree)
        for outcome in [expected(tree_of(one.tree, path.rounds, path.end is not None), 0.12, one.paid, reserve)]
    }
    seen = zip(found.base, found.added[0], found.drawn[0], strict=True)
    assert {tuple(round(float(part)) for part in each) for each in seen} == told


def tree_of(one: Tree, rounds: int, exits: bool) -> Tree:
    """The tree in which just this happens."""
    steps = tuple(replace(each, probability=1.0) for each in one.steps[:rounds])
    ends = tuple(replace(each, probability=1.0) for each in one.endings[rounds]) if exits else ()
    return replace(one, steps=steps, endings=(*[()] * rounds, ends))


def test_a_plan_without_cheques_costs_and_adds_nothing() -> None:
    found = Portfolio(FOUR, PLANS, 7, 0.3).run(1_000)
    assert not found.added[2].any()
    assert not found.drawn[2].any()
    assert found.added[0].any()


def test_twice_the_cheque_adds_twice_as_much_on_every_path() -> None:
    found = Portfolio(FOUR, [plan_of(*FOUR, part=0.25), plan_of(*FOUR, part=0.5)], 7, 0.3).run(3_000)
    assert found.added[1] == pytest.approx(2 * found.added[0])
    assert found.drawn[1] == pytest.approx(2 * found.drawn[0])


def test_a_portfolio_of_nothing_brings_nothing() -> None:
    found = Portfolio([], [[]], 7, 0.3).run(300)
    assert (found.base.shape, found.added.shape, found.drawn.shape) == ((300,), (1, 300), (1, 300))
    assert not found.base.any()


def test_a_company_that_surely_fails_brings_nothing_and_one_that_surely_exits_always_the_same() -> None:
    fails, exits = stake("fails", tree([], [ending(0.0, 50)])), stake("exits", tree([], [ending(1.0, 50)]))
    assert not Portfolio([fails], [[[]]], 7, 0.3).run(500).base.any()
    assert Portfolio([exits], [[[]]], 7, 0.3).run(500).base == pytest.approx(np.full(500, 6 * MILLION))


def test_no_path_is_worth_more_than_the_cut() -> None:
    one = stake("dear", tree([], [ending(1.0, 60_000, 1.5)]), ownership=1.0)
    values = Portfolio([one], [[[]]], 7, 0.3).run(20_000).base
    assert values.max() < 100e9
    # Those that lay above it are drawn anew: the rest of the distribution keeps its shape.
    below = NormalDist().cdf(np.log(100 / 60) / 1.5)
    shares = [
        NormalDist().cdf(float(np.log(x / 60e9)) / 1.5) / below for x in np.quantile(values, (0.1, 0.5, 0.9, 0.99))
    ]
    assert shares == pytest.approx([0.1, 0.5, 0.9, 0.99], abs=0.012)


def test_two_cheques_in_one_company_end_with_the_same_exit() -> None:
    one = stake("acme", tree([step(1.0, 40, 10), step(1.0, 90, 10)], [], [], [ending(1.0, 300, 0.8)]))
    found = Portfolio([one], [[[MILLION, 0.0]], [[0.0, MILLION]]], 7, 0.3).run(2_000)
    # A dollar of the first round buys 2% a million, then keeps 85%; one of the second buys 1%.
    assert found.added[0] == pytest.approx(found.added[1] * 0.02 * 0.85 / 0.01)
    assert found.base == pytest.approx(found.added[1] / 0.01 * 0.12 * 0.75 * 0.85)


TWENTY = [stake(f"company {n}", tree([step(0.4, 40, 10)], [], []), 0.1) for n in range(20)]
EACH_A_MILLION = [[[MILLION]] * 20]


def chance_of_more_than(most: int, correlation: float) -> float:
    """That more than so many of the twenty raise a round: one-factor Gaussian copula, by quadrature."""
    if correlation == 0:
        return float(binom.sf(most, 20, 0.4))

    def given(market: float) -> float:
        alone = norm.cdf((norm.ppf(0.4) + sqrt(correlation) * market) / sqrt(1 - correlation))
        return float(binom.sf(most, 20, alone) * norm.pdf(market))

    return float(quad(given, -9, 9, limit=200)[0])


@pytest.mark.parametrize(("correlation", "known"), [(0.0, 0.021), (0.3, 0.193)])
def test_the_market_makes_a_need_of_more_than_12_of_20_million_likelier(correlation: float, known: float) -> None:
    told = chance_of_more_than(12, correlation)
    assert told == pytest.approx(known, abs=0.0005)
    drawn = Portfolio(TWENTY, EACH_A_MILLION, 11, correlation).run(12 * BLOCK).drawn[0]
    assert near((drawn > 12.5 * MILLION).astype(float), told, 4)
    assert near(drawn, 8 * MILLION, 4)


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.7, 0.99])
def test_two_companies_go_on_together_as_often_as_their_correlation_says(correlation: float) -> None:
    pair = TWENTY[:2]
    drawn = Portfolio(pair, [[[MILLION], [MILLION]]], 5, correlation).run(6 * BLOCK).drawn[0]

    def given(at: float) -> float:
        above = norm.sf((norm.ppf(0.6) - correlation * at) / sqrt(1 - correlation**2))
        return float(norm.pdf(at) * above)

    told = quad(given, norm.ppf(0.6), inf)[0]
    assert near((drawn > 1.5 * MILLION).astype(float), told)
    if correlation == 0:
        assert told == pytest.approx(0.16)


def test_one_company_alone_does_not_feel_the_correlation() -> None:
    for correlation in (0.0, 0.99):
        drawn = Portfolio(TWENTY[:1], [[[MILLION]]], 5, correlation).run(2 * BLOCK).drawn[0]
        assert near(drawn, 0.4 * MILLION)


def test_exits_of_a_lognormal_value_are_spread_as_it_is() -> None:
    one = stake("acme", tree([], [ending(1.0, 80, 1.5)]), ownership=0.1, paid=0.0)
    values = Portfolio([one], [[[]]], 7, 0.3).run(4 * BLOCK).base
    for times in (0.1, 1.0, 3.0, 10.0):
        share = 0.5 * (1 + erf(float(np.log(times)) / 1.5 / sqrt(2)))
        assert near((values < 8 * MILLION * times).astype(float), share)
    assert near(values, 8 * MILLION * exp(1.125))


@pytest.mark.parametrize("sigma", [0.0, 0.6])
def test_exits_with_a_tail_are_spread_as_they_are(sigma: float) -> None:
    one = stake("acme", tree([], [ending(1.0, 80, sigma, alpha=1.8)]), ownership=0.1, paid=0.0)
    values = Portfolio([one], [[[]]], 7, 0.3).run(4 * BLOCK).base
    worth = Pareto(8 * MILLION, 1.8, 10e9, sigma)
    for share in (0.01, 0.2, 0.5, 0.9, 0.999):
        assert near((values < worth.quantile(np.array(share))).astype(float), share)


def test_progress_is_told_after_every_block_up_to_the_whole() -> None:
    told: list[float] = []
    Portfolio(TWENTY[:1], [[[MILLION]]], 5, 0.3).run(2 * BLOCK + BLOCK // 2, told.append)
    assert told == pytest.approx([0.4, 0.8, 1.0])
    assert told[-1] == 1


def test_what_progress_raises_ends_the_run() -> None:
    told: list[float] = []

    class StoppedError(Exception):
        pass

    def stop(share: float) -> None:
        told.append(share)
        if len(told) == 2:
            raise StoppedError

    with pytest.raises(StoppedError):
        Portfolio(TWENTY[:1], [[[MILLION]]], 5, 0.3).run(10 * BLOCK, stop)
    assert told == pytest.approx([0.1, 0.2])


def test_a_spread_tells_the_values_below_which_5_50_and_95_percent_lie() -> None:
    values = np.random.default_rng(3).permutation(np.arange(1_000.0))
    told = spread(values.copy())
    assert (told.p05, told.p50, told.p95) == (50, 500, 950)
    assert told.mean == 499.5
    assert told.worst_mean == pytest.approx(24.5)
    assert told.standard_error == pytest.approx(float(values.std()) / sqrt(1_000))
    assert [(values < told.p05).mean(), (values < told.p50).mean(), (values < told.p95).mean()] == [0.05, 0.5, 0.95]


def test_a_spread_of_few_values_has_a_worst_one() -> None:
    told = spread(np.array([3.0, 1.0, 2.0]))
    assert (told.p05, told.p50, told.p95, told.worst_mean, told.mean) == (1, 2, 3, 1, 2)
    alone = spread(np.array([5.0]))
    assert (alone.p05, alone.p95, alone.worst_mean, alone.standard_error) == (5, 5, 5, 0)
