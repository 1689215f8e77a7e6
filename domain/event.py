"""Events: the registry of what can happen to a fund, and the envelope that makes one a fact.

An event is a frozen dataclass under a stored name that never changes. Its fields, their types and the text
beside them (`Annotated[Money, "…"]`) are all that the ledger's codec and the API's schema are made from.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, NewType, Protocol, TypeVar

if TYPE_CHECKING:
    from domain.fund import FundBuilder

CompanyKey = NewType("CompanyKey", str)
"""The caller's own key of a company, unique within the fund."""


class Event(Protocol):
    """What every registered event offers. `check` and `evolve` see the fund just before the event."""

    def check(self, fund: "FundBuilder") -> None:
        """Raise a `Refusal` if this can't happen to the fund as it is."""

    def evolve(self, fund: "FundBuilder", at: datetime) -> None:
        """Change the fund as this event does."""

    def summary(self, told: "Telling") -> str:
        """One sentence a partner would say."""


class Apart:
    """An event that no total or holding depends on, such as one about alerts: a correction never fails on it."""

    __slots__ = ()

    def check(self, fund: "FundBuilder") -> None:
        """Nothing to refuse: whoever records such facts decides on them."""

    def evolve(self, fund: "FundBuilder", at: datetime) -> None:
        """No total or holding changes."""


@dataclass(frozen=True, slots=True)
class Telling:
    """What a summary needs beside the event: the currency, and companies' names where known."""

    currency: str
    names: Mapping[str, str]

    def name(self, company_id: str) -> str:
        """The company's name, or its key where the name isn't known."""
        return self.names.get(company_id, company_id)


@dataclass(frozen=True, slots=True)
class EventKind:
    """One entry of the registry.

    Attributes:
        name: Stored name, such as `INVESTMENT_MADE`.
        schema_version: Version of the payload's shape that is written now.
        cls: The dataclass.
        recordable: Whether callers may record it through `recordEvents`.
        folds: Whether it changes the fund's totals or holdings; forecasts and reported figures don't and are
            read apart.
    """

    name: str
    schema_version: int
    cls: type
    recordable: bool
    folds: bool


E = TypeVar("E", bound=type)
_kinds: dict[str, EventKind] = {}
_by_class: dict[type, EventKind] = {}

KINDS: Mapping[str, EventKind] = MappingProxyType(_kinds)
"""Every registered kind by stored name, in order of registration."""


def event(name: str, *, schema_version: int = 1, recordable: bool = True, folds: bool = True) -> Callable[[E], E]:
    """Decorator that registers an event's dataclass under its stored name.

    Raises:
        ValueError: If the name is taken.
    """

    def register(cls: E) -> E:
        if name in _kinds:
            message = f"event name {name} is taken"
            raise ValueError(message)
        kind = EventKind(name, schema_version, cls, recordable, folds)
        _kinds[name] = _by_class[cls] = kind
        return cls

    return register


def kind_of(event: object) -> EventKind:
    """The registered kind of an event.

    Raises:
        KeyError: If its class isn't registered.
    """
    return _by_class[type(event)]


def company_of(event: object) -> str | None:
    """Key of the company an event is about, if it is about one."""
    key: str | None = getattr(event, "company_id", None)
    return key


@dataclass(frozen=True, slots=True)
class Dated:
    """An event with its place in both orders: all that a fold needs."""

    occurred_at: datetime
    version: int
    event: Event


@dataclass(frozen=True, slots=True)
class Fact:
    """An event as the ledger holds it.

    Attributes:
        recorded_at: When it was learned, by the ledger's clock.
        actor: Id of the person who recorded it.
        payload: Canonical JSON text of the stored payload, as hashed.
        hash: SHA-256 over the previous fact's hash and this fact's canonical bytes.
    """

    fund_id: str
    version: int
    type: str
    schema_version: int
    occurred_at: datetime
    recorded_at: datetime
    actor: str
    metadata: str | None
    correlation_id: str | None
    idempotency_key: str | None
    payload: str
    hash: bytes
    event: Event
