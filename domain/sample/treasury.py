"""Treasury: fees, and calls and distributions that keep the fund's cash small and never below zero."""

from collections.abc import Iterable, Iterator
from typing import Final

from domain.capital import CapitalCalled, DistributionMade, FeeCharged
from domain.investing import InvestmentMade, ProceedsReceived
from domain.money import CENTS, Money
from domain.sample.calendar import HISTORY, QUARTERS_IN_YEAR, Calendar
from domain.sample.telling import Told

FEE_SHARE: Final = 0.02
"""Of the fund's size, a year."""
CALL_DAY, DUE_DAY, FEE_DAY, DISTRIBUTION_DAY = 2, 12, 14, 86
"""Days of a quarter, 0 its first; cheques and proceeds lie between the last two."""
STEP: Final = 250_000 * CENTS
"""Calls and distributions are multiples of it."""
CUSHION: Final = 500_000 * CENTS
"""Cash kept after a call."""
SMALLEST_DISTRIBUTION: Final = 1_000_000 * CENTS


def fund_the_plan(told: Iterable[Told], size: Money, calendar: Calendar) -> Iterator[Told]:
    """Calls before the quarter's fee and cheques, and distributions of what came back.

    The first distribution is recallable: it came while the fund was still investing.
    """
    cheques, proceeds = dict.fromkeys(range(HISTORY + 1), 0), dict.fromkeys(range(HISTORY + 1), 0)
    for at, event in told:
        if isinstance(event, InvestmentMade):
            cheques[calendar.quarter_of(at)] += event.amount
        elif isinstance(event, ProceedsReceived):
            proceeds[calendar.quarter_of(at)] += event.amount
    fee = Money(round(size * FEE_SHARE / QUARTERS_IN_YEAR))
    cash, recallable = 0, True
    for quarter in range(HISTORY + 1):
        missing = fee + cheques[quarter] + CUSHION - cash
        if missing > 0:
            call = Money(-(-missing // STEP) * STEP)
            cash += call
            due_on = calendar.during(quarter, DUE_DAY).date()
            yield calendar.during(quarter, CALL_DAY), CapitalCalled(call, due_on)
        yield calendar.during(quarter, FEE_DAY), FeeCharged(fee, "management")
        cash += proceeds[quarter] - fee - cheques[quarter]
        spare = Money((cash - CUSHION) // STEP * STEP)
        if proceeds[quarter] and spare >= SMALLEST_DISTRIBUTION:
            cash -= spare
            yield calendar.during(quarter, DISTRIBUTION_DAY), DistributionMade(spare, recallable)
            recallable = False
