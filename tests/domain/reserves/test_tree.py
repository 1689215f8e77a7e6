"""Trees: from a deal's forecast as it is written, and from a stage's odds."""

from dataclasses import replace
from decimal import Decimal
from math import sqrt

import pytest
from hypothesis import given

from domain.event import CompanyKey
from domain.forecasting import DealForecastCreated, ExitScenario, FutureRound, Preference, PreferenceKind
from domain.reserves.exits import LARGEST_EXIT, Lognormal, Pareto, ShareClass
from domain.reserves.model import DEFAULT_MODEL
from domain.reserves.stages import DEFAULT_STAGES, waited
from domain.reserves.tree import Ending, Step, Tree, UnavailableModel, discount, from_forecast, from_stage
from tests.domain.reserves.trees import KNOWN, PROPERTY, paths, step, tree, trees
from tests.spec import share, usd

ACME = CompanyKey("acme")
SALE = ExitScenario("trade sale", share("0.3"), usd(30_000_000), Decimal(24))
LISTING = ExitScenario("listing", share("0.2"), usd(400_000_000), Decimal(12), after_round=2, sigma=Decimal("0.8"))
WIND_DOWN = ExitScenario("wind-down", share("0.1"), usd(0), Decimal("6.5"), after_round=0)
A_ROUND = FutureRound("Series A", share("0.5"), Decimal(18), usd(40_000_000), usd(10_000_000), share("0.05"))
B_ROUND = FutureRound("Series B", share("0.4"), Decimal(20), usd(75_000_000), usd(30_000_000))
FORECAST = DealForecastCreated(ACME, (SALE, LISTING, WIND_DOWN), (A_ROUND, B_ROUND))


def test_the_rounds_of_a_forecast_are_taken_as_written() -> None:
    assert from_forecast(FORECAST).steps == (
        Step("Series A", 0.5, 50e6, 10e6, 0.05, 0.0, 18.0),
        Step("Series B", 0.4, 105e6, 30e6, 0.0, 0.0, 20.0),
    )


def test_an_exit_scenario_holds_after_its_round_or_after_any() -> None:
    first, second, third = from_forecast(FORECAST).endings
    assert first == (Ending(0.3, 30e6, 0.0, 24.0), Ending(0.1, 0.0, 0.0, 6.5))
    assert second == (Ending(0.3, 30e6, 0.0, 24.0),)
    sale, listing = third
    assert sale == Ending(0.3, 30e6, 0.0, 24.0)
    assert (listing.probability, listing.sigma, listing.months) == (0.2, 0.8, 12.0)


def test_the_value_of_an_exit_scenario_is_its_mean() -> None:
    listing = from_forecast(FORECAST).endings[2][1]
    assert Lognormal(listing.median, listing.sigma).mean() == pytest.approx(400e6)
    assert listing.median < 400e6


def test_a_forecasts_odds_know_of_no_waiting() -> None:
    assert from_forecast(FORECAST).reach() == (1.0, 0.5, 0.2)


@pytest.mark.parametrize(
    ("preference", "shares"),
    [
        (None, ShareClass()),
        (Preference(PreferenceKind.COMMON), ShareClass()),
        (
            Preference(PreferenceKind.NON_PARTICIPATING, Decimal("1.5")),
            ShareClass(PreferenceKind.NON_PARTICIPATING, 1.5),
        ),
        (
            Preference(PreferenceKind.PARTICIPATING, Decimal(1), Decimal(3)),
            ShareClass(PreferenceKind.PARTICIPATING, 1.0, 3.0),
        ),
        (Preference(PreferenceKind.PARTICIPATING), ShareClass(PreferenceKind.PARTICIPATING, 1.0, None)),
    ],
)
def test_the_preference_of_a_forecast_is_taken_as_written(preference: Preference | None, shares: ShareClass) -> None:
    assert from_forecast(replace(FORECAST, preference=preference)).shares == shares


def test_a_right_above_pro_rata_is_taken_as_written() -> None:
    assert from_forecast(FORECAST).super_pro_rata == 0
    assert from_forecast(replace(FORECAST, super_pro_rata=Decimal("0.5"))).super_pro_rata == 0.5


def test_a_forecast_without_rounds_has_one_node() -> None:
    told = from_forecast(DealForecastCreated(ACME, (SALE,), ()))
    assert (told.steps, len(told.endings), told.reach(), told.months_to()) == ((), 1, (1.0,), (0.0,))


def test_a_chain_is_reached_step_by_step() -> None:
    chain = tree([step(p, 40, 10) for p in (0.45, 0.5, 0.45, 0.4)], [], [], [], [], [])
    assert chain.reach() == pytest.approx((1, 0.45, 0.225, 0.10125, 0.0405))


