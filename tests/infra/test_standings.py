"""Who is found to have no standing any more, looked at all together."""

from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from domain.refusal import NotFound
from infra.people import OrganisationRole, Person, Role, TokenRevokedError
from infra.runtime import Runtime
from infra.standings import Standings
from tests.conftest import OpenFund

Change = Callable[[Runtime, Person, UUID, UUID], Awaitable[object]]


async def nothing(runtime: Runtime, person: Person, fund: UUID, organisation: UUID) -> None:
    pass


async def lower(runtime: Runtime, person: Person, fund: UUID, organisation: UUID) -> None:
    await runtime.people.give(person.id, fund, Role.VIEWER)


async def take(runtime: Runtime, person: Person, fund: UUID, organisation: UUID) -> None:
    await runtime.members.take_role(fund, person.email, actor=person.id)


async def take_and_administer(runtime: Runtime, person: Person, fund: UUID, organisation: UUID) -> None:
    await runtime.members.set_member(organisation, person.id, OrganisationRole.ADMIN, actor=person.id)
    await take(runtime, person, fund, organisation)


async def take_and_belong(runtime: Runtime, person: Person, fund: UUID, organisation: UUID) -> None:
    await runtime.members.set_member(organisation, person.id, OrganisationRole.MEMBER, actor=person.id)
    await take(runtime, person, fund, organisation)


async def take_and_enthrone(runtime: Runtime, person: Person, fund: UUID, organisation: UUID) -> None:
    await runtime.people.enrol(person.email, administrator=True)
    await take(runtime, person, fund, organisation)


async def revoke(runtime: Runtime, person: Person, fund: UUID, organisation: UUID) -> None:
    await runtime.members.revoke_everywhere(person.id, actor=person.id)


async def revoke_here(runtime: Runtime, person: Person, fund: UUID, organisation: UUID) -> None:
    await runtime.members.revoke(organisation, person.email, actor=person.id)


async def erase(runtime: Runtime, person: Person, fund: UUID, organisation: UUID) -> None:
    await runtime.pool.execute("DELETE FROM person WHERE id = $1", person.id)


@pytest.mark.parametrize(
    ("change", "of_the_fund", "of_the_token"),
    [
        (nothing, None, None),
        (lower, None, None),
        (take, NotFound, None),
        (take_and_belong, NotFound, None),
        (take_and_administer, None, None),
        (take_and_enthrone, None, None),
        (revoke, TokenRevokedError, TokenRevokedError),
        # Another organisation's funds stay open to the token.
        (revoke_here, TokenRevokedError, None),
        (erase, TokenRevokedError, TokenRevokedError),
    ],
)
async def test_standing_is_lost_with_the_part_or_the_token(
    runtime: Runtime,
    open_fund: OpenFund,
    change: Change,
    of_the_fund: type[Exception] | None,
    of_the_token: type[Exception] | None,
) -> None:
    fund = await open_fund()
    row = await runtime.funds.fund(fund)
    assert row is not None
    known = await runtime.people.enrol(f"{uuid4().hex}@example.org")
    await runtime.people.give(known.id, fund, Role.ANALYST)
    now = datetime.now(UTC)
    # A token from before, one from after, and work that no token was needed for.
    before, after, without = [
        replace(known, issued_at=at) for at in (now - timedelta(hours=1), now + timedelta(hours=1), None)
    ]
    standings, told = Standings(runtime.pool), dict[str, list[Exception]]()
    with ExitStack() as watching:
        for name, person, place in (
            ("fund", before, fund),
            ("again", before, fund),
            ("token", before, None),
            ("newer", after, fund),
            ("none", without, None),
        ):
            told[name] = []
            watching.enter_context(standings.watched(person, place, told[name].append))
        await change(runtime, known, fund, row.organisation_id)
        for _ in range(2):
            await standings.look()
    kinds = {name: [type(fault) for fault in faults] for name, faults in told.items()}
    gone = change is erase
    assert kinds["fund"] == kinds["again"] == ([] if of_the_fund is None else [of_the_fund])
    assert kinds["token"] == ([] if of_the_token is None else [of_the_token])
    assert kinds["newer"] == ([NotFound] if of_the_fund is NotFound else [TokenRevokedError] if gone else [])
    assert kinds["none"] == ([TokenRevokedError] if gone else [])


async def test_whoever_watches_no_longer_is_told_nothing(runtime: Runtime) -> None:
    person, standings = await runtime.people.enrol(f"{uuid4().hex}@example.org"), Standings(runtime.pool)
    told: list[Exception] = []
    with standings.watched(person, None, told.append):
        pass
    await runtime.pool.execute("DELETE FROM person WHERE id = $1", person.id)
    await standings.look()
    assert told == []


async def test_a_fund_that_is_not_there_has_no_standing_in_it(runtime: Runtime) -> None:
    person, standings = await runtime.people.enrol(f"{uuid4().hex}@example.org"), Standings(runtime.pool)
    told: list[Exception] = []
    with standings.watched(person, uuid4(), told.append):
        await standings.look()
    assert [type(fault) for fault in told] == [NotFound]
