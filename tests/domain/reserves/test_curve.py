"""The curve: against known values, and against every path gone through one by one."""

from dataclasses import replace
from itertools import pairwise
from math import exp, sqrt

import numpy as np
import pytest
from hypothesis import assume, given, strategies as st

from domain.forecasting import PreferenceKind
from domain.reserves.curve import Curve, curve, curves, per_round, points, value_of_holding
from domain.reserves.exits import ShareClass
from domain.reserves.stages import DEFAULT_STAGES
from domain.reserves.tree import Odds, Tree, from_stage
from tests.domain.reserves.trees import (
    CLASSES,
    KNOWN,
    MILLION,
    PROPERTY,
    ending,
    expected,
    paths,
    scattered,
    step,
    tiny,
    tree,
    trees,
)

ROOM = (1.2 + 3.42) * MILLION
owners = st.floats(0.001, 0.6)
rates = st.sampled_from([0.0, 0.12, 1.0])


def value_of_dollar(one: Tree, rate: float = 0.0) -> float:
    """What a dollar in the first round brings, seen from right after it."""
    return float(per_round(one, one.odds(), rate)[1][0, 0])


def test_a_pro_rata_cheque_keeps_a_tenth_at_9_5_percent_and_brings_28_5_of_300() -> None:
    one = tree([step(1.0, 40, 10)], [], [ending(1.0, 300)])
    found = curve(one, 0.10)
    assert found.caps.tolist() == pytest.approx([1.0 * MILLION])
    assert value_of_holding(one, 0.10, MILLION) == pytest.approx(0.075 * 300 * MILLION)
    assert found.proceeds(MILLION) == pytest.approx(0.02 * 300 * MILLION)
    assert value_of_holding(one, 0.10, MILLION) + found.proceeds(MILLION) == pytest.approx(28.5 * MILLION)


def test_the_known_curve_has_its_known_values() -> None:
    found = curve(KNOWN, 0.12)
    assert found.caps.tolist() == pytest.approx([1.2 * MILLION, 3.42 * MILLION])
    assert found.gain.tolist() == pytest.approx([0.776571, 0.285714], abs=5e-7)
    assert found.cost.tolist() == pytest.approx([0.5, 0.2])
    assert [found.multiple(0), found.multiple(2 * MILLION)] == pytest.approx([1.553143, 1.428571], abs=5e-7)


def test_rounds_of_12_at_48_and_36_at_174_have_the_same_caps_and_the_same_second_slope() -> None:
    one = tree([step(0.5, 48, 12), step(0.4, 174, 36)], [], [], [ending(0.5, 600)])
    found = curve(one, 0.10)
    assert found.caps.tolist() == pytest.approx([1.2 * MILLION, 3.42 * MILLION])
    assert found.gain[1] == pytest.approx(0.285714, abs=5e-7)
    # What the second round brings at this price is more than the known curve's first dollar brings in all.
    assert found.gain[0] == pytest.approx(0.5 * 0.4 * 5 * (1 - 36 / 210 - 0.05))


def test_a_chain_of_stages_deploys_with_the_chance_of_reaching_each_round() -> None:
    chain = tree([step(p, 40, 10) for p in (0.45, 0.5, 0.45, 0.4)], [], [], [], [], [])
    assert curve(chain, 0.1).cost.tolist() == pytest.approx([0.45, 0.225, 0.10125, 0.0405])


def test_a_reserve_is_spent_round_by_round() -> None:
    found = curve(KNOWN, 0.12)
    assert found.room == pytest.approx(ROOM)
    assert found.spent(0).tolist() == [0, 0]
    assert found.spent(0.5 * MILLION).tolist() == [0.5 * MILLION, 0]
    assert found.spent(2 * MILLION).tolist() == pytest.approx([1.2 * MILLION, 0.8 * MILLION])
    assert found.spent(9 * MILLION).tolist() == pytest.approx([1.2 * MILLION, 3.42 * MILLION])


def test_what_a_reserve_costs_and_brings_is_the_sum_over_its_rounds() -> None:
    found = curve(KNOWN, 0.12)
    assert found.deployed(2 * MILLION) == pytest.approx((1.2 * 0.5 + 0.8 * 0.2) * MILLION)
    assert found.proceeds(2 * MILLION) == pytest.approx((1.2 * 0.7765714286 + 0.8 * 0.2857142857) * MILLION)
    assert found.expected_moic(2 * MILLION) == pytest.approx(1.526917, abs=5e-7)


