"""The read path to facts: pages, filters, and what happens at a fact that can't be read."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest

from domain.capital import FeeCharged
from domain.correction import EventVoided
from domain.investing import CompanyAdded, InvestmentMade, ValuationUpdated
from domain.refusal import CorruptionError
from infra.drafts import Draft
from infra.history import PAGE, FactFilter
from infra.ledger import Ledger
from infra.people import Person
from infra.runtime import Runtime
from infra.states import END, States
from tests.conftest import OPENED_AT, OpenFund
from tests.spec import ACME, BETA, instant, usd

ANY = FactFilter()


def day(number: int) -> datetime:
    return instant("2010-01-01") + timedelta(days=number)


@pytest.fixture(scope="module")
async def fund_id(runtime: Runtime, owner: Person, open_fund: OpenFund) -> UUID:
    """Ten facts in five appends, the sixth backdated, the eighth a void of it."""
    made = await open_fund()

    async def record(*drafts: Draft) -> None:
        await runtime.ledger.record(made, list(drafts), actor=owner.id)

    await record(Draft(CompanyAdded(ACME, "Acme"), day(0)), Draft(CompanyAdded(BETA, "Beta"), day(1)))
    await record(Draft(InvestmentMade(ACME, usd(10)), day(2)), Draft(InvestmentMade(BETA, usd(20)), day(3)))
    await record(Draft(FeeCharged(usd(1)), day(0)))
    await record(Draft(ValuationUpdated(ACME, usd(500)), day(5)), Draft(EventVoided(6, "wrong"), day(9)))
    await record(Draft(InvestmentMade(ACME, usd(30)), day(6)), Draft(FeeCharged(usd(2)), day(7)))
    return made


async def page(
    runtime: Runtime,
    fund_id: UUID,
    chosen: FactFilter = ANY,
    *,
    limit: int = 100,
    newest_first: bool = False,
    above: int | None = None,
    below: int | None = None,
) -> list[int]:
    """Versions of one page."""
    facts = await runtime.history.page(
        fund_id, chosen, limit=limit, newest_first=newest_first, above=above, below=below
    )
    return [fact.version for fact in facts]


async def test_a_page_begins_at_either_end_and_goes_on_from_any_version(runtime: Runtime, fund_id: UUID) -> None:
    assert await page(runtime, fund_id) == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
    assert await page(runtime, fund_id, limit=3) == [1, 2, 3]
    assert await page(runtime, fund_id, limit=3, above=3) == [4, 5, 6]
    assert await page(runtime, fund_id, limit=3, above=9) == [10]
    assert await page(runtime, fund_id, limit=3, above=10) == []
    assert await page(runtime, fund_id, limit=3, newest_first=True) == [10, 9, 8]
    assert await page(runtime, fund_id, limit=3, newest_first=True, below=8) == [7, 6, 5]
    assert await page(runtime, fund_id, limit=3, newest_first=True, below=1) == []
    assert await page(runtime, fund_id, above=3, below=6) == [4, 5]
    assert await page(runtime, fund_id, above=3, below=6, newest_first=True) == [5, 4]
    assert await page(runtime, fund_id, limit=0) == []
    assert await page(runtime, uuid4()) == []


@pytest.mark.parametrize(
    ("chosen", "versions"),
    [
        (FactFilter(types=["INVESTMENT_MADE"]), [4, 5, 9]),
        (FactFilter(types=["FEE_CHARGED", "FUND_OPENED"]), [1, 6, 10]),
        (FactFilter(types=[]), []),
        (FactFilter(types=["FUND_SOLD"]), []),
        (FactFilter(company_id="acme"), [2, 4, 7, 9]),
        (FactFilter(company_id="beta"), [3, 5]),
        (FactFilter(company_id="' OR true --"), []),
        (FactFilter(types=["INVESTMENT_MADE"], company_id="acme"), [4, 9]),
        (FactFilter(occurred_from=day(5)), [7, 8, 9, 10]),
        (FactFilter(occurred_to=day(0)), [1]),
        (FactFilter(occurred_from=day(0), occurred_to=day(3)), [2, 3, 4, 6]),
        (FactFilter(occurred_from=OPENED_AT, occurred_to=OPENED_AT), []),
        (FactFilter(types=["FEE_CHARGED"], occurred_from=day(1)), [10]),
        (FactFilter(types=["EVENT_VOIDED"], occurred_from=day(9)), [8]),
    ],
)
async def test_a_filter_leaves_only_what_it_names_in_both_directions(
    runtime: Runtime, fund_id: UUID, chosen: FactFilter, versions: list[int]
) -> None:
    assert await page(runtime, fund_id, chosen) == versions
    assert await page(runtime, fund_id, chosen, newest_first=True) == versions[::-1]
    walked: list[int] = []
    while one := await page(runtime, fund_id, chosen, limit=1, above=walked[-1] if walked else None):
        walked += one
    assert walked == versions


async def test_a_filter_by_the_moment_of_recording_includes_its_start_and_not_its_end(
    runtime: Runtime, fund_id: UUID
) -> None:
    recorded = {fact.version: fact.recorded_at async for fact in runtime.history.all(fund_id)}
    after = recorded[10] + timedelta(microseconds=1)
    assert await page(runtime, fund_id, FactFilter(recorded_from=recorded[7])) == [7, 8, 9, 10]
    assert await page(runtime, fund_id, FactFilter(recorded_to=recorded[3])) == [1, 2]
    assert await page(runtime, fund_id, FactFilter(recorded_from=recorded[4], recorded_to=recorded[6])) == [4, 5]
    assert await page(runtime, fund_id, FactFilter(recorded_from=after)) == []
    everything = FactFilter(
        types=["INVESTMENT_MADE"],
        company_id="acme",
        occurred_from=day(2),
        occurred_to=day(7),
        recorded_from=recorded[5],
        recorded_to=after,
    )
    assert await page(runtime, fund_id, everything, above=2, below=10) == [9]


async def test_one_fact_is_found_by_its_version(runtime: Runtime, fund_id: UUID) -> None:
    fact = await runtime.history.fact(fund_id, 7)
    assert fact is not None
    assert (fact.version, fact.event) == (7, ValuationUpdated(ACME, usd(500)))
    assert [await runtime.history.fact(fund_id, version) for version in (-1, 0, 11)] == [None] * 3
    assert await runtime.history.fact(uuid4(), 1) is None


async def test_facts_after_a_version_come_in_order_and_up_to_a_limit(runtime: Runtime, fund_id: UUID) -> None:
    async def after(version: int, limit: int = PAGE) -> list[int]:
        return [fact.version for fact in await runtime.history.after(fund_id, version, limit)]

    assert await after(0, 4) == [1, 2, 3, 4]
    assert await after(4, 4) == [5, 6, 7, 8]
    assert await after(8) == [9, 10]
    assert await after(10) == []


async def test_all_facts_are_read_page_by_page(runtime: Runtime, owner: Person, open_fund: OpenFund) -> None:
    many = await open_fund()
    fee = Draft(FeeCharged(usd(1)), day(0))
    await runtime.ledger.record(many, [fee] * PAGE, actor=owner.id)
    await runtime.ledger.record(many, [fee] * 7, actor=owner.id)
    assert [fact.version async for fact in runtime.history.all(many)] == list(range(1, PAGE + 9))


async def test_what_changed_between_two_questions_is_told_by_valid_time(runtime: Runtime, fund_id: UUID) -> None:
    async def between(begin: tuple[datetime, int], end: tuple[datetime, int], limit: int = 100) -> list[int]:
        return [fact.version for fact in await runtime.history.between(fund_id, begin, end, limit)]

    assert await between((day(2), 10), (day(5), 10)) == [5, 7]
    # The same day, as known earlier and later: the backdated fee and its void.
    assert await between((day(2), 5), (day(2), 10)) == [6, 8]
    assert await between((day(2), 5), (day(6), 10)) == [6, 8, 5, 7, 9]
    assert await between((day(2), 5), (day(6), 10), 2) == [6, 8]
    assert await between((day(6), 10), (day(6), 10)) == []


async def test_companies_go_by_the_name_they_joined_with_last(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    made = await open_fund()
    drafts = [Draft(CompanyAdded(ACME, "Acne"), day(0)), Draft(CompanyAdded(BETA, "Beta"), day(0))]
    await runtime.ledger.record(made, drafts, actor=owner.id)
    await runtime.ledger.record(made, [Draft(EventVoided(2, "typed wrong"))], actor=owner.id)
    await runtime.ledger.record(made, [Draft(CompanyAdded(ACME, "Acme"), day(0))], actor=owner.id)
    assert await runtime.names.of_companies(made, ["acme", "acme", "nobody"]) == {"acme": "Acme"}
    assert await runtime.names.of_companies(made, []) == {}
    assert await runtime.names.of_companies(await open_fund(), ["acme"]) == {}


async def planted(runtime: Runtime, fund_id: UUID, owner: Person, name: str, schema_version: int, payload: str) -> int:
    """A fact written past the ledger, at the head of the fund; its version."""
    version: int = await runtime.pool.fetchval(
        """WITH head AS (UPDATE fund SET version = version + 1 WHERE id = $1 RETURNING version)
        INSERT INTO fact (fund_id, version, schema_version, type, occurred_at, touches_at, recorded_at, actor, payload,
            hash)
        SELECT $1, version, $4, $3, $6, $6, clock_timestamp(), $2, $5, '' FROM head RETURNING version""",
        fund_id,
        owner.id,
        name,
        schema_version,
        payload,
        day(0),
    )
    return version


UNREADABLE = pytest.mark.parametrize(
    ("name", "schema_version", "payload", "reason"),
    [
        ("FUND_SOLD", 1, "{}", "FUND_SOLD is no event this program knows"),
        ("FEE_CHARGED", 2, '{"amount":1}', "FEE_CHARGED is stored in shape 2, unknown to this program"),
        ("FEE_CHARGED", 1, "[]", "a stored FEE_CHARGED can't be read: Expected `object`, got `array`"),
        (
            "FEE_CHARGED",
            1,
            '{"amount":"1.00"}',
            "a stored FEE_CHARGED can't be read: Expected `int`, got `str` - at `$.amount`",
        ),
        ("FEE_CHARGED", 1, "", "a stored FEE_CHARGED can't be read: Input data was truncated"),
    ],
    ids=["unknown type", "newer shape", "no object", "wrong shape", "nothing"],
)


@UNREADABLE
async def test_a_fund_stops_at_a_fact_that_can_not_be_read_and_others_go_on(
    runtime: Runtime,
    owner: Person,
    open_fund: OpenFund,
    name: str,
    schema_version: int,
    payload: str,
    reason: str,
) -> None:
    stopped, other = await open_fund(), await open_fund()
    fee = Draft(FeeCharged(usd(1)), day(0))
    await runtime.ledger.record(stopped, [fee], actor=owner.id)
    version = await planted(runtime, stopped, owner, name, schema_version, payload)
    states, fresh = States(runtime.pool), States(runtime.pool)
    started = Ledger(runtime.pool, fresh, lambda _fund_id, _version: None)

    async def followed() -> None:
        async for _ in runtime.feed.follow(stopped, version - 1):
            pass

    questions: list[Callable[[], Awaitable[object]]] = [
        lambda: states.state(stopped, END, version),
        lambda: states.facts_between(stopped, OPENED_AT, END, version),
        lambda: runtime.history.after(stopped, 0),
        lambda: runtime.history.after(stopped, version - 1),
        lambda: runtime.history.fact(stopped, version),
        lambda: runtime.history.page(stopped, ANY, limit=10, newest_first=True),
        lambda: runtime.history.between(stopped, (OPENED_AT, 1), (END, version), 10),
        lambda: asyncio.wait_for(followed(), 10),
        lambda: runtime.ledger.record(stopped, [fee], actor=owner.id),
        lambda: started.record(stopped, [fee], actor=owner.id),
        lambda: started.record_all(stopped, [fee], actor=owner.id, key="file"),
    ]
    for ask in questions:
        with pytest.raises(CorruptionError) as fault:
            await ask()
        assert str(fault.value) == f"fund {stopped} stops at version {version}: {reason}"
    assert await runtime.pool.fetchval("SELECT version FROM fund WHERE id = $1", stopped) == version
    # What was known before it can still be told, and another fund never notices.
    assert (await states.state(stopped, END, version - 1)).state.fees == usd(1)
    assert [fact.version for fact in await runtime.history.after(stopped, 0, version - 1)] == [1, 2]
    assert await runtime.history.first_bad_version(stopped) == (version - 1, version)
    assert (await runtime.ledger.record(other, [fee], actor=owner.id)).first_version == 2
    assert (await states.state(other, END, 2)).state.fees == usd(1)


async def test_a_missing_fact_stops_those_who_read_on(runtime: Runtime, owner: Person, open_fund: OpenFund) -> None:
    made = await open_fund()
    await runtime.pool.execute("UPDATE fund SET version = 2 WHERE id = $1", made)
    await planted(runtime, made, owner, "FEE_CHARGED", 1, '{"amount":1}')
    with pytest.raises(CorruptionError) as fault:
        await runtime.history.after(made, 0)
    assert str(fault.value) == f"fund {made} has no version 2"
    with pytest.raises(CorruptionError):
        [fact async for fact in runtime.history.all(made)]
