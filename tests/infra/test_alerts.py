"""The read model of alerts: always the fold of the facts, however it came about, and every question asked of it."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from domain.alerting import assess
from domain.alerts import ALERT_EVENTS, Alert, AlertEvent, Alerts, AlertStatus, Told
from domain.capital import FeeCharged
from domain.forecasting import MetricType
from domain.handling import acknowledge, resolve, snooze
from domain.money import Money
from domain.refusal import Invalid, NotFound, Refusal, TooLarge, VersionConflict
from domain.rules import AlertRuleSet, AlertSeverity, DeliveryChannel
from infra.alerts import AlertFilter, is_read
from infra.deliveries import DeliveryStatus
from infra.drafts import Draft
from infra.learned import calendar_of, series
from infra.ledger import OvertakenError
from infra.people import Person
from infra.runtime import Runtime
from infra.states import resolve as resolve_moment
from tests.conftest import OpenFund, Servers
from tests.histories import process
from tests.infra.alert_histories import COMPANIES, Lived, newest_first, whole_book
from tests.infra.alerting import COMPANY, Watched, month, plan, report, rule

SEEDS = range(4)
STEPS = 60
EVERYTHING = AlertFilter()


@pytest.fixture
async def fund(runtime: Runtime, open_fund: OpenFund, owner: Person) -> Watched:
    """A fund that nothing has happened to."""
    return Watched(runtime, await open_fund(), owner)


@pytest.fixture
async def watched(fund: Watched) -> Watched:
    """A fund with a company, its plans and a rule."""
    # Nothing of these two months is overdue yet, whatever the day.
    await fund.begin(ago=1)
    await fund.set_rule(rule())
    await fund.evaluate()
    return fund


async def page(watched: Watched, chosen: AlertFilter = EVERYTHING, below: int | None = None) -> list[Alert]:
    return await watched.runtime.alerts.page(watched.fund_id, chosen, below=below, limit=1_000)


async def someone(watched: Watched) -> UUID:
    """Another person."""
    return (await watched.runtime.people.enrol(f"{uuid4().hex}@example.org")).id


async def handle(watched: Watched, decide: Callable[[Alerts], AlertEvent | None]) -> int:
    """Somebody deals with an alert; the version of that, which nobody has looked at since."""
    book = await whole_book(watched)
    version = await watched.runtime.pool.fetchval("SELECT version FROM fund WHERE id = $1", watched.fund_id)
    event = decide(book)
    assert event is not None
    return (
        await watched.runtime.ledger.record_apart(
            watched.fund_id, [Draft(event)], actor=watched.owner.id, read_at=version
        )
    ).last_version


async def decided(watched: Watched, at: datetime | None = None) -> list[Draft]:
    """What the rules make of the fund's figures now, not recorded yet."""
    known = await resolve_moment(watched.runtime.pool, watched.fund_id, None)
    book = await whole_book(watched)
    fund = (await watched.runtime.states.state(watched.fund_id, known.at_now, known.version)).state
    found = await series(watched.runtime.pool, watched.fund_id, None, known.at_now, known.version)
    calendar = calendar_of("UTC", known.at_now)
    return [
        Draft(one.event, at or one.occurred_at)
        for each in found.values()
        for one in assess(book, each, fund, calendar)
        if getattr(one.event, "rung", None) is not None
    ]


async def delivered(watched: Watched) -> list[tuple[object, ...]]:
    """Every delivery of the fund, as it stands."""
    rows = await watched.runtime.pool.fetch(
        "SELECT * FROM delivery WHERE fund_id = $1 ORDER BY alert_id, version, channel", watched.fund_id
    )
    return [tuple(row) for row in rows]