def test_months_add_up_to_each_node() -> None:
    assert from_forecast(FORECAST).months_to() == (0.0, 18.0, 38.0)


def test_a_round_of_10_at_40_with_a_pool_of_5_percent_leaves_three_quarters() -> None:
    first = KNOWN.steps[0]
    assert first.dilution == 0.2
    assert first.retained == pytest.approx(0.75)
    assert 0.10 * KNOWN.kept(0, 1) == pytest.approx(0.075)


def test_what_is_kept_is_the_product_of_the_rounds_between() -> None:
    second = 1 - 30 / 105 - 0.05
    assert KNOWN.kept(0, 0) == KNOWN.kept(1, 1) == KNOWN.kept(2, 2) == 1
    assert KNOWN.kept(0, 1) == pytest.approx(0.75)
    assert KNOWN.kept(1, 2) == pytest.approx(second)
    assert KNOWN.kept(0, 2) == pytest.approx(0.75 * second)


def test_new_money_and_a_pool_that_take_more_than_all_leave_nothing() -> None:
    assert step(0.5, 1, 9, pool=0.2).retained == 0
    assert step(0.5, 1, 9, pool=0.1).retained == pytest.approx(0)


def test_an_exit_is_spread_by_its_own_sigma_and_that_of_every_step_up_between() -> None:
    spread = tree([step(0.5, 40, 10, sigma=0.5), step(0.5, 90, 10, sigma=0.3)], [], [], [Ending(0.5, 3e8, 1.05, 24)])
    end = spread.endings[2][0]
    assert spread.spread(0, 2, end) == pytest.approx(sqrt(1.05**2 + 0.5**2 + 0.3**2))
    assert spread.spread(1, 2, end) == pytest.approx(sqrt(1.05**2 + 0.3**2))
    assert spread.spread(2, 2, end) == pytest.approx(1.05)
    assert spread.worth(2, end) == Lognormal(3e8, spread.spread(0, 2, end), LARGEST_EXIT)


def test_odds_are_those_of_the_tree_in_one_draw() -> None:
    odds = from_forecast(FORECAST).odds()
    assert odds.onward.tolist() == [[0.5], [0.4]]
    assert [each.tolist() for each in odds.ended] == [[[0.3], [0.1]], [[0.3]], [[0.3], [0.2]]]
    assert odds.grown.tolist() == [[1.0], [1.0], [1.0]]


def test_odds_of_a_node_without_endings_and_of_no_rounds_have_their_shape() -> None:
    assert [each.shape for each in KNOWN.odds().ended] == [(0, 1), (1, 1), (1, 1)]
    assert from_forecast(DealForecastCreated(ACME, (SALE,), ())).odds().onward.shape == (0, 1)


@PROPERTY
@given(trees())
def test_all_paths_together_are_certain(one: Tree) -> None:
    found = paths(one)
    assert sum(path.probability for path in found) == pytest.approx(1)
    reached = [sum(path.probability for path in found if path.rounds >= node) for node in range(len(one.steps) + 1)]
    assert reached == pytest.approx(list(one.reach()))


@pytest.mark.parametrize("place", range(5))
def test_a_company_without_a_forecast_goes_on_by_the_odds_of_its_stage(place: int) -> None:
    told = from_stage(DEFAULT_STAGES[place].name, 20e6, 0.0)
    chain = DEFAULT_STAGES[place:]
    assert [one.stage for one in told.steps] == [stage.name for stage in chain[1:]]
    assert [one.probability for one in told.steps] == [stage.graduate for stage in chain[:-1]]
    assert [ends[0].probability for ends in told.endings] == [stage.exit for stage in chain]
    assert [one.pool for one in told.steps] == [stage.pool for stage in chain[:-1]]
    assert [one.dilution for one in told.steps] == pytest.approx([stage.dilution for stage in chain[:-1]])
    assert [one.months for one in told.steps] == [stage.months_to_graduate for stage in chain[:-1]]
    assert [ends[0].months for ends in told.endings] == [stage.months_to_exit for stage in chain]
    assert {one.sigma for one in told.steps} <= {0.5}
    assert {ends[0].sigma for ends in told.endings} == {1.05}
    assert (told.shares, told.super_pro_rata) == (ShareClass(), 0.0)


def test_a_step_up_is_of_the_pre_money_over_the_post_money_before() -> None:
    first, second, *_ = from_stage("Seed", 20e6, 0.0).steps
    assert first.post == pytest.approx(20e6 * 2.2 / 0.8)
    assert first.post - first.size == pytest.approx(20e6 * 2.2)
    assert second.post - second.size == pytest.approx(first.post * 1.9)


