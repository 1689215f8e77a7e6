"""The write path: what a ledger takes, in what order, once, and what it refuses."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from uuid import UUID, uuid4

import asyncpg
import pytest

from domain.capital import CapitalCalled, DistributionMade, FeeCharged, FundOpened
from domain.correction import EventVoided
from domain.event import CompanyKey, Event
from domain.forecasting import ActualRecorded, MetricType
from domain.fund import Fund
from domain.investing import CompanyAdded, InvestmentMade, ValuationUpdated
from domain.moments import FARTHEST_AHEAD
from domain.refusal import (
    BeforeFundOpened,
    CompanyExists,
    ContradictsLaterFact,
    ExceedsAvailableCapital,
    ExceedsUncalledCapital,
    IdempotencyMismatch,
    Invalid,
    InvalidState,
    NotFound,
    Refusal,
    RefusalCode,
    TooLarge,
    UnknownCompany,
    VersionConflict,
)
from domain.rules import AlertRuleSet
from infra import ledger
from infra.drafts import Draft
from infra.ledger import Ledger, OvertakenError, RefusedTogetherError
from infra.people import Person, Role
from infra.postgres import APPLICATION_ROLE
from infra.runtime import Runtime
from infra.states import END, States, resolve
from tests.conftest import OPENED_AT, OpenFund
from tests.spec import ACME, BETA, instant, usd

AT = instant("2010-06-01")
ACME_JOINED = Draft(CompanyAdded(ACME, "Acme"), instant("2010-01-01"))
SALES_RULE = Draft(AlertRuleSet("sales", "Sales", (MetricType.REVENUE,)))
MICROSECOND = timedelta(microseconds=1)


def fee(amount: int = 1, at: datetime = AT) -> Draft:
    """A fee of whole dollars; 60 million is all that the test fund has."""
    return Draft(FeeCharged(usd(amount)), at)


def cheque(amount: int, at: datetime = AT) -> Draft:
    return Draft(InvestmentMade(ACME, usd(amount)), at)


def void(version: int) -> Draft:
    return Draft(EventVoided(version, "typed wrong"))


def revenue(figure: int, at: datetime = AT, **changes: object) -> Draft:
    """Acme's revenue of the first quarter of 2010."""
    report = ActualRecorded(ACME, MetricType.REVENUE, Decimal(figure), date(2010, 1, 1), date(2010, 3, 31))
    return Draft(replace(report, **changes), at)  # type: ignore[arg-type]  # fields of the event


def another_process(runtime: Runtime) -> Ledger:
    """A ledger that shares nothing with the runtime's but the database."""
    return Ledger(runtime.pool, States(runtime.pool), lambda _fund_id, _version: None)


async def head(runtime: Runtime, fund_id: UUID) -> int:
    version: int = await runtime.pool.fetchval("SELECT version FROM fund WHERE id = $1", fund_id)
    return version


async def newest(runtime: Runtime, fund_id: UUID) -> Fund:
    """The state with every fact in it, folded from the table."""
    folded = await States(runtime.pool).state(fund_id, END, await head(runtime, fund_id))
    return folded.state


