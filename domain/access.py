"""Access: what can happen to who may do what in an organisation and its funds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol, TypeVar

from domain.roles import OrganisationRole, Role
from domain.wording import Wording


class AccessEventType(Wording):
    """What can happen to who may do what."""

    ORGANISATION_FOUNDED = "ORGANISATION_FOUNDED", "The organisation came to be."
    ORGANISATION_RENAMED = "ORGANISATION_RENAMED", "It has another name."
    FUND_JOINED = "FUND_JOINED", "A fund belongs to it from now on."
    MEMBER_ADDED = "MEMBER_ADDED", "Somebody belongs to it from now on."
    MEMBER_ROLE_CHANGED = "MEMBER_ROLE_CHANGED", "Somebody has another role in it."
    MEMBER_REMOVED = "MEMBER_REMOVED", "Somebody belongs to it no more."
    ROLE_GIVEN = "ROLE_GIVEN", "Somebody has a role in one of its funds, in place of any before."
    ROLE_TAKEN = "ROLE_TAKEN", "Somebody has no role in one of its funds any more."
    TOKENS_REVOKED = "TOKENS_REVOKED", "Somebody's tokens of before open nothing of it any more."


Told = Callable[[str], str]
"""The name of a person or a fund by its id."""


class AccessEvent(Protocol):
    """Something that happened to who may do what. Names can be erased, facts can't: they hold ids."""

    def summary(self, told: Told) -> str:
        """One sentence that says it to people."""


E = TypeVar("E", bound=type)
_kinds: dict[AccessEventType, type] = {}
_types: dict[type, AccessEventType] = {}

KINDS: Mapping[AccessEventType, type] = MappingProxyType(_kinds)
"""Every event's dataclass, by its stored name."""


def type_of(event: AccessEvent) -> AccessEventType:
    """The stored name of an event."""
    return _types[type(event)]


def _stored_as(name: AccessEventType) -> Callable[[E], E]:
    def register(cls: E) -> E:
        _kinds[name] = cls
        _types[cls] = name
        return cls

    return register


@_stored_as(AccessEventType.ORGANISATION_FOUNDED)
@dataclass(frozen=True, slots=True)
class OrganisationFounded:
    """There is an organisation."""

    name: str

    def summary(self, told: Told) -> str:
        """One sentence that says it to people."""
        return f"{self.name} was founded."


@_stored_as(AccessEventType.ORGANISATION_RENAMED)
@dataclass(frozen=True, slots=True)
class OrganisationRenamed:
    """It has another name."""

    name: str

    def summary(self, told: Told) -> str:
        """One sentence that says it to people."""
        return f"The organisation is called {self.name}."


@_stored_as(AccessEventType.FUND_JOINED)
@dataclass(frozen=True, slots=True)
class FundJoined:
    """A fund belongs to it."""

    fund_id: str

    def summary(self, told: Told) -> str:
        """One sentence that says it to people."""
        return f"{told(self.fund_id)} belongs to the organisation."


@_stored_as(AccessEventType.MEMBER_ADDED)
@dataclass(frozen=True, slots=True)
class MemberAdded:
    """Somebody belongs to it."""

    person_id: str
    role: OrganisationRole

    def summary(self, told: Told) -> str:
        """One sentence that says it to people."""
        return f"{told(self.person_id)} belongs to the organisation as {self.role}."


@_stored_as(AccessEventType.MEMBER_ROLE_CHANGED)
@dataclass(frozen=True, slots=True)
class MemberRoleChanged:
    """Somebody has another role in it."""

    person_id: str
    role: OrganisationRole

    def summary(self, told: Told) -> str:
        """One sentence that says it to people."""
        return f"{told(self.person_id)} is {self.role} of the organisation."


@_stored_as(AccessEventType.MEMBER_REMOVED)
@dataclass(frozen=True, slots=True)
class MemberRemoved:
    """Somebody belongs to it no more."""

    person_id: str

    def summary(self, told: Told) -> str:
        """One sentence that says it to people."""
        return f"{told(self.person_id)} left the organisation."


@_stored_as(AccessEventType.ROLE_GIVEN)
@dataclass(frozen=True, slots=True)
class RoleGiven:
    """Somebody has a role in a fund, in place of any before."""

    fund_id: str
    person_id: str
    role: Role

    def summary(self, told: Told) -> str:
        """One sentence that says it to people."""
        return f"{told(self.person_id)} is {self.role} of {told(self.fund_id)}."


@_stored_as(AccessEventType.ROLE_TAKEN)
@dataclass(frozen=True, slots=True)
class RoleTaken:
    """Somebody has no role in a fund any more."""

    fund_id: str
    person_id: str
    role: Role

    def summary(self, told: Told) -> str:
        """One sentence that says it to people."""
        return f"{told(self.person_id)} is no longer {self.role} of {told(self.fund_id)}."


@_stored_as(AccessEventType.TOKENS_REVOKED)
@dataclass(frozen=True, slots=True)
class TokensRevoked:
    """Somebody's tokens of before open nothing of it."""

    person_id: str

    def summary(self, told: Told) -> str:
        """One sentence that says it to people."""
        return f"Tokens of {told(self.person_id)} from before were revoked."
