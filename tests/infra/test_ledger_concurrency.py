"""Many writers at once, in one process and in several: each version is written once and nothing is lost."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import AsyncExitStack
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from domain.capital import FeeCharged, FundOpened
from domain.correction import EventVoided
from domain.refusal import ContradictsLaterFact, ExceedsAvailableCapital, InvalidState, Refusal, VersionConflict
from infra.appending import Appended
from infra.drafts import Draft
from infra.ledger import Ledger
from infra.people import Person
from infra.postgres import open_pool
from infra.runtime import Runtime
from infra.states import END, States
from tests.conftest import OPENED_AT, OpenFund, Servers
from tests.spec import instant, usd

AT = instant("2010-06-01")
WRITERS = 16


@pytest_asyncio.fixture(scope="session")
async def processes(servers: Servers) -> AsyncIterator[Sequence[Ledger]]:
    """Four ledgers with connections of their own, as four processes have them."""
    async with AsyncExitStack() as stack:
        ledgers = []
        for _ in range(4):
            pool = await stack.enter_async_context(await open_pool(servers.database_url, 3))
            ledgers.append(Ledger(pool, States(pool), lambda _fund_id, _version: None))
        yield ledgers


def fee(amount: int = 1, number: int = 0) -> Draft:
    return Draft(FeeCharged(usd(amount)), AT, {"number": number})


async def outcomes(*requests: Awaitable[Appended]) -> tuple[list[Appended], list[Refusal]]:
    """What was appended, and what refused; any other fault is one of the test."""
    found = await asyncio.gather(*requests, return_exceptions=True)
    refused = [one for one in found if isinstance(one, Refusal)]
    appended = [one for one in found if isinstance(one, Appended)]
    assert [one for one in found if not isinstance(one, Refusal | Appended)] == []
    return appended, refused


async def numbers(runtime: Runtime, fund_id: UUID) -> list[object]:
    """What tells the stored facts apart, in version order; the versions are checked to have no gaps."""
    facts = [fact async for fact in runtime.history.all(fund_id)]
    assert [fact.version for fact in facts] == list(range(1, len(facts) + 1))
    assert await runtime.history.first_bad_version(fund_id) == (len(facts), None)
    return [fact.metadata for fact in facts[1:]]


@pytest.mark.parametrize("several", [False, True], ids=["one process", "several processes"])
async def test_of_sixteen_writers_that_expect_one_version_exactly_one_wins(
    runtime: Runtime, owner: Person, open_fund: OpenFund, processes: Sequence[Ledger], several: bool
) -> None:
    fund_id = await open_fund()
    ledgers = processes if several else [runtime.ledger]
    winners = []
    for expected in range(1, 9):
        appended, refused = await outcomes(
            *(
                ledgers[writer % len(ledgers)].record(
                    fund_id, [fee(number=writer)], actor=owner.id, expected_version=expected
                )
                for writer in range(WRITERS)
            )
        )
        (won,) = appended
        assert (won.first_version, won.last_version) == (expected + 1, expected + 1)
        assert len(refused) == WRITERS - 1
        for conflict in refused:
            assert isinstance(conflict, VersionConflict)
            assert (conflict.expected, conflict.actual) == (expected, expected + 1)
        winners.append(won.facts[0].metadata)
    assert await numbers(runtime, fund_id) == winners


async def test_writers_of_one_process_without_an_expected_version_all_get_their_turn(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    appended, refused = await outcomes(
        *(runtime.ledger.record(fund_id, [fee(number=n)], actor=owner.id) for n in range(64))
    )
    assert (len(appended), refused) == (64, [])
    assert Counter(await numbers(runtime, fund_id)) == Counter(f'{{"number":{n}}}' for n in range(64))


async def test_writers_of_several_processes_lose_and_double_nothing(
    runtime: Runtime, owner: Person, open_fund: OpenFund, processes: Sequence[Ledger]
) -> None:
    fund_id = await open_fund()
    appended, refused = await outcomes(
        *(
            ledger.record(fund_id, [fee(number=2 * n), fee(number=2 * n + 1)], actor=owner.id)
            for n, ledger in enumerate(list(processes) * 20)
        )
    )
    assert all(isinstance(one, VersionConflict) for one in refused)
    assert len(appended) + len(refused) == 80
    stored = {one.first_version: [fact.metadata for fact in one.facts] for one in appended}
    assert sorted(stored) == list(range(2, 2 * len(appended) + 2, 2))
    assert await numbers(runtime, fund_id) == [text for place in sorted(stored) for text in stored[place]]


async def test_writers_of_several_processes_never_spend_more_than_there_is(
    runtime: Runtime, owner: Person, processes: Sequence[Ledger]
) -> None:
    opening = FundOpened("Small Fund", "USD", 2006, usd(10))
    fund_id, _ = await runtime.ledger.open_fund(opening, OPENED_AT, actor=owner.id)
    appended, refused = await outcomes(
        *(ledger.record(fund_id, [fee(1)], actor=owner.id) for ledger in list(processes) * 8)
    )
    assert len(appended) <= 10
    assert all(isinstance(one, VersionConflict | ExceedsAvailableCapital) for one in refused)
    version = 1 + len(appended)
    state = (await States(runtime.pool).state(fund_id, END, version)).state
    assert (state.version, state.fees) == (version, usd(len(appended)))
    # Those who came late may try again; nobody gets more than the rest.
    for _ in range(10 - len(appended)):
        await processes[0].record(fund_id, [fee(1)], actor=owner.id)
    for ledger in processes:
        with pytest.raises(ExceedsAvailableCapital):
            await ledger.record(fund_id, [fee(1)], actor=owner.id)


async def test_one_key_sent_by_many_at_once_is_recorded_once(
    runtime: Runtime, owner: Person, open_fund: OpenFund, processes: Sequence[Ledger]
) -> None:
    fund_id = await open_fund()
    appended, refused = await outcomes(
        *(ledger.record(fund_id, [fee(60_000_000)], actor=owner.id, key="k") for ledger in list(processes) * 4)
    )
    assert refused == []
    assert Counter(one.repeated for one in appended) == {False: 1, True: 15}
    assert {tuple(one.facts) for one in appended} == {tuple(appended[0].facts)}
    assert len(await numbers(runtime, fund_id)) == 1


async def test_one_key_sent_with_other_input_at_once_is_recorded_once_and_refused_once(
    runtime: Runtime, owner: Person, open_fund: OpenFund, processes: Sequence[Ledger]
) -> None:
    fund_id = await open_fund()
    appended, refused = await outcomes(
        *(ledger.record(fund_id, [fee(number=n)], actor=owner.id, key="k") for n, ledger in enumerate(processes))
    )
    assert (len(appended), len(refused)) == (1, 3)
    assert {one.code for one in refused} == {"IDEMPOTENCY_MISMATCH"}
    assert await numbers(runtime, fund_id) == [appended[0].facts[0].metadata]


async def test_one_opening_sent_by_many_at_once_opens_one_fund(
    runtime: Runtime, owner: Person, processes: Sequence[Ledger]
) -> None:
    key, opening = uuid4().hex, FundOpened("Alpha Fund", "USD", 2006, usd(10))
    opened = await asyncio.gather(
        *(ledger.open_fund(opening, OPENED_AT, actor=owner.id, key=key) for ledger in list(processes) * 4)
    )
    assert len({fund_id for fund_id, _ in opened}) == 1
    assert Counter(repeated for _, repeated in opened) == {False: 1, True: 15}


async def test_one_file_imported_by_many_at_once_is_imported_once(
    runtime: Runtime, owner: Person, open_fund: OpenFund, processes: Sequence[Ledger]
) -> None:
    fund_id = await open_fund()
    drafts = [fee(number=n) for n in range(1_200)]
    appended, refused = await outcomes(
        *(ledger.record_all(fund_id, drafts, actor=owner.id, key="file") for ledger in processes)
    )
    assert refused == []
    assert Counter(one.repeated for one in appended) == {False: 1, True: 3}
    assert {(one.first_version, one.last_version) for one in appended} == {(2, 1_201)}
    assert await numbers(runtime, fund_id) == [f'{{"number":{n}}}' for n in range(1_200)]


async def test_an_import_and_appends_at_once_lose_nothing(
    runtime: Runtime, owner: Person, open_fund: OpenFund, processes: Sequence[Ledger]
) -> None:
    fund_id = await open_fund()
    importer, *others = processes
    drafts = [fee(number=n) for n in range(1_500)]
    appended, refused = await outcomes(
        importer.record_all(fund_id, drafts, actor=owner.id, key="file"),
        *(ledger.record(fund_id, [fee(number=9_000 + n)], actor=owner.id) for n, ledger in enumerate(others * 4)),
    )
    assert all(isinstance(one, VersionConflict) for one in refused)
    stored = await numbers(runtime, fund_id)
    assert len(stored) == 1_500 + len(appended) - 1
    place = stored.index('{"number":0}')
    assert stored[place : place + 1_500] == [f'{{"number":{n}}}' for n in range(1_500)]


async def test_of_many_voids_of_one_fact_one_is_recorded(
    runtime: Runtime, owner: Person, open_fund: OpenFund, processes: Sequence[Ledger]
) -> None:
    fund_id = await open_fund()
    await runtime.ledger.record(fund_id, [fee(60_000_000)], actor=owner.id)
    void = Draft(EventVoided(2, "typed wrong"))
    appended, refused = await outcomes(
        *(ledger.record(fund_id, [void], actor=owner.id) for ledger in list(processes) * 2)
    )
    assert len(appended) == 1
    assert all(isinstance(one, InvalidState) for one in refused)
    assert len(await numbers(runtime, fund_id)) == 2


async def test_backdated_facts_written_at_once_never_contradict_one_another(
    runtime: Runtime, owner: Person, open_fund: OpenFund, processes: Sequence[Ledger]
) -> None:
    fund_id = await open_fund()
    await runtime.ledger.record(fund_id, [Draft(FeeCharged(usd(59_999_990)), AT)], actor=owner.id)
    days = [instant(f"2009-{month:02}-01") for month in range(1, 13)]
    appended, refused = await outcomes(
        *(
            processes[place % 4].record(fund_id, [Draft(FeeCharged(usd(2)), day)], actor=owner.id)
            for place, day in enumerate(days)
        )
    )
    assert len(appended) <= 5
    assert all(isinstance(one, VersionConflict | ContradictsLaterFact) for one in refused)
    state = (await States(runtime.pool).state(fund_id, END, 2 + len(appended))).state
    assert state.fees == usd(59_999_990 + 2 * len(appended))
    assert state.available_capital >= 0
