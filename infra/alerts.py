"""Alerts as they stand: a read model that catches up with the facts before it answers, and the book of any moment."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import msgspec

from domain.alerts import (
    ALERT_EVENTS,
    Alert,
    AlertEvent,
    AlertRaised,
    AlertResolution,
    AlertResolved,
    Alerts,
    AlertStatus,
    Rule,
    Told,
)
from domain.rules import AlertRuleSet, AlertSeverity
from infra import codec
from infra.deliveries import Due, plan
from infra.history import COLUMNS, fact_of
from infra.postgres import Connection, the_row, translated

CONSUMER = "alerts"
"""The cursor that says up to where the read model has come."""
_FACTS = f"""
    SELECT {COLUMNS} FROM fact
    WHERE fund_id = $1 AND version > $2 AND version <= $3 AND starts_with(type, 'ALERT_') ORDER BY version
"""  # noqa: S608 - only our own words
_NEWS = """
    SELECT f.version, EXISTS (
        SELECT FROM fact a WHERE a.fund_id = f.id AND a.version > coalesce(c.version, 0) AND a.version <= f.version
            AND starts_with(a.type, 'ALERT_')
    ) AS news
    FROM fund f LEFT JOIN cursor c ON c.consumer = $2 AND c.fund_id = f.id WHERE f.id = $1
"""
# As of a moment: those of later validity left out, in the order of a fold.
_AS_OF = f"""
    SELECT {COLUMNS} FROM fact
    WHERE fund_id = $1 AND version <= $2 AND touches_at <= $3 AND starts_with(type, 'ALERT_')
    ORDER BY touches_at, version
"""  # noqa: S608
_PUT_RULE = """
    INSERT INTO alert_rule VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (fund_id, id) DO UPDATE SET enabled = excluded.enabled, retired = excluded.retired, body = excluded.body
"""
_PUT_ALERT = """
    INSERT INTO alert VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
    ON CONFLICT (fund_id, id) DO UPDATE SET stage = excluded.stage, severity = excluded.severity,
        snoozed_until = excluded.snoozed_until, period_start = excluded.period_start, period_end = excluded.period_end,
        told_version = excluded.told_version, body = excluded.body
"""
_LATEST = """
    SELECT DISTINCT ON (rule_id, company_id, metric, kind) body FROM alert
    WHERE fund_id = $1 AND company_id = ANY ($2)
    ORDER BY rule_id, company_id, metric, kind, opened_version DESC
