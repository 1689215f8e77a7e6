"""The ledger of who may do what, one for each organisation: its one write path, its read path, and its proof."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import msgspec

from domain.access import (
    KINDS,
    AccessEvent,
    AccessEventType,
    MemberAdded,
    MemberRemoved,
    MemberRoleChanged,
    OrganisationRenamed,
    RoleGiven,
    RoleTaken,
    TokensRevoked,
    type_of,
)
from domain.refusal import CorruptionError
from infra.codec import canonical_json, micros
from infra.postgres import Connection, the_row, translated

SCHEMA_VERSION = 1
PAGE = 1_000

_COLUMNS = "version, schema_version, type, recorded_at, actor, payload, hash"
# The wall clock may step back; the ledger's doesn't.
_HEAD = """
    SELECT access_version, access_hash,
        greatest(clock_timestamp(), access_recorded_at + interval '1 microsecond') AS now
    FROM organisation WHERE id = $1 FOR UPDATE
"""
_KEEP = """
    INSERT INTO access_fact (organisation_id, version, schema_version, type, recorded_at, actor, payload, hash)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
_MOVE = "UPDATE organisation SET access_version = $2, access_hash = $3, access_recorded_at = $4 WHERE id = $1"


@dataclass(frozen=True, slots=True)
class AccessFact:
    """An event as the organisation's ledger holds it.

    Attributes:
        recorded_at: When it took hold, by the ledger's clock.
        actor: Id of the person who did it.
        payload: Canonical JSON text, as hashed.
        hash: SHA-256 over the previous fact's hash and this fact's canonical bytes.
    """

    organisation_id: UUID
    version: int
    type: AccessEventType
    recorded_at: datetime
    actor: UUID
    payload: str
    hash: bytes
    event: AccessEvent


async def append(
    connection: Connection, organisation_id: UUID, events: Sequence[AccessEvent], *, actor: UUID
) -> datetime | None:
    """Records events and carries them out, to be called in a transaction; when the last took hold."""
    recorded_at: datetime | None = None
    if not events:
        return recorded_at
    head = await the_row(connection, _HEAD, organisation_id)
    version, digest, now = head["access_version"], head["access_hash"] or genesis(organisation_id), head["now"]
    for place, event in enumerate(events):
        version += 1
        recorded_at = now + timedelta(microseconds=place)
        name, payload = type_of(event).value, canonical_json(event)
        digest = _hashed(digest, organisation_id, version, SCHEMA_VERSION, name, recorded_at, actor, payload)
        await connection.execute(
            _KEEP, organisation_id, version, SCHEMA_VERSION, name, recorded_at, actor, payload, digest
        )
        await _carry_out(connection, organisation_id, event, recorded_at)
    await connection.execute(_MOVE, organisation_id, version, digest, recorded_at)
    return recorded_at


async def _carry_out(connection: Connection, organisation_id: UUID, event: AccessEvent, at: datetime) -> None:
    """What is asked at each request, as the event leaves it."""
    match event:
        case OrganisationRenamed(name):
            await connection.execute("UPDATE organisation SET name = $2 WHERE id = $1", organisation_id, name)
        case MemberAdded(person_id, role) | MemberRoleChanged(person_id, role):
            await connection.execute(
                """INSERT INTO organisation_member (organisation_id, person_id, role) VALUES ($1, $2, $3)
                ON CONFLICT (organisation_id, person_id) DO UPDATE SET role = excluded.role""",
                organisation_id,
                UUID(person_id),
                role.value,
            )
        case MemberRemoved(person_id):
            await connection.execute(
                "DELETE FROM organisation_member WHERE organisation_id = $1 AND person_id = $2",
                organisation_id,
                UUID(person_id),
            )
        case RoleGiven(fund_id, person_id, role):
            await connection.execute(
                """INSERT INTO membership (fund_id, person_id, role) VALUES ($1, $2, $3)
                ON CONFLICT (fund_id, person_id) DO UPDATE SET role = excluded.role""",
                UUID(fund_id),
                UUID(person_id),
                role.value,
            )
        case RoleTaken(fund_id, person_id):
            await connection.execute(
                "DELETE FROM membership WHERE fund_id = $1 AND person_id = $2", UUID(fund_id), UUID(person_id)
            )
        case TokensRevoked(person_id):
            await connection.execute(
                """UPDATE organisation_person SET tokens_revoked_at = $3
                WHERE organisation_id = $1 AND person_id = $2""",
                organisation_id,
                UUID(person_id),
                at,
            )


