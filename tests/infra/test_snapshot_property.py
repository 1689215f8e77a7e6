"""The heart of the ledger: with snapshots or without, every answer is the same.

DRYPOWDER_HISTORIES asks for a longer run, DRYPOWDER_HISTORY_SEED for other histories.
"""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from domain.correction import EventVoided
from domain.event import Dated
from infra import states
from infra.runtime import Runtime
from infra.settings import Settings
from infra.states import States
from tests.conftest import Servers
from tests.depth import deep, variants
from tests.histories import AHEAD, TOGETHER, History, ask, live, many, own_database, process, told

HISTORIES = int(os.environ.get("DRYPOWDER_HISTORIES", deep(60, 1_000)))
"""The rarest of the faults planted below shows in one of twelve; one that shows in one of 30 is hardly ever missed."""
FIRST_SEED = int(os.environ.get("DRYPOWDER_HISTORY_SEED", "20060101"))
SOME = 8 * TOGETHER
"""Histories in which a fault of the SQL must show."""

FORGOTTEN_ENDS = " AND (hi IS NULL OR hi > $4)"
FORGOTTEN_BEGINNINGS = " AND lo <= $4"


@asynccontextmanager
async def several(database_url: str, redis_url: str) -> AsyncIterator[Sequence[Runtime]]:
    """Runtimes that know nothing of one another, as in several processes."""
    async with AsyncExitStack() as stack:
        settings = Settings(database_pool=24)
        yield [await stack.enter_async_context(process(database_url, redis_url, settings)) for _ in range(3)]


async def _actor(runtime: Runtime) -> UUID:
    return (await runtime.people.enrol("owner@example.org")).id


@pytest_asyncio.fixture(scope="module")
async def processes(servers: Servers) -> AsyncIterator[Sequence[Runtime]]:
    async with own_database(servers.database_url) as url, several(url, servers.redis_url) as runtimes:
        yield runtimes


@pytest_asyncio.fixture(scope="module")
async def histories(processes: Sequence[Runtime]) -> Sequence[History]:
    """Some histories, recorded by the program as it is."""
    actor = await _actor(processes[0])
    return [history async for history in many(processes, actor, range(1, SOME + 1))]


