"""States: the nearest snapshot and the facts after it, bad snapshots passed over and mended."""

import logging
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from domain.capital import FeeCharged
from domain.correction import EventVoided
from domain.event import Dated
from domain.fund import Fund
from domain.money import Money
from domain.projector import EMPTY, order, state_at
from domain.refusal import CorruptionError
from infra import codec
from infra.drafts import Draft
from infra.people import Person
from infra.runtime import Runtime
from infra.snapshots import SnapshotKind
from infra.states import END, States
from tests.conftest import OPENED_AT, OpenFund
from tests.histories import plant

DAY = timedelta(days=1)


def day(number: int) -> datetime:
    return OPENED_AT + number * DAY


async def charge(runtime: Runtime, owner: Person, fund_id: UUID, *days: int) -> int:
    """A fee of one cent on each of these days after the opening; the last version."""
    drafts = [Draft(FeeCharged(Money(1)), day(number)) for number in days]
    return (await runtime.ledger.record(fund_id, drafts, actor=owner.id)).last_version


async def facts(runtime: Runtime, fund_id: UUID) -> list[Dated]:
    """The facts, dated where they touch valid time, in the fold's order."""
    found: dict[int, Dated] = {}
    for fact in await runtime.history.after(fund_id, 0):
        at = fact.occurred_at
        if isinstance(fact.event, EventVoided):
            at = found[fact.event.version].occurred_at
        found[fact.version] = Dated(at, fact.version, fact.event)
    return sorted(found.values(), key=order)


async def snapshot_at(runtime: Runtime, fund_id: UUID, at: datetime, version: int) -> UUID:
    """A snapshot of that moment by what was known at a version."""
    await plant(runtime, fund_id, at, version)
    (snapshot,) = await runtime.snapshots.listed(fund_id, after=None, limit=1)
    return snapshot.id


