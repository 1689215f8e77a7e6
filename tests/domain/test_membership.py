"""Who may be given what, and that somebody is always left who can say so."""

import pytest

from domain.access import (
    KINDS,
    AccessEvent,
    AccessEventType,
    FundJoined,
    MemberAdded,
    MemberRemoved,
    MemberRoleChanged,
    OrganisationFounded,
    OrganisationRenamed,
    RoleGiven,
    RoleTaken,
    TokensRevoked,
    type_of,
)
from domain.membership import (
    MOST_MEMBERS,
    LastAdmin,
    found,
    remove_member,
    rename,
    set_member,
    set_role,
    take_role,
)
from domain.refusal import Invalid, NotFound, Refusal, RefusalCode, TooLarge
from domain.roles import OrganisationRole, Role

ADMIN, MEMBER = OrganisationRole.ADMIN, OrganisationRole.MEMBER
SENTENCES: dict[AccessEventType, tuple[AccessEvent, str]] = {
    AccessEventType.ORGANISATION_FOUNDED: (OrganisationFounded("Acme Capital"), "Acme Capital was founded."),
    AccessEventType.ORGANISATION_RENAMED: (OrganisationRenamed("Acme"), "The organisation is called Acme."),
    AccessEventType.FUND_JOINED: (FundJoined("f"), "Fund I belongs to the organisation."),
    AccessEventType.MEMBER_ADDED: (MemberAdded("a", MEMBER), "Ann belongs to the organisation as MEMBER."),
    AccessEventType.MEMBER_ROLE_CHANGED: (MemberRoleChanged("a", ADMIN), "Ann is ADMIN of the organisation."),
    AccessEventType.MEMBER_REMOVED: (MemberRemoved("a"), "Ann left the organisation."),
    AccessEventType.ROLE_GIVEN: (RoleGiven("f", "a", Role.ANALYST), "Ann is ANALYST of Fund I."),
    AccessEventType.ROLE_TAKEN: (RoleTaken("f", "a", Role.ANALYST), "Ann is no longer ANALYST of Fund I."),
    AccessEventType.TOKENS_REVOKED: (TokensRevoked("a"), "Tokens of Ann from before were revoked."),
}


def refused(refusal: Refusal) -> tuple[RefusalCode, tuple[str, ...]]:
    return refusal.code, refusal.path


@pytest.mark.parametrize("name", AccessEventType)
def test_every_event_is_told_in_a_sentence(name: AccessEventType) -> None:
    event, sentence = SENTENCES[name]
    assert (type_of(event), KINDS[name]) == (name, type(event))
    assert event.summary({"a": "Ann", "f": "Fund I"}.__getitem__) == sentence


def test_an_organisation_is_founded_and_renamed_by_a_name_that_can_be() -> None:
    assert found("Acme") == OrganisationFounded("Acme")
    assert rename("Acme", "Acme Capital") == (OrganisationRenamed("Acme Capital"),)
    assert rename("Acme", "Acme") == ()
    for name in ("", " ", "x" * 201, "\0"):
        for decide in (found, lambda name: rename("Acme", name)):
            with pytest.raises(Invalid) as told:
                decide(name)
            assert told.value.path == ("name",)


def test_a_role_is_given_once_and_replaces_the_one_before() -> None:
    assert set_role("f", {}, "a", Role.VIEWER) == (RoleGiven("f", "a", Role.VIEWER),)
    assert set_role("f", {"a": Role.VIEWER}, "a", Role.ADMIN) == (RoleGiven("f", "a", Role.ADMIN),)
    assert set_role("f", {"a": Role.ADMIN}, "a", Role.ADMIN) == ()
    assert set_role("f", {"a": Role.ADMIN, "b": Role.ADMIN}, "a", Role.VIEWER) == (RoleGiven("f", "a", Role.VIEWER),)


def test_a_role_is_taken_from_whoever_has_one() -> None:
    assert take_role("f", {"a": Role.VIEWER, "b": Role.ADMIN}, "a") == (RoleTaken("f", "a", Role.VIEWER),)
    assert take_role("f", {"a": Role.VIEWER}, "a") == (RoleTaken("f", "a", Role.VIEWER),)
    with pytest.raises(NotFound) as told:
        take_role("f", {"a": Role.ADMIN}, "b")
    assert told.value.path == ("email",)


def test_the_last_admin_of_a_fund_stays() -> None:
    roles = {"a": Role.ADMIN, "b": Role.MANAGER}
    with pytest.raises(LastAdmin) as lowered:
        set_role("f", roles, "a", Role.MANAGER)
    with pytest.raises(LastAdmin) as removed:
        take_role("f", roles, "a")
    assert refused(lowered.value) == (RefusalCode.INVALID_STATE, ("role",))
    assert refused(removed.value) == (RefusalCode.INVALID_STATE, ("email",))


def test_a_member_is_added_changed_and_removed() -> None:
    assert set_member({}, "a", MEMBER) == (MemberAdded("a", MEMBER),)
    assert set_member({"a": MEMBER}, "a", ADMIN) == (MemberRoleChanged("a", ADMIN),)
    assert set_member({"a": MEMBER}, "a", MEMBER) == ()
    assert set_member({"a": ADMIN, "b": ADMIN}, "a", MEMBER) == (MemberRoleChanged("a", MEMBER),)
    assert remove_member({"a": MEMBER, "b": ADMIN}, {}, "a") == (MemberRemoved("a"),)
    with pytest.raises(NotFound):
        remove_member({"b": ADMIN}, {}, "a")


def test_whoever_leaves_the_organisation_leaves_its_funds() -> None:
    roles = {"f": {"a": Role.ADMIN, "b": Role.ADMIN}, "g": {"a": Role.VIEWER}}
    assert remove_member({"a": MEMBER}, roles, "a") == (
        RoleTaken("f", "a", Role.ADMIN),
        RoleTaken("g", "a", Role.VIEWER),
        MemberRemoved("a"),
    )
    with pytest.raises(LastAdmin):
        remove_member({"a": MEMBER}, {"f": {"a": Role.ADMIN, "b": Role.MANAGER}}, "a")


def test_the_last_admin_of_an_organisation_stays() -> None:
    with pytest.raises(LastAdmin) as lowered:
        set_member({"a": ADMIN, "b": MEMBER}, "a", MEMBER)
    with pytest.raises(LastAdmin) as removed:
        remove_member({"a": ADMIN}, {}, "a")
    assert (lowered.value.path, removed.value.path) == (("role",), ("email",))


def test_roles_rank_from_viewer_to_admin() -> None:
    assert (MEMBER.rank, ADMIN.rank) == (0, 1)
    assert [role.rank for role in (Role.VIEWER, Role.ANALYST, Role.MANAGER, Role.ADMIN)] == [0, 1, 2, 3]


def test_so_many_may_take_part_and_no_more() -> None:
    roles = dict.fromkeys(map(str, range(MOST_MEMBERS)), Role.ADMIN)
    members = dict.fromkeys(map(str, range(MOST_MEMBERS)), ADMIN)
    assert set_role("f", roles, "0", Role.VIEWER)
    assert set_member(members, "0", MEMBER)
    with pytest.raises(TooLarge) as told:
        set_role("f", roles, "new", Role.VIEWER)
    assert refused(told.value) == (RefusalCode.LIMIT_EXCEEDED, ("email",))
    with pytest.raises(TooLarge):
        set_member(members, "new", MEMBER)
