"""Given these facts, when that happens, then so stands the fund: how tests of the domain are written.

given(OPENED, on("2020-03-01", CapitalCalled(usd(100)))).when(FeeCharged(usd(5))).then(cash=usd(95))
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from domain.capital import FundOpened
from domain.correction import EventVoided
from domain.event import CompanyKey, Dated, Event, Telling
from domain.fund import Fund
from domain.investing import CompanyAdded
from domain.money import Fraction, Money, money_from_text
from domain.projector import EMPTY, admit, fold, order, state_at
from domain.refusal import ContradictsLaterFact, Refusal

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

D = TypeVar("D", bound="DataclassInstance")


def usd(amount: int | str) -> Money:
    """Cents of whole dollars, or of text such as `12.50`."""
    return money_from_text(str(amount))


def share(fraction: str) -> Fraction:
    """A fraction of a whole, such as `0.25`."""
    return Fraction(Decimal(fraction))


def but(part: D, **changes: Any) -> D:
    """The same event, or part of one, with other values in these fields: also ones that can't be right."""
    return replace(part, **changes)


def instant(text: str) -> datetime:
    """The instant of a day such as `2020-03-01` (its midnight) or an ISO 8601 text, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


OPENED = FundOpened(name="Alpha Fund", currency="USD", vintage_year=2020, size=usd(1_000_000))
ACME, BETA = CompanyKey("acme"), CompanyKey("beta")
ACME_ADDED = CompanyAdded(ACME, "Acme", sector="Robotics", stage="Seed")
BETA_ADDED = CompanyAdded(BETA, "Beta")
TOLD = Telling("USD", {ACME: "Acme", BETA: "Beta"})
OPENED_AT = instant("2020-01-01")
NOW = instant("2030-01-01")
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class On:
    """An event with the moment it is dated."""

    at: datetime
    event: Event


def on(moment: str, event: Event) -> On:
    """The event dated at this day or instant."""
    return On(instant(moment), event)


def given(*facts: Event | On) -> "Given":
    """A ledger with these facts as versions 1, 2, 3 and so on.

    A fact without a date of its own stands one day after the one before it, the first at `OPENED_AT`; a void
    always stands at the fact it voids.
    """
    return Given(_dated(facts, (), OPENED_AT - ONE_DAY))


def _dated(new: Sequence[Event | On], recorded: Sequence[Dated], last: datetime) -> tuple[Dated, ...]:
    moments = {fact.version: fact.occurred_at for fact in recorded}
    facts = []
    for version, placed in enumerate(new, start=len(recorded) + 1):
        event = placed.event if isinstance(placed, On) else placed
        at = placed.at if isinstance(placed, On) else last + ONE_DAY
        if isinstance(event, EventVoided):
            at = moments.get(event.version, at)
        else:
            last = at
        moments[version] = at
        facts.append(Dated(at, version, event))
    return tuple(facts)


@dataclass(frozen=True, slots=True)
class Given:
    """A ledger: facts by version."""

    facts: tuple[Dated, ...]

    @property
    def fund(self) -> Fund:
        """The newest state."""
        return fold(EMPTY, sorted(self.facts, key=order))

    def at(self, moment: str, *, version: int | None = None) -> Fund:
        """The state at a moment, as far as the first `version` facts tell (all by default)."""
        return state_at(self.facts, instant(moment), len(self.facts) if version is None else version)

    def when(self, *events: Event | On, now: datetime = NOW) -> "Outcome":
        """Record these events in one append, undated ones each a day after the newest fact or the one before.

        The ledger is split as a snapshot splits it: what stands before the new facts is a folded state.
        """
        last = max((fact.occurred_at for fact in self.facts), default=OPENED_AT - ONE_DAY)
        new = _dated(events, self.facts, last)
        first = min((fact.occurred_at for fact in new), default=NOW)
        ordered = sorted(self.facts, key=order)
        before = [fact for fact in ordered if fact.occurred_at < first]
        after = [fact for fact in ordered if fact.occurred_at >= first]
        named_versions = {_named(fact.event) for fact in new}
        named = {
            fact.version: fact
            for fact in self.facts
            if fact.version in named_versions
            or (isinstance(fact.event, EventVoided) and fact.event.version in named_versions)
        }
        try:
            return Outcome(admit(fold(EMPTY, before), after, new, named=named, now=now), None)
        except Refusal as refusal:
            return Outcome(None, refusal)


def _named(event: Event) -> int | None:
    if isinstance(event, EventVoided):
        return event.version
    superseded: int | None = getattr(event, "supersedes_version", None)
    return superseded


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an append: the newest state, or a refusal."""

    admitted: Fund | None
    refusal: Refusal | None

    @property
    def fund(self) -> Fund:
        """The newest state of an append that was admitted."""
        assert self.admitted is not None, f"refused: {self.refusal!r} at {self.refusal and self.refusal.path}"
        return self.admitted

    def then(self, /, **expected: object) -> "Outcome":
        """Check that it was admitted and that the state has exactly these totals."""
        return self._compare(self.fund, expected)

    def then_holding(self, key: str, /, **expected: object) -> "Outcome":
        """Check that it was admitted and that a holding has exactly these figures."""
        return self._compare(self.fund.companies[key], expected)

    def _compare(self, found: object, expected: dict[str, object]) -> "Outcome":
        actual = {name: getattr(found, name) for name in expected}
        assert actual == expected, f"{actual} instead of {expected}"
        return self

    def refused(self, kind: type[Refusal], *path: str, message: str | None = None) -> None:
        """Check that it was refused so, naming exactly this place in the input."""
        assert self.refusal is not None, "was not refused"
        found = (type(self.refusal), self.refusal.path)
        assert found == (kind, path), f"{found} instead of {(kind, path)}: {self.refusal.message}"
        if message is not None:
            assert self.refusal.message == message, self.refusal.message

    def contradicts(self, version: int, *path: str, message: str | None = None) -> None:
        """Check that it was refused because the recorded fact `version` could not have happened then."""
        self.refused(ContradictsLaterFact, *path, message=message)
        assert isinstance(self.refusal, ContradictsLaterFact)
        assert self.refusal.version == version, f"{self.refusal.version} instead of {version}"


def refuses(check: Callable[[], object], kind: type[Refusal], *path: str) -> None:
    """Check that a plain function refuses so, naming exactly this place."""
    with pytest.raises(kind) as raised:
        check()
    assert (type(raised.value), raised.value.path) == (kind, path)


def figures(fund: Fund) -> dict[str, object]:
    """The stored figures of a state but its version, to compare states reached by different ledgers."""
    return {field.name: getattr(fund, field.name) for field in fields(fund) if field.name != "version"}
