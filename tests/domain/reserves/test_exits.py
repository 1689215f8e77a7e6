"""Exits: means, calls and quantiles against numeric integration, payoffs against plain piecewise reckoning."""

from collections.abc import Callable
from itertools import pairwise
from math import exp, inf, log, pi, sqrt

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.integrate import quad

from domain.forecasting import PreferenceKind
from domain.reserves.exits import (
    LARGEST_EXIT,
    Exit,
    Lognormal,
    Pareto,
    ShareClass,
    exit_call,
    expected_payoff,
    lognormal_call,
    payoff,
    survival,
)
from tests.domain.reserves.trees import CLASSES, PROPERTY, plain_payoff

EXITS: list[Lognormal | Pareto] = [
    Lognormal(80, 1.5),
    Lognormal(80, 0.3),
    Lognormal(80, 1.5, 1_000),
    Lognormal(80, 1.5, 100),
    Lognormal(80, 1.05, 80),
    Lognormal(80, 0.6, 40),
    Pareto(30, 1.8),
    Pareto(30, 1.1, 1_000),
    Pareto(30, 3.5, 40),
]
STRIKES = [0.0, 0.5, 20.0, 35.0, 39.9, 80.0, 250.0, 999.0]


def by_name(one: object) -> str:
    return str(one)


def integral(one: Lognormal | Pareto, gets: Callable[[float], float], *kinks: float) -> float:
    """E[gets(X)] by adaptive quadrature, piece by piece between the kinks."""
    if isinstance(one, Lognormal):
        most = (log(one.most / one.median) / one.sigma) if one.most < inf else 12.0 + one.sigma
        low, high = -12.0, min(most, 12.0 + one.sigma)

        def density(at: float) -> float:
            return exp(-at * at / 2) / sqrt(2 * pi)

        def value(at: float) -> float:
            return one.median * exp(one.sigma * at)

        cuts = [log(kink / one.median) / one.sigma for kink in kinks if kink > 0]
    else:
        low, high = 0.0, log(one.most / one.least) if one.most < inf else 600.0

        def density(at: float) -> float:
            return one.alpha * exp(-one.alpha * at)

        def value(at: float) -> float:
            return one.least * exp(at)

        cuts = [log(kink / one.least) for kink in kinks if kink > 0]
    ends = sorted({low, high, *(cut for cut in cuts if low < cut < high), *(x for x in (2.0, 8.0, 30.0) if x < high)})
    pieces = [
        (
            quad(lambda at: gets(value(at)) * density(at), start, end, epsabs=0, epsrel=1e-11, limit=200)[0],
            quad(density, start, end, epsabs=0, epsrel=1e-11, limit=200)[0],
        )
        for start, end in pairwise(ends)
    ]
    return float(sum(part for part, _ in pieces) / sum(mass for _, mass in pieces))


def test_a_lognormal_value_of_median_80_and_sigma_1_5_has_its_known_values() -> None:
    one = Lognormal(80, 1.5)
    assert one.mean() == pytest.approx(246.417348, abs=5e-7)
    assert one.quantile(np.array(0.95)) == pytest.approx(943.227095, abs=5e-7)
    assert one.call(250) == pytest.approx(133.920790, abs=5e-7)
    assert one.mean() - one.call(20) == pytest.approx(18.336464, abs=5e-7)


def test_a_pareto_value_of_at_least_30_and_alpha_1_8_has_its_known_values() -> None:
    one = Pareto(30, 1.8)
    assert one.mean() == pytest.approx(67.5)
    assert one.quantile(np.array(0.99)) == pytest.approx(387.464900, abs=5e-7)


@pytest.mark.parametrize("one", EXITS, ids=by_name)
def test_the_mean_is_the_integral(one: Lognormal | Pareto) -> None:
    assert one.mean() == pytest.approx(integral(one, lambda value: value), rel=1e-8)


