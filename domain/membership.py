"""Membership: decisions about who takes part in an organisation and its funds, and why they sometimes can't be."""

from collections.abc import Mapping

from domain.access import (
    AccessEvent,
    MemberAdded,
    MemberRemoved,
    MemberRoleChanged,
    OrganisationFounded,
    OrganisationRenamed,
    RoleGiven,
    RoleTaken,
)
from domain.refusal import InvalidState, NotFound, TooLarge
from domain.roles import OrganisationRole, Role
from domain.text import check_text
from domain.wording import Wording

MOST_MEMBERS = 1_000
"""Of a fund, or of an organisation."""


class LastAdmin(InvalidState):
    """Nobody would be left who says who takes part."""


def found(name: str) -> OrganisationFounded:
    """A new organisation.

    Raises:
        Invalid: If it can't be called so.
    """
    check_text(name, "name")
    return OrganisationFounded(name)


def rename(now: str, name: str) -> tuple[AccessEvent, ...]:
    """Another name; nothing where it has it.

    Raises:
        Invalid: If it can't be called so.
    """
    check_text(name, "name")
    return () if name == now else (OrganisationRenamed(name),)


def set_role(fund_id: str, roles: Mapping[str, Role], person_id: str, role: Role) -> tuple[AccessEvent, ...]:
    """A role in a fund, in place of any before; nothing where they have it.

    Args:
        roles: Those in the fund, by person.

    Raises:
        LastAdmin: If it would leave the fund without an ADMIN.
        TooLarge: If so many take part already.
    """
    if roles.get(person_id) is role:
        return ()
    _check_room(roles, person_id)
    _check_admin_left(roles, person_id, Role.ADMIN, "role")
    return (RoleGiven(fund_id, person_id, role),)


def take_role(fund_id: str, roles: Mapping[str, Role], person_id: str) -> tuple[AccessEvent, ...]:
    """No role in a fund any more.

    Args:
        roles: Those in the fund, by person.

    Raises:
        LastAdmin: If it would leave the fund without an ADMIN.
        NotFound: If they have none.
    """
    role = roles.get(person_id)
    if role is None:
        message = "Nobody with this e-mail takes part."
        raise NotFound(message, "email")
    _check_admin_left(roles, person_id, Role.ADMIN, "email")
    return (RoleTaken(fund_id, person_id, role),)


def set_member(
    members: Mapping[str, OrganisationRole], person_id: str, role: OrganisationRole
) -> tuple[AccessEvent, ...]:
    """A role in the organisation, in place of any before; nothing where they have it.

    Raises:
        LastAdmin: If it would leave the organisation without an ADMIN.
        TooLarge: If so many belong already.
    """
    before = members.get(person_id)
    if before is role:
        return ()
    if before is None:
        _check_room(members, person_id)
        return (MemberAdded(person_id, role),)
    _check_admin_left(members, person_id, OrganisationRole.ADMIN, "role")
    return (MemberRoleChanged(person_id, role),)


def remove_member(
    members: Mapping[str, OrganisationRole], roles: Mapping[str, Mapping[str, Role]], person_id: str
) -> tuple[AccessEvent, ...]:
    """Somebody leaves the organisation, and with it every role in its funds.

    Args:
        roles: Those in each fund that they take part in, by fund and person.

    Raises:
        LastAdmin: If it would leave the organisation or one of the funds without an ADMIN.
        NotFound: If they don't belong.
    """
    if person_id not in members:
        message = "Nobody with this e-mail belongs to the organisation."
        raise NotFound(message, "email")
    _check_admin_left(members, person_id, OrganisationRole.ADMIN, "email")
    taken = [event for fund_id, theirs in roles.items() for event in take_role(fund_id, theirs, person_id)]
    return (*taken, MemberRemoved(person_id))


def _check_room(holders: Mapping[str, object], person_id: str) -> None:
    if person_id not in holders and len(holders) >= MOST_MEMBERS:
        message = f"At most {MOST_MEMBERS} people may take part."
        raise TooLarge(message, "email")


def _check_admin_left(holders: Mapping[str, Wording], person_id: str, admin: Wording, *path: str) -> None:
    """Refuse what ends an ADMIN where there is no other."""
    if holders.get(person_id) is admin and list(holders.values()).count(admin) == 1:
        message = "They are the only ADMIN: give somebody else that role first."
        raise LastAdmin(message, *path)
