"""Inputs of a reserve run: the fund as of the run's moment, as known then."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from domain.correction import EventVoided
from domain.event import CompanyKey
from domain.fund import CompanyStatus
from domain.investing import CompanyStatusChanged
from domain.money import Money
from domain.reserves.model import DEFAULT_MODEL, ReserveModelSet
from domain.reserves.options import RunOptions
from domain.reserves.runs import ReserveRunRequested
from infra.computing import Task
from infra.people import Person
from infra.runtime import Runtime
from tests.conftest import OpenFund
from tests.infra.reserving import BEGUN_AT, invest, record
from tests.spec import share

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


def odds(graduate: str, source: str) -> ReserveModelSet:
    seed, *others = DEFAULT_MODEL.stages
    return replace(DEFAULT_MODEL, stages=(replace(seed, graduate=share(graduate)), *others), source=source)


async def test_the_model_is_the_funds_own_of_the_moment_as_known_then(
    runtime: Runtime, fund_id: UUID, owner: Person
) -> None:
    first, second, later = datetime(2008, 1, 1, tzinfo=UTC), datetime(2010, 1, 1, tzinfo=UTC), datetime.now(UTC)
    plain = await task(runtime, fund_id, at=later, known_at=later)
    assert plain.model == DEFAULT_MODEL
    # Learned in another order than they were true in.
    await record(runtime, fund_id, owner.id, odds("0.55", "second"), at=second)
    await record(runtime, fund_id, owner.id, odds("0.65", "first"), at=first)
    assert (await task(runtime, fund_id, at=later, known_at=later)) == plain
    told = [(await task(runtime, fund_id, at=at)).model.source for at in (BEGUN_AT, first, second, None)]
    assert told == [DEFAULT_MODEL.source, "first", "second", "second"]
    then, now = await task(runtime, fund_id, at=BEGUN_AT), await task(runtime, fund_id)
    chances = [
        {one.id: one.tree.steps[0].probability for one in found.holdings if one.tree is not None}
        for found in (then, now)
    ]
    assert chances[0]["acme"] == 0.45
    # Acme has waited for many years since, at odds of 0.55 to begin with.
    assert 0 < chances[1]["acme"] < 0.45
    version = await runtime.pool.fetchval("SELECT version FROM fund WHERE id = $1", fund_id)
    await record(runtime, fund_id, owner.id, EventVoided(version - 1, "mistaken"), at=second)
    found = await runtime.reserve_inputs.model(fund_id, datetime.now(UTC), version + 1)
    assert (found.setting.source, found.version, found.occurred_at) == ("first", version, first)