@pytest.mark.parametrize("seed", SEEDS)
async def test_the_read_model_is_the_fold_of_the_facts(fund: Watched, seed: int) -> None:
    await Lived(fund, seed).live(STEPS)
    book = await whole_book(fund)
    assert len(book.alerts) > 5
    assert await page(fund) == newest_first(list(book.alerts.values()))
    kept = await fund.runtime.alerts.book_of(fund.fund_id, COMPANIES)
    assert kept.rules == book.rules
    assert kept.latest == book.latest
    assert kept.alerts == {key: book.alerts[key] for key in book.latest.values()}
    for alert in book.alerts.values():
        assert await fund.runtime.alerts.alert(fund.fund_id, alert.id) == alert


@pytest.mark.parametrize("seed", SEEDS)
async def test_as_of_now_the_book_is_the_read_model_too(fund: Watched, seed: int) -> None:
    await Lived(fund, seed).live(STEPS)
    book = await whole_book(fund)
    known = await resolve_moment(fund.runtime.pool, fund.fund_id, None)
    then = await fund.runtime.alerts.book_at(fund.fund_id, known.at_now, known.version)
    assert (then.alerts, then.rules, then.latest) == (book.alerts, book.rules, book.latest)


@pytest.mark.parametrize("seed", SEEDS)
async def test_what_was_evaluated_needs_no_evaluation(fund: Watched, seed: int) -> None:
    await Lived(fund, seed).live(STEPS)
    await fund.runtime.evaluator.look_again(fund.fund_id)
    assert await fund.evaluate() == 0
    assert await fund.runtime.evaluator.look_again(fund.fund_id) == 0


@pytest.mark.parametrize("seed", SEEDS)
async def test_made_again_the_read_model_is_the_same_and_delivers_nothing_again(fund: Watched, seed: int) -> None:
    await Lived(fund, seed).live(STEPS)
    alerts, rules = await page(fund), (await fund.runtime.alerts.rules(fund.fund_id)).rules
    deliveries = await delivered(fund)
    assert await fund.runtime.alerts.rebuild(fund.fund_id) == len(alerts)
    assert await page(fund) == alerts
    assert (await fund.runtime.alerts.rules(fund.fund_id)).rules == rules
    assert await delivered(fund) == deliveries


@pytest.mark.parametrize("seed", SEEDS)
async def test_after_each_of_its_facts_an_alert_is_as_it_was_then(fund: Watched, seed: int) -> None:
    await Lived(fund, seed).live(STEPS)
    book, seen = Alerts(), 0
    for fact in await fund.runtime.history.after(fund.fund_id, 0):
        if not fact.type.startswith("ALERT_"):
            continue
        event = fact.event
        assert isinstance(event, (AlertRuleSet, *ALERT_EVENTS))
        book.tell(Told(event, fact.version, fact.occurred_at, fact.actor))
        if isinstance(event, AlertRuleSet):
            assert await fund.runtime.alerts.setting(fund.fund_id, fact.version) == event
            continue
        seen += 1
        found = await fund.runtime.alerts.as_of_fact(fund.fund_id, event, fact.version)
        assert found == book.alerts[event.alert_id]
        assert found is not None
        assert found.version == fact.version
    assert seen > 5


@pytest.mark.parametrize("limit", [1, 7])
async def test_pages_follow_one_another_without_gap_or_repeat(fund: Watched, limit: int) -> None:
    await Lived(fund, 5).live(STEPS)
    every, found, below = await page(fund), list[Alert](), None
    while some := await fund.runtime.alerts.page(fund.fund_id, EVERYTHING, below=below, limit=limit):
        assert len(some) <= limit
        found += some
        below = some[-1].opened_version
    assert found == every


