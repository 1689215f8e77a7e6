"""Deliveries: every notice of every alert by every channel, recorded before it is tried and after."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from domain.alerts import Alert
from domain.rules import AlertSeverity, DeliveryChannel
from domain.wording import Wording
from infra.metrics import Metrics
from infra.postgres import Connection, translated

DIGEST_HOUR = 8
"""Hour of the fund's own day at which digests go out."""
PAUSES = tuple(
    timedelta(seconds=seconds) for seconds in (5, 15, 60, 300, 900, 3_600, 3 * 3_600, 6 * 3_600, 12 * 3_600, 86_400)
)
"""Between one attempt and the next, growing up to a day; after the last one a delivery has failed."""
LEASE = timedelta(seconds=30)
"""How long whoever tries a delivery has it alone; a worker that dies with it loses it then."""
_PLAN = """
    INSERT INTO delivery
    SELECT $1, d.alert_id, d.version, d.channel,
        CASE WHEN d.channel = 'IN_APP' THEN 'DELIVERED' WHEN c.channel IS NULL THEN 'FAILED' ELSE 'PENDING' END,
        coalesce(d.severity < c.digest_rank, false), CASE WHEN d.channel = 'IN_APP' THEN 1 ELSE 0 END,
        CASE WHEN d.channel <> 'IN_APP' AND c.channel IS NULL THEN 'The fund has no such channel.' END,
        '{}', statement_timestamp(),
        CASE WHEN d.severity < c.digest_rank THEN $6 ELSE clock_timestamp() END,
        CASE WHEN d.channel = 'IN_APP' THEN clock_timestamp() END
    FROM unnest($2::text[], $3::bigint[], $4::text[], $5::smallint[]) AS d(alert_id, version, channel, severity)
    LEFT JOIN (
        SELECT channel, array_position($7::text[], digest_below) - 1 AS digest_rank FROM channel WHERE fund_id = $1
    ) c ON c.channel = d.channel
    ON CONFLICT DO NOTHING
"""
# Materialized: a plan that ran the choice again would claim more than the limit.
_CLAIM = """
    WITH chosen AS MATERIALIZED (
        SELECT alert_id, version FROM delivery
        WHERE fund_id = $1 AND channel = $2 AND status = 'PENDING' AND due_at <= clock_timestamp() AND digest = $5
        ORDER BY attempts, created_at, version LIMIT $4 FOR UPDATE SKIP LOCKED
    )
    UPDATE delivery d SET due_at = clock_timestamp() + $3, attempts = d.attempts + 1 FROM chosen
    WHERE d.fund_id = $1 AND d.channel = $2 AND d.alert_id = chosen.alert_id AND d.version = chosen.version
    RETURNING d.alert_id, d.version, d.digest, d.attempts, d.pending, d.created_at
"""


class DeliveryStatus(Wording):
    """What became of a delivery."""

    PENDING = "PENDING", "To be tried, or tried again."
    DELIVERED = "DELIVERED", "Taken by the channel."
    FAILED = "FAILED", "Given up."