def genesis(organisation_id: UUID) -> bytes:
    """What the first fact's hash follows."""
    return hashlib.sha256(f"drypowder organisation {organisation_id}".encode()).digest()


def _hashed(
    before: bytes,
    organisation_id: UUID,
    version: int,
    schema_version: int,
    name: str,
    recorded_at: datetime,
    actor: UUID,
    payload: str,
) -> bytes:
    told = [version, micros(recorded_at), str(organisation_id), name, schema_version, str(actor)]
    return hashlib.sha256(before + f"{canonical_json(told)[:-1]},{payload}]".encode()).digest()


class AccessLog:
    """Reads organisations' ledgers."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def page(self, organisation_id: UUID, *, below: int | None, limit: int) -> list[AccessFact]:
        """Up to `limit` facts before a version, newest first.

        Raises:
            CorruptionError: If one can't be read.
        """
        with translated():
            rows = await self._pool.fetch(
                f"SELECT {_COLUMNS} FROM access_fact WHERE organisation_id = $1 "  # noqa: S608 - our own words
                "AND ($2::bigint IS NULL OR version < $2) ORDER BY version DESC LIMIT $3",
                organisation_id,
                below,
                limit,
            )
        return [_fact(organisation_id, row) for row in rows]

    async def first_bad_version(self, organisation_id: UUID) -> tuple[int, int | None]:
        """How many facts the organisation's chain holds, and the first version that breaks it; None where it is whole.

        A fact breaks it by a wrong hash, a gap before it, or a `recorded_at` that doesn't rise; the head by not being
        the last fact.
        """
        before, version, recorded = genesis(organisation_id), 0, None
        with translated():
            async with self._pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
                head = await the_row(
                    connection, "SELECT access_version, access_hash FROM organisation WHERE id = $1", organisation_id
                )
                while rows := await connection.fetch(
                    f"SELECT {_COLUMNS} FROM access_fact WHERE organisation_id = $1 AND version > $2 "  # noqa: S608
                    f"ORDER BY version LIMIT {PAGE}",
                    organisation_id,
                    version,
                ):
                    for row in rows:
                        expected = _hashed(
                            before, organisation_id, row["version"], row["schema_version"], row["type"],
                            row["recorded_at"], row["actor"], row["payload"],
                        )  # fmt: skip
                        risen = recorded is None or row["recorded_at"] > recorded
                        if row["version"] != version + 1 or row["hash"] != expected or not risen:
                            return version, version + 1
                        before, version, recorded = row["hash"], row["version"], row["recorded_at"]
        if version and (version, before) != (head["access_version"], head["access_hash"]):
            return version, version + 1
        return version, None if version == head["access_version"] else version + 1


def _fact(organisation_id: UUID, row: asyncpg.Record) -> AccessFact:
    try:
        if row["schema_version"] != SCHEMA_VERSION:
            raise ValueError(f"its shape {row['schema_version']} is unknown")
        name = AccessEventType(row["type"])
        event: AccessEvent = msgspec.json.decode(row["payload"], type=KINDS[name])
    except (ValueError, msgspec.DecodeError) as fault:
        message = f"a stored {row['type']} of the organisation {organisation_id} can't be read: {fault}"
        raise CorruptionError(message) from fault
    return AccessFact(
        organisation_id, row["version"], name, row["recorded_at"], row["actor"], row["payload"], row["hash"], event
    )
