"""Snapshot jobs: the gaps of one fund, and every night's."""

import asyncio
from datetime import timedelta

import pytest

from domain.capital import FeeCharged
from domain.money import Money
from infra.drafts import Draft
from infra.snapshots import SnapshotKind
from jobs import snapshots
from tests.conftest import OPENED_AT
from tests.jobs.funds import Funds

SCHEDULED, AUTO = SnapshotKind.SCHEDULED, SnapshotKind.AUTO


async def kinds(funds: Funds, *fund_ids: object) -> list[list[SnapshotKind]]:
    """Kinds of the snapshots of each of these funds, newest made first."""
    return [[one.kind for one in await funds.snapshots(fund_id)] for fund_id in fund_ids]  # type: ignore[arg-type]


async def test_the_gaps_of_a_fund_are_filled_at_the_frequency_set(
    funds: Funds, caplog: pytest.LogCaptureFixture
) -> None:
    fund_id = await funds.opened()
    fees = [Draft(FeeCharged(Money(1)), OPENED_AT + timedelta(days=place)) for place in range(1, 350)]
    await funds.runtime.ledger.record(fund_id, fees, actor=funds.actor)
    with caplog.at_level("INFO", "jobs.snapshots"):
        assert await snapshots.keep_up(funds.runtime, fund_id) == 3
        assert await snapshots.keep_up(funds.runtime, fund_id) == 0
    assert [record.getMessage() for record in caplog.records] == [f"3 snapshots made of fund {fund_id}"]
    assert [one.version for one in await funds.snapshots(fund_id)] == [300, 200, 100]


async def test_a_night_makes_one_snapshot_of_each_fund_that_changed_and_the_next_none(funds: Funds) -> None:
    first, second = await funds.opened(3), await funds.opened()
    assert await snapshots.nightly(funds.runtime) == 2
    assert await kinds(funds, first, second) == [[SCHEDULED], [SCHEDULED]]
    (taken,) = await funds.snapshots(first)
    assert (taken.version, taken.description) == (3, None)
    assert await snapshots.nightly(funds.runtime) == 0
    assert await kinds(funds, first, second) == [[SCHEDULED], [SCHEDULED]]
    await funds.reach(second, 5)
    third = await funds.opened()
    assert await snapshots.nightly(funds.runtime) == 2
    assert await kinds(funds, first, second, third) == [[SCHEDULED], [SCHEDULED, SCHEDULED], [SCHEDULED]]


async def test_a_night_without_funds_makes_nothing(funds: Funds) -> None:
    assert await snapshots.nightly(funds.runtime) == 0


async def test_a_night_fills_gaps_that_nobody_filled_by_day(funds: Funds) -> None:
    fund_id = await funds.opened(150)
    assert await snapshots.nightly(funds.runtime) == 1
    assert await kinds(funds, fund_id) == [[AUTO, SCHEDULED]]


async def test_a_fund_that_cannot_be_read_is_told_of_and_keeps_no_other_from_its_snapshot(
    funds: Funds, caplog: pytest.LogCaptureFixture
) -> None:
    good = [await funds.opened() for _ in range(3)]
    bad = await funds.opened()
    good += [await funds.opened() for _ in range(3)]
    await funds.runtime.pool.fetch(
        "SELECT * FROM ledger_append($1, 1, NULL, NULL, $2, NULL, '{NO_SUCH_EVENT}', '{1}', ARRAY[$3::timestamptz], "
        "ARRAY[$3::timestamptz], '{NULL}', '{x}', '{NULL}', '{\"{}\"}')",
        bad,
        funds.actor,
        OPENED_AT,
    )
    async with asyncio.timeout(60):
        assert await snapshots.nightly(funds.runtime) == len(good)
    assert await kinds(funds, *good, bad) == [[SCHEDULED]] * len(good) + [[]]
    (told,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert told.getMessage() == f"no nightly snapshot of fund {bad}"
    assert "NO_SUCH_EVENT" in caplog.text
