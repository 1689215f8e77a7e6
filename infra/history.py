"""History: facts as they stand in the ledger, in version order or filtered."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from domain.event import Fact
from domain.refusal import CorruptionError
from infra import codec
from infra.metrics import Metrics
from infra.postgres import Connection, the_row, translated

COLUMNS = """version, schema_version, type, occurred_at, recorded_at, actor, correlation_id, idempotency_key, metadata,
    payload, hash, touches_at, company_id"""
PAGE = 1_000
"""Facts read at a time where all are wanted."""
_HEAD = "SELECT version, hash, (SELECT max(version) FROM fact WHERE fund_id = $1) AS newest FROM fund WHERE id = $1"


@dataclass(frozen=True, slots=True)
class FactFilter:
    """Which facts of a fund to list; None leaves a side open. From is included, to is not."""

    types: Sequence[str] | None = None
    company_id: str | None = None
    occurred_from: datetime | None = None
    occurred_to: datetime | None = None
    recorded_from: datetime | None = None
    recorded_to: datetime | None = None


def fact_of(fund_id: UUID, row: asyncpg.Record) -> Fact:
    """A row as a fact.

    Raises:
        CorruptionError: Naming fund and version, if it can't be read.
    """
    try:
        event = codec.decode_event(row["type"], row["schema_version"], row["payload"])
    except CorruptionError as fault:
        message = f"fund {fund_id} stops at version {row['version']}: {fault}"
        raise CorruptionError(message) from fault
    return Fact(
        str(fund_id),
        row["version"],
        row["type"],
        row["schema_version"],
        row["occurred_at"],
        row["recorded_at"],
        str(row["actor"]),
        row["metadata"],
        row["correlation_id"],
        row["idempotency_key"],
        row["payload"],
        row["hash"],
        event,
    )


async def facts_by_version(connection: Connection | asyncpg.Pool, fund_id: UUID, first: int, last: int) -> list[Fact]:
    """Facts from `first` to `last`, both included, in version order."""
    rows = await connection.fetch(
        f"SELECT {COLUMNS} FROM fact WHERE fund_id = $1 AND version BETWEEN $2 AND $3 ORDER BY version",  # noqa: S608
        fund_id,
        first,
        last,
    )
    return [fact_of(fund_id, row) for row in rows]


class History:
    """The read path to facts."""

    def __init__(self, pool: asyncpg.Pool, metrics: Metrics | None = None) -> None:
        self._pool = pool
        self._metrics = metrics or Metrics()

    async def after(self, fund_id: UUID, version: int, limit: int = PAGE) -> list[Fact]:
        """Up to `limit` facts after `version`, in order.

        Raises:
            CorruptionError: If one is missing or can't be read.
        """
        with translated(), self._metrics.reading("facts"):
            facts = await facts_by_version(self._pool, fund_id, version + 1, version + limit)
        for place, fact in enumerate(facts, start=version + 1):
            if fact.version != place:
                message = f"fund {fund_id} has no version {place}"
                raise CorruptionError(message)
        return facts

    async def all(self, fund_id: UUID) -> AsyncIterator[Fact]:
        """Every fact of the fund in version order, a page at a time."""
        version = 0
        while page := await self.after(fund_id, version):
            for fact in page:
                yield fact
            version = page[-1].version

    async def fact(self, fund_id: UUID, version: int) -> Fact | None:
        """One fact, if there is one."""
        with translated():
            found = await facts_by_version(self._pool, fund_id, version, version)
        return found[0] if found else None

    async def page(
        self,
        fund_id: UUID,
        chosen: FactFilter,
        *,
        limit: int,
        newest_first: bool,
        above: int | None = None,
        below: int | None = None,
    ) -> list[Fact]:
        """Up to `limit` facts with `above` < version < `below`, by version, the chosen end first."""
        arguments: list[object] = [fund_id]
        conditions = ["fund_id = $1"]
        for condition, value in (
            ("version > {}", above),
            ("version < {}", below),
            ("type = ANY ({})", None if chosen.types is None else list(chosen.types)),
            ("company_id = {}", chosen.company_id),
            ("occurred_at >= {}", chosen.occurred_from),
            ("occurred_at < {}", chosen.occurred_to),
            ("recorded_at >= {}", chosen.recorded_from),
            ("recorded_at < {}", chosen.recorded_to),
        ):
            if value is not None:
                arguments.append(value)
                conditions.append(condition.format(f"${len(arguments)}"))
        order = "DESC" if newest_first else "ASC"
        query = (
            f"SELECT {COLUMNS} FROM fact WHERE {' AND '.join(conditions)} "  # noqa: S608 - only our own words
            f"ORDER BY version {order} LIMIT {int(limit)}"
        )
        with translated(), self._metrics.reading("page"):
            rows = await self._pool.fetch(query, *arguments)
        return [fact_of(fund_id, row) for row in rows]

    async def between(
        self, fund_id: UUID, begin: tuple[datetime, int], end: tuple[datetime, int], limit: int
    ) -> list[Fact]:
        """Up to `limit` facts that count at `end` and not at `begin`, each a moment and a version, by valid time."""
        with translated():
            rows = await self._pool.fetch(
                f"SELECT {COLUMNS} FROM fact WHERE fund_id = $1 AND touches_at <= $4 AND version <= $5 "  # noqa: S608
                "AND NOT (touches_at <= $2 AND version <= $3) ORDER BY touches_at, version LIMIT $6",
                fund_id,
                *begin,
                *end,
                limit,
            )
        return [fact_of(fund_id, row) for row in rows]

    async def first_bad_version(self, fund_id: UUID, newest: int | None = None) -> tuple[int, int | None]:
        """How many facts the fund's chain holds, and the first version that breaks it; None where it is whole.

        A fact breaks it by a wrong hash, a gap before it, or a `recorded_at` that doesn't rise; the head by not being
        the last fact.

        Args:
            newest: Looks at so many of the newest facts alone, if there are more, and counts these.
        """
        with translated():
            head = await the_row(self._pool, _HEAD, fund_id)
            before, version, recorded = codec.genesis_hash(str(fund_id)), 0, None
            start = 0 if newest is None else max(head["version"] - newest, 0)
            if start:
                fact = await self._pool.fetchrow(
                    "SELECT hash, recorded_at FROM fact WHERE fund_id = $1 AND version = $2", fund_id, start
                )
                if fact is None:
                    return 0, start
                before, version, recorded = fact["hash"], start, fact["recorded_at"]
            while rows := await self._pool.fetch(
                f"SELECT {COLUMNS} FROM fact WHERE fund_id = $1 AND version > $2 AND version <= $3 "  # noqa: S608
                f"ORDER BY version LIMIT {PAGE}",
                fund_id,
                version,
                head["version"],
            ):
                for row in rows:
                    prefix = codec.fact_prefix(
                        str(fund_id), row["type"], row["schema_version"], row["occurred_at"], row["touches_at"],
                        str(row["actor"]), row["company_id"], row["correlation_id"], row["idempotency_key"],
                    )  # fmt: skip
                    expected = codec.fact_hash(
                        before, row["version"], row["recorded_at"], prefix, row["metadata"], row["payload"]
                    )
                    risen = recorded is None or row["recorded_at"] > recorded
                    if row["version"] != version + 1 or row["hash"] != expected or not risen:
                        return version - start, version + 1
                    before, version, recorded = row["hash"], row["version"], row["recorded_at"]
        if (version, before) != (head["version"], head["hash"]) or head["newest"] != version:
            return version - start, version + 1
        return version - start, None