def test_an_exit_is_a_multiple_of_the_last_post_money() -> None:
    told = from_stage("Seed", 20e6, 0.0)
    posts = [20e6, *(one.post for one in told.steps)]
    assert [ends[0].median for ends in told.endings] == pytest.approx(
        [post * stage.exit_multiple for post, stage in zip(posts, DEFAULT_STAGES, strict=True)]
    )


def test_waiting_changes_the_odds_of_the_stage_a_company_is_at_and_of_no_later_one() -> None:
    fresh, stale = from_stage("Series A", 50e6, 0.0), from_stage("Series A", 50e6, 30.0)
    odds = waited(DEFAULT_STAGES[1], 30.0)
    assert (stale.steps[0].probability, stale.endings[0][0].probability) == (odds.graduate, odds.exit)
    assert stale.steps[0].probability < fresh.steps[0].probability
    assert stale.steps[1:] == fresh.steps[1:]
    assert stale.endings[1:] == fresh.endings[1:]


def test_a_fund_may_have_odds_of_its_own() -> None:
    first, last = DEFAULT_MODEL.stages[0], DEFAULT_MODEL.stages[4]
    stages = (replace(first, graduate=share("0.5")), replace(last, exit=share("0.5")))
    own = replace(DEFAULT_MODEL, stages=stages, step_up_sigma=Decimal("0.25"), exit_sigma=Decimal(2))
    told = from_stage("Seed", 20e6, 0.0, own)
    assert [(one.probability, one.sigma) for one in told.steps] == [(0.5, 0.25)]
    assert [(ends[0].probability, ends[0].sigma) for ends in told.endings] == [(0.35, 2.0), (0.5, 2.0)]
    # The less waits are spread, the more a wait of the median speaks against a round.
    patient = from_stage("Seed", 20e6, 24.0, replace(own, months_sigma=Decimal("0.3")))
    assert patient.steps[0].probability < from_stage("Seed", 20e6, 24.0, own).steps[0].probability < 0.5


def test_a_fund_may_have_exits_with_a_tail() -> None:
    seed, *others = DEFAULT_MODEL.stages
    own = replace(DEFAULT_MODEL, stages=(replace(seed, exit_alpha=Decimal(2)), *others))
    told = from_stage("Seed", 20e6, 0.0, own)
    (first,), (second,), *_ = told.endings
    # Half of all lie below the median, which is the root of two times the least.
    assert first == Ending(0.35, first.median, 0.0, 36.0, 2.0)
    assert first.median == pytest.approx(20e6 * 0.47 / sqrt(2))
    assert (second.sigma, second.alpha) == (1.05, None)
    assert told.worth(0, first) == Pareto(first.median, 2.0, LARGEST_EXIT, 0.0)
    assert told.worth(1, first) == Pareto(first.median, 2.0, LARGEST_EXIT, 0.5)


def test_a_stage_that_nobody_graduates_from_is_the_last() -> None:
    first, second, *others = DEFAULT_MODEL.stages
    own = replace(DEFAULT_MODEL, stages=(first, replace(second, graduate=share("0")), *others))
    told = from_stage("Seed", 20e6, 0.0, own)
    assert (len(told.steps), len(told.endings)) == (1, 2)


def test_the_last_stage_has_an_exit_and_no_round() -> None:
    told = from_stage("Growth", 500e6, 12.0)
    assert told.steps == ()
    assert [len(ends) for ends in told.endings] == [1]


@pytest.mark.parametrize(
    ("stage", "post", "message"),
    [
        (None, 20e6, "no deal forecast, and no odds are known for its stage"),
        ("Pre-IPO", 20e6, "no deal forecast, and no odds are known for its stage 'Pre-IPO'"),
        ("Seed", None, "no deal forecast, and no priced round or valuation to start from"),
        ("Seed", 0.0, "no deal forecast, and no priced round or valuation to start from"),
        ("Seed", -1.0, "no deal forecast, and no priced round or valuation to start from"),
    ],
)
def test_a_company_without_stage_or_value_has_no_tree(stage: str | None, post: float | None, message: str) -> None:
    with pytest.raises(UnavailableModel) as told:
        from_stage(stage, post, 0.0)
    assert str(told.value) == message


def test_a_dollar_later_is_worth_less_now() -> None:
    assert discount(0.0, 240) == 1
    assert discount(0.12, 0) == 1
    assert discount(0.12, 12) == pytest.approx(1 / 1.12)
    assert discount(0.12, 30) == pytest.approx(1.12**-2.5)
    assert discount(10.0, 600 * 20) == 0