def test_the_next_dollar_lands_in_the_first_round_that_is_not_full() -> None:
    found = curve(KNOWN, 0.12)
    assert [found.place(x * MILLION) for x in (0, 1.19, 1.2, 4.61, 4.62, 9)] == [0, 0, 1, 1, None, None]
    assert found.multiple(ROOM) is None
    assert found.value_per_reserved(ROOM) is None


def test_a_reserved_dollar_that_is_not_drawn_counts_what_it_is_worth_elsewhere() -> None:
    found = curve(KNOWN, 0.12)
    assert found.value_per_reserved(0) == pytest.approx(0.7765714 + 0.5)
    assert found.value_per_reserved(0, 1.5) == pytest.approx(0.7765714 + 1.5 * 0.5)
    assert found.value_per_reserved(2 * MILLION, 2.0) == pytest.approx(0.2857143 + 2.0 * 0.8)


def test_the_best_multiple_is_that_of_the_best_round() -> None:
    assert curve(KNOWN, 0.12).best == pytest.approx(1.553143, abs=5e-7)
    down = tree([step(0.5, 95, 5), step(0.5, 15, 5)], [], [ending(0.1, 50)], [ending(0.9, 60)])
    found = curve(down, 0.1)
    assert found.best == pytest.approx(found.multiple(found.caps[0]))
    assert found.best > (found.multiple(0) or 0)
    assert curve(tree([], [ending(0.5, 60)]), 0.1).best == 0


@PROPERTY
@given(trees(), owners, st.floats(0, 2), rates)
def test_costs_and_proceeds_are_those_of_all_paths_gone_through_one_by_one(
    one: Tree, ownership: float, part: float, rate: float
) -> None:
    found = curve(one, ownership, rate)
    reserve = part * found.room
    told = expected(one, ownership, 3 * MILLION, reserve, rate)
    assert found.deployed(reserve) == pytest.approx(told.drawn, rel=1e-9, abs=1e-3)
    assert found.proceeds(reserve) == pytest.approx(told.added, rel=1e-9, abs=1e-3)
    assert value_of_holding(one, ownership, 3 * MILLION, rate) == pytest.approx(told.held, rel=1e-9, abs=1e-3)


@PROPERTY
@given(trees(2, certain=False), owners, rates)
def test_step_ups_and_exits_that_are_spread_bring_what_all_their_values_bring_on_average(
    one: Tree, ownership: float, rate: float
) -> None:
    one = replace(tiny(one), shares=ShareClass())
    normals, weights = np.polynomial.hermite_e.hermegauss(20)
    nodes = [(float(w) / sqrt(2 * np.pi), float(x)) for x, w in zip(normals, weights, strict=True)]
    gain = curve(one, ownership, rate).gain
    for number, round_ in enumerate(one.steps, start=1):
        brought = 0.0
        for path in (each for each in paths(one) if each.end is not None and each.rounds >= number):
            assert path.end is not None
            fraction, after = round_.size / round_.post, one.steps[number : path.rounds]
            months = sum(each.months for each in one.steps[: path.rounds]) + path.end.months
            for later in after:
                fraction *= 1 - later.size / later.post - later.pool
            value = sum(
                weight * path.end.median * exp(sum(noise))
                for weight, noise in scattered([*(each.sigma for each in after), path.end.sigma], nodes)
            )
            brought += path.probability * value * fraction / round_.size / (1 + rate) ** (months / 12)
        assert gain[number - 1] == pytest.approx(brought, rel=1e-9, abs=1e-12)