async def test_a_state_is_folded_from_all_facts_where_there_is_no_snapshot(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    version = await charge(runtime, owner, fund_id, 1, 2, 3)
    folded = await runtime.states.state(fund_id, day(2), version)
    assert (folded.state.fees, folded.state.version, folded.replayed, folded.snapshot_id) == (2, 3, 3, None)


async def test_only_the_facts_after_the_nearest_snapshot_are_replayed(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    version = await charge(runtime, owner, fund_id, *range(1, 10))
    await snapshot_at(runtime, fund_id, day(3), version)
    nearest = await snapshot_at(runtime, fund_id, day(6), version)
    await snapshot_at(runtime, fund_id, day(9), version)
    folded = await runtime.states.state(fund_id, day(8), version)
    assert (folded.state.fees, folded.replayed, folded.snapshot_id) == (8, 2, nearest)


async def test_a_snapshot_at_the_very_moment_asked_leaves_nothing_to_replay(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    version = await charge(runtime, owner, fund_id, 1, 2, 2, 3)
    nearest = await snapshot_at(runtime, fund_id, day(2), version)
    folded = await runtime.states.state(fund_id, day(2), version)
    assert (folded.state.fees, folded.replayed, folded.snapshot_id) == (3, 0, nearest)


async def test_a_snapshot_serves_no_version_before_its_newest_fact(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    early = await charge(runtime, owner, fund_id, 1)
    late = await charge(runtime, owner, fund_id, 2)
    await snapshot_at(runtime, fund_id, day(5), late)
    folded = await runtime.states.state(fund_id, day(5), early)
    assert (folded.state.fees, folded.snapshot_id) == (1, None)


async def test_what_was_known_before_a_backdated_fact_still_comes_from_the_snapshot_it_closed(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    before = await charge(runtime, owner, fund_id, 1, 3)
    closed = await snapshot_at(runtime, fund_id, day(4), before)
    after = await charge(runtime, owner, fund_id, 2)
    then = await runtime.states.state(fund_id, day(4), before)
    assert (then.state.fees, then.replayed, then.snapshot_id) == (2, 0, closed)
    now = await runtime.states.state(fund_id, day(4), after)
    assert (now.state.fees, now.snapshot_id) == (3, None)


async def test_a_void_closes_the_snapshots_that_hold_what_it_voids(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    before = await charge(runtime, owner, fund_id, 1, 3)
    untouched = await snapshot_at(runtime, fund_id, day(2), before)
    closed = await snapshot_at(runtime, fund_id, day(4), before)
    void = Draft(EventVoided(before, "it was never charged"))
    after = (await runtime.ledger.record(fund_id, [void], actor=owner.id)).last_version
    then = await runtime.states.state(fund_id, day(4), before)
    assert (then.state.fees, then.snapshot_id) == (2, closed)
    now = await runtime.states.state(fund_id, day(4), after)
    assert (now.state.fees, now.state.version, now.snapshot_id) == (1, after, untouched)


async def test_a_batch_closes_a_snapshot_at_its_first_fact_that_touches_it(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    before = await charge(runtime, owner, fund_id, 1)
    await snapshot_at(runtime, fund_id, day(4), before)
    await charge(runtime, owner, fund_id, 5, 6, 4, 7, 2)
    hi = await runtime.pool.fetchval("SELECT hi FROM snapshot WHERE fund_id = $1", fund_id)
    assert hi == before + 3
    for version in range(before + 6):
        right = state_at(await facts(runtime, fund_id), day(4), version)
        assert (await runtime.states.state(fund_id, day(4), version)).state == right


async def test_a_snapshot_stored_late_is_closed_by_what_came_meanwhile(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    seen = await charge(runtime, owner, fund_id, 1)
    await charge(runtime, owner, fund_id, 9)
    after = await charge(runtime, owner, fund_id, 2)
    late = await snapshot_at(runtime, fund_id, day(4), seen)
    assert (await runtime.states.state(fund_id, day(4), after)).state.fees == 2
    assert (await runtime.states.state(fund_id, day(4), after)).snapshot_id is None
    assert (await runtime.states.state(fund_id, day(4), after - 1)).snapshot_id == late


async def test_facts_dated_ahead_count_when_their_moment_is_asked(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    ahead = datetime.now(UTC) + 30 * DAY
    version = (await runtime.ledger.record(fund_id, [Draft(FeeCharged(Money(7)), ahead)], actor=owner.id)).last_version
    await runtime.snapshots.take(fund_id, SnapshotKind.MANUAL)
    assert (await runtime.states.state(fund_id, datetime.now(UTC), version)).state.fees == 0
    folded = await runtime.states.state(fund_id, ahead, version)
    assert (folded.state.fees, folded.replayed) == (7, 1)
    assert (await runtime.states.state(fund_id, END, version)).state.fees == 7


async def test_the_state_before_a_moment_comes_with_all_facts_from_then_on(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    version = await charge(runtime, owner, fund_id, 1, 2, 2, 3, 5)
    every = await facts(runtime, fund_id)
    for moment in (None, day(1), day(2), day(3)):
        if moment is not None:
            await plant(runtime, fund_id, moment, version)
        async with runtime.pool.acquire() as connection:
            for start in (day(0), day(2), day(2) + DAY / 2, day(5), day(9)):
                base, rest = await runtime.states.since(connection, fund_id, start, version)
                assert base == state_at(every, start - timedelta(microseconds=1), version)
                assert rest == [fact for fact in every if fact.occurred_at >= start]


async def test_the_state_at_a_moment_comes_with_the_facts_after_it_up_to_another(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    version = await charge(runtime, owner, fund_id, 1, 2, 2, 3, 5)
    every = await facts(runtime, fund_id)
    for moment in (None, day(1), day(2), day(3)):
        if moment is not None:
            await plant(runtime, fund_id, moment, version)
        for start in (day(0), day(2), day(2) + DAY / 2, day(3)):
            base, rest = await runtime.states.facts_between(fund_id, start, day(3), version)
            assert base == state_at(every, start, version)
            assert rest == [fact for fact in every if start < fact.occurred_at <= day(3)]


BROKEN = {
    "a byte flipped": "UPDATE snapshot SET state = set_byte(state, 10, get_byte(state, 10) # 255) WHERE id = $1",
    "its state cut short": "UPDATE snapshot SET state = substr(state, 1, 20) WHERE id = $1",
    "another checksum": "UPDATE snapshot SET checksum = sha256('other') WHERE id = $1",
    "no checksum": "UPDATE snapshot SET checksum = '' WHERE id = $1",
    "a later moment": "UPDATE snapshot SET at = at + interval '1 hour' WHERE id = $1",
    "an earlier moment": "UPDATE snapshot SET at = at - interval '2 days' WHERE id = $1",
    "a higher version": "UPDATE snapshot SET lo = lo + 1 WHERE id = $1",
    "a lower version": "UPDATE snapshot SET lo = lo - 1 WHERE id = $1",
}
GARBAGE = {
    "nothing": b"",
    "no state": b"\xc0",
    "a state cut short": codec.encode_state(Fund())[:-3],
    "of the wrong type": b"\x81\xa7version\xa3one",
    "no UTF-8": b"\x81\xa4name\xa2\xc3\x28",
    "nested without end": b"\x81\xa4junk" + b"\x91" * 100_000,
}


async def break_with(runtime: Runtime, snapshot_id: UUID, garbage: bytes) -> None:
    """Puts garbage into the snapshot with the checksum that fits it."""
    row = await runtime.pool.fetchrow("SELECT fund_id, at, lo FROM snapshot WHERE id = $1", snapshot_id)
    assert row is not None
    checksum = codec.state_checksum(str(row["fund_id"]), row["at"], row["lo"], garbage)
    await runtime.pool.execute(
        "UPDATE snapshot SET state = $2, checksum = $3 WHERE id = $1", snapshot_id, garbage, checksum
    )


async def check_mended(
    runtime: Runtime, fund_id: UUID, version: int, bad: UUID, caplog: pytest.LogCaptureFixture
) -> None:
    """A bad snapshot gave no answer, was told of, and gives right ones next time."""
    at = day(5)
    right = state_at(await facts(runtime, fund_id), at, version)
    afresh = States(runtime.pool)
    with caplog.at_level(logging.ERROR, "infra.states"):
        first = await afresh.state(fund_id, at, version)
    assert (first.state, first.snapshot_id) == (right, None)
    (told,) = caplog.records
    assert told.levelno == logging.ERROR
    assert f"snapshot {bad} of fund {fund_id}" in told.getMessage()
    caplog.clear()
    for states in (afresh, States(runtime.pool)):
        second = await states.state(fund_id, at, version)
        assert (second.state, second.snapshot_id) == (right, bad)
    assert not caplog.records


@pytest.mark.parametrize("broken", BROKEN)
async def test_a_snapshot_is_ignored_logged_and_folded_anew_when_it_has(
    broken: str, runtime: Runtime, owner: Person, open_fund: OpenFund, caplog: pytest.LogCaptureFixture
) -> None:
    fund_id = await open_fund()
    version = await charge(runtime, owner, fund_id, 1, 2, 3, 6)
    bad = await snapshot_at(runtime, fund_id, day(4), version)
    await runtime.pool.execute(BROKEN[broken], bad)
    await check_mended(runtime, fund_id, version, bad, caplog)


@pytest.mark.parametrize("garbage", GARBAGE)
async def test_a_snapshot_is_ignored_logged_and_folded_anew_when_under_a_right_checksum_it_is(
    garbage: str, runtime: Runtime, owner: Person, open_fund: OpenFund, caplog: pytest.LogCaptureFixture
) -> None:
    fund_id = await open_fund()
    version = await charge(runtime, owner, fund_id, 1, 2, 3, 6)
    bad = await snapshot_at(runtime, fund_id, day(4), version)
    await break_with(runtime, bad, GARBAGE[garbage])
    await check_mended(runtime, fund_id, version, bad, caplog)


async def test_where_all_snapshots_are_bad_all_are_passed_over_and_mended(
    runtime: Runtime, owner: Person, open_fund: OpenFund, caplog: pytest.LogCaptureFixture
) -> None:
    fund_id = await open_fund()
    version = await charge(runtime, owner, fund_id, *range(1, 8))
    bad = [await snapshot_at(runtime, fund_id, day(number), version) for number in range(1, 5)]
    await runtime.pool.execute("UPDATE snapshot SET state = 'bad' WHERE fund_id = $1", fund_id)
    await check_mended_all(runtime, fund_id, version, bad, caplog)


async def check_mended_all(
    runtime: Runtime, fund_id: UUID, version: int, bad: list[UUID], caplog: pytest.LogCaptureFixture
) -> None:
    first = await States(runtime.pool).state(fund_id, day(5), version)
    assert (first.state.fees, first.replayed, first.snapshot_id) == (5, 6, None)
    assert len(caplog.records) == len(bad)
    second = await States(runtime.pool).state(fund_id, day(5), version)
    assert (second.state, second.replayed, second.snapshot_id) == (first.state, 1, bad[-1])
    assert len(caplog.records) == len(bad)


async def test_a_bad_snapshot_that_a_backdated_fact_closed_is_mended_for_what_was_known_before(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    before = await charge(runtime, owner, fund_id, 1, 3)
    bad = await snapshot_at(runtime, fund_id, day(4), before)
    after = await charge(runtime, owner, fund_id, 2)
    await runtime.pool.execute("UPDATE snapshot SET state = 'bad' WHERE id = $1", bad)
    assert (await States(runtime.pool).state(fund_id, day(4), before)).state.fees == 2
    folded = await States(runtime.pool).state(fund_id, day(4), before)
    assert (folded.state.fees, folded.snapshot_id) == (2, bad)
    assert (await States(runtime.pool).state(fund_id, day(4), after)).state.fees == 3


async def test_other_codes_snapshots_give_no_answer(runtime: Runtime, owner: Person, open_fund: OpenFund) -> None:
    fund_id = await open_fund()
    version = await charge(runtime, owner, fund_id, 1, 2)
    foreign = await snapshot_at(runtime, fund_id, day(4), version)
    # A state other code folded may differ from ours and be whole all the same.
    await break_with(runtime, foreign, codec.encode_state(Fund(fees=999)))
    await runtime.pool.execute("UPDATE snapshot SET fingerprint = sha256('other code') WHERE id = $1", foreign)
    folded = await States(runtime.pool).state(fund_id, day(4), version)
    assert (folded.state.fees, folded.snapshot_id) == (2, None)


async def test_dropping_every_snapshot_changes_no_answer(runtime: Runtime, owner: Person, open_fund: OpenFund) -> None:
    fund_id = await open_fund()
    version = await charge(runtime, owner, fund_id, *(number % 17 for number in range(60)))
    await runtime.snapshots.keep_up(fund_id, 5)
    questions = [(day(number), one) for number in range(18) for one in range(0, version + 1, 3)]
    helped = 0
    answers = []
    for at, one in questions:
        folded = await runtime.states.state(fund_id, at, one)
        answers.append(folded.state)
        helped += folded.snapshot_id is not None
    assert helped > len(questions) // 10
    await runtime.pool.execute("DELETE FROM snapshot WHERE fund_id = $1", fund_id)
    for states in (runtime.states, States(runtime.pool)):
        for (at, one), answer in zip(questions, answers, strict=True):
            folded = await states.state(fund_id, at, one)
            assert (folded.state, folded.snapshot_id) == (answer, None)


async def test_a_fact_that_cannot_be_read_stops_its_fund_and_is_named(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    await runtime.pool.fetch(
        "SELECT * FROM ledger_append($1, 1, NULL, NULL, $2, NULL, '{NO_SUCH_EVENT}', '{1}', ARRAY[$3::timestamptz], "
        "ARRAY[$3::timestamptz], '{NULL}', '{x}', '{NULL}', '{\"{}\"}')",
        fund_id,
        owner.id,
        day(1),
    )
    with pytest.raises(CorruptionError, match=f"fund {fund_id} stops at version 2: NO_SUCH_EVENT"):
        await runtime.states.state(fund_id, day(1), 2)
    assert (await runtime.states.state(fund_id, day(1), 1)).state.version == 1
    assert await runtime.states.state(fund_id, day(0), 2) == await runtime.states.state(fund_id, day(0), 1)


async def test_states_of_snapshots_are_shared_and_stay_as_they_were(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    version = await charge(runtime, owner, fund_id, 1, 2)
    await snapshot_at(runtime, fund_id, day(2), version)
    states = States(runtime.pool)
    base = (await states.state(fund_id, day(2), version)).state
    version = await charge(runtime, owner, fund_id, 3, 4)
    assert (await states.state(fund_id, day(4), version)).state.fees == 4
    assert (await states.state(fund_id, day(2), version)).state is base
    assert base.fees == 2
    assert base != EMPTY