async def every_status(fund: Watched) -> dict[AlertStatus, str]:
    """An alert of each status, by it: of a company each."""
    companies = {status: f"company {status.value}" for status in AlertStatus}
    await fund.begin(*companies.values(), ago=1)
    paused = rule(name="Paused", company_ids=(companies[AlertStatus.SUPPRESSED],))
    twice = rule(name="Twice", company_ids=(companies[AlertStatus.PENDING],), persistence=2, persistence_window=2)
    others = tuple(
        company for status, company in companies.items() if status not in (AlertStatus.SUPPRESSED, AlertStatus.PENDING)
    )
    for setting in (paused, twice, rule(name="Others", company_ids=others)):
        await fund.set_rule(setting)
    await fund.record(*(report(1, 600_000, company=company) for company in companies.values()))
    await fund.evaluate()
    ids = {alert.company_id: alert.id for alert in await fund.alerts()}
    found = {status: ids[company] for status, company in companies.items()}
    now = datetime.now(UTC)
    await handle(fund, lambda book: acknowledge(book, found[AlertStatus.ACKNOWLEDGED]))
    await handle(fund, lambda book: snooze(book, found[AlertStatus.SNOOZED], now + timedelta(days=1), now))
    await handle(fund, lambda book: resolve(book, found[AlertStatus.RESOLVED], "looked into it"))
    await fund.set_rule(rule(rule_id=paused.rule_id, name="Paused", company_ids=paused.company_ids, enabled=False))
    return found


async def test_each_status_lists_its_own_alerts(fund: Watched) -> None:
    found = await every_status(fund)
    for status, alert_id in found.items():
        assert [one.id for one in await page(fund, AlertFilter(statuses=[status]))] == [alert_id], status
    assert {one.id for one in await page(fund, AlertFilter(statuses=list(AlertStatus)))} == set(found.values())
    assert await page(fund, AlertFilter(statuses=[])) == []


async def test_a_snooze_that_is_over_is_no_status_any_more(fund: Watched) -> None:
    found = await every_status(fund)
    await fund.runtime.pool.execute(
        "UPDATE alert SET snoozed_until = clock_timestamp() WHERE fund_id = $1 AND snoozed_until IS NOT NULL",
        fund.fund_id,
    )
    assert await page(fund, AlertFilter(statuses=[AlertStatus.SNOOZED])) == []
    opened = {one.id for one in await page(fund, AlertFilter(statuses=[AlertStatus.OPEN]))}
    assert opened == {found[AlertStatus.OPEN], found[AlertStatus.SNOOZED]}


async def test_the_least_severity_companies_and_metrics_narrow_the_list(fund: Watched) -> None:
    await fund.begin("acme", "beta", ago=1)
    await fund.record(
        *(plan(1, 1_000_000, company=company, metric=MetricType.ARR) for company in ("acme", "beta")),
        at=datetime(2006, 3, 1, tzinfo=UTC),
    )
    await fund.set_rule(rule(metrics=(MetricType.REVENUE, MetricType.ARR)))
    for company, metric, figure in (
        ("acme", MetricType.REVENUE, 850_000),
        ("acme", MetricType.ARR, 700_000),
        ("beta", MetricType.REVENUE, 600_000),
    ):
        await fund.record(report(1, figure, company=company, metric=metric))
        await fund.evaluate()

    async def listed(**chosen: object) -> list[tuple[str, MetricType]]:
        found = await page(fund, AlertFilter(**chosen))  # type: ignore[arg-type]
        return [(one.company_id, one.metric_type) for one in found]

    warning, critical, urgent = (
        ("acme", MetricType.REVENUE),
        ("acme", MetricType.ARR),
        ("beta", MetricType.REVENUE),
    )
    assert await listed(least=AlertSeverity.INFO) == [urgent, critical, warning]
    assert await listed(least=AlertSeverity.WARNING) == [urgent, critical, warning]
    assert await listed(least=AlertSeverity.CRITICAL) == [urgent, critical]
    assert await listed(least=AlertSeverity.URGENT) == [urgent]
    assert await listed(company_ids=["acme"]) == [critical, warning]
    assert await listed(company_ids=["acme", "beta"]) == [urgent, critical, warning]
    assert await listed(company_ids=[]) == []
    assert await listed(metrics=["REVENUE"]) == [urgent, warning]
    assert await listed(metrics=["REVENUE"], company_ids=["acme"], least=AlertSeverity.WARNING) == [warning]
    assert await listed(metrics=["REVENUE"], company_ids=["acme"], least=AlertSeverity.CRITICAL) == []
    assert await listed(metrics=["CASH"]) == []