"""
# One scan where all are asked for.
_ALL_LATEST = _LATEST.replace("company_id = ANY ($2)", "$2::text[] IS NULL")
_alerts = msgspec.json.Decoder(Alert)
_rules = msgspec.json.Decoder(Rule)


class AlertFilter(msgspec.Struct, frozen=True):
    """Which alerts to list; None leaves a side open."""

    statuses: Sequence[AlertStatus] | None = None
    least: AlertSeverity | None = None
    company_ids: Sequence[str] | None = None
    metrics: Sequence[str] | None = None
    unread_by: UUID | None = None


async def catch_up(connection: Connection, fund_id: UUID) -> int:
    """Brings the read model up to the fund's newest fact, with a delivery for each notice; the version it is at.

    Run in a transaction.
    """
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('alerts ' || $1::uuid::text, 0))", fund_id)
    row = await connection.fetchrow(
        """SELECT f.version, coalesce(c.version, 0) AS seen FROM fund f
        LEFT JOIN cursor c ON c.consumer = $2 AND c.fund_id = f.id WHERE f.id = $1""",
        fund_id,
        CONSUMER,
    )
    if row is None or row["version"] <= row["seen"]:
        return 0 if row is None else int(row["version"])
    rows = await connection.fetch(_FACTS, fund_id, row["seen"], row["version"])
    if rows:
        facts = told(fund_id, rows)
        book = await _book_of_those(connection, fund_id, facts)
        dues = []
        for fact in facts:
            book.tell(fact)
            if not isinstance(fact.event, AlertRuleSet) and getattr(fact.event, "notifies", False):
                alert = book.alerts[fact.event.alert_id]
                setting = await _setting(connection, fund_id, book, alert.rule_version)
                dues.append(Due(alert, setting.channels, fact.version))
        await _put(connection, fund_id, book, row["seen"])
        await plan(connection, fund_id, dues)
    await connection.execute(
        """INSERT INTO cursor VALUES ($1, $2, $3) ON CONFLICT (consumer, fund_id)
        DO UPDATE SET version = greatest(cursor.version, excluded.version)""",
        CONSUMER,
        fund_id,
        row["version"],
    )
    return int(row["version"])


def told(fund_id: UUID, rows: Iterable[asyncpg.Record]) -> list[Told]:
    """Rows of facts about alerts as the book takes them.

    Raises:
        CorruptionError: If one can't be read.
    """
    found = []
    for row in rows:
        fact = fact_of(fund_id, row)
        assert isinstance(fact.event, (AlertRuleSet, *ALERT_EVENTS)), "a fact about alerts"
        found.append(Told(fact.event, fact.version, fact.occurred_at, fact.actor))
    return found


async def _book_of_those(connection: Connection, fund_id: UUID, facts: Sequence[Told]) -> Alerts:
    """The rules, and the alerts that these facts are about, as the read model has them."""
    ids = {event.alert_id for fact in facts if not isinstance(event := fact.event, AlertRuleSet)}
    book = await _rules_of(connection, fund_id)
    rows = await connection.fetch("SELECT body FROM alert WHERE fund_id = $1 AND id = ANY ($2)", fund_id, list(ids))
    return _with(book, rows)


async def _rules_of(connection: Connection | asyncpg.Pool, fund_id: UUID) -> Alerts:
    rows = await connection.fetch("SELECT body FROM alert_rule WHERE fund_id = $1 ORDER BY since", fund_id)
    found = [_rules.decode(row["body"]) for row in rows]
    return Alerts(
        rules={rule.setting.rule_id: rule for rule in found}, settings={rule.version: rule.setting for rule in found}
    )


def _with(book: Alerts, rows: Iterable[asyncpg.Record]) -> Alerts:
    for row in rows:
        alert = _alerts.decode(row["body"])
        book.alerts[alert.id] = alert
        book.latest[alert.key] = alert.id
    return book


async def _setting(connection: Connection | asyncpg.Pool, fund_id: UUID, book: Alerts, version: int) -> AlertRuleSet:
    """A rule as it stood at the version an alert names."""
    if version not in book.settings:
        row = await the_row(
            connection,
            f"SELECT {COLUMNS} FROM fact WHERE fund_id = $1 AND version = $2",  # noqa: S608
            fund_id,
            version,
        )
        event = fact_of(fund_id, row).event
        assert isinstance(event, AlertRuleSet), "an alert names the setting of a rule"
        book.settings[version] = event
    return book.settings[version]


async def _put(connection: Connection, fund_id: UUID, book: Alerts, after: int) -> None:
    """Stores the book's alerts, and its rules where they were set after a version."""
    await connection.executemany(
        _PUT_RULE,
        [
            (
                fund_id,
                rule.setting.rule_id,
                rule.since,
                rule.setting.enabled,
                rule.setting.retired,
                codec.canonical_json(rule),
            )
            for rule in book.rules.values()
            if rule.version > after
        ],
    )
    await connection.executemany(
        _PUT_ALERT,
        [
            (
                fund_id,
                alert.id,
                alert.rule_id,
                alert.company_id,
                alert.metric_type.value,
                alert.kind.value,
                alert.stage.value,
                alert.severity.rank,
                alert.snoozed_until,
                *alert.figures.period,
                alert.opened_version,
                alert.told_version,
                codec.canonical_json(alert),
            )
            for alert in book.alerts.values()
        ],
    )