@pytest.mark.timeout(240 + HISTORIES // 5)
async def test_snapshots_change_no_answer(processes: Sequence[Runtime]) -> None:
    actor = await _actor(processes[0])
    asked = helped = 0
    async for history in many(processes, actor, range(FIRST_SEED, FIRST_SEED + HISTORIES)):
        runtime = processes[history.seed % len(processes)]
        await ask(runtime.pool, runtime.states, history, seed=history.seed)
        for wrong in history.wrong():
            pytest.fail(await told(runtime.pool, history, wrong))
        asked += len(history.asked)
        helped += sum(snapshot_id is not None for _, _, snapshot_id in history.asked)
    assert asked >= 10 * HISTORIES
    assert HISTORIES < SOME or helped >= asked // 4, f"only {helped} of {asked} answers came from a snapshot"


async def test_the_random_histories_hold_enough_of_everything(
    histories: Sequence[History], processes: Sequence[Runtime]
) -> None:
    seen: Counter[str] = Counter()
    for history in histories:
        seen.update(_traits(history.facts))
    rows = await processes[0].pool.fetch(
        "SELECT kind, hi IS NULL AS open, count(*) FROM snapshot WHERE fund_id = ANY ($1) GROUP BY 1, 2",
        [history.fund_id for history in histories],
    )
    seen.update({f"{row['kind']} {'open' if row['open'] else 'closed'}": row["count"] for row in rows})
    least = {
        "facts": 10, "backdated": 3, "same instant": 3, "ahead": 1, "void": 0.5, "void of an old fact": 0.25,
        "AUTO open": 0.5, "AUTO closed": 1, "MANUAL open": 0.02, "MANUAL closed": 0.1,
    }  # fmt: skip
    assert {trait: seen[trait] for trait, often in least.items() if seen[trait] < often * len(histories)} == {}


def _traits(facts: Sequence[Dated]) -> Counter[str]:
    seen = Counter({"facts": len(facts)})
    latest = facts[0].occurred_at
    for place, fact in enumerate(facts[1:], start=1):
        if isinstance(fact.event, EventVoided):
            seen["void"] += 1
            seen["void of an old fact"] += fact.occurred_at < latest
        seen["backdated"] += fact.occurred_at < latest
        seen["ahead"] += fact.occurred_at >= AHEAD
        seen["same instant"] += fact.occurred_at in {other.occurred_at for other in facts[:place]}
        latest = max(latest, fact.occurred_at)
    return seen


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(
            {name: getattr(states, name).replace(FORGOTTEN_ENDS, "") for name in ("_BEST", "_BEST_STRICTLY")},
            id="hi is ignored",
        ),
        pytest.param(
            {name: getattr(states, name).replace(FORGOTTEN_BEGINNINGS, "") for name in ("_BEST", "_BEST_STRICTLY")},
            id="lo is ignored",
        ),
        pytest.param(
            {"FOLDED_FACTS": states.FOLDED_FACTS.replace("touches_at > $2", "touches_at >= $2")},
            id="replay starts at the snapshot's moment",
        ),
    ],
)
async def test_a_fault_in_reading_would_be_noticed(
    fault: dict[str, str],
    histories: Sequence[History],
    processes: Sequence[Runtime],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, text in fault.items():
        assert text != getattr(states, name), "the fault must be one"
        monkeypatch.setattr(states, name, text)
    wrong = await _wrong_histories(processes[0], histories)
    assert len(wrong) >= SOME // 20


async def test_without_a_fault_nothing_is_noticed(histories: Sequence[History], processes: Sequence[Runtime]) -> None:
    assert await _wrong_histories(processes[0], histories) == []


@pytest.mark.parametrize(
    ("function", "right", "faulty"),
    variants(
        [
            pytest.param("ledger_append", "s.hi IS NULL AND", "false AND", id="stale snapshots are left open"),
            pytest.param(
                "ledger_keep_snapshot", "f.version > p_version AND", "false AND", id="later facts are not looked for"
            ),
        ],
        [
            pytest.param("ledger_append", "s.at >= earliest", "s.at > earliest", id="an equal instant is forgotten"),
            pytest.param(
                "ledger_append",
                "version + min(u.place)",
                "version + max(u.place)",
                id="the last of a batch closes, not the first",
            ),
        ],
    ),
)
async def test_a_fault_in_writing_would_be_noticed(servers: Servers, function: str, right: str, faulty: str) -> None:
    async with own_database(servers.database_url) as url, several(url, servers.redis_url) as runtimes:
        await _replace(url, function, right, faulty)
        actor = await _actor(runtimes[0])
        noticed = 0
        for first in range(1, SOME + 1, TOGETHER):
            if noticed >= SOME // 20:
                break
            lived: list[History] = []
            together = (live(runtimes, actor, seed) for seed in range(first, first + TOGETHER))
            for outcome in await asyncio.gather(*together, return_exceptions=True):
                if isinstance(outcome, History):
                    lived.append(outcome)
                elif isinstance(outcome, KeyError):
                    noticed += 1
                else:
                    raise outcome
            noticed += len(await _wrong_histories(runtimes[0], lived))
        assert noticed >= SOME // 20


async def _replace(url: str, function: str, right: str, faulty: str) -> None:
    """Plants the fault, which only the database's owner can."""
    connection = await asyncpg.connect(url)
    try:
        text = await connection.fetchval("SELECT pg_get_functiondef($1::text::regproc)", function)
        assert text.count(right) == 1
        await connection.execute(text.replace(right, faulty))
    finally:
        await connection.close()


async def _wrong_histories(runtime: Runtime, histories: Sequence[History]) -> list[int]:
    """Seeds of those that give a wrong answer when asked again, by a process that starts afresh.

    On a wrong state a fold may also meet a company that isn't there, a `KeyError`.
    """
    wrong = []
    for history in histories:
        asked_again = History(history.seed, history.fund_id, history.facts, history.recorded_at)
        try:
            await ask(runtime.pool, States(runtime.pool), asked_again, seed=history.seed)
        except KeyError:
            wrong.append(history.seed)
        else:
            wrong += [history.seed] if asked_again.wrong() else []
    return wrong