@PROPERTY
@given(trees(certain=False), owners, st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_costs_and_proceeds_are_straight_within_a_round(
    one: Tree, ownership: float, first: float, second: float, between: float
) -> None:
    found = curve(one, ownership)
    start = 0.0
    for cap in found.caps:
        low, high = sorted((start + first * cap, start + second * cap))
        middle = low + between * (high - low)
        for measure in (found.deployed, found.proceeds):
            told = measure(low) + between * (measure(high) - measure(low))
            assert measure(middle) == pytest.approx(told, rel=1e-9, abs=1e-3)
        start += cap


@PROPERTY
@given(trees(certain=False), owners)
def test_costs_never_rise_from_round_to_round(one: Tree, ownership: float) -> None:
    assert (np.diff(curve(one, ownership).cost) <= 0).all()


@PROPERTY
@given(trees(certain=False), owners)
def test_proceeds_are_concave_where_no_down_round_is_foreseen(one: Tree, ownership: float) -> None:
    one = replace(tiny(one), shares=ShareClass())
    # By how much a share's worth grows from one post-money to the next, undiluted by new money.
    growth = [
        after.post * after.retained * exp(after.sigma**2 / 2) / before.post for before, after in pairwise(one.steps)
    ]
    assume(all(each >= 1 for each in growth))
    gain = curve(one, ownership).gain
    assert (np.diff(gain) <= 1e-9 * (1 + gain.max())).all()


def test_proceeds_are_not_concave_where_a_down_round_is_foreseen() -> None:
    down = tree([step(0.5, 95, 5), step(0.5, 15, 5)], [], [ending(0.1, 50)], [ending(0.9, 60)])
    first, second = curve(down, 0.1).gain
    assert second > first


@pytest.mark.parametrize(("more", "caps"), [(0.0, [1.0, 2.85]), (0.5, [1.5, 4.725]), (30.0, [10.0, 12.375])])
def test_a_right_above_pro_rata_raises_the_caps_up_to_the_whole_round(more: float, caps: list[float]) -> None:
    one = tree([step(0.5, 40, 10), step(0.4, 90, 30)], [], [], [ending(0.5, 300)], super_pro_rata=more)
    second = 30.0 if more == 30.0 else caps[1]
    assert curve(one, 0.10).caps.tolist() == pytest.approx([caps[0] * MILLION, second * MILLION])


def test_what_a_dollar_brings_does_not_depend_on_the_owner_or_on_rights_above_pro_rata() -> None:
    wide = replace(KNOWN, super_pro_rata=0.5)
    assert curve(KNOWN, 0.01).gain.tolist() == curve(wide, 0.4).gain.tolist()


def test_a_preference_raises_what_a_dollar_brings_at_a_small_exit() -> None:
    one = tree([step(1.0, 40, 10)], [], [ending(1.0, 20)])
    brought = [value_of_dollar(replace(one, shares=shares)) for shares in CLASSES]
    assert brought == pytest.approx([0.4, 1.0, 2.0, 1.0 + 0.2 * 1.0, 1.5 + 0.2 * 0.5])


def test_a_company_worth_more_than_any_is_cut_off() -> None:
    one = tree([step(1.0, 40, 10)], [], [ending(1.0, 200_000)])
    assert value_of_dollar(one) == pytest.approx(0.2 * 100_000 / 10)
    assert value_of_holding(one, 0.1, MILLION) == pytest.approx(0.075 * 100_000 * MILLION)


def test_costs_and_proceeds_are_discounted_to_now() -> None:
    one = tree([step(0.5, 40, 10, months=12)], [ending(0.2, 50, months=6)], [ending(1.0, 300, months=24)])
    found = curve(one, 0.10, 0.21)
    assert found.cost.tolist() == pytest.approx([0.5 / 1.21])
    assert found.gain.tolist() == pytest.approx([0.5 * 6.0 / 1.21**3])
    assert value_of_dollar(one, 0.21) == pytest.approx(6.0 / 1.21**2)
    assert value_of_holding(one, 0.10, 0, 0.21) == pytest.approx(
        (0.2 * 0.1 * 50 / 1.1 + 0.5 * 0.075 * 300 / 1.21**3) * MILLION
    )


def test_a_dollar_in_an_average_seed_company_follows_the_recursion_of_its_stages() -> None:
    # M_k = e_k E[X_k]/V_k + g_k E[u] M_(k+1), from the last stage back; below the cut all but surely.
    found = curve(from_stage("Seed", 10_000.0, 0.0), 0.10)
    spread_of_exits, spread_of_steps = exp(1.05**2 / 2), exp(0.5**2 / 2)
    worth = 0.75 * 1.25 * spread_of_exits
    told = [worth]
    for stage in reversed(DEFAULT_STAGES[1:-1]):
        kept = stage.step_up * spread_of_steps * (1 - stage.dilution - stage.pool) / (1 - stage.dilution)
        worth = stage.exit * stage.exit_multiple * spread_of_exits + stage.graduate * kept * worth
        told.insert(0, worth)
    assert (found.gain / found.cost).tolist() == pytest.approx(told, rel=1e-4)


@pytest.mark.parametrize(
    ("deployed", "told"), [(999.99, False), (1_000.0, True)], ids=["a cent too little", "just enough"]
)
def test_where_less_than_a_thousand_dollars_are_deployed_no_multiple_is_told(deployed: float, told: bool) -> None:
    found = Curve(np.array([deployed / 0.5]), np.array([0.5]), np.array([0.8]))
    assert (found.expected_moic(50_000) is not None) is told


@pytest.mark.parametrize(("chance", "told"), [(0.0099, False), (0.0101, True)])
def test_where_less_than_a_hundredth_of_the_increment_is_deployed_no_multiple_is_told(
    chance: float, told: bool
) -> None:
    found = Curve(np.array([5e6]), np.array([chance]), np.array([chance * 3]))
    assert (found.expected_moic(1e6) is not None) is told


def test_of_an_increment_the_rounds_cannot_take_what_they_take_counts() -> None:
    found = curve(KNOWN, 0.12)
    whole = found.proceeds(ROOM) / found.deployed(ROOM)
    assert found.expected_moic(ROOM) == pytest.approx(whole)
    assert found.expected_moic(1_000 * ROOM) == pytest.approx(whole)


def test_a_company_without_rounds_takes_nothing() -> None:
    found = curve(tree([], [ending(0.5, 60)]), 0.1)
    assert (found.room, found.spent(MILLION).tolist(), found.deployed(MILLION)) == (0, [], 0)
    assert (found.place(0), found.multiple(0), found.expected_moic(MILLION)) == (None, None, None)
    assert points(found, 0.0, 12) == []


def test_who_owns_nothing_may_add_nothing() -> None:
    found = curve(KNOWN, 0.0)
    assert (found.room, found.multiple(0), found.expected_moic(MILLION)) == (0, None, None)


def test_a_round_that_never_comes_has_no_multiple() -> None:
    never = tree([step(0.5, 40, 10), step(0.0, 75, 30)], [], [ending(0.4, 90)], [ending(0.5, 300)])
    found = curve(never, 0.12)
    assert found.cost.tolist() == [0.5, 0]
    assert found.multiple(2 * MILLION) is None
    assert found.value_per_reserved(2 * MILLION) == 1
    assert found.best == found.multiple(0)
    assert [reserve for reserve, _, _ in points(found, found.room, 12)] == pytest.approx(
        [ROOM / 11 * number for number in range(3)]
    )


def test_points_tell_the_next_dollars_multiple_and_chance_at_even_distances() -> None:
    found = curve(KNOWN, 0.12)
    told = points(found, found.room, 12)
    assert [reserve for reserve, _, _ in told] == pytest.approx([ROOM / 11 * number for number in range(11)])
    assert [round(multiple, 6) for _, multiple, _ in told] == [1.553143] * 3 + [1.428571] * 8
    assert [chance for _, _, chance in told] == pytest.approx([0.5] * 3 + [0.2] * 8)


@PROPERTY
@given(st.lists(st.tuples(trees(), owners), max_size=5), rates)
def test_many_curves_at_once_are_those_of_each_alone(many: list[tuple[Tree, float]], rate: float) -> None:
    found = curves([one for one, _ in many], [ownership for _, ownership in many], rate)
    for each, (one, ownership) in zip(found, many, strict=True):
        alone = curve(one, ownership, rate)
        assert (each.caps.tolist(), each.cost.tolist()) == (alone.caps.tolist(), alone.cost.tolist())
        assert each.gain.tolist() == pytest.approx(alone.gain.tolist(), rel=1e-12)


def test_every_draw_of_the_odds_is_a_tree_of_its_own() -> None:
    onward = np.array([[0.5, 0.3], [0.4, 0.9]])
    ended = (np.zeros((0, 2)), np.array([[0.42, 0.05]]), np.array([[0.5, 0.25]]))
    grown = np.array([[1.0, 1.0], [1.0, 1.3], [1.0, 0.7]])
    preferred = replace(KNOWN, shares=ShareClass(PreferenceKind.PARTICIPATING, 1.0, 2.0))
    cost, brought = per_round(preferred, Odds(onward, ended, grown), 0.1)
    for draw in range(2):
        first, second = (
            replace(
                one, probability=onward[n, draw], post=one.post * grown[n + 1, draw], size=one.size * grown[n + 1, draw]
            )
            for n, one in enumerate(KNOWN.steps)
        )
        endings = [
            [replace(one, probability=ended[n][0, draw], median=one.median * grown[n, draw]) for one in ends]
            for n, ends in enumerate(KNOWN.endings)
        ]
        alone = curve(tree([first, second], *endings, shares=preferred.shares), 0.1, 0.1)
        assert cost[:, draw].tolist() == pytest.approx(alone.cost.tolist())
        assert (cost * brought)[:, draw].tolist() == pytest.approx(alone.gain.tolist())
