"""The projector: a fund at a moment from its facts, and whether new facts can join them.

Facts come as `Dated`, ordered by (occurred_at, version). A void stands at the moment of the fact it voids,
because that is where it changes what was true; `touches_at` names that moment everywhere.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from heapq import merge

from domain.capital import FundOpened
from domain.correction import EventVoided
from domain.event import Dated, kind_of
from domain.forecasting import ActualRecorded
from domain.fund import Fund, FundBuilder
from domain.moments import EARLIEST, FARTHEST_AHEAD
from domain.refusal import (
    BeforeFundOpened,
    ContradictsLaterFact,
    Invalid,
    InvalidState,
    NotFound,
    Refusal,
    TooLarge,
)

MAX_BATCH = 1_000
"""Facts in one append."""
EMPTY = Fund()
NOTHING = EventVoided(version=0, reason="names no fact: versions start at 1")
"""Counts as a version in a fold and changes nothing: stands for forecasts and figures, which needn't be read."""


def order(fact: Dated) -> tuple[datetime, int]:
    """Where a fact stands in the fold."""
    return fact.occurred_at, fact.version


def voided_by(facts: Iterable[Dated]) -> set[int]:
    """Versions that the voids among these facts name."""
    return {fact.event.version for fact in facts if isinstance(fact.event, EventVoided)}


def fold(base: Fund, facts: Sequence[Dated]) -> Fund:
    """The state reached from `base` by these facts, which all come after it in the fold's order."""
    return next(along(base, facts, [datetime.max.replace(tzinfo=UTC)]))


def state_at(facts: Iterable[Dated], at: datetime, version: int) -> Fund:
    """The state at a moment by its definition: facts up to `version` that touch time up to `at`, folded."""
    return fold(EMPTY, sorted((f for f in facts if f.version <= version and f.occurred_at <= at), key=order))


def along(base: Fund, facts: Sequence[Dated], moments: Iterable[datetime]) -> Iterator[Fund]:
    """The state at each of the rising `moments`, in one pass over the facts after `base`."""
    voided = voided_by(facts)
    builder = FundBuilder(base)
    place = 0
    for moment in moments:
        while place < len(facts) and facts[place].occurred_at <= moment:
            fact = facts[place]
            builder.version = max(builder.version, fact.version)
            if fact.version not in voided:
                fact.event.evolve(builder, fact.occurred_at)
            place += 1
        yield builder.freeze()


def check_batch_size(size: int) -> None:
    """Refuse an append of nothing, and one of more than `MAX_BATCH` facts."""
    if not size:
        message = "Give at least one event."
        raise Invalid(message, "events")
    if size > MAX_BATCH:
        message = f"At most {MAX_BATCH} events at once; {size} were given."
        raise TooLarge(message, "events")


def admit(
    base: Fund,
    existing: Sequence[Dated],
    new: Sequence[Dated],
    *,
    named: Mapping[int, Dated],
    now: datetime,
    refused: Callable[[Refusal], None] | None = None,
) -> Fund:
    """The newest state with `new` facts added, once each was found possible where it stands.

    Args:
        base: State before every fact in `existing` and `new`.
        existing: Recorded facts that touch valid time at or after the earliest moment `new` touches, voids
            included.
        new: Facts to record, in the order given, voids dated at the facts they void.
        named: Recorded facts that `new` names by version (voided or superseded), where there are any, and the
            voids that name those: a restated report may lie before everything in `existing`.
        now: The moment of recording.
        refused: Told of each refusal, the fact then left out; without it the first one is raised.

    Raises:
        Refusal: The first new fact that can't be, with its place in `new` first in the path.
        ContradictsLaterFact: If a recorded fact could not have happened then.
    """
    check_batch_size(len(new))
    places = {fact.version: str(place) for place, fact in enumerate(new)}
    voided = voided_by(existing) | voided_by(named.values())
    possible = []
    for fact in new:
        try:
            _check_dated(fact, now)
            _check_named(fact, named, voided)
        except Refusal as refusal:
            _refuse(refusal.under("events", places[fact.version]), refused)
            continue
        possible.append(fact)
        if isinstance(fact.event, EventVoided):
            voided.add(fact.event.version)
    builder = FundBuilder(base)
    for fact in merge(existing, sorted(possible, key=order), key=order):
        builder.version = max(builder.version, fact.version)
        if fact.version in voided:
            continue
        try:
            _check_possible(fact, builder)
        except Refusal as refusal:
            if fact.version in places:
                _refuse(refusal.under("events", places[fact.version]), refused)
            else:
                _refuse(_contradiction(fact, refusal, places), refused)
            continue
        fact.event.evolve(builder, fact.occurred_at)
    return builder.freeze()


def _refuse(refusal: Refusal, refused: Callable[[Refusal], None] | None) -> None:
    if refused is None:
        raise refusal from None
    refused(refusal)


def _check_dated(fact: Dated, now: datetime) -> None:
    if isinstance(fact.event, EventVoided):
        return
    if not EARLIEST <= fact.occurred_at <= now + FARTHEST_AHEAD:
        message = "A fact is dated from 1900 to five years ahead."
        raise Invalid(message, "occurredAt")


def _check_possible(fact: Dated, fund: FundBuilder) -> None:
    if fund.opened_at is None and not isinstance(fact.event, FundOpened):
        message = "The fund was not open yet at that moment."
        raise BeforeFundOpened(message, "occurredAt")
    fact.event.check(fund)


def _check_named(fact: Dated, named: Mapping[int, Dated], voided: set[int]) -> None:
    """Refuse to void or restate what isn't there, can't be voided, or is something else."""
    event = fact.event
    if isinstance(event, EventVoided):
        target = _named(named, voided, event.version, "version")
        if isinstance(target.event, EventVoided) or not kind_of(target.event).recordable:
            message = f"Version {event.version} opened the fund, is a void itself or about alerts, and can't be voided."
            raise InvalidState(message, "version")
    elif isinstance(event, ActualRecorded) and event.supersedes_version is not None:
        restated = _named(named, voided, event.supersedes_version, "supersedesVersion").event
        if not isinstance(restated, ActualRecorded) or _reported(restated) != _reported(event):
            message = f"Version {event.supersedes_version} isn't a report of this metric, company and period."
            raise Invalid(message, "supersedesVersion")


def _named(named: Mapping[int, Dated], voided: set[int], version: int, field: str) -> Dated:
    target = named.get(version)
    if target is None:
        message = f"The ledger has no version {version}."
        raise NotFound(message, field)
    if version in voided:
        message = f"Version {version} is voided already."
        raise InvalidState(message, field)
    return target


def _reported(actual: ActualRecorded) -> tuple[object, ...]:
    return actual.company_id, actual.metric_type, actual.period_start, actual.period_end


def _contradiction(fact: Dated, refusal: Refusal, places: Mapping[int, str]) -> ContradictsLaterFact:
    """Names the recorded fact; and the new one, where only one can be to blame."""
    message = f"This contradicts version {fact.version} of {fact.occurred_at:%Y-%m-%d}: {refusal.message}"
    path = ("events", *places.values()) if len(places) == 1 else ("events",)
    return ContradictsLaterFact(message, fact.version, *path)