@pytest.mark.parametrize("seed", SEEDS)
async def test_every_filter_chooses_what_the_facts_say(fund: Watched, seed: int) -> None:
    await Lived(fund, seed).live(STEPS)
    book, now, person = await whole_book(fund), datetime.now(UTC), await someone(fund)
    every = newest_first(list(book.alerts.values()))
    for alert in every[::2]:
        await fund.runtime.alerts.mark(fund.fund_id, person, alert, read=True)
    middle = every[len(every) // 2].opened_version
    for statuses, least, companies, metrics, unread, below in (
        ((AlertStatus.OPEN,), None, None, None, False, None),
        ((AlertStatus.SUPPRESSED, AlertStatus.SNOOZED), None, None, None, False, None),
        ((AlertStatus.RESOLVED, AlertStatus.ACKNOWLEDGED), AlertSeverity.CRITICAL, None, None, True, None),
        (None, AlertSeverity.CRITICAL, ("acme", "Älpha"), None, False, middle),
        (None, None, ("beta",), ("CASH_BURN", "REVENUE"), False, None),
        (None, None, None, ("GROSS_MARGIN",), True, None),
        (tuple(AlertStatus), AlertSeverity.INFO, COMPANIES, tuple(MetricType), True, middle),
    ):
        chosen = AlertFilter(statuses, least, companies, metrics, person if unread else None)
        assert await page(fund, chosen, below) == [
            one
            for one in every
            if (statuses is None or book.status(one, now) in statuses)
            and (least is None or one.severity.rank >= least.rank)
            and (companies is None or one.company_id in companies)
            and (metrics is None or one.metric_type.value in metrics)
            and (not unread or one not in every[::2])
            and (below is None or one.opened_version < below)
        ]


async def test_what_somebody_has_read_is_unread_to_others_and_once_there_is_news(watched: Watched) -> None:
    await watched.record(report(1, 850_000))
    await watched.evaluate()
    reader, other = await someone(watched), await someone(watched)

    async def unread(person: UUID) -> int:
        return len(await page(watched, AlertFilter(unread_by=person)))

    async def read(person: UUID) -> bool:
        alert = await watched.alert()
        seen = await watched.runtime.alerts.read_by(watched.fund_id, person, [alert.id])
        return is_read(alert, seen.get(alert.id))

    assert (await unread(reader), await read(reader)) == (1, False)
    earlier = await watched.alert()
    await watched.runtime.alerts.mark(watched.fund_id, reader, earlier, read=True)
    assert (await unread(reader), await read(reader)) == (0, True)
    assert (await unread(other), await read(other)) == (1, False)

    # A change that nobody is told of is no news.
    await handle(watched, lambda book: acknowledge(book, earlier.id))
    assert (await unread(reader), await read(reader)) == (0, True)
    await watched.record(report(0, 500_000))
    await watched.evaluate()
    assert (await unread(reader), await read(reader)) == (1, False)

    await watched.runtime.alerts.mark(watched.fund_id, reader, await watched.alert(), read=True)
    # Somebody else's page still shows how it stood before; marking that takes nothing back.
    await watched.runtime.alerts.mark(watched.fund_id, reader, earlier, read=True)
    assert (await unread(reader), await read(reader)) == (0, True)
    await watched.runtime.alerts.mark(watched.fund_id, reader, await watched.alert(), read=False)
    assert (await unread(reader), await read(reader)) == (1, False)


async def test_marks_outlast_a_read_model_made_again(watched: Watched) -> None:
    await watched.record(report(1, 600_000))
    await watched.evaluate()
    reader = await someone(watched)
    await watched.runtime.alerts.mark(watched.fund_id, reader, await watched.alert(), read=True)
    await watched.runtime.alerts.rebuild(watched.fund_id)
    assert await page(watched, AlertFilter(unread_by=reader)) == []


async def test_what_came_after_the_cursor_still_gets_its_deliveries_when_made_again(watched: Watched) -> None:
    await watched.record(report(1, 600_000))
    await watched.evaluate()
    (first,) = await page(watched)
    version = await handle(watched, lambda book: resolve(book, first.id, "looked into it"))
    assert [row[2] for row in await delivered(watched)] == [first.version]
    assert await watched.runtime.alerts.rebuild(watched.fund_id) == 1
    deliveries = (await watched.runtime.deliveries.of(watched.fund_id, [first.id]))[first.id]
    assert [(one.version, one.channel, one.status) for one in deliveries] == [
        (first.version, DeliveryChannel.IN_APP, DeliveryStatus.DELIVERED),
        (version, DeliveryChannel.IN_APP, DeliveryStatus.DELIVERED),
    ]


async def test_a_fund_never_looked_at_is_made_again_too(fund: Watched) -> None:
    await fund.begin(ago=1)
    await fund.runtime.ledger.record_apart(fund.fund_id, [Draft(rule())], actor=fund.owner.id, read_at=0)
    await fund.record(report(1, 600_000))
    drafts = await decided(fund)
    assert len(drafts) == 1
    await fund.runtime.ledger.record_apart(fund.fund_id, drafts, actor=fund.owner.id, read_at=5)
    assert await fund.runtime.alerts.rebuild(fund.fund_id) == 1
    assert len(await delivered(fund)) == 1


async def test_a_fund_without_alerts_has_none(fund: Watched) -> None:
    assert await fund.runtime.alerts.rebuild(fund.fund_id) == 0
    assert await page(fund) == []
    assert await fund.runtime.alerts.alert(fund.fund_id, "none") is None
    assert await fund.runtime.alerts.caught_up(uuid4()) == 0


async def test_what_people_did_is_told_though_they_left_before_anyone_looked(watched: Watched) -> None:
    await watched.record(report(1, 600_000))
    await watched.evaluate()
    alert = await watched.alert()
    version = await handle(watched, lambda book: resolve(book, alert.id, "looked into it"))
    assert await watched.evaluate() == 0
    assert [row[2] for row in await delivered(watched)] == [alert.version, version]


async def test_only_newer_facts_about_alerts_overtake_a_decision(watched: Watched) -> None:
    read_at = await watched.runtime.alerts.caught_up(watched.fund_id)
    # Facts of other kinds came: they take nothing from a decision about alerts.
    await watched.record(FeeCharged(Money(1)), report(1, 999_999))
    appended = await watched.runtime.ledger.record_apart(
        watched.fund_id, [Draft(rule(name="Another"))], actor=watched.owner.id, read_at=read_at
    )
    assert appended.first_version == appended.last_version == read_at + 3
    with pytest.raises(OvertakenError):
        await watched.runtime.ledger.record_apart(
            watched.fund_id, [Draft(rule(name="A third"))], actor=watched.owner.id, read_at=read_at
        )
    names = {one.setting.name for one in (await whole_book(watched)).rules.values()}
    assert names == {"Revenue misses", "Another"}
    assert await watched.runtime.history.first_bad_version(watched.fund_id) == (read_at + 3, None)
    # Whoever read that one goes on.
    await watched.runtime.ledger.record_apart(
        watched.fund_id, [Draft(rule(name="A third"))], actor=watched.owner.id, read_at=appended.last_version
    )


async def test_a_fact_about_alerts_that_can_not_be_is_refused_and_nothing_recorded(watched: Watched) -> None:
    version = await watched.runtime.alerts.caught_up(watched.fund_id)
    ledger, actor = watched.runtime.ledger, watched.owner.id
    with pytest.raises(Invalid) as refused:
        await ledger.record_apart(
            watched.fund_id, [Draft(rule(name="Fine")), Draft(rule(name=""))], actor=actor, read_at=version
        )
    assert refused.value.path == ("name",)
    with pytest.raises(NotFound) as unknown:
        await ledger.record_apart(uuid4(), [Draft(rule())], actor=actor, read_at=1)
    assert unknown.value.path == ("fundId",)
    both: tuple[tuple[list[Draft], type[Refusal]], ...] = (([], Invalid), ([Draft(rule())] * 1_001, TooLarge))
    for drafts, refusal in both:
        with pytest.raises(refusal):
            await ledger.record_apart(watched.fund_id, drafts, actor=actor, read_at=version)
    assert await watched.runtime.alerts.caught_up(watched.fund_id) == version


async def test_many_writers_at_once_lose_nothing(watched: Watched, servers: Servers) -> None:
    """In two processes, about alerts and about other things."""
    writers, each = 4, 6

    async def about_alerts(runtime: Runtime, writer: int) -> int:
        overtaken = 0
        for number in range(each):
            while True:
                read_at = await runtime.alerts.caught_up(watched.fund_id)
                try:
                    await runtime.ledger.record_apart(
                        watched.fund_id,
                        [Draft(rule(rule_id=f"{writer}-{number}", name=f"Rule {writer}-{number}"))],
                        actor=watched.owner.id,
                        read_at=read_at,
                    )
                    break
                except OvertakenError:
                    overtaken += 1
        return overtaken

    async def about_others(runtime: Runtime, writer: int) -> None:
        for number in range(each):
            drafts = [Draft(FeeCharged(Money(writer * 100 + number + 1)))]
            while True:
                try:
                    await runtime.ledger.record(watched.fund_id, drafts, actor=watched.owner.id)
                    break
                except VersionConflict:
                    continue

    before = await watched.runtime.alerts.caught_up(watched.fund_id)
    async with process(servers.database_url, servers.redis_url) as another:
        runtimes = (watched.runtime, another)
        outcomes = await asyncio.gather(
            *(about_alerts(runtimes[writer % 2], writer) for writer in range(writers)),
            *(about_others(runtimes[writer % 2], writer) for writer in range(writers)),
        )
    assert any(outcomes), "some were to be overtaken"
    names = {one.setting.name for one in (await whole_book(watched)).rules.values()}
    assert names == {"Revenue misses"} | {f"Rule {w}-{n}" for w in range(writers) for n in range(each)}
    total = before + 2 * writers * each
    assert await watched.runtime.history.first_bad_version(watched.fund_id) == (total, None)
    assert await watched.runtime.alerts.caught_up(watched.fund_id) == total
    assert (await watched.runtime.alerts.rules(watched.fund_id)).rules == (await whole_book(watched)).rules


async def test_the_daily_look_goes_on_though_somebody_records_in_between(
    watched: Watched, database: asyncpg.Pool
) -> None:
    version = await watched.record(report(1, 600_000))
    async with database.acquire() as connection, connection.transaction():
        # It knows how far the facts go, and is kept from reading the rules.
        await connection.execute("LOCK TABLE alert_rule IN ACCESS EXCLUSIVE MODE")
        looking = asyncio.ensure_future(watched.runtime.evaluator.look_again(watched.fund_id))
        waiting = "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'alert_rule'::regclass AND NOT granted)"
        async with asyncio.timeout(30):
            while not await connection.fetchval(waiting):
                await asyncio.sleep(0.01)
        await watched.runtime.ledger.record_apart(
            watched.fund_id, [Draft(rule(name="Another"))], actor=watched.owner.id, read_at=version
        )
    # The first decision is overtaken; the second one is by both rules.
    assert await looking == 2
    assert [(one.company_id, one.figures.period) for one in await page(watched)] == [(COMPANY, month(1))] * 2
