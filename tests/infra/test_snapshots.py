"""Snapshots: taken, filled in, listed, thinned; never more of them than they are worth."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID, uuid4

import pytest

from domain.capital import FeeCharged
from domain.correction import EventVoided
from domain.event import CompanyKey
from domain.investing import CompanyAdded
from domain.money import Money
from domain.refusal import Invalid, NotFound
from domain.text import MAX_TEXT
from infra import codec
from infra.drafts import Draft
from infra.people import Person
from infra.runtime import Runtime
from infra.snapshots import Snapshot, SnapshotKind
from infra.states import States
from tests.conftest import OPENED_AT, OpenFund, Servers
from tests.histories import plant, process

DAY = timedelta(days=1)
FREQUENCY = 10


def day(number: int) -> datetime:
    return OPENED_AT + number * DAY


async def charge(runtime: Runtime, owner: Person, fund_id: UUID, *days: int) -> int:
    """A fee of one cent on each of these days after the opening; the last version."""
    drafts = [Draft(FeeCharged(Money(1)), day(number)) for number in days]
    return (await runtime.ledger.record(fund_id, drafts, actor=owner.id)).last_version


async def kept(runtime: Runtime, fund_id: UUID) -> Sequence[Snapshot]:
    """Every snapshot of the fund, by its moment."""
    return sorted(await runtime.snapshots.listed(fund_id, after=None, limit=10_000), key=lambda one: one.at)


async def interval(runtime: Runtime, snapshot_id: UUID) -> tuple[int, int | None]:
    row = await runtime.pool.fetchrow("SELECT lo, hi FROM snapshot WHERE id = $1", snapshot_id)
    assert row is not None
    return row["lo"], row["hi"]


async def open_moments(runtime: Runtime, fund_id: UUID) -> list[datetime]:
    """Where the snapshots stand that no fact has closed."""
    rows = await runtime.pool.fetch("SELECT at FROM snapshot WHERE fund_id = $1 AND hi IS NULL ORDER BY at", fund_id)
    return [row["at"] for row in rows]


@pytest.mark.parametrize("kind", SnapshotKind)
async def test_a_snapshot_is_of_now_with_its_kind_and_description(
    kind: SnapshotKind, runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    version = await charge(runtime, owner, fund_id, 1, 2)
    before = await runtime.pool.fetchval("SELECT clock_timestamp()")
    taken = await runtime.snapshots.take(fund_id, kind, "before the audit – 審計")
    after = await runtime.pool.fetchval("SELECT clock_timestamp()")
    assert before <= taken.at <= taken.created_at <= after
    assert (taken.fund_id, taken.version, taken.kind) == (fund_id, version, kind)
    assert taken.description == "before the audit – 審計"
    assert await runtime.snapshots.one(fund_id, taken.id) == taken
    assert await runtime.snapshots.listed(fund_id, after=None, limit=10) == [taken]
    folded = await runtime.states.state(fund_id, after, version)
    assert (folded.state.fees, folded.replayed, folded.snapshot_id) == (2, 0, taken.id)


async def test_a_snapshot_needs_no_description(runtime: Runtime, open_fund: OpenFund) -> None:
    taken = await runtime.snapshots.take(await open_fund(), SnapshotKind.MANUAL)
    assert taken.description is None


async def test_a_description_too_long_is_refused_and_nothing_is_stored(runtime: Runtime, open_fund: OpenFund) -> None:
    fund_id = await open_fund()
    with pytest.raises(Invalid) as raised:
        await runtime.snapshots.take(fund_id, SnapshotKind.MANUAL, "x" * (MAX_TEXT + 1))
    assert raised.value.path == ("description",)
    assert await kept(runtime, fund_id) == []


async def test_a_snapshot_of_an_unknown_fund_is_refused(runtime: Runtime) -> None:
    with pytest.raises(NotFound) as raised:
        await runtime.snapshots.take(uuid4(), SnapshotKind.MANUAL)
    assert raised.value.path == ("fundId",)


async def test_facts_dated_ahead_are_no_part_of_a_snapshot_and_leave_it_open(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    ahead = Draft(FeeCharged(Money(1)), datetime.now(UTC) + 30 * DAY)
    await runtime.ledger.record(fund_id, [ahead], actor=owner.id)
    taken = await runtime.snapshots.take(fund_id, SnapshotKind.MANUAL)
    await runtime.ledger.record(fund_id, [ahead], actor=owner.id)
    assert (taken.version, await interval(runtime, taken.id)) == (1, (1, None))


async def test_other_funds_snapshots_are_neither_listed_nor_found(runtime: Runtime, open_fund: OpenFund) -> None:
    mine, other = await open_fund(), await open_fund()
    taken = await runtime.snapshots.take(mine, SnapshotKind.MANUAL)
    assert await kept(runtime, other) == []
    assert await runtime.snapshots.one(other, taken.id) is None


async def test_snapshots_are_listed_newest_made_first_page_by_page(runtime: Runtime, open_fund: OpenFund) -> None:
    fund_id = await open_fund()
    taken = [await runtime.snapshots.take(fund_id, SnapshotKind.MANUAL, str(number)) for number in range(7)]
    # Two made at the same instant come once each too.
    await runtime.pool.execute(
        "UPDATE snapshot SET created_at = $2 WHERE fund_id = $1 AND description IN ('3', '4', '5')",
        fund_id,
        taken[3].created_at,
    )
    pages: list[Sequence[Snapshot]] = []
    place = None
    while page := await runtime.snapshots.listed(fund_id, after=place, limit=2):
        pages.append(page)
        place = page[-1].created_at, page[-1].id
    assert [len(page) for page in pages] == [2, 2, 2, 1]
    found = [one for page in pages for one in page]
    assert {one.id for one in found} == {one.id for one in taken}
    assert [one.created_at for one in found] == sorted((one.created_at for one in found), reverse=True)


async def test_gaps_are_filled_every_so_many_facts_and_only_once(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    version = await charge(runtime, owner, fund_id, *range(1, 35))
    assert await runtime.snapshots.keep_up(fund_id, FREQUENCY) == 3
    made = await kept(runtime, fund_id)
    # The opening is the first fact, on day 0.
    assert [one.at for one in made] == [day(9), day(19), day(29)]
    assert [one.version for one in made] == [10, 20, 30]
    assert {(one.kind, one.description) for one in made} == {(SnapshotKind.AUTO, None)}
    assert await runtime.snapshots.keep_up(fund_id, FREQUENCY) == 0
    assert await kept(runtime, fund_id) == made
    folded = await runtime.states.state(fund_id, day(40), version)
    assert (folded.state.fees, folded.replayed, folded.snapshot_id) == (34, 5, made[-1].id)


async def test_too_few_facts_are_left_alone(runtime: Runtime, owner: Person, open_fund: OpenFund) -> None:
    fund_id = await open_fund()
    await charge(runtime, owner, fund_id, *range(1, FREQUENCY - 1))
    assert await runtime.snapshots.keep_up(fund_id, FREQUENCY) == 0
    await charge(runtime, owner, fund_id, FREQUENCY)
    assert await runtime.snapshots.keep_up(fund_id, FREQUENCY) == 1


async def test_an_unknown_fund_has_no_gaps(runtime: Runtime) -> None:
    assert await runtime.snapshots.keep_up(uuid4(), FREQUENCY) == 0


@pytest.mark.parametrize(
    "days",
    [
        pytest.param([1] * 95, id="all on one day"),
        pytest.param([1] * 9 + [2] * 9 + [3] * 30 + [4] * 9 + [5] * 9, id="many on one of them"),
        pytest.param([number // 7 for number in range(95)], id="seven a day"),
        pytest.param([number // 11 for number in range(95)], id="eleven a day"),
        pytest.param([number % 13 for number in range(95)], id="going round"),
    ],
)
async def test_facts_of_one_instant_lie_on_one_side_of_every_snapshot_and_add_none_later(
    days: list[int], runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    for start in range(0, len(days), 19):
        version = await charge(runtime, owner, fund_id, *days[start : start + 19])
        await runtime.snapshots.keep_up(fund_id, FREQUENCY)
        assert await runtime.snapshots.keep_up(fund_id, FREQUENCY) == 0
        moments = await open_moments(runtime, fund_id)
        assert len(moments) == len(set(moments))
        for number in range(20):
            right = sum(one <= number for one in days[: start + 19])
            assert (await runtime.states.state(fund_id, day(number), version)).state.fees == right
    moments = [day(-1), *await open_moments(runtime, fund_id), day(99)]
    for start_at, end_at in pairwise(moments):
        assert sum(start_at < day(number) < end_at for number in days) <= FREQUENCY


async def test_the_gaps_grow_with_the_number_of_companies(runtime: Runtime, owner: Person, open_fund: OpenFund) -> None:
    fund_id = await open_fund()
    companies = [Draft(CompanyAdded(CompanyKey(f"c{place}"), "A company"), day(1)) for place in range(100)]
    await runtime.ledger.record(fund_id, companies, actor=owner.id)
    await charge(runtime, owner, fund_id, *range(2, 102))
    assert await runtime.snapshots.keep_up(fund_id, FREQUENCY) == 5
    # The tenth fact is a company's, on the day of all; then a fact for every four companies.
    assert [one.at for one in await kept(runtime, fund_id)] == [day(1), day(10), day(35), day(60), day(85)]
    assert await runtime.snapshots.keep_up(fund_id, FREQUENCY) == 0


async def test_a_backdated_fact_closes_the_snapshots_after_it_and_their_gaps_are_filled_again(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    before = await charge(runtime, owner, fund_id, *range(1, 35))
    await runtime.snapshots.keep_up(fund_id, FREQUENCY)
    first, second, third = await kept(runtime, fund_id)
    after = await charge(runtime, owner, fund_id, 15)
    assert [await interval(runtime, one.id) for one in (first, second, third)] == [
        (10, None),
        (20, after),
        (30, after),
    ]
    assert await runtime.snapshots.keep_up(fund_id, FREQUENCY) == 2
    assert await runtime.snapshots.keep_up(fund_id, FREQUENCY) == 0
    assert await open_moments(runtime, fund_id) == [day(9), day(18), day(28)]
    then = await runtime.states.state(fund_id, day(30), before)
    assert (then.state.fees, then.replayed, then.snapshot_id) == (30, 1, third.id)
    now = await runtime.states.state(fund_id, day(30), after)
    assert (now.state.fees, now.replayed) == (31, 2)
    assert now.snapshot_id not in {None, first.id, second.id, third.id}


async def test_a_void_closes_snapshots_like_a_backdated_fact(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    await charge(runtime, owner, fund_id, *range(1, 35))
    await runtime.snapshots.keep_up(fund_id, FREQUENCY)
    void = Draft(EventVoided(16, "never charged"))
    after = (await runtime.ledger.record(fund_id, [void], actor=owner.id)).last_version
    assert [await interval(runtime, one.id) for one in await kept(runtime, fund_id)] == [
        (10, None),
        (20, after),
        (30, after),
    ]
    assert await runtime.snapshots.keep_up(fund_id, FREQUENCY) == 2
    assert (await runtime.states.state(fund_id, day(34), after)).state.fees == 33


async def test_snapshots_that_people_take_count_as_well(runtime: Runtime, owner: Person, open_fund: OpenFund) -> None:
    fund_id = await open_fund()
    version = await charge(runtime, owner, fund_id, *range(1, 15))
    await plant(runtime, fund_id, day(5), version)
    await runtime.pool.execute("UPDATE snapshot SET kind = 'MANUAL' WHERE fund_id = $1", fund_id)
    assert await runtime.snapshots.keep_up(fund_id, FREQUENCY) == 0


async def test_those_who_fill_the_same_gaps_at_once_fill_each_once(
    runtime: Runtime, owner: Person, servers: Servers, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    await charge(runtime, owner, fund_id, *range(1, 200))
    async with AsyncExitStack() as stack:
        others = [await stack.enter_async_context(process(servers.database_url, servers.redis_url)) for _ in range(2)]
        made = await asyncio.gather(
            *(one.snapshots.keep_up(fund_id, FREQUENCY) for one in (runtime, *others) for _ in range(4))
        )
    assert sorted(made) == [0] * 11 + [20]
    assert len(await kept(runtime, fund_id)) == 20


async def test_two_hundred_closed_automatic_snapshots_are_kept_the_newest(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    version = await charge(runtime, owner, fund_id, *range(1, 9))
    manual = await runtime.snapshots.take(fund_id, SnapshotKind.MANUAL, "mine")
    nightly = await runtime.snapshots.take(fund_id, SnapshotKind.SCHEDULED)
    for minutes in range(203):
        await plant(runtime, fund_id, day(2) + timedelta(minutes=minutes), version)
    automatic = [one.id for one in await kept(runtime, fund_id) if one.kind is SnapshotKind.AUTO]
    await plant(runtime, fund_id, day(3), await charge(runtime, owner, fund_id, 1))
    assert len(await kept(runtime, fund_id)) == 2 + 203 + 1
    await runtime.snapshots.keep_up(fund_id, 1_000)
    left = await kept(runtime, fund_id)
    assert {one.id for one in left if one.kind is not SnapshotKind.AUTO} == {manual.id, nightly.id}
    assert [one.id for one in left if one.kind is SnapshotKind.AUTO and one.at != day(3)] == automatic[3:]
    assert await open_moments(runtime, fund_id) == [day(3)]


async def foreign_ones(runtime: Runtime, owner: Person, open_fund: OpenFund) -> tuple[UUID, Snapshot]:
    """A fund with automatic snapshots and one of a person's, made by other code that folded wrongly."""
    fund_id = await open_fund()
    await charge(runtime, owner, fund_id, *range(1, 35))
    await runtime.snapshots.keep_up(fund_id, FREQUENCY)
    mine = await runtime.snapshots.take(fund_id, SnapshotKind.MANUAL, "mine")
    for row in await runtime.pool.fetch("SELECT id, at, lo, state FROM snapshot WHERE fund_id = $1", fund_id):
        wrong = codec.encode_state(replace(codec.decode_state(row["state"]), fees=999))
        await runtime.pool.execute(
            "UPDATE snapshot SET fingerprint = sha256('other code'), state = $2, checksum = $3 WHERE id = $1",
            row["id"],
            wrong,
            codec.state_checksum(str(fund_id), row["at"], row["lo"], wrong),
        )
    return fund_id, mine


