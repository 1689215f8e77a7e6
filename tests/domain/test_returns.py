"""Returns: multiples, and rates as spreadsheets' XIRR finds them."""

from datetime import timedelta

import pytest
from hypothesis import given, settings, strategies as st

from domain.rate_of_return import internal_rate_of_return
from domain.returns import Flow, ratio
from tests.depth import deep
from tests.spec import instant, usd


def flows(*placed: tuple[str, int | str]) -> list[Flow]:
    return [(instant(moment), usd(amount)) for moment, amount in placed]


def test_a_ratio_without_a_whole_is_unknown() -> None:
    assert ratio(5, 0) is None
    assert ratio(0, 0) is None
    assert ratio(5, 2) == 2.5
    assert ratio(0, 4) == 0.0


@pytest.mark.parametrize(
    ("placed", "rate"),
    [
        pytest.param(
            (
                ("2008-01-01", -10_000),
                ("2008-03-01", 2_750),
                ("2008-10-30", 4_250),
                ("2009-02-15", 3_250),
                ("2009-04-01", 2_750),
            ),
            0.373362535,
            id="Excel's documentation of XIRR",
        ),
        pytest.param(
            (
                ("2001-01-01", -10_000),
                ("2001-02-01", 2_000),
                ("2001-03-15", 2_500),
                ("2001-05-12", 5_000),
                ("2001-08-10", 1_000),
            ),
            0.182843486,
            id="LibreOffice's documentation of XIRR: 0.1828",
        ),
        pytest.param(
            (
                ("1999-01-15", -6_000),
                ("1999-04-04", 2_134),
                ("1999-05-09", 1_422),
                ("2000-03-12", 1_933),
                ("2000-05-01", 1_422),
            ),
            0.224837692,
            id="Gnumeric's documentation of XIRR: 0.224838",
        ),
        pytest.param(
            (("2010-12-29", -10_000), ("2012-01-25", 20), ("2012-03-08", 10_100)),
            0.010061265,
            id="a slow year",
        ),
        pytest.param(
            (("2019-09-10", -400), ("2020-01-21", -400), ("2020-02-24", -400), ("2020-03-16", "895.24")),
            -0.741957226,
            id="a loss on cheques over half a year",
        ),
        pytest.param((("2013-01-01", -100), ("2014-01-01", 20)), -0.8, id="four fifths lost in a year"),
        pytest.param((("2013-01-01", -100), ("2013-02-01", 110)), 2.071605853, id="a tenth gained in a month"),
        pytest.param((("2021-01-01", -100), ("2022-01-01", 110)), 0.1, id="a tenth in 365 days"),
        pytest.param((("2020-01-01", -100), ("2021-01-01", 110)), 0.099713586, id="a tenth in 366 days"),
        pytest.param((("2021-01-01", -100), ("2022-01-01", 100)), 0.0, id="money back"),
        pytest.param((("2021-01-01", 100), ("2022-01-01", -110)), 0.1, id="borrowed"),
        pytest.param((("2021-01-01", -1), ("2022-01-01", 9_999)), 9_998.0, id="just inside the range searched"),
        pytest.param((("1900-01-01", -100), ("2199-12-31", 200)), 0.002311640, id="three centuries"),
    ],
)
def test_the_rate_is_what_a_spreadsheet_says(placed: tuple[tuple[str, int | str], ...], rate: float) -> None:
    assert internal_rate_of_return(flows(*placed)) == pytest.approx(rate, abs=1e-8)


def test_the_order_of_the_flows_does_not_matter() -> None:
    ordered = flows(("2008-01-01", -10_000), ("2008-03-01", 2_750), ("2009-04-01", 12_000))
    assert internal_rate_of_return(ordered[::-1]) == internal_rate_of_return(ordered)


def test_flows_of_one_day_are_one_flow() -> None:
    split = flows(("2021-01-01", -60), ("2021-01-01", -40), ("2022-01-01", 200), ("2022-01-01", -90))
    assert internal_rate_of_return(split) == pytest.approx(0.1, abs=1e-12)


def test_a_local_midnight_that_summer_time_moves_is_the_same_day() -> None:
    summer = flows(("2021-01-01T23:00:00", -100), ("2021-07-02T22:00:00", 110))
    whole = flows(("2021-01-02", -100), ("2021-07-03", 110))
    assert internal_rate_of_return(summer) == internal_rate_of_return(whole)


@pytest.mark.parametrize(
    "placed",
    [
        pytest.param((), id="no flow"),
        pytest.param((("2021-01-01", 0),), id="nothing paid"),
        pytest.param((("2021-01-01", -100),), id="one flow"),
        pytest.param((("2021-01-01", -100), ("2021-01-01", 110)), id="one day"),
        pytest.param((("2021-01-01", -100), ("2021-01-01T11:00:00", 110)), id="one day, hours apart"),
        pytest.param((("2021-01-01", -100), ("2022-01-01", -10)), id="only paid"),
        pytest.param((("2021-01-01", 100), ("2022-01-01", 10)), id="only received"),
        pytest.param((("2021-01-01", -100), ("2022-01-01", 0)), id="all lost"),
        pytest.param(
            (("2021-01-01", -100), ("2022-01-01", 50), ("2022-01-01", -50)),
            id="what came was paid the same day",
        ),
        pytest.param((("2021-01-01", -100), ("2022-01-01", 230), ("2023-01-01", -132)), id="10% and 20% both answer"),
        pytest.param((("2021-01-01", -100), ("2022-01-01", 200), ("2023-01-01", -102)), id="no rate answers"),
        pytest.param((("2021-01-01", -1), ("2022-01-01", 10_001)), id="above the range searched"),
        pytest.param((("2021-01-01", -10_001), ("2022-01-01", 1)), id="below the range searched"),
        pytest.param((("2021-01-01", -100), ("2021-01-02", 103)), id="3% in a day is beyond any yearly rate"),
    ],
)
def test_no_rate_is_told_where_none_or_several_answer(placed: tuple[tuple[str, int | str], ...]) -> None:
    assert internal_rate_of_return(flows(*placed)) is None


def test_a_rate_that_lies_on_the_search_grid_is_found_once() -> None:
    nothing_gained = internal_rate_of_return(flows(("2021-01-01", -100), ("2023-06-01", 60), ("2031-03-01", 40)))
    assert nothing_gained == pytest.approx(0.0, abs=1e-12)


@settings(max_examples=deep(60, 200), deadline=None, derandomize=True, database=None)
@given(
    st.lists(st.tuples(st.integers(0, 9_000), st.integers(1, 10**12)), min_size=1, max_size=20),
    st.lists(st.tuples(st.integers(1, 3_000), st.integers(1, 10**12)), min_size=1, max_size=20),
)
def test_money_paid_first_and_received_later_has_one_rate_and_it_discounts_to_nothing(
    paid: list[tuple[int, int]], received: list[tuple[int, int]]
) -> None:
    start = instant("1990-01-01")
    last_paid = max(day for day, _ in paid)
    dated = [(start + timedelta(days=day), -cents) for day, cents in paid]
    dated += [(start + timedelta(days=last_paid + day), cents) for day, cents in received]
    rate = internal_rate_of_return(dated)
    if rate is not None:
        growth = 1 + rate
        middle = (last_paid + max(day for day, _ in received)) / 2
        values = [cents * growth ** -(((moment - start).days - middle) / 365) for moment, cents in dated]
        assert abs(sum(values)) <= 1e-8 * sum(map(abs, values))
