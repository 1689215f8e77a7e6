"""The arithmetic that figures stand on."""

from collections.abc import Awaitable, Callable

from tests.benchmarks.portfolio import portfolio
from tests.benchmarks.results import Figure, Unit, at_least, at_most, interleaved, percentile, ratio


def test_a_percentile_is_the_least_value_that_enough_do_not_exceed() -> None:
    values = [float(value) for value in range(1, 101)]
    assert [percentile(values, share) for share in (0.01, 0.5, 0.99, 1)] == [1, 50, 99, 100]
    assert percentile([7.0], 0.99) == 7


def test_a_ratio_is_the_median_of_the_rounds_ratios() -> None:
    assert ratio({"a": [1.0, 4.0, 9.0], "b": [1.0, 2.0, 3.0]}, "a", "b") == 2


def test_a_goal_is_met_at_its_bound() -> None:
    assert Figure("", Unit.RATIO, 3.0, at_least(3)).met
    assert not Figure("", Unit.RATIO, 2.99, at_least(3)).met
    assert Figure("", Unit.RATIO, 3.0, at_most(3)).met
    assert Figure("", Unit.RATIO, 3.0).met is None


async def test_sides_take_turns_in_changing_order() -> None:
    taken: list[str] = []

    def side(name: str) -> Callable[[], Awaitable[float]]:
        async def measure() -> float:
            taken.append(name)
            return len(taken)

        return measure

    found = await interleaved({"a": side("a"), "b": side("b")}, 3)
    assert "".join(taken) == "abbaab"
    assert found == {"a": [1, 4, 5], "b": [2, 3, 6]}


def test_a_portfolio_has_the_number_of_facts_asked_for_and_is_the_same_each_time() -> None:
    assert len(portfolio(1_000, 40, late=False)) == 1_000
    assert portfolio(3_000, 40, late=True) == portfolio(3_000, 40, late=True)