async def test_other_codes_snapshots_are_replaced_and_those_of_people_folded_anew(
    runtime: Runtime, owner: Person, open_fund: OpenFund, caplog: pytest.LogCaptureFixture
) -> None:
    fund_id, mine = await foreign_ones(runtime, owner, open_fund)
    before = {one.id for one in await kept(runtime, fund_id)}
    now = datetime.now(UTC)
    unhelped = await States(runtime.pool).state(fund_id, now, 35)
    assert (unhelped.state.fees, unhelped.replayed, unhelped.snapshot_id) == (34, 35, None)
    assert fund_id in await runtime.snapshots.foreign()
    with caplog.at_level(logging.INFO, "infra.snapshots"):
        assert await runtime.snapshots.keep_up(fund_id, FREQUENCY) == 3
    assert f"1 snapshots of fund {fund_id} were other code's" in caplog.text
    assert fund_id not in await runtime.snapshots.foreign()
    left = await kept(runtime, fund_id)
    assert before & {one.id for one in left} == {mine.id}
    assert await runtime.snapshots.one(fund_id, mine.id) == mine
    helped = await States(runtime.pool).state(fund_id, now, 35)
    assert (helped.state, helped.replayed, helped.snapshot_id) == (unhelped.state, 0, mine.id)
    assert await runtime.snapshots.keep_up(fund_id, FREQUENCY) == 0


async def test_other_codes_snapshot_folded_anew_keeps_the_interval_it_holds_for(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id, mine = await foreign_ones(runtime, owner, open_fund)
    after = await charge(runtime, owner, fund_id, 3)
    await runtime.snapshots.keep_up(fund_id, FREQUENCY)
    assert await interval(runtime, mine.id) == (35, after)
    then = await States(runtime.pool).state(fund_id, mine.at, 35)
    assert (then.state.fees, then.snapshot_id) == (34, mine.id)
    assert (await States(runtime.pool).state(fund_id, mine.at, after)).state.fees == 35