@pytest.mark.parametrize("one", EXITS, ids=by_name)
@pytest.mark.parametrize("strike", STRIKES)
def test_a_call_is_the_integral(one: Lognormal | Pareto, strike: float) -> None:
    told = integral(one, lambda value: max(value - strike, 0.0), strike)
    assert one.call(strike) == pytest.approx(told, rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("one", EXITS, ids=by_name)
@pytest.mark.parametrize("strike", STRIKES)
def test_a_call_less_the_put_is_the_mean_less_the_strike(one: Lognormal | Pareto, strike: float) -> None:
    put = integral(one, lambda value: max(strike - value, 0.0), strike)
    assert one.call(strike) - put == pytest.approx(one.mean() - strike, rel=1e-8, abs=1e-8)


@pytest.mark.parametrize("one", EXITS, ids=by_name)
@pytest.mark.parametrize("strike", [0.0, -0.0, -5.0, -1e9])
def test_a_call_below_nothing_is_the_mean_less_the_strike(one: Lognormal | Pareto, strike: float) -> None:
    assert one.call(strike) == pytest.approx(one.mean() - strike)


@pytest.mark.parametrize("one", [one for one in EXITS if one.most < inf], ids=by_name)
def test_nothing_lies_above_the_cut(one: Lognormal | Pareto) -> None:
    assert one.call(one.most) == 0
    assert one.call(2 * one.most) == 0
    assert 0 < one.call(0.999 * one.most) < 0.001 * one.most
    assert one.mean() < one.most


@pytest.mark.parametrize("one", EXITS, ids=by_name)
@pytest.mark.parametrize("share", [1e-6, 0.05, 0.5, 0.95, 0.999])
def test_so_large_a_share_lies_below_its_quantile(one: Lognormal | Pareto, share: float) -> None:
    found = float(one.quantile(np.array(share)))
    assert integral(one, lambda value: float(value <= found), found) == pytest.approx(share, rel=1e-7)


@pytest.mark.parametrize("one", EXITS, ids=by_name)
def test_quantiles_keep_their_shape_and_rise_up_to_the_cut(one: Lognormal | Pareto) -> None:
    shares = np.linspace(0, 1, 12).reshape(3, 4)
    found = one.quantile(np.minimum(shares, 1 - 1e-12) if one.most == inf else shares)
    assert found.shape == (3, 4)
    assert (np.diff(found.ravel()) > 0).all()
    assert found.max() <= one.most
    if one.most < inf:
        assert found.max() == pytest.approx(one.most)


def test_a_certain_value_is_worth_itself() -> None:
    certain = Lognormal(100, 0)
    assert [certain.mean(), certain.call(30), certain.call(100), certain.call(101)] == [100, 70, 0, 0]
    assert certain.quantile(np.array([0.01, 0.5, 0.99])).tolist() == [100, 100, 100]


def test_a_certain_value_above_the_cut_is_the_cut() -> None:
    certain = Lognormal(100, 0, 60)
    assert [certain.mean(), certain.call(30), certain.call(60)] == [60, 30, 0]
    assert certain.quantile(np.array([0.5])).tolist() == [60]


def test_a_little_spread_changes_little() -> None:
    assert Lognormal(100, 1e-9).call(30) == pytest.approx(70)
    assert Lognormal(100, 1e-9, 60).mean() == pytest.approx(60)


@pytest.mark.parametrize("sigma", [0, 1.5])
def test_a_worthless_company_is_worth_nothing(sigma: float) -> None:
    nothing = Lognormal(0, sigma, 50)
    assert [nothing.mean(), nothing.call(0), nothing.call(10), nothing.call(-2)] == [0, 0, 0, 2]
    assert nothing.quantile(np.array([0.5, 0.9])).tolist() == [0, 0]


def test_what_all_but_surely_lies_above_the_cut_is_the_cut() -> None:
    assert Lognormal(1e15, 0.1, 1e11).mean() == 1e11
    assert Lognormal(1e15, 0.1, 1e11).call(4e10) == 6e10


def test_what_most_likely_lies_above_the_cut_lies_just_below_it() -> None:
    # Only one in 10¹⁵ of these lies below the cut, and a difference of large figures would be noise.
    one = Lognormal(1e15, 1.2, 1e11)
    assert one.mean() == pytest.approx(integral(one, lambda value: value), rel=1e-7)
    assert one.call(9e10) == pytest.approx(integral(one, lambda value: max(value - 9e10, 0), 9e10), rel=1e-7)


def test_a_call_far_above_the_value_keeps_its_digits() -> None:
    one = Lognormal(1.0, 0.5)
    # Φ(−9.2) and Φ(−8.7): below what 1 less a float near 1 can tell.
    strike = exp(0.5 * 9.2)
    assert one.call(strike) == pytest.approx(integral(one, lambda value: max(value - strike, 0), strike), rel=1e-5)


@pytest.mark.parametrize("sigma", [5.0, 37.0, 38.0, 40.0, 1e30])
def test_a_spread_beyond_reason_gives_a_number(sigma: float) -> None:
    one = Lognormal.with_mean(1e7, sigma, LARGEST_EXIT)
    assert 0 <= one.call(1e6) <= one.mean() <= 1e7


def test_a_lognormal_value_is_found_by_its_mean() -> None:
    assert Lognormal.with_mean(240, 1.5).mean() == pytest.approx(240)
    assert Lognormal.with_mean(240, 1.5).median == pytest.approx(240 * exp(-1.125))
    assert Lognormal.with_mean(240, 0) == Lognormal(240, 0)
    assert Lognormal.with_mean(240, 1.5, 1_000).most == 1_000


def test_many_values_are_reckoned_at_once_as_one_by_one() -> None:
    medians, cuts = np.array([1.0, 80.0, 3e4]), np.array([inf, 100.0, 2e4])
    for sigma in (0.0, 0.7):
        found = lognormal_call(medians, sigma, cuts, 0.5)
        alone = [Lognormal(m, sigma, c).call(0.5) for m, c in zip(medians.tolist(), cuts.tolist(), strict=True)]
        assert found.tolist() == alone


@pytest.mark.parametrize("most", [30, 29, 1])
def test_a_pareto_value_cut_at_its_least_is_certain(most: float) -> None:
    one = Pareto(30, 1.8, most)
    assert [one.mean(), one.call(0.5), one.call(most), one.call(most + 1)] == [most, most - 0.5, 0, 0]
    assert one.quantile(np.array([0.1, 0.9])).tolist() == [most, most]


SPREAD = [Pareto(30, 1.8, sigma=0.7), Pareto(30, 3.5, 200, 1.2), Pareto(30, 1.1, 1_000, 0.4), Pareto(30, 20, 25, 0.5)]


def mixed(one: Pareto, gets: Callable[[Pareto], float]) -> float:
    """The mean of something over the lognormal factor, by quadrature, each Pareto value without a cut."""

    def weighed(at: float) -> float:
        return exp(-at * at / 2) / sqrt(2 * pi) * gets(Pareto(one.least * exp(one.sigma * at), one.alpha))

    return float(quad(weighed, -12, 14, limit=400, epsabs=0, epsrel=1e-11)[0])


def above(one: Pareto, value: float) -> float:
    """The chance of more, by quadrature."""
    return mixed(one, lambda plain: min(plain.least / value, 1.0) ** plain.alpha)


@pytest.mark.parametrize("one", SPREAD, ids=by_name)
@pytest.mark.parametrize("strike", [*STRIKES, -5.0])
def test_a_call_on_a_tail_that_is_spread_is_the_mean_of_calls(one: Pareto, strike: float) -> None:
    told = mixed(one, lambda plain: plain.call(strike))
    if one.most < inf and strike < one.most:
        beyond = above(one, one.most)
        cut = mixed(one, lambda plain: plain.call(one.most)) + (one.most - max(strike, 0)) * beyond
        told = (mixed(one, lambda plain: plain.call(max(strike, 0.0))) - cut) / (1 - beyond) - min(strike, 0.0)
    elif one.most < inf:
        told = 0.0
    assert one.call(strike) == pytest.approx(told, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("one", SPREAD, ids=by_name)
@pytest.mark.parametrize("share", [1e-6, 0.05, 0.5, 0.95, 0.999])
def test_so_large_a_share_of_a_tail_that_is_spread_lies_below_its_quantile(one: Pareto, share: float) -> None:
    found = float(one.quantile(np.array(share)))
    whole = 1.0 if one.most == inf else 1 - above(one, one.most)
    assert (1 - above(one, found)) / whole == pytest.approx(share, rel=1e-4, abs=1e-8)


def test_a_tail_of_nothing_is_worth_nothing() -> None:
    one = Pareto(0.0, 1.8, 1_000, 0.5)
    assert (one.mean(), one.call(3.0), one.call(-3.0)) == (0.0, 0.0, 3.0)
    assert one.quantile(np.array([0.1, 0.9])).tolist() == [0, 0]


def test_normal_numbers_and_values_of_a_tail_tell_each_other() -> None:
    for one in (Pareto(1.0, 1.8), Pareto(1.0, 1.8, sigma=0.7)):
        for normal in (-3.0, -0.5, 0.0, 2.0, 8.0):
            value = exp(float(one.log_quantile(np.array(normal))))
            assert one.score(value) == pytest.approx(normal, abs=1e-5)


def test_exits_with_and_without_a_tail_are_reckoned_side_by_side() -> None:
    medians, sigmas = np.array([80.0, 30.0, 30.0]), np.array([1.5, 0.0, 0.7])
    found = exit_call(medians, sigmas, np.array([0.0, 1.8, 1.8]), np.array([1e3, 1e4, 1e4]), np.array([20.0] * 3))
    ones: list[Exit] = [Lognormal(80, 1.5, 1e3), Pareto(30, 1.8, 1e4), Pareto(30, 1.8, 1e4, 0.7)]
    assert found.tolist() == pytest.approx([one.call(20.0) for one in ones], rel=1e-12)


amounts = st.floats(0.01, 1e6)
spreads = st.just(0.0) | st.floats(1e-38, 4)
lognormals = st.builds(Lognormal, amounts, spreads, st.one_of(st.just(inf), st.floats(1, 1e7)))
paretos = st.builds(
    Pareto, amounts, st.floats(1.05, 6), st.one_of(st.just(inf), st.floats(1, 1e7)), st.just(0.0) | st.floats(0.01, 2)
)


@PROPERTY
@given(lognormals | paretos, amounts, amounts)
def test_a_call_lies_between_what_is_sure_and_all_and_falls_with_its_strike(one: Exit, low: float, high: float) -> None:
    low, high = sorted((low, high))
    mean, tolerance = one.mean(), 1e-9 * (one.mean() + high)
    dear, cheap, middle = one.call(high), one.call(low), one.call((low + high) / 2)
    assert max(mean - low, 0) - tolerance <= cheap <= mean + tolerance
    assert dear - tolerance <= cheap <= dear + (high - low) + tolerance
    assert middle <= (dear + cheap) / 2 + tolerance
    assert dear >= 0


owned = st.floats(0, 1)
classes = st.one_of(
    st.sampled_from(CLASSES),
    st.builds(
        lambda multiple, more: ShareClass(PreferenceKind.PARTICIPATING, multiple, multiple + more),
        st.floats(0, 4),
        st.floats(0, 4),
    ),
    st.builds(ShareClass, st.sampled_from(PreferenceKind), st.floats(0, 4)),
)


@PROPERTY
@given(classes, st.floats(1e-6, 1), st.floats(0, 500), st.lists(st.floats(0, 1e5), min_size=1, max_size=20))
def test_every_class_gets_what_plain_reckoning_gives_it(
    shares: ShareClass, fraction: float, paid: float, values: list[float]
) -> None:
    found = payoff(np.array(values), shares, fraction, paid)
    assert found.shape == (len(values),)
    assert found.tolist() == pytest.approx([plain_payoff(x, shares, fraction, paid) for x in values], abs=1e-6)


@PROPERTY
@given(classes, st.floats(1e-6, 1), st.floats(0, 500), st.floats(0, 1e5), st.floats(0, 1e5))
def test_shares_get_no_less_of_more_and_never_more_than_all(
    shares: ShareClass, fraction: float, paid: float, value: float, more: float
) -> None:
    little, much = payoff(np.array([value, value + more]), shares, fraction, paid)
    assert -1e-6 <= little <= much + 1e-6
    assert little <= value + 1e-6
    assert much - little <= more + 1e-6


@pytest.mark.parametrize("shares", CLASSES, ids=by_name)
@pytest.mark.parametrize("one", EXITS, ids=by_name)
@pytest.mark.parametrize(("fraction", "paid"), [(0.1, 25.0), (0.9, 50.0), (0.02, 0.5)])
def test_the_expected_payoff_is_the_integral(
    one: Lognormal | Pareto, shares: ShareClass, fraction: float, paid: float
) -> None:
    kinks = [strike for _, strike in shares.strikes(fraction, paid)]
    told = integral(one, lambda value: plain_payoff(value, shares, fraction, paid), *kinks)
    assert expected_payoff(one, shares, fraction, paid) == pytest.approx(told, rel=1e-7)


@pytest.mark.parametrize("shares", CLASSES, ids=by_name)
def test_no_shares_get_nothing_and_free_ones_their_part(shares: ShareClass) -> None:
    values = np.array([0.0, 50.0])
    assert payoff(values, shares, 0.0, 10.0).tolist() == [0, 0]
    assert payoff(values, shares, 0.2, 0.0).tolist() == [0, 10]


@pytest.mark.parametrize("shares", CLASSES, ids=by_name)
def test_the_owner_of_all_gets_all(shares: ShareClass) -> None:
    assert payoff(np.array([0.0, 5.0, 500.0]), shares, 1.0, 10.0).tolist() == pytest.approx([0, 5, 500])


def test_shares_capped_at_their_preference_get_it_and_no_more_until_their_part_is_worth_more() -> None:
    shares = ShareClass(PreferenceKind.PARTICIPATING, 1.0, 1.0)
    found = payoff(np.array([5.0, 10.0, 60.0, 100.0, 200.0]), shares, 0.1, 10.0)
    assert found.tolist() == pytest.approx([5, 10, 10, 10, 20])


def test_half_of_all_waits_are_longer_than_the_median() -> None:
    assert survival(24, 24, 0.6) == pytest.approx(0.5)
    assert survival(24 * exp(0.6), 24, 0.6) == pytest.approx(0.15865525393)
    assert survival(24 * exp(-0.6), 24, 0.6) == pytest.approx(0.84134474607)


@pytest.mark.parametrize("months", [0, -3])
def test_every_wait_is_longer_than_none(months: float) -> None:
    assert survival(months, 24, 0.6) == 1


def test_a_very_long_wait_is_very_rare_and_not_impossible() -> None:
    assert 0 < survival(24 * exp(0.6 * 20), 24, 0.6) < 1e-80