@dataclass(frozen=True, slots=True)
class Due:
    """A notice to deliver: the alert as it stands after the fact of that version, and the rule's channels."""

    alert: Alert
    channels: Sequence[DeliveryChannel]
    version: int


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery to try, ours alone for `LEASE`.

    Attributes:
        pending: Recipients that are left, where others have it already; empty for all.
    """

    alert_id: str
    version: int
    digest: bool
    attempts: int
    pending: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Delivery:
    """One notice by one channel."""

    alert_id: str
    version: int
    channel: DeliveryChannel
    status: DeliveryStatus
    attempts: int
    last_error: str | None
    delivered_at: datetime | None


def next_digest(now: datetime, time_zone: str) -> datetime:
    """When the next digest goes out."""
    zone = ZoneInfo(time_zone)
    local = now.astimezone(zone)
    today = datetime.combine(local.date(), time(DIGEST_HOUR), zone)
    return today if local < today else datetime.combine(local.date() + timedelta(days=1), time(DIGEST_HOUR), zone)


async def plan(connection: Connection, fund_id: UUID, dues: Sequence[Due]) -> None:
    """Records what is to be delivered; a delivery planned before stays as it is."""
    if not dues:
        return
    row = await connection.fetchrow("SELECT time_zone, clock_timestamp() AS now FROM fund WHERE id = $1", fund_id)
    assert row is not None, "a fund with alerts exists"
    planned = [(due, channel) for due in dues for channel in due.channels]
    await connection.execute(
        _PLAN,
        fund_id,
        [due.alert.id for due, _ in planned],
        [due.version for due, _ in planned],
        [channel.value for _, channel in planned],
        [due.alert.severity.rank for due, _ in planned],
        next_digest(row["now"], row["time_zone"]),
        [severity.value for severity in AlertSeverity],
    )


class Deliveries:
    """What is to be delivered, and what became of it."""

    def __init__(self, pool: asyncpg.Pool, metrics: Metrics | None = None) -> None:
        self._pool = pool
        self._metrics = metrics or Metrics()

    async def due(self) -> list[tuple[UUID, DeliveryChannel]]:
        """Funds and channels with deliveries to try now."""
        with translated():
            rows = await self._pool.fetch(
                """SELECT DISTINCT fund_id, channel FROM delivery
                WHERE status = 'PENDING' AND due_at <= clock_timestamp() LIMIT 1000"""
            )
        return [(row["fund_id"], DeliveryChannel(row["channel"])) for row in rows]

    async def claim(
        self, fund_id: UUID, channel: DeliveryChannel, limit: int, *, digest: bool = False
    ) -> list[Claimed]:
        """Up to `limit` deliveries to try now; nobody else gets them before the lease is over.

        Those tried least come first, then the oldest: one that can't even be tried keeps no other from it.

        Args:
            digest: Claims those that go into a digest, and else those that go by themselves.
        """
        with translated():
            rows = await self._pool.fetch(_CLAIM, fund_id, channel.value, LEASE, limit, digest)
        rows.sort(key=lambda row: (row["attempts"], row["created_at"], row["version"]))
        return [
            Claimed(row["alert_id"], row["version"], row["digest"], row["attempts"], tuple(row["pending"]))
            for row in rows
        ]

    async def delivered(self, fund_id: UUID, channel: DeliveryChannel, tried: Sequence[Claimed]) -> None:
        """The channel took them."""
        with translated():
            await self._pool.execute(
                """UPDATE delivery SET status = 'DELIVERED', last_error = NULL, pending = '{}',
                    delivered_at = clock_timestamp()
                WHERE fund_id = $1 AND channel = $2
                    AND (alert_id, version) IN (SELECT * FROM unnest($3::text[], $4::bigint[]))""",
                fund_id,
                channel.value,
                [one.alert_id for one in tried],
                [one.version for one in tried],
            )
        self._metrics.deliveries.labels(channel.value, "delivered").inc(len(tried))

    async def put_back(self, fund_id: UUID, channel: DeliveryChannel, untried: Sequence[Claimed]) -> None:
        """They were claimed and not tried: they are due when the shortest pause is over."""
        with translated():
            await self._pool.execute(
                """UPDATE delivery SET attempts = attempts - 1, due_at = clock_timestamp() + $5
                WHERE fund_id = $1 AND channel = $2 AND status = 'PENDING'
                    AND (alert_id, version) IN (SELECT * FROM unnest($3::text[], $4::bigint[]))""",
                fund_id,
                channel.value,
                [one.alert_id for one in untried],
                [one.version for one in untried],
                PAUSES[0],
            )

    async def failed(
        self,
        fund_id: UUID,
        channel: DeliveryChannel,
        tried: Sequence[Claimed],
        reason: str,
        *,
        for_good: bool,
        pending: Sequence[str] = (),
    ) -> None:
        """The channel didn't take them: they are tried again after a pause, unless that is pointless by now.

        What somebody else has delivered since, or the channel's removal has ended, stays so.
        """
        dead = [for_good or one.attempts > len(PAUSES) for one in tried]
        with translated():
            await self._pool.executemany(
                """UPDATE delivery SET status = $5, last_error = $6, due_at = clock_timestamp() + $7, pending = $8
                WHERE fund_id = $1 AND channel = $2 AND alert_id = $3 AND version = $4 AND status = 'PENDING'""",
                [
                    (
                        fund_id,
                        channel.value,
                        one.alert_id,
                        one.version,
                        "FAILED" if is_dead else "PENDING",
                        reason,
                        PAUSES[min(one.attempts, len(PAUSES)) - 1],
                        list(pending),
                    )
                    for one, is_dead in zip(tried, dead, strict=True)
                ],
            )
        self._metrics.deliveries.labels(channel.value, "dead").inc(sum(dead))
        self._metrics.deliveries.labels(channel.value, "failed").inc(len(tried) - sum(dead))

    async def of(self, fund_id: UUID, alert_ids: Sequence[str]) -> dict[str, list[Delivery]]:
        """Deliveries of each alert, oldest first."""
        with translated():
            rows = await self._pool.fetch(
                """SELECT alert_id, version, channel, status, attempts, last_error, delivered_at FROM delivery
                WHERE fund_id = $1 AND alert_id = ANY ($2) ORDER BY version, channel""",
                fund_id,
                list(alert_ids),
            )
        found: dict[str, list[Delivery]] = {}
        for row in rows:
            found.setdefault(row["alert_id"], []).append(
                Delivery(
                    row["alert_id"],
                    row["version"],
                    DeliveryChannel(row["channel"]),
                    DeliveryStatus(row["status"]),
                    row["attempts"],
                    row["last_error"],
                    row["delivered_at"],
                )
            )
        return found
