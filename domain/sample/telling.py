"""Telling: one company's life as the facts the fund records of it."""

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import Final

from domain.event import Event
from domain.fund import CompanyStatus
from domain.investing import (
    CompanyAdded,
    CompanyStatusChanged,
    InvestmentMade,
    ProceedsReceived,
    ReserveAllocated,
    RoundPriced,
    ValuationUpdated,
)
from domain.money import CENTS, Money, money_for_people, share_of
from domain.sample.calendar import HISTORY, QUARTERS_IN_YEAR, Calendar
from domain.sample.life import Ending, Life, Mark, Round, neat
from domain.sample.portfolio import CURRENCY, STAGES

Told = tuple[datetime, Event]
"""When it was true, and what."""

ESCROW: Final = 0.1
"""Share of an exit's price that the buyer holds back for a year."""
LISTING: Final = 250_000_000 * CENTS
"""Companies sold for more are listed instead."""
JUNIOR_BELOW: Final = 0.5
"""Of its last price: a company marked lower owes most of its worth to others first."""
JUNIOR_SHARE: Final = 0.6
"""What the fund's shares are then worth, of their plain part."""
ABOVE, BELOW = 1.15, 0.85
"""Marks over the last price from which a note says so."""


def tell(life: Life, calendar: Calendar) -> Iterator[Told]:
    """All that the fund records of its holding; facts of one instant stand in the order they happened."""
    yield from _tell_entry(life, calendar)
    for before, each in pairwise(life.rounds):
        yield from _tell_round(life, before, each, calendar)
    for mark in life.marks:
        yield _tell_mark(life, mark, calendar)
    if life.ending is not None:
        yield from _tell_ending(life, life.ending, calendar)


def _tell_entry(life: Life, calendar: Calendar) -> Iterator[Told]:
    who, first = life.profile, life.rounds[0]
    at, stage = calendar.during(first.quarter, first.day), STAGES[first.stage]
    yield at, CompanyAdded(who.company_id, who.name, who.sector, stage.name)
    yield from _tell_price(life, first, at)
    reason = f"Pro rata in the next two rounds after {stage.title}, at median terms."
    yield at, ReserveAllocated(who.company_id, first.reserve, reason)


def _tell_round(life: Life, before: Round, each: Round, calendar: Calendar) -> Iterator[Told]:
    at, stage = calendar.during(each.quarter, each.day), STAGES[each.stage]
    yield from _tell_price(life, each, at)
    if each.reserve == before.reserve:
        return
    reason = (
        f"Released: {stage.title} was a down round."
        if each.pre_money < before.post_money
        else f"Revised after {stage.title}: deployed, and pro rata in the next round."
    )
    yield at, ReserveAllocated(life.profile.company_id, each.reserve, reason)


def _tell_price(life: Life, each: Round, at: datetime) -> Iterator[Told]:
    company_id, stage = life.profile.company_id, STAGES[each.stage]
    yield at, RoundPriced(company_id, stage.name, each.pre_money, each.size, each.ownership)
    if each.cheque:
        is_first = each is life.rounds[0]
        yield at, InvestmentMade(company_id, each.cheque, each.ownership, not is_first, stage.title)
    yield at, ValuationUpdated(company_id, each.post_money, note=f"Post-money of its {stage.title} round.")


def _tell_mark(life: Life, mark: Mark, calendar: Calendar) -> Told:
    newest = life.rounds_by(mark.quarter)[-1]
    title = STAGES[newest.stage].title
    fair_value: Money | None = None
    if mark.relative < JUNIOR_BELOW:
        fair_value = neat(share_of(mark.worth, newest.ownership) * JUNIOR_SHARE, 1)
        note = f"Half-yearly mark, far below {title}: debt and newer shares come first."
    elif mark.relative < BELOW:
        note = f"Half-yearly mark, below {title}: behind its plan."
    elif mark.relative < ABOVE:
        note = f"Half-yearly mark, near the price of {title}."
    else:
        note = f"Half-yearly mark, above {title}: on growth since."
    return calendar.closing(mark.quarter), ValuationUpdated(life.profile.company_id, mark.worth, fair_value, note)


def _tell_ending(life: Life, ending: Ending, calendar: Calendar) -> Iterator[Told]:
    company_id, at = life.profile.company_id, calendar.during(ending.quarter, ending.day)
    if life.rounds[-1].reserve > life.deployed:
        yield at, ReserveAllocated(company_id, life.deployed, "Released: no round will follow.")
    if not ending.equity:
        yield at, CompanyStatusChanged(company_id, CompanyStatus.WRITTEN_OFF, "Closed: found no new money.")
        return
    received = share_of(ending.equity, life.rounds[-1].ownership)
    price = money_for_people(ending.equity, CURRENCY)
    if ending.equity >= LISTING:
        yield at, ProceedsReceived(company_id, received, "listing")
        yield at, CompanyStatusChanged(company_id, CompanyStatus.EXITED, f"Listed at {price}; shares sold.")
        return
    held_back = neat(received * ESCROW, 1)
    yield at, ProceedsReceived(company_id, Money(received - held_back), "acquired")
    yield (
        at,
        CompanyStatusChanged(company_id, CompanyStatus.EXITED, f"Acquired for {price}; a tenth in escrow."),
    )
    if ending.quarter + QUARTERS_IN_YEAR < HISTORY:
        yield (
            calendar.during(ending.quarter + QUARTERS_IN_YEAR, ending.day),
            ProceedsReceived(company_id, held_back, "escrow"),
        )