async def test_versions_count_from_the_opening_without_gaps(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    first = await runtime.ledger.record(fund_id, [fee()], actor=owner.id)
    more = await runtime.ledger.record(fund_id, [fee(), fee(), fee()], actor=owner.id)
    assert (first.first_version, first.last_version, first.repeated) == (2, 2, False)
    assert (more.first_version, more.last_version, more.repeated) == (3, 5, False)
    assert [fact.version for fact in more.facts] == [3, 4, 5]
    assert [fact.version async for fact in runtime.history.all(fund_id)] == [1, 2, 3, 4, 5]
    assert await head(runtime, fund_id) == 5


async def test_the_answer_holds_the_facts_as_they_are_stored(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    began = datetime.now(UTC)
    answer = await runtime.ledger.record(
        fund_id,
        [ACME_JOINED, Draft(FeeCharged(usd(7), "audit"), None, {"b": [1, None, "é"], "a": 0.5})],
        actor=owner.id,
        key="first",
        correlation_id="request 7",
    )
    assert [fact async for fact in runtime.history.all(fund_id)][1:] == answer.facts
    added, charged = answer.facts
    assert (added.fund_id, added.version, added.type, added.schema_version) == (
        str(fund_id),
        2,
        "COMPANY_ADDED",
        1,
    )
    assert (added.occurred_at, added.metadata) == (instant("2010-01-01"), None)
    assert (charged.actor, charged.correlation_id, charged.idempotency_key) == (
        str(owner.id),
        "request 7",
        "first",
    )
    assert charged.metadata == '{"a":0.5,"b":[1,null,"é"]}'
    assert charged.payload == '{"amount":700,"kind":"audit"}'
    assert charged.event == FeeCharged(usd(7), "audit")
    assert began <= charged.occurred_at <= charged.recorded_at <= datetime.now(UTC) + MICROSECOND


async def test_recorded_at_rises_by_a_microsecond_within_a_batch_of_a_thousand(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    answer = await runtime.ledger.record(fund_id, [fee()] * 1000, actor=owner.id)
    after = await runtime.ledger.record(fund_id, [fee()], actor=owner.id)
    moments = [fact.recorded_at for fact in answer.facts]
    assert {later - earlier for earlier, later in pairwise(moments)} == {MICROSECOND}
    stored = [fact.recorded_at async for fact in runtime.history.all(fund_id)]
    assert stored[1:] == [*moments, after.facts[0].recorded_at]
    assert all(earlier < later for earlier, later in pairwise(stored))


async def test_recorded_at_goes_on_from_a_head_ahead_of_the_wall_clock(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    ahead = datetime.now(UTC) + timedelta(hours=3)
    await runtime.pool.execute("UPDATE fund SET recorded_at = $2 WHERE id = $1", fund_id, ahead)
    first = await runtime.ledger.record(fund_id, [fee(), fee()], actor=owner.id)
    second = await runtime.ledger.record(fund_id, [fee()], actor=owner.id)
    moments = [fact.recorded_at for fact in (*first.facts, *second.facts)]
    assert moments == [ahead + MICROSECOND, ahead + 2 * MICROSECOND, ahead + 3 * MICROSECOND]
    known = await resolve(runtime.pool, fund_id, None)
    assert (known.version, known.known_at, known.at_now) == (4, moments[2], moments[2])
    assert (await resolve(runtime.pool, fund_id, moments[1])).version == 3
    with pytest.raises(Invalid):
        await resolve(runtime.pool, fund_id, moments[2] + MICROSECOND)
    assert await runtime.history.first_bad_version(fund_id) == (4, None)


async def test_a_batch_is_stored_whole_or_not_at_all(runtime: Runtime, owner: Person, open_fund: OpenFund) -> None:
    fund_id = await open_fund()
    with pytest.raises(UnknownCompany) as refused:
        await runtime.ledger.record(fund_id, [fee(), fee(), cheque(1), fee()], actor=owner.id, key="k")
    assert (refused.value.path, refused.value.code) == (("events", "2", "companyId"), RefusalCode.NOT_FOUND)
    assert [fact.version async for fact in runtime.history.all(fund_id)] == [1]
    assert (await newest(runtime, fund_id)).fees == 0
    # Nor was the key used up.
    assert not (await runtime.ledger.record(fund_id, [fee()], actor=owner.id, key="k")).repeated


async def test_no_events_and_more_than_a_thousand_are_refused(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    with pytest.raises(TooLarge) as refused:
        await runtime.ledger.record(fund_id, [fee()] * 1001, actor=owner.id)
    assert (refused.value.path, refused.value.code) == (("events",), RefusalCode.LIMIT_EXCEEDED)
    assert refused.value.message == "At most 1000 events at once; 1001 were given."
    with pytest.raises(Invalid) as none:
        await runtime.ledger.record(fund_id, [], actor=owner.id)
    assert (none.value.path, none.value.message) == (("events",), "Give at least one event.")
    assert await head(runtime, fund_id) == 1


async def test_the_expected_version_lets_an_append_through_when_it_is_right(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    for expected in (1, 2, 3):
        answer = await runtime.ledger.record(fund_id, [fee()], actor=owner.id, expected_version=expected)
        assert answer.first_version == expected + 1


@pytest.mark.parametrize("expected", [-1, 0, 1, 3, 2**70])
async def test_a_wrong_expected_version_is_refused_with_the_actual_one(
    runtime: Runtime, owner: Person, open_fund: OpenFund, expected: int
) -> None:
    fund_id = await open_fund()
    await another_process(runtime).record(fund_id, [fee()], actor=owner.id)
    for recorder in (runtime.ledger, another_process(runtime)):
        with pytest.raises(VersionConflict) as refused:
            await recorder.record(fund_id, [fee()], actor=owner.id, expected_version=expected)
        conflict = refused.value
        assert (conflict.expected, conflict.actual) == (expected, 2)
        assert (conflict.path, conflict.code) == (("expectedVersion",), RefusalCode.VERSION_CONFLICT)
        assert conflict.message == f"The ledger is at version 2, not at {expected}."
    assert await head(runtime, fund_id) == 2


async def test_a_fund_that_is_not_there_is_refused(runtime: Runtime, owner: Person) -> None:
    with pytest.raises(NotFound) as refused:
        await runtime.ledger.record(uuid4(), [fee()], actor=owner.id)
    assert refused.value.path == ("fundId",)
    with pytest.raises(NotFound):
        await runtime.ledger.record_all(uuid4(), [fee()], actor=owner.id, key="k")


async def test_an_append_that_always_comes_late_is_refused_in_the_end(
    runtime: Runtime, database: asyncpg.Pool, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    # A sequence counts the tries: it isn't taken back with the transaction.
    await database.execute(f"""
        CREATE SEQUENCE tries;
        GRANT ALL ON tries TO {APPLICATION_ROLE};
        CREATE FUNCTION overtake() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM nextval('tries');
            RAISE EXCEPTION 'overtaken' USING ERRCODE = 'DP001', DETAIL = '99';
        END $$;
        CREATE TRIGGER overtaken BEFORE INSERT ON fact FOR EACH ROW
        WHEN (NEW.fund_id = '{fund_id}') EXECUTE FUNCTION overtake();
    """)
    try:
        with pytest.raises(VersionConflict) as refused:
            await runtime.ledger.record(fund_id, [fee()], actor=owner.id)
        assert (refused.value.expected, refused.value.actual) == (1, 99)
        tries = await database.fetchval("SELECT last_value FROM tries")
        # The first on the state kept since before, which doesn't count; then the first on the newest, and 3 more.
        assert tries == 5 == 1 + 1 + ledger.RETRIES
    finally:
        await database.execute("DROP FUNCTION overtake CASCADE; DROP SEQUENCE tries")
    assert (await runtime.ledger.record(fund_id, [fee()], actor=owner.id)).first_version == 2


async def test_the_same_key_and_input_give_the_first_answer(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    drafts = [fee(1), Draft(FeeCharged(usd(2)), None, {"from": "bank"})]
    first = await runtime.ledger.record(fund_id, drafts, actor=owner.id, key="k")
    for recorder in (runtime.ledger, another_process(runtime)):
        again = await recorder.record(fund_id, drafts, actor=owner.id, key="k")
        assert (again.first_version, again.last_version, again.repeated) == (2, 3, True)
        assert again.facts == first.facts
    assert await head(runtime, fund_id) == 3


async def test_a_repeat_is_answered_even_when_the_fund_has_moved_on(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    first = await runtime.ledger.record(fund_id, [fee(40_000_000)], actor=owner.id, key="k", expected_version=1)
    await runtime.ledger.record(fund_id, [fee(15_000_000)], actor=owner.id)
    # By now the fee is above what is available, and the version is another.
    for recorder in (runtime.ledger, another_process(runtime)):
        for expected in (1, None, 3):
            again = await recorder.record(
                fund_id, [fee(40_000_000)], actor=owner.id, key="k", expected_version=expected
            )
            assert (again.repeated, again.facts) == (True, first.facts)
    with pytest.raises(ExceedsAvailableCapital):
        await runtime.ledger.record(fund_id, [fee(40_000_000)], actor=owner.id, key="another")


@pytest.mark.parametrize(
    "other",
    [
        pytest.param([fee(2)], id="amount"),
        pytest.param([fee(1, AT + MICROSECOND)], id="moment"),
        pytest.param([Draft(FeeCharged(usd(1)))], id="no moment"),
        pytest.param([Draft(FeeCharged(usd(1)), AT, {})], id="metadata"),
        pytest.param([fee(1), fee(1)], id="number"),
        pytest.param([Draft(CapitalCalled(usd(1)), AT)], id="kind"),
    ],
)
async def test_a_key_used_with_other_input_is_refused(
    runtime: Runtime, owner: Person, open_fund: OpenFund, other: list[Draft]
) -> None:
    fund_id = await open_fund()
    await runtime.ledger.record(fund_id, [fee(1)], actor=owner.id, key="k")
    for recorder in (runtime.ledger, another_process(runtime)):
        with pytest.raises(IdempotencyMismatch) as refused:
            await recorder.record(fund_id, other, actor=owner.id, key="k")
        assert (refused.value.path, refused.value.code) == (
            ("idempotencyKey",),
            RefusalCode.IDEMPOTENCY_MISMATCH,
        )
    assert await head(runtime, fund_id) == 2


async def test_a_key_used_before_is_told_even_when_the_other_input_is_impossible(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    await runtime.ledger.record(fund_id, [fee(1)], actor=owner.id, key="k")
    with pytest.raises(IdempotencyMismatch):
        await runtime.ledger.record(fund_id, [cheque(1)], actor=owner.id, key="k")


async def test_a_key_belongs_to_its_fund(runtime: Runtime, owner: Person, open_fund: OpenFund) -> None:
    one, other = await open_fund(), await open_fund()
    await runtime.ledger.record(one, [fee(1)], actor=owner.id, key="k")
    answer = await runtime.ledger.record(other, [fee(2)], actor=owner.id, key="k")
    assert (answer.first_version, answer.repeated) == (2, False)


@pytest.mark.parametrize("key", ["", "  ", "k" * 201, "a\0b", "\ud800"])
async def test_a_key_that_is_no_text_is_refused(runtime: Runtime, owner: Person, open_fund: OpenFund, key: str) -> None:
    fund_id = await open_fund()
    with pytest.raises(Invalid) as refused:
        await runtime.ledger.record(fund_id, [fee()], actor=owner.id, key=key)
    assert refused.value.path == ("idempotencyKey",)
    opening = FundOpened("Other", "USD", 2006, usd(1))
    with pytest.raises(Invalid) as refused:
        await runtime.ledger.open_fund(opening, OPENED_AT, actor=owner.id, key=key)
    assert refused.value.path == ("idempotencyKey",)


async def test_whoever_opens_a_fund_is_its_admin_and_its_first_fact_is_the_opening(
    runtime: Runtime,
) -> None:
    person = await runtime.people.enrol(f"{uuid4().hex}@example.org")
    opening = FundOpened("Alpha Fund", "EUR", 2007, usd(5_000_000), "Europe/Berlin")
    fund_id, repeated = await runtime.ledger.open_fund(opening, instant("2007-02-01"), actor=person.id)
    (fact,) = [fact async for fact in runtime.history.all(fund_id)]
    assert not repeated
    assert (fact.version, fact.type, fact.occurred_at, fact.event) == (
        1,
        "FUND_OPENED",
        instant("2007-02-01"),
        opening,
    )
    assert (fact.actor, fact.idempotency_key, fact.metadata) == (str(person.id), None, None)
    assert await runtime.people.role(person, fund_id) is Role.ADMIN
    row = await runtime.funds.fund(fund_id)
    assert row is not None
    assert (row.name, row.currency, row.vintage_year, row.size_cents, row.time_zone) == (
        "Alpha Fund",
        "EUR",
        2007,
        usd(5_000_000),
        "Europe/Berlin",
    )
    assert (row.version, row.hash, row.recorded_at) == (1, fact.hash, fact.recorded_at)
    assert (row.opened_at, row.touched_until) == (instant("2007-02-01"), instant("2007-02-01"))


async def test_a_fund_opened_without_a_moment_is_opened_now(runtime: Runtime, owner: Person) -> None:
    before = datetime.now(UTC)
    fund_id, _ = await runtime.ledger.open_fund(FundOpened("Now", "USD", 2026, usd(1)), None, actor=owner.id, key=None)
    fact = await runtime.history.fact(fund_id, 1)
    assert fact is not None
    assert before <= fact.occurred_at <= datetime.now(UTC)


async def test_opening_a_fund_again_with_the_same_key_gives_the_fund_opened_first(
    runtime: Runtime, owner: Person
) -> None:
    key = uuid4().hex
    opening = FundOpened("Alpha Fund", "USD", 2006, usd(10))
    for opened_at in (OPENED_AT, None):
        first = await runtime.ledger.open_fund(opening, opened_at, actor=owner.id, key=f"{key} {opened_at}")
        again = await another_process(runtime).open_fund(opening, opened_at, actor=owner.id, key=f"{key} {opened_at}")
        assert (first[1], again) == (False, (first[0], True))
        assert await head(runtime, first[0]) == 1


async def test_opening_keys_belong_to_a_person(runtime: Runtime, owner: Person) -> None:
    key, opening = uuid4().hex, FundOpened("Alpha Fund", "USD", 2006, usd(10))
    other = await runtime.people.enrol(f"{uuid4().hex}@example.org")
    first = await runtime.ledger.open_fund(opening, OPENED_AT, actor=owner.id, key=key)
    second = await runtime.ledger.open_fund(opening, OPENED_AT, actor=other.id, key=key)
    assert (first[1], second[1]) == (False, False)
    assert first[0] != second[0]


async def test_an_opening_key_used_with_other_input_is_refused_and_opens_nothing(
    runtime: Runtime, owner: Person
) -> None:
    key, opening = uuid4().hex, FundOpened("Alpha Fund", "USD", 2006, usd(10))
    await runtime.ledger.open_fund(opening, OPENED_AT, actor=owner.id, key=key)
    funds = await runtime.pool.fetchval("SELECT count(*) FROM membership WHERE person_id = $1", owner.id)
    for other, at in (
        (replace(opening, size=usd(11)), OPENED_AT),
        (opening, OPENED_AT + MICROSECOND),
        (opening, None),
    ):
        with pytest.raises(IdempotencyMismatch):
            await runtime.ledger.open_fund(other, at, actor=owner.id, key=key)
    assert await runtime.pool.fetchval("SELECT count(*) FROM membership WHERE person_id = $1", owner.id) == funds


@pytest.mark.parametrize(
    ("opening", "opened_at", "path"),
    [
        (FundOpened(" ", "USD", 2006, usd(1)), OPENED_AT, "name"),
        (FundOpened("\ud800", "USD", 2006, usd(1)), OPENED_AT, "name"),
        (FundOpened("A\0", "USD", 2006, usd(1)), OPENED_AT, "name"),
        (FundOpened("A", "usd", 2006, usd(1)), OPENED_AT, "currency"),
        (FundOpened("A", "USD", 1899, usd(1)), OPENED_AT, "vintageYear"),
        (FundOpened("A", "USD", 2006, usd(0)), OPENED_AT, "size"),
        (FundOpened("A", "USD", 2006, usd(1), ""), OPENED_AT, "timeZone"),
        (FundOpened("A", "USD", 2006, usd(1)), instant("1899-12-31"), "openedAt"),
        (FundOpened("A", "USD", 2006, usd(1)), datetime(9000, 1, 1, tzinfo=UTC), "openedAt"),
    ],
)
async def test_an_opening_that_can_not_be_is_refused_with_its_field(
    runtime: Runtime, owner: Person, opening: FundOpened, opened_at: datetime, path: str
) -> None:
    key = uuid4().hex
    with pytest.raises(Invalid) as refused:
        await runtime.ledger.open_fund(opening, opened_at, actor=owner.id, key=key)
    assert refused.value.path == (path,)
    good = FundOpened("A", "USD", 2006, usd(1))
    assert (await runtime.ledger.open_fund(good, OPENED_AT, actor=owner.id, key=key))[1] is False


async def test_a_kept_state_is_brought_forward_when_another_process_wrote(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    other = another_process(runtime)
    await runtime.ledger.record(fund_id, [fee(20_000_000)], actor=owner.id)
    await other.record(fund_id, [fee(30_000_000)], actor=owner.id)
    # Possible on the state kept, at version 2; not on the newest.
    with pytest.raises(ExceedsAvailableCapital) as refused:
        await runtime.ledger.record(fund_id, [fee(10_000_001)], actor=owner.id)
    assert refused.value.path == ("events", "0", "amount")
    answer = await runtime.ledger.record(fund_id, [fee(10_000_000)], actor=owner.id)
    assert answer.first_version == 4
    assert runtime.ledger.newest(fund_id, 4, END) == await newest(runtime, fund_id)


async def test_a_kept_state_is_folded_anew_when_another_process_voided(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    other = another_process(runtime)
    await runtime.ledger.record(fund_id, [fee(50_000_000)], actor=owner.id)
    await other.record(fund_id, [void(2)], actor=owner.id)
    # Impossible on the state kept; possible on the newest.
    answer = await runtime.ledger.record(fund_id, [fee(60_000_000)], actor=owner.id)
    assert answer.first_version == 4
    assert (await newest(runtime, fund_id)).fees == usd(60_000_000)
    assert runtime.ledger.newest(fund_id, 4, END) == await newest(runtime, fund_id)


async def test_a_kept_state_is_folded_anew_when_another_process_backdated(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    other = another_process(runtime)
    await runtime.ledger.record(fund_id, [ACME_JOINED, cheque(5)], actor=owner.id)
    await other.record(fund_id, [fee(1, AT - timedelta(days=1)), fee(2, AT)], actor=owner.id)
    await runtime.ledger.record(fund_id, [fee(4, AT - timedelta(days=2))], actor=owner.id)
    await other.record(fund_id, [fee(8, AT + timedelta(days=1))], actor=owner.id)
    await runtime.ledger.record(fund_id, [fee(16, AT + timedelta(days=2))], actor=owner.id)
    kept = runtime.ledger.newest(fund_id, 8, END)
    assert kept is not None
    assert (kept.fees, kept.invested, kept.version) == (usd(31), usd(5), 8)
    assert kept == await newest(runtime, fund_id)


async def test_facts_that_another_process_wrote_are_folded_by_valid_time_not_as_they_came(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    valued = Draft(ValuationUpdated(ACME, usd(500), usd(50)), AT)
    await runtime.ledger.record(fund_id, [ACME_JOINED, valued], actor=owner.id)
    earlier = Draft(ValuationUpdated(ACME, usd(900), usd(90)), AT - timedelta(days=1))
    await another_process(runtime).record(fund_id, [earlier, fee(1, AT + timedelta(days=1))], actor=owner.id)
    await runtime.ledger.record(fund_id, [fee(1, AT + timedelta(days=2))], actor=owner.id)
    kept = runtime.ledger.newest(fund_id, 6, END)
    assert kept is not None
    assert kept.companies[ACME].stated_fair_value == usd(50)
    assert kept == await newest(runtime, fund_id)


async def test_a_void_of_the_newest_fact_takes_it_out_of_the_state_kept(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    await runtime.ledger.record(fund_id, [fee(60_000_000)], actor=owner.id)
    await runtime.ledger.record(fund_id, [void(2)], actor=owner.id)
    kept = runtime.ledger.newest(fund_id, 3, END)
    assert kept is not None
    assert (kept.fees, kept.version) == (0, 3)
    await runtime.ledger.record(fund_id, [fee(60_000_000, AT + timedelta(days=1))], actor=owner.id)


async def test_a_kept_state_that_is_more_than_a_batch_behind_is_folded_anew(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    other = another_process(runtime)
    await runtime.ledger.record(fund_id, [fee()], actor=owner.id)
    await other.record(fund_id, [fee()] * 1000, actor=owner.id)
    await other.record(fund_id, [fee()], actor=owner.id)
    await runtime.ledger.record(fund_id, [fee()], actor=owner.id)
    assert runtime.ledger.newest(fund_id, 1004, END) == await newest(runtime, fund_id)


async def test_a_kept_state_ahead_of_a_restored_database_is_folded_anew(
    runtime: Runtime, database: asyncpg.Pool, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    ahead = another_process(runtime)
    before = await runtime.pool.fetchrow("SELECT * FROM fund WHERE id = $1", fund_id)
    assert before is not None
    connection = await database.acquire()
    try:
        await ahead.record(fund_id, [fee(50_000_000)], actor=owner.id)
        # As a restored backup has it: the fact is gone, the head as it was.
        async with connection.transaction():
            await connection.execute("ALTER TABLE fact DISABLE TRIGGER fact_rows_are_immutable")
            await connection.execute("DELETE FROM fact WHERE fund_id = $1 AND version > 1", fund_id)
            await connection.execute("ALTER TABLE fact ENABLE ALWAYS TRIGGER fact_rows_are_immutable")
            await connection.execute(
                "UPDATE fund SET version = $2, hash = $3, touched_until = $4 WHERE id = $1",
                fund_id,
                before["version"],
                before["hash"],
                before["touched_until"],
            )
    finally:
        await database.release(connection)
    answer = await ahead.record(fund_id, [fee(20_000_000)], actor=owner.id)
    assert answer.first_version == 2
    assert (await newest(runtime, fund_id)).fees == usd(20_000_000)


async def test_decisions_stay_right_when_few_states_are_kept(
    runtime: Runtime, owner: Person, open_fund: OpenFund, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "KEPT_HEADS", 1)
    recorder = another_process(runtime)
    funds = [await open_fund() for _ in range(3)]
    for amount in (30_000_000, 20_000_000):
        for fund_id in funds:
            await recorder.record(fund_id, [fee(amount)], actor=owner.id)
    for fund_id in funds:
        with pytest.raises(ExceedsAvailableCapital):
            await recorder.record(fund_id, [fee(10_000_001)], actor=owner.id)
    assert len(recorder._heads) == 1


async def test_the_kept_state_serves_only_moments_after_its_newest_fact(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    await runtime.ledger.record(fund_id, [fee(1, AT)], actor=owner.id)
    kept = runtime.ledger.newest(fund_id, 2, AT)
    assert kept is not None
    assert kept.fees == usd(1)
    assert runtime.ledger.newest(fund_id, 2, AT - MICROSECOND) is None
    assert runtime.ledger.newest(fund_id, 1, END) is None
    assert another_process(runtime).newest(fund_id, 2, END) is None


async def test_each_commit_is_told_once_and_nothing_else_is(runtime: Runtime, owner: Person) -> None:
    told: list[tuple[UUID, int]] = []
    recorder = Ledger(runtime.pool, States(runtime.pool), lambda fund_id, version: told.append((fund_id, version)))
    fund_id, _ = await recorder.open_fund(
        FundOpened("A", "USD", 2006, usd(100)), OPENED_AT, actor=owner.id, key=f"told {uuid4()}"
    )
    await recorder.record(fund_id, [fee(1), fee(1)], actor=owner.id, key="k")
    await recorder.record(fund_id, [fee(1), fee(1)], actor=owner.id, key="k")
    with pytest.raises(ExceedsAvailableCapital):
        await recorder.record(fund_id, [fee(100)], actor=owner.id)
    with pytest.raises(RefusedTogetherError):
        await recorder.record_all(fund_id, [fee(1), fee(100)], actor=owner.id, key="file")
    await recorder.record_all(fund_id, [fee(1), fee(1), fee(1)], actor=owner.id, key="file")
    await recorder.record_all(fund_id, [fee(1), fee(1), fee(1)], actor=owner.id, key="file")
    assert told == [(fund_id, 1), (fund_id, 3), (fund_id, 6)]


async def refusal_of(runtime: Runtime, owner: Person, fund_id: UUID, *drafts: Draft) -> Refusal:
    """Why these can't be recorded; the same from a process that knows the fund and from one that doesn't."""
    before = await head(runtime, fund_id)
    found = []
    for recorder in (runtime.ledger, another_process(runtime)):
        with pytest.raises(Refusal) as refused:
            await recorder.record(fund_id, list(drafts), actor=owner.id)
        found.append(refused.value)
    one, other = found
    assert (type(one), one.path, one.message) == (type(other), other.path, other.message)
    assert await head(runtime, fund_id) == before
    return one


async def test_a_backdated_fact_is_refused_with_the_version_it_contradicts(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    await runtime.ledger.record(fund_id, [fee(10_000_000, AT), fee(50_000_000, AT + timedelta(days=9))], actor=owner.id)
    refused = await refusal_of(runtime, owner, fund_id, fee(1, AT - timedelta(days=1)))
    assert isinstance(refused, ContradictsLaterFact)
    assert (refused.version, refused.path, refused.code) == (3, ("events", "0"), RefusalCode.INVALID_STATE)
    assert refused.message == (
        "This contradicts version 3 of 2010-06-10: 50,000,000 USD is above the 49,999,999 USD available by then."
    )


async def test_a_backdated_company_that_joins_again_later_is_refused(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    await runtime.ledger.record(fund_id, [ACME_JOINED], actor=owner.id)
    refused = await refusal_of(runtime, owner, fund_id, replace(ACME_JOINED, occurred_at=instant("2009-01-01")))
    assert isinstance(refused, ContradictsLaterFact)
    assert (refused.version, refused.path) == (2, ("events", "0"))
    again = await refusal_of(runtime, owner, fund_id, ACME_JOINED)
    assert (type(again), again.path) == (CompanyExists, ("events", "0", "companyId"))


async def test_a_backdated_fact_is_judged_by_what_was_true_then(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    await runtime.ledger.record(fund_id, [ACME_JOINED, cheque(1)], actor=owner.id)
    early = await refusal_of(runtime, owner, fund_id, cheque(1, instant("2009-12-31")))
    assert (type(early), early.path) == (UnknownCompany, ("events", "0", "companyId"))
    unopened = await refusal_of(runtime, owner, fund_id, fee(1, OPENED_AT - MICROSECOND))
    assert (type(unopened), unopened.path) == (BeforeFundOpened, ("events", "0", "occurredAt"))
    ancient = await refusal_of(runtime, owner, fund_id, fee(1, instant("1899-12-31")))
    assert (type(ancient), ancient.path) == (Invalid, ("events", "0", "occurredAt"))
    answer = await runtime.ledger.record(fund_id, [cheque(1, instant("2010-01-01"))], actor=owner.id)
    assert answer.first_version == 4


async def test_facts_may_be_dated_five_years_ahead_and_no_further(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    ahead = datetime.now(UTC) + FARTHEST_AHEAD
    refused = await refusal_of(runtime, owner, fund_id, fee(1, ahead + timedelta(hours=1)))
    assert (type(refused), refused.path) == (Invalid, ("events", "0", "occurredAt"))
    await runtime.ledger.record(fund_id, [fee(1, ahead)], actor=owner.id)
    await runtime.ledger.record(fund_id, [fee(2)], actor=owner.id)
    states = States(runtime.pool)
    assert (await states.state(fund_id, datetime.now(UTC), 3)).state.fees == usd(2)
    assert (await states.state(fund_id, ahead, 3)).state.fees == usd(3)


async def test_a_voided_fact_no_longer_counts_and_its_money_can_be_spent_again(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    await runtime.ledger.record(fund_id, [fee(60_000_000)], actor=owner.id)
    assert isinstance(await refusal_of(runtime, owner, fund_id, fee(1)), ExceedsAvailableCapital)
    answer = await runtime.ledger.record(fund_id, [void(2)], actor=owner.id)
    await runtime.ledger.record(fund_id, [fee(59_000_000, AT - timedelta(days=1))], actor=owner.id)
    assert (await newest(runtime, fund_id)).fees == usd(59_000_000)
    states = States(runtime.pool)
    assert [(await states.state(fund_id, AT, version)).state.fees for version in (1, 2, 3, 4)] == [
        0,
        usd(60_000_000),
        0,
        usd(59_000_000),
    ]
    assert answer.facts[0].event == EventVoided(2, "typed wrong")


async def test_a_void_that_leaves_a_later_fact_impossible_is_refused_with_it(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    called, paid = Draft(CapitalCalled(usd(100)), AT), Draft(DistributionMade(usd(70)), AT + timedelta(days=3))
    more = Draft(CapitalCalled(usd(50)), AT + timedelta(days=1))
    await runtime.ledger.record(fund_id, [called, more, paid], actor=owner.id)
    refused = await refusal_of(runtime, owner, fund_id, void(2))
    assert isinstance(refused, ContradictsLaterFact)
    assert (refused.version, refused.path) == (4, ("events", "0"))
    assert refused.message == ("This contradicts version 4 of 2010-06-04: 70 USD is above the 50 USD in cash by then.")
    # What it contradicted voided first, in a batch of its own or the same, it can be.
    answer = await runtime.ledger.record(fund_id, [void(4), void(2)], actor=owner.id)
    assert answer.last_version == 6
    assert (await newest(runtime, fund_id)).called == usd(50)


async def test_a_void_of_a_company_with_a_cheque_is_refused_until_the_cheque_is_voided(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    await runtime.ledger.record(fund_id, [ACME_JOINED, cheque(5)], actor=owner.id)
    refused = await refusal_of(runtime, owner, fund_id, void(2))
    assert isinstance(refused, ContradictsLaterFact)
    assert refused.version == 3
    await another_process(runtime).record(fund_id, [void(3)], actor=owner.id)
    await runtime.ledger.record(fund_id, [void(2)], actor=owner.id)
    await runtime.ledger.record(
        fund_id, [Draft(CompanyAdded(ACME, "Acme Inc."), instant("2010-01-01"))], actor=owner.id
    )
    state = await newest(runtime, fund_id)
    assert (state.companies[ACME].name, state.companies[ACME].invested) == ("Acme Inc.", 0)


@pytest.mark.parametrize(
    ("version", "kind", "message"),
    [
        (1, InvalidState, "Version 1 opened the fund, is a void itself or about alerts, and can't be voided."),
        (3, InvalidState, "Version 3 opened the fund, is a void itself or about alerts, and can't be voided."),
        (2, InvalidState, "Version 2 is voided already."),
        (0, NotFound, "The ledger has no version 0."),
        (-1, NotFound, "The ledger has no version -1."),
        (5, NotFound, "The ledger has no version 5."),
        (2**62, NotFound, f"The ledger has no version {2**62}."),
    ],
)
async def test_what_is_not_there_voided_already_or_no_plain_fact_can_not_be_voided(
    runtime: Runtime, owner: Person, open_fund: OpenFund, version: int, kind: type[Refusal], message: str
) -> None:
    fund_id = await open_fund()
    await runtime.ledger.record(fund_id, [fee(2, AT)], actor=owner.id)
    await another_process(runtime).record(fund_id, [void(2)], actor=owner.id)
    await runtime.ledger.record(fund_id, [fee(4, AT + timedelta(days=1))], actor=owner.id)
    refused = await refusal_of(runtime, owner, fund_id, void(version))
    assert (type(refused), refused.path, refused.message) == (kind, ("events", "0", "version"), message)


async def test_a_fact_about_alerts_can_not_be_voided(runtime: Runtime, owner: Person, open_fund: OpenFund) -> None:
    fund_id = await open_fund()
    await runtime.ledger.record_apart(fund_id, [SALES_RULE], actor=owner.id, read_at=1)
    refused = await refusal_of(runtime, owner, fund_id, void(2))
    message = "Version 2 opened the fund, is a void itself or about alerts, and can't be voided."
    assert (type(refused), refused.path, refused.message) == (InvalidState, ("events", "0", "version"), message)


async def test_a_fact_can_not_be_voided_twice_or_before_it_is_stored_in_one_batch(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    await runtime.ledger.record(fund_id, [fee(2)], actor=owner.id)
    twice = await refusal_of(runtime, owner, fund_id, void(2), void(2))
    assert (type(twice), twice.path) == (InvalidState, ("events", "1", "version"))
    beside = await refusal_of(runtime, owner, fund_id, fee(1), void(3))
    assert (type(beside), beside.path) == (NotFound, ("events", "1", "version"))


async def test_a_void_is_listed_with_the_company_and_moment_of_what_it_voids(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    await runtime.ledger.record(fund_id, [ACME_JOINED, cheque(5), fee(1)], actor=owner.id)
    occurred = instant("2012-01-01")
    await runtime.ledger.record(
        fund_id, [replace(void(3), occurred_at=occurred), replace(void(4), occurred_at=occurred)], actor=owner.id
    )
    rows = await runtime.pool.fetch(
        "SELECT company_id, occurred_at, touches_at FROM fact WHERE fund_id = $1 AND version > 4 ORDER BY version",
        fund_id,
    )
    assert [tuple(row) for row in rows] == [(ACME, occurred, AT), (None, occurred, AT)]


async def test_a_restated_report_names_the_report_it_restates(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    await runtime.ledger.record(fund_id, [ACME_JOINED, revenue(10)], actor=owner.id)
    answer = await runtime.ledger.record(
        fund_id, [revenue(9, AT + timedelta(days=30), supersedes_version=3)], actor=owner.id
    )
    assert answer.facts[0].version == 4


@pytest.mark.parametrize(
    ("changes", "kind", "message"),
    [
        ({"supersedes_version": 2}, Invalid, "Version 2 isn't a report of this metric, company and period."),
        (
            {"supersedes_version": 3, "metric_type": MetricType.ARR},
            Invalid,
            "Version 3 isn't a report of this metric, company and period.",
        ),
        (
            {"supersedes_version": 3, "period_end": date(2010, 3, 30)},
            Invalid,
            "Version 3 isn't a report of this metric, company and period.",
        ),
        (
            {"supersedes_version": 3, "company_id": BETA},
            Invalid,
            "Version 3 isn't a report of this metric, company and period.",
        ),
        ({"supersedes_version": 4}, InvalidState, "Version 4 is voided already."),
        ({"supersedes_version": 0}, NotFound, "The ledger has no version 0."),
        ({"supersedes_version": 8}, NotFound, "The ledger has no version 8."),
    ],
)
async def test_what_is_no_standing_report_of_the_same_figure_can_not_be_restated(
    runtime: Runtime,
    owner: Person,
    open_fund: OpenFund,
    changes: dict[str, object],
    kind: type[Refusal],
    message: str,
) -> None:
    fund_id = await open_fund()
    await runtime.ledger.record(
        fund_id,
        [ACME_JOINED, revenue(10), revenue(11), Draft(CompanyAdded(BETA, "Beta"), instant("2010-01-01"))],
        actor=owner.id,
    )
    await runtime.ledger.record(fund_id, [void(4)], actor=owner.id)
    await runtime.ledger.record(fund_id, [fee(1, AT + timedelta(days=1))], actor=owner.id)
    # Dated after everything known, and before some of it: neither way is the void overlooked.
    for at in (AT + timedelta(days=2), AT + timedelta(hours=1)):
        refused = await refusal_of(runtime, owner, fund_id, revenue(9, at, **changes))
        assert (type(refused), refused.path, refused.message) == (
            kind,
            ("events", "0", "supersedesVersion"),
            message,
        )


@pytest.mark.parametrize(
    ("metadata", "least"),
    [({"note": "x" * 8_180}, 8_191), ({"note": "x" * 8_181}, 8_192), ({}, 2)],
)
async def test_metadata_of_eight_kibibytes_is_kept(
    runtime: Runtime, owner: Person, open_fund: OpenFund, metadata: dict[str, object], least: int
) -> None:
    fund_id = await open_fund()
    answer = await runtime.ledger.record(fund_id, [replace(fee(), metadata=metadata)], actor=owner.id)
    kept = answer.facts[0].metadata
    assert kept is not None
    assert len(kept) == least


def nested(depth: int) -> dict[str, object]:
    """An object in an object, so many times."""
    inner: dict[str, object] = {}
    for _ in range(depth):
        inner = {"a": inner}
    return inner


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param({"note": "x" * 8_182}, id="too long"),
        pytest.param({"note": "é" * 4_091}, id="too long in bytes"),
        pytest.param({"note": "a\0b"}, id="NUL"),
        pytest.param({"a\0b": 1}, id="NUL in a key"),
        pytest.param({"note": "\ud800"}, id="half a surrogate pair"),
        pytest.param({"\udfff": 1}, id="half a surrogate pair in a key"),
        pytest.param(nested(5_000), id="too deep"),
        pytest.param({"number": 10**9000}, id="a number too long"),
    ],
)
async def test_metadata_that_is_too_long_or_no_text_is_refused_with_its_place(
    runtime: Runtime, owner: Person, open_fund: OpenFund, metadata: dict[str, object]
) -> None:
    fund_id = await open_fund()
    refused = await refusal_of(runtime, owner, fund_id, fee(), replace(fee(), metadata=metadata))
    assert (type(refused), refused.path) == (Invalid, ("events", "1", "metadata"))


async def test_metadata_may_tell_of_an_escape_as_text(runtime: Runtime, owner: Person, open_fund: OpenFund) -> None:
    fund_id = await open_fund()
    metadata: dict[str, object] = {"path": "C:\\u0000"}
    answer = await runtime.ledger.record(fund_id, [replace(fee(), metadata=metadata)], actor=owner.id)
    assert answer.facts[0].metadata == '{"path":"C:\\\\u0000"}'


@pytest.mark.parametrize(
    ("event", "path"),
    [
        (FeeCharged(usd(1), "a\ud800"), "kind"),
        (FeeCharged(usd(1), "a\0"), "kind"),
        (CompanyAdded(CompanyKey("\udc00"), "Acme"), "companyId"),
        (CompanyAdded(ACME, "Ac\0me"), "name"),
        (CompanyAdded(ACME, "Acme", "\ud83d"), "sector"),
        (EventVoided(2, "\ud800"), "reason"),
        (InvestmentMade(CompanyKey("\ud800"), usd(1)), "companyId"),
    ],
)
async def test_a_text_that_is_none_is_refused_with_its_place(
    runtime: Runtime, owner: Person, open_fund: OpenFund, event: Event, path: str
) -> None:
    fund_id = await open_fund()
    await runtime.ledger.record(fund_id, [fee(1, instant("2009-01-01"))], actor=owner.id)
    refused = await refusal_of(runtime, owner, fund_id, Draft(event, AT))
    assert refused.path == ("events", "0", path)


async def test_an_import_is_one_append_of_any_number_of_facts(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    told: list[int] = []
    drafts = [fee(1, AT + timedelta(seconds=place)) for place in range(2_300)]
    answer = await runtime.ledger.record_all(fund_id, drafts, actor=owner.id, key="file", progress=told.append)
    assert (answer.first_version, answer.last_version, answer.repeated) == (2, 2_301, False)
    assert told == [1_000, 2_000, 2_300]
    facts = [fact async for fact in runtime.history.all(fund_id)]
    assert [fact.version for fact in facts] == list(range(1, 2_302))
    assert {fact.correlation_id for fact in facts[1:]} == {"file"}
    again = await another_process(runtime).record_all(fund_id, drafts, actor=owner.id, key="file")
    assert (again.first_version, again.last_version, again.repeated) == (2, 2_301, True)
    assert runtime.ledger.newest(fund_id, 2_301, END) == await newest(runtime, fund_id)


async def test_an_import_may_void_and_restate_facts_of_its_own(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    drafts = [
        ACME_JOINED,
        revenue(10),
        void(3),
        revenue(11),
        revenue(12, AT + timedelta(days=1), supersedes_version=5),
        fee(60_000_000),
        void(7),
        fee(59_000_000),
    ]
    answer = await runtime.ledger.record_all(fund_id, drafts, actor=owner.id, key="file")
    assert answer.last_version == 9
    assert (await newest(runtime, fund_id)).fees == usd(59_000_000)


async def refusals_of(
    runtime: Runtime, owner: Person, fund_id: UUID, drafts: list[Draft]
) -> list[tuple[tuple[str, ...], str]]:
    """Where an import is refused, and why; nothing of it is stored and its key stays free."""
    before = await head(runtime, fund_id)
    with pytest.raises(RefusedTogetherError) as refused:
        await runtime.ledger.record_all(fund_id, drafts, actor=owner.id, key="file")
    assert await head(runtime, fund_id) == before
    rows = await runtime.pool.fetchval("SELECT count(*) FROM fact WHERE fund_id = $1", fund_id)
    assert rows == before
    assert not await runtime.pool.fetchval("SELECT count(*) FROM ledger_key WHERE fund_id = $1", fund_id)
    return [(one.path, one.message) for one in refused.value.refusals]


async def test_an_import_tells_every_fact_that_can_not_be_across_its_batches(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    drafts = [fee(1, AT + timedelta(seconds=place)) for place in range(2_300)]
    drafts[7] = cheque(1, AT + timedelta(seconds=7))
    drafts[1_500] = fee(0, AT + timedelta(seconds=1_500))
    drafts[2_299] = fee(60_000_000, AT + timedelta(seconds=2_299))
    assert await refusals_of(runtime, owner, fund_id, drafts) == [
        (("events", "7", "companyId"), "No company 'acme' in the fund at that moment."),
        (("events", "1500", "amount"), "The amount must be above zero."),
        (("events", "2299", "amount"), "60,000,000 USD is above the 59,997,703 USD available by then."),
    ]
    drafts[7] = drafts[1_500] = drafts[2_299] = fee(1, AT + timedelta(hours=1))
    answer = await runtime.ledger.record_all(fund_id, drafts, actor=owner.id, key="file")
    assert (answer.last_version, answer.repeated) == (2_301, False)


async def test_a_refused_fact_of_an_import_does_not_bear_on_those_after_it(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    ages = datetime(2199, 1, 1, tzinfo=UTC)
    drafts = [fee(1, AT + timedelta(seconds=place)) for place in range(2_010)]
    drafts[3] = cheque(1)  # to a company that isn't there
    drafts[4] = fee(60_000_001)
    drafts[5] = fee(1, ages)  # a typing error, after everything that follows
    drafts[6] = void(1)
    drafts[7] = fee(1, instant("1850-01-01"))
    drafts[1_800] = fee(1, instant("2009-01-01"))  # backdated: judged by the facts stored before it
    drafts[2_005] = void(5)  # of the cheque that was refused
    drafts[2_006] = void(99)
    refused = await refusals_of(runtime, owner, fund_id, drafts)
    assert refused == [
        (("events", "5", "occurredAt"), "A fact is dated from 1900 to five years ahead."),
        (
            ("events", "6", "version"),
            "Version 1 opened the fund, is a void itself or about alerts, and can't be voided.",
        ),
        (("events", "7", "occurredAt"), "A fact is dated from 1900 to five years ahead."),
        (("events", "3", "companyId"), "No company 'acme' in the fund at that moment."),
        (("events", "4", "amount"), "60,000,001 USD is above the 59,999,999 USD available by then."),
        (("events", "2005", "version"), "Version 5 is voided already."),
    ]


async def test_an_import_that_contradicts_what_is_recorded_is_refused_with_the_version(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    await runtime.ledger.record(fund_id, [fee(60_000_000)], actor=owner.id)
    early = AT - timedelta(days=1)
    assert await refusals_of(runtime, owner, fund_id, [fee(1, early)]) == [
        (
            ("events", "0"),
            "This contradicts version 2 of 2010-06-01: 60,000,000 USD is above the 59,999,999 USD available by then.",
        )
    ]


async def test_an_import_is_judged_no_further_than_to_what_it_contradicts(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    await runtime.ledger.record(fund_id, [ACME_JOINED, cheque(5)], actor=owner.id)
    later = [fee(1, AT + timedelta(days=9))] * 999
    # What comes after the first thousand can't be told: it would stand on a cheque to a company that never was.
    drafts = [void(2), *later, *[fee(1, AT + timedelta(days=5))] * 3, fee(0)]
    assert await refusals_of(runtime, owner, fund_id, drafts) == [
        (
            ("events",),
            "This contradicts version 3 of 2010-06-01: No company 'acme' in the fund at that moment.",
        )
    ]


async def test_a_batch_is_refused_at_the_fact_that_goes_too_far(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    refused = await refusal_of(
        runtime, owner, fund_id, Draft(CapitalCalled(usd(60_000_000)), AT), Draft(CapitalCalled(usd(1)), AT)
    )
    assert (type(refused), refused.path) == (ExceedsUncalledCapital, ("events", "1", "amount"))


async def test_an_import_with_metadata_that_can_not_be_kept_is_refused_whole(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    drafts = [
        fee(),
        replace(fee(), metadata={"note": "x" * 9_000}),
        fee(),
        replace(fee(), metadata={"note": "\0"}),
    ]
    message = "Metadata is at most 8192 bytes of JSON, nested 32 deep, without NUL."
    assert await refusals_of(runtime, owner, fund_id, drafts) == [
        (("events", "1", "metadata"), message),
        (("events", "3", "metadata"), message),
    ]


# Facts about alerts, which are recorded apart.


async def test_facts_about_alerts_and_all_others_share_one_order(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    await runtime.ledger.record(fund_id, [fee()], actor=owner.id)
    apart = await runtime.ledger.record_apart(fund_id, [SALES_RULE, SALES_RULE], actor=owner.id, read_at=0)
    assert (apart.first_version, apart.last_version) == (3, 4)
    # The head that the ledger keeps doesn't know of them, and finds out.
    after = await runtime.ledger.record(fund_id, [fee()], actor=owner.id, expected_version=4)
    assert after.first_version == 5
    facts = [fact async for fact in runtime.history.all(fund_id)]
    assert [fact.type for fact in facts] == [
        "FUND_OPENED", "FEE_CHARGED", "ALERT_RULE_SET", "ALERT_RULE_SET", "FEE_CHARGED",
    ]  # fmt: skip
    assert [fact.version for fact in facts] == [1, 2, 3, 4, 5]
    assert (await newest(runtime, fund_id)).fees == usd(2)


async def test_what_was_decided_on_alerts_read_before_the_newest_is_not_recorded(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    await runtime.ledger.record_apart(fund_id, [SALES_RULE], actor=owner.id, read_at=1)
    with pytest.raises(OvertakenError):
        await runtime.ledger.record_apart(fund_id, [SALES_RULE], actor=owner.id, read_at=1)
    assert await head(runtime, fund_id) == 2
    # Facts about anything else overtake nobody.
    await runtime.ledger.record(fund_id, [fee()], actor=owner.id)
    again = await runtime.ledger.record_apart(fund_id, [SALES_RULE], actor=owner.id, read_at=2)
    assert again.first_version == 4


async def test_of_16_that_decided_on_the_same_alerts_one_is_recorded(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    processes = [another_process(runtime) for _ in range(16)]
    ends = await asyncio.gather(
        *[one.record_apart(fund_id, [SALES_RULE], actor=owner.id, read_at=1) for one in processes],
        return_exceptions=True,
    )
    assert sorted(type(end).__name__ for end in ends) == ["Appended"] + ["OvertakenError"] * 15
    assert await head(runtime, fund_id) == 2


async def test_a_fact_about_alerts_that_can_not_be_is_refused_and_none_beside_it_is_recorded(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    nameless = Draft(AlertRuleSet("sales", " ", (MetricType.REVENUE,)))
    with pytest.raises(Invalid) as refused:
        await runtime.ledger.record_apart(fund_id, [SALES_RULE, nameless], actor=owner.id, read_at=1)
    assert refused.value.path == ("name",)
    assert await head(runtime, fund_id) == 1


async def test_in_a_fund_that_is_not_there_no_fact_about_alerts_is_recorded(runtime: Runtime, owner: Person) -> None:
    with pytest.raises(NotFound) as refused:
        await runtime.ledger.record_apart(uuid4(), [SALES_RULE], actor=owner.id, read_at=0)
    assert refused.value.path == ("fundId",)


async def test_facts_are_judged_without_being_recorded_and_every_bad_one_is_told(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    fund_id = await open_fund()
    before = await head(runtime, fund_id)
    drafts = [ACME_JOINED, cheque(0), cheque(1), fee(0), ACME_JOINED]
    refusals = await runtime.ledger.judge(fund_id, drafts, expected_version=7)
    assert [(type(one), one.path) for one in refusals] == [
        (VersionConflict, ("expectedVersion",)),
        (CompanyExists, ("events", "4", "companyId")),
        (Invalid, ("events", "1", "amount")),
        (Invalid, ("events", "3", "amount")),
    ]
    assert await runtime.ledger.judge(fund_id, [ACME_JOINED, cheque(1)]) == []
    assert await head(runtime, fund_id) == before
    with pytest.raises(TooLarge):
        await runtime.ledger.judge(fund_id, [fee()] * 1_001)
    with pytest.raises(NotFound):
        await runtime.ledger.judge(uuid4(), [fee()])
