"""People: who they are, what they may do in which fund, and that they can be erased."""

from uuid import UUID, uuid4

import pytest

from domain.capital import FeeCharged
from domain.refusal import Forbidden, NotFound, RefusalCode
from infra import names
from infra.drafts import Draft
from infra.names import Names
from infra.people import Person, Role
from infra.runtime import Runtime
from tests.conftest import OpenFund
from tests.spec import instant, usd


def email() -> str:
    return f"{uuid4().hex}@example.org"


async def test_a_person_is_found_by_e_mail_and_by_id(runtime: Runtime) -> None:
    address = email()
    person = await runtime.people.enrol(address)
    assert (person.email, person.name, person.administrator) == (address, None, False)
    assert await runtime.people.enrol(f"  {address.upper()}\n") == person
    assert await runtime.people.person(person.id) == person
    assert await runtime.people.person(uuid4()) is None


async def test_an_administrator_is_made_and_never_unmade_by_enrolling(runtime: Runtime) -> None:
    address = email()
    plain = await runtime.people.enrol(address)
    made = await runtime.people.enrol(address, administrator=True)
    assert (plain.id, plain.administrator, made.administrator) == (made.id, False, True)
    assert (await runtime.people.enrol(address)).administrator
    assert await runtime.people.person(made.id) == made


async def test_a_role_given_replaces_the_one_before(runtime: Runtime, open_fund: OpenFund) -> None:
    fund_id, person = await open_fund(), await runtime.people.enrol(email())
    assert await runtime.people.role(person, fund_id) is None
    for role in (Role.VIEWER, Role.ADMIN, Role.ANALYST):
        await runtime.people.give(person.id, fund_id, role)
        assert await runtime.people.role(person, fund_id) is role
    assert await runtime.people.memberships(person) == [(fund_id, Role.ANALYST)]


async def test_a_role_in_a_fund_that_is_not_there_can_not_be_given(runtime: Runtime) -> None:
    person = await runtime.people.enrol(email())
    with pytest.raises(NotFound) as refused:
        await runtime.people.give(person.id, uuid4(), Role.VIEWER)
    assert refused.value.path == ("fundId",)
    assert await runtime.people.memberships(person) == []


async def test_memberships_are_listed_by_fund_with_their_roles(runtime: Runtime, open_fund: OpenFund) -> None:
    person = await runtime.people.enrol(email())
    given = {await open_fund(): role for role in Role}
    for fund_id, role in given.items():
        await runtime.people.give(person.id, fund_id, role)
    assert await runtime.people.memberships(person) == sorted(given.items())


def test_roles_rank_from_viewer_to_admin() -> None:
    assert [role.value for role in sorted(Role, key=lambda role: role.rank)] == [
        "VIEWER",
        "ANALYST",
        "MANAGER",
        "ADMIN",
    ]


@pytest.mark.parametrize("least", Role)
@pytest.mark.parametrize("held", Role)
async def test_a_role_allows_what_it_and_those_before_it_allow(
    runtime: Runtime, open_fund: OpenFund, held: Role, least: Role
) -> None:
    fund_id, person = await open_fund(), await runtime.people.enrol(email())
    await runtime.people.give(person.id, fund_id, held)
    if held.rank >= least.rank:
        assert await runtime.people.require(person, fund_id, least) is held
        return
    with pytest.raises(Forbidden) as refused:
        await runtime.people.require(person, fund_id, least, "input", "fundId")
    assert (refused.value.path, refused.value.code) == (("input", "fundId"), RefusalCode.FORBIDDEN)
    assert refused.value.message == f"This takes the role {least.value}; yours is {held.value}."


async def test_a_foreign_fund_can_not_be_told_from_one_that_is_not_there(runtime: Runtime, open_fund: OpenFund) -> None:
    person = await runtime.people.enrol(email())
    await runtime.people.give(person.id, await open_fund(), Role.ADMIN)

    async def refusal(fund_id: UUID) -> tuple[type[NotFound], str, tuple[str, ...], RefusalCode]:
        with pytest.raises(NotFound) as refused:
            await runtime.people.require(person, fund_id, Role.VIEWER, "fundId")
        told = refused.value
        return type(told), told.message, told.path, told.code

    foreign = await refusal(await open_fund())
    assert foreign == (NotFound, "No such fund.", ("fundId",), RefusalCode.NOT_FOUND)
    assert foreign == await refusal(uuid4())


async def test_an_administrator_is_admin_of_every_fund_that_is_there(runtime: Runtime, open_fund: OpenFund) -> None:
    fund_id = await open_fund()
    person = await runtime.people.enrol(email(), administrator=True)
    assert await runtime.people.require(person, fund_id, Role.ADMIN) is Role.ADMIN
    await runtime.people.give(person.id, fund_id, Role.VIEWER)
    assert await runtime.people.role(person, fund_id) is Role.ADMIN
    assert await runtime.people.role(person, uuid4()) is None
    with pytest.raises(NotFound):
        await runtime.people.require(person, uuid4(), Role.VIEWER)


async def test_a_role_taken_away_holds_at_once(runtime: Runtime, open_fund: OpenFund) -> None:
    fund_id, person = await open_fund(), await runtime.people.enrol(email())
    await runtime.people.give(person.id, fund_id, Role.MANAGER)
    await runtime.pool.execute("DELETE FROM membership WHERE person_id = $1", person.id)
    with pytest.raises(NotFound):
        await runtime.people.require(person, fund_id, Role.VIEWER)


async def test_a_person_can_be_erased_and_the_facts_stay_whole(runtime: Runtime, open_fund: OpenFund) -> None:
    fund_id, person = await open_fund(), await runtime.people.enrol(email())
    await runtime.people.give(person.id, fund_id, Role.ANALYST)
    await runtime.ledger.record(fund_id, [Draft(FeeCharged(usd(1)), instant("2010-06-01"))], actor=person.id)
    assert await Names(runtime.pool).of_people([str(person.id)] * 2) == {str(person.id): person.email}
    await runtime.pool.execute("DELETE FROM person WHERE id = $1", person.id)
    assert await Names(runtime.pool).of_people([str(person.id)]) == {}
    assert await runtime.people.person(person.id) is None
    assert await runtime.people.role(person, fund_id) is None
    fact = await runtime.history.fact(fund_id, 2)
    assert fact is not None
    assert fact.actor == str(person.id)
    assert await runtime.history.first_bad_version(fund_id) == (2, None)


async def test_nothing_of_a_person_is_in_a_fact_but_the_id(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    row = await runtime.pool.fetchval("SELECT fact::text FROM fact WHERE fund_id = $1", fund_id)
    assert str(owner.id) in row
    assert owner.email not in row


@pytest.mark.parametrize(("seconds", "shown"), [(600.0, True), (0.0, False)])
async def test_an_erased_name_is_shown_no_longer_than_names_are_kept(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch, seconds: float, shown: bool
) -> None:
    monkeypatch.setattr(names, "FRESH_SECONDS", seconds)
    person, told = await runtime.people.enrol(email()), Names(runtime.pool)
    mail = {str(person.id): person.email}
    assert await told.of_people([str(person.id)]) == mail
    await runtime.pool.execute("DELETE FROM person WHERE id = $1", person.id)
    assert await told.of_people([str(person.id), str(uuid4())]) == (mail if shown else {})
