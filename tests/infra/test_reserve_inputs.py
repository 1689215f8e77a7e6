"""Inputs of a reserve run: the fund as of the run's moment, as known then."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from domain.correction import EventVoided
from domain.event import CompanyKey
from domain.fund import CompanyStatus
from domain.investing import CompanyStatusChanged
from domain.money import Money
from domain.reserves.options import RunOptions
from domain.reserves.runs import ReserveRunRequested
from infra.computing import Task
from infra.people import Person
from infra.runtime import Runtime
from tests.conftest import OpenFund
from tests.infra.reserving import BEGUN_AT, invest, record

OPTIONS = RunOptions(iterations=100)


@pytest.fixture
async def fund_id(runtime: Runtime, open_fund: OpenFund, owner: Person) -> UUID:
    found = await open_fund()
    await invest(runtime, found, owner.id)
    return found


async def task(runtime: Runtime, fund_id: UUID, at: datetime | None = None, known_at: datetime | None = None) -> Task:
    now = datetime.now(UTC)
    request = ReserveRunRequested("run", at or now, known_at or now, 0, "1", OPTIONS)
    return await runtime.reserve_inputs.task(fund_id, request)


async def test_every_active_company_is_there_with_its_tree_or_why_it_has_none(runtime: Runtime, fund_id: UUID) -> None:
    found = await task(runtime, fund_id)
    acme, beta, gone = sorted(found.holdings, key=lambda one: one.id)
    assert (acme.name, acme.stage, acme.ownership) == ("Acme", "seed", 0.1)
    assert (acme.invested, acme.planned, acme.deployed) == (Money(50_000_000), Money(100_000_000), 0)
    assert acme.tree is not None
    assert beta.tree is not None
    assert (gone.tree, gone.unavailable) == (None, "the fund's ownership isn't known")
    assert (found.size, found.options) == (Money(6_000_000_000), OPTIONS)
    # 60,000,000.00 of which 1,500,000.00 is invested.
    assert found.available <= 5_850_000_000


async def test_before_the_first_cheque_there_is_nobody(runtime: Runtime, fund_id: UUID) -> None:
    assert (await task(runtime, fund_id, at=datetime(2006, 6, 1, tzinfo=UTC))).holdings == []


async def test_what_was_learned_later_is_not_known_then(runtime: Runtime, fund_id: UUID, owner: Person) -> None:
    now = datetime.now(UTC)
    before = await task(runtime, fund_id, at=now, known_at=now)
    exited = CompanyStatusChanged(CompanyKey("acme"), CompanyStatus.EXITED)
    await record(runtime, fund_id, owner.id, exited, at=datetime(2008, 1, 1, tzinfo=UTC))
    assert {one.id for one in (await task(runtime, fund_id)).holdings} == {"beta", "gone"}
    assert await task(runtime, fund_id, at=now, known_at=now) == before
    assert {one.id for one in (await task(runtime, fund_id, at=BEGUN_AT)).holdings} == {"acme", "beta", "gone"}


async def test_a_voided_fact_counts_no_more(runtime: Runtime, fund_id: UUID, owner: Person) -> None:
    exited = CompanyStatusChanged(CompanyKey("acme"), CompanyStatus.EXITED)
    await record(runtime, fund_id, owner.id, exited, at=datetime(2008, 1, 1, tzinfo=UTC))
    version = await runtime.pool.fetchval("SELECT version FROM fund WHERE id = $1", fund_id)
    await record(runtime, fund_id, owner.id, EventVoided(version, "mistaken"), at=datetime(2008, 1, 2, tzinfo=UTC))
    assert {one.id for one in (await task(runtime, fund_id)).holdings} == {"acme", "beta", "gone"}
