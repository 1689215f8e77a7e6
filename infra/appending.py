"""Appending: the one statement that writes facts, and the answers of requests made before."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from domain.correction import EventVoided
from domain.event import Dated, Fact, company_of
from domain.projector import MAX_BATCH
from domain.refusal import IdempotencyMismatch, NotFound, VersionConflict
from infra import codec
from infra.drafts import Draft
from infra.history import facts_by_version
from infra.metrics import Metrics
from infra.postgres import Connection, the_row
from infra.tracing import span

_APPEND = "SELECT * FROM ledger_append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"


@dataclass(frozen=True, slots=True)
class Appended:
    """What an append answered: the facts' place, and whether it was a repeat of an earlier request."""

    first_version: int
    last_version: int
    repeated: bool
    facts: Sequence[Fact]


@dataclass(frozen=True, slots=True)
class Batch:
    """Drafts with their places; `companies` are those of the facts that voids name."""

    drafts: Sequence[Draft]
    new: Sequence[Dated]
    companies: dict[int, str | None]
    now: datetime


async def recorded_before(connection: Connection, fund_id: UUID, key: str | None, request: bytes) -> Appended | None:
    """What an earlier request with this key answered."""
    if key is None:
        return None
    row = await connection.fetchrow(
        "SELECT input, first_version, last_version FROM ledger_key WHERE fund_id = $1 AND key = $2", fund_id, key
    )
    if row is None:
        return None
    if row["input"] != request:
        raise IdempotencyMismatch
    return await _repeat(connection, fund_id, row["first_version"], row["last_version"])


async def _repeat(connection: Connection, fund_id: UUID, first: int, last: int) -> Appended:
    """An earlier answer again; the facts of an import, which had none in its answer, stay out."""
    facts = await facts_by_version(connection, fund_id, first, last) if last - first < MAX_BATCH else ()
    return Appended(first, last, repeated=True, facts=facts)


async def opened_before(
    connection: Connection, actor: UUID, key: str, request: bytes, fund_id: UUID, organisation_id: UUID
) -> UUID | None:
    """The fund an earlier request with this key opened; else None, and the key is taken for `fund_id`."""
    taken = await connection.fetchval(
        "INSERT INTO opening_key VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING true",
        actor, key, request, fund_id, organisation_id,
    )  # fmt: skip
    if taken:
        return None
    row = await the_row(connection, "SELECT input, fund_id FROM opening_key WHERE actor = $1 AND key = $2", actor, key)
    if row["input"] != request:
        raise IdempotencyMismatch
    earlier: UUID = row["fund_id"]
    return earlier


async def append(
    connection: Connection,
    fund_id: UUID,
    expected: int,
    batch: Batch,
    *,
    actor: UUID,
    key: str | None,
    request: bytes | None,
    correlation_id: str | None,
    metrics: Metrics,
) -> Appended:
    """The one statement that writes facts."""
    fund, person = str(fund_id), str(actor)
    names, schemas, occurred, touches, companies = [], [], [], [], []
    prefixes, metadata, payloads = [], [], []
    for draft, placed in zip(batch.drafts, batch.new, strict=True):
        kind, payload = codec.encode_event(draft.event)
        happened = draft.occurred_at or batch.now
        company = company_of(draft.event)
        if isinstance(draft.event, EventVoided):
            company = batch.companies.get(draft.event.version)
        names.append(kind.name)
        schemas.append(kind.schema_version)
        occurred.append(happened)
        touches.append(placed.occurred_at)
        companies.append(company)
        metadata.append(None if draft.metadata is None else codec.canonical_json(draft.metadata))
        payloads.append(payload)
        prefixes.append(
            codec.fact_prefix(
                fund, kind.name, kind.schema_version, happened, placed.occurred_at, person, company, correlation_id, key
            )
        )
    with metrics.appending(len(names)), span("ledger append", facts=len(names)):
        try:
            row = await the_row(
                connection, _APPEND, fund_id, expected, key, request, actor, correlation_id,
                names, schemas, occurred, touches, companies, prefixes, metadata, payloads,
            )  # fmt: skip
        except asyncpg.PostgresError as fault:
            raise _refusal(fault, expected) from fault
    if row["repeated"]:
        return await _repeat(connection, fund_id, row["first_version"], row["last_version"])
    facts = [
        Fact(
            fund, placed.version, names[i], schemas[i], occurred[i], row["recorded_at"] + timedelta(microseconds=i),
            person, metadata[i], correlation_id, key, payloads[i], row["hashes"][i], placed.event,
        )
        for i, placed in enumerate(batch.new)
    ]  # fmt: skip
    return Appended(row["first_version"], row["last_version"], repeated=False, facts=facts)


def _refusal(fault: asyncpg.PostgresError, expected: int) -> Exception:
    """What the append's own SQL states mean; any other fault as it is."""
    if fault.sqlstate == "DP001":
        return VersionConflict(expected, int(fault.detail or 0))
    if fault.sqlstate == "DP002":
        return NotFound("No such fund.", "fundId")
    return IdempotencyMismatch() if fault.sqlstate == "DP003" else fault