class AlertStore:
    """The read path to rules and alerts."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._turns: defaultdict[UUID, asyncio.Lock] = defaultdict(asyncio.Lock)

    def turn(self, fund_id: UUID) -> asyncio.Lock:
        """Held while somebody decides on a fund's rules or alerts: people of one process don't overtake each other."""
        return self._turns[fund_id]

    async def caught_up(self, fund_id: UUID) -> int:
        """The version the read model is at, once it has caught up."""
        with translated():
            # A look without a lock first: most of the time there is nothing to catch up with.
            row = await self._pool.fetchrow(_NEWS, fund_id, CONSUMER)
            if row is not None and not row["news"]:
                return int(row["version"])
            async with self._pool.acquire() as connection, connection.transaction():
                return await catch_up(connection, fund_id)

    async def rebuild(self, fund_id: UUID) -> int:
        """Makes the fund's read model again from its facts; how many alerts it holds."""
        with translated():
            async with self._pool.acquire() as connection, connection.transaction():
                await connection.execute(
                    "SELECT pg_advisory_xact_lock(hashtextextended('alerts ' || $1::uuid::text, 0))", fund_id
                )
                await connection.execute("DELETE FROM alert WHERE fund_id = $1", fund_id)
                await connection.execute("DELETE FROM alert_rule WHERE fund_id = $1", fund_id)
                # What came after the cursor has had no deliveries yet: it gets them as the model goes on from there.
                seen = await connection.fetchval(
                    "DELETE FROM cursor WHERE consumer = $1 AND fund_id = $2 RETURNING version", CONSUMER, fund_id
                )
                if seen:
                    facts = told(fund_id, await connection.fetch(_FACTS, fund_id, 0, seen))
                    await _put(connection, fund_id, Alerts().fold(facts), 0)
                    await connection.execute("INSERT INTO cursor VALUES ($1, $2, $3)", CONSUMER, fund_id, seen)
                await catch_up(connection, fund_id)
                found: int = await connection.fetchval("SELECT count(*) FROM alert WHERE fund_id = $1", fund_id)
        return found

    async def book_of(self, fund_id: UUID, company_ids: Sequence[str] | None) -> Alerts:
        """All rules, and of these companies (None: of all) the newest alert of each rule and metric, as they stand."""
        book, query = await self.rules(fund_id), _ALL_LATEST if company_ids is None else _LATEST
        with translated():
            rows = await self._pool.fetch(query, fund_id, None if company_ids is None else list(company_ids))
        return _with(book, rows)

    async def rules(self, fund_id: UUID) -> Alerts:
        """All rules as they stand, without alerts."""
        version = await self.caught_up(fund_id)
        with translated():
            book = await _rules_of(self._pool, fund_id)
        book.version = version
        return book

    async def book_with(self, fund_id: UUID, alert_id: str) -> Alerts:
        """All rules, and this one alert if there is such a one, as they stand."""
        book = await self.rules(fund_id)
        with translated():
            rows = await self._pool.fetch("SELECT body FROM alert WHERE fund_id = $1 AND id = $2", fund_id, alert_id)
        return _with(book, rows)

    async def book_at(self, fund_id: UUID, at: datetime, version: int) -> Alerts:
        """Rules and alerts of a moment, from the facts alone.

        Raises:
            CorruptionError: If a fact can't be read.
        """
        with translated():
            rows = await self._pool.fetch(_AS_OF, fund_id, version, at)
        return Alerts().fold(told(fund_id, rows))

    async def alert(self, fund_id: UUID, alert_id: str) -> Alert | None:
        """One alert as it stands."""
        await self.caught_up(fund_id)
        with translated():
            body = await self._pool.fetchval("SELECT body FROM alert WHERE fund_id = $1 AND id = $2", fund_id, alert_id)
        return None if body is None else _alerts.decode(body)

    async def setting(self, fund_id: UUID, version: int) -> AlertRuleSet:
        """A rule as one of its facts set it."""
        with translated():
            return await _setting(self._pool, fund_id, Alerts(), version)

    async def page(self, fund_id: UUID, chosen: AlertFilter, *, below: int | None, limit: int) -> list[Alert]:
        """Up to `limit` alerts as they stand, newest opened first, those opened before version `below`."""
        await self.caught_up(fund_id)
        arguments: list[object] = [fund_id, datetime.now(UTC)]
        # How an alert stands is its stage, unless it is quiet for a while or its rule is paused.
        status = """CASE WHEN a.stage = 'RESOLVED' THEN a.stage WHEN NOT r.enabled THEN 'SUPPRESSED'
            WHEN a.snoozed_until > $2 THEN 'SNOOZED' ELSE a.stage END"""
        conditions = ["a.fund_id = $1"]
        for condition, value in (
            ("a.opened_version < {}", below),
            (f"{status} = ANY ({{}})", None if chosen.statuses is None else [one.value for one in chosen.statuses]),
            ("a.severity >= {}", None if chosen.least is None else chosen.least.rank),
            ("a.company_id = ANY ({})", None if chosen.company_ids is None else list(chosen.company_ids)),
            ("a.metric = ANY ({})", None if chosen.metrics is None else list(chosen.metrics)),
            (
                """NOT EXISTS (SELECT FROM alert_mark m WHERE m.fund_id = a.fund_id AND m.alert_id = a.id
                AND m.person_id = {} AND m.version >= coalesce(a.told_version, a.opened_version))""",
                chosen.unread_by,
            ),
        ):
            if value is not None:
                arguments.append(value)
                conditions.append(condition.format(f"${len(arguments)}"))
        query = (
            "SELECT a.body FROM alert a JOIN alert_rule r ON r.fund_id = a.fund_id AND r.id = a.rule_id "  # noqa: S608
            f"WHERE {' AND '.join(conditions)} AND $2::timestamptz IS NOT NULL "
            f"ORDER BY a.opened_version DESC, a.id LIMIT {int(limit)}"
        )
        with translated():
            rows = await self._pool.fetch(query, *arguments)
        return [_alerts.decode(row["body"]) for row in rows]

    async def as_of_fact(self, fund_id: UUID, event: AlertEvent, version: int) -> Alert | None:
        """The alert that a fact is about, as it stood right after it."""
        with translated():
            rows = await self._pool.fetch(
                f"SELECT {COLUMNS} FROM fact WHERE fund_id = $1 AND company_id = $2 AND version <= $3 "  # noqa: S608
                "AND starts_with(type, 'ALERT_') ORDER BY version",
                fund_id,
                event.company_id,
                version,
            )
        facts = [one for one in told(fund_id, rows) if getattr(one.event, "alert_id", None) == event.alert_id]
        return Alerts().fold(facts).alerts.get(event.alert_id)

    async def read_by(self, fund_id: UUID, person_id: UUID, alert_ids: Sequence[str]) -> dict[str, int]:
        """Up to which version somebody has read each of these alerts; those unread are missing."""
        with translated():
            rows = await self._pool.fetch(
                """SELECT alert_id, version FROM alert_mark
                WHERE fund_id = $1 AND person_id = $2 AND alert_id = ANY ($3)""",
                fund_id,
                person_id,
                list(alert_ids),
            )
        return {row["alert_id"]: row["version"] for row in rows}

    async def mark(self, fund_id: UUID, person_id: UUID, alert: Alert, *, read: bool) -> None:
        """Somebody has read the alert as it stands, or hasn't after all."""
        with translated():
            if read:
                await self._pool.execute(
                    """INSERT INTO alert_mark VALUES ($1, $2, $3, $4) ON CONFLICT (fund_id, alert_id, person_id)
                    DO UPDATE SET version = greatest(alert_mark.version, excluded.version)""",
                    fund_id,
                    alert.id,
                    person_id,
                    alert.version,
                )
            else:
                await self._pool.execute(
                    "DELETE FROM alert_mark WHERE fund_id = $1 AND alert_id = $2 AND person_id = $3",
                    fund_id,
                    alert.id,
                    person_id,
                )


def is_read(alert: Alert, read_version: int | None) -> bool:
    """Whether somebody who has read up to `read_version` has nothing newer to hear of the alert."""
    return read_version is not None and read_version >= (alert.told_version or alert.opened_version)


def is_notice(event: AlertEvent) -> bool:
    """Whether whoever follows the alerts is told of a fact: of what notifies, and of all that people do."""
    match event:
        case AlertRaised():
            return event.notifies
        case AlertResolved():
            return event.notifies or event.resolution is AlertResolution.MANUAL
    return True
