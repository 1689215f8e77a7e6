"""States: a fund at any moment as known at any version, from the nearest snapshot and the facts after it."""

import logging
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import asyncpg

from domain.correction import EventVoided
from domain.event import Dated
from domain.events import KINDS
from domain.fund import Fund
from domain.projector import EMPTY, NOTHING, fold
from domain.refusal import CorruptionError, Invalid, NotFound
from infra import codec
from infra.metrics import Metrics
from infra.postgres import Connection, the_row

log = logging.getLogger(__name__)

BEGINNING = datetime(1, 1, 1, tzinfo=UTC)
"""Before every fact."""
END = datetime(9999, 12, 31, tzinfo=UTC)
"""After every fact."""
KEPT_SNAPSHOTS = 256
"""Decoded snapshots kept per process."""

_BEST = """
    SELECT id, at, lo FROM snapshot
    WHERE fund_id = $1 AND fingerprint = $2 AND at <= $3 AND lo <= $4 AND (hi IS NULL OR hi > $4)
        AND id <> ALL ($5::uuid[])
    ORDER BY at DESC LIMIT 1
"""
_BEST_STRICTLY = _BEST.replace("at <= $3", "at < $3")
_FACTS = """
    SELECT version, schema_version, type, touches_at, payload FROM fact
    WHERE fund_id = $1 AND touches_at > $2 AND touches_at <= $3 AND version <= $4 ORDER BY touches_at, version
"""
# Forecasts and reported figures count as versions and change no state: their payloads stay in the database.
FOLDED_FACTS = _FACTS.replace("payload FROM", "CASE WHEN type = ANY ($5) THEN NULL ELSE payload END FROM")
UNFOLDED = [kind.name for kind in KINDS.values() if not (kind.folds or kind.cls is EventVoided)]
"""Stored names of the kinds of facts that no state depends on."""
# The interval too: it may be what was bad, and a right state with a wrong interval would pass for good.
_REPAIR = """
    UPDATE snapshot s SET state = $3, checksum = $4, fingerprint = $5, lo = $6, hi = (
        SELECT min(f.version) FROM fact f WHERE f.fund_id = $1 AND f.version > $6 AND f.touches_at <= s.at
    )
    WHERE s.fund_id = $1 AND s.id = $2
"""


@dataclass(frozen=True, slots=True)
class Folded:
    """A state and how it was reached."""

    state: Fund
    replayed: int
    snapshot_id: UUID | None


@dataclass(frozen=True, slots=True)
class Known:
    """What "as known at" means in versions: the last one recorded by `known_at`, and the ledger's clock now."""

    version: int
    known_at: datetime
    at_now: datetime


async def resolve(connection: Connection | asyncpg.Pool, fund_id: UUID, known_at: datetime | None) -> Known:
    """The last version recorded by `known_at` (None: now), the same however often it is asked.

    Raises:
        NotFound: If there is no such fund.
        Invalid: If `known_at` lies beyond the ledger's clock.
    """
    try:
        row = await the_row(connection, "SELECT * FROM ledger_resolve($1, $2)", fund_id, known_at)
    except asyncpg.PostgresError as fault:
        if fault.sqlstate == "DP002":
            message = "No such fund."
            raise NotFound(message, "fundId") from fault
        if fault.sqlstate == "DP004":
            message = "What will be known later can't be told yet."
            raise Invalid(message, "knownAt") from fault
        raise
    return Known(*row)


def dated(fund_id: UUID, rows: Iterable[asyncpg.Record]) -> list[Dated]:
    """Facts as a fold takes them.

    Raises:
        CorruptionError: Naming the fund and version of a fact that can't be read.
    """
    found = []
    for version, schema_version, name, touches_at, payload in rows:
        try:
            event = NOTHING if payload is None else codec.decode_event(name, schema_version, payload)
            found.append(Dated(touches_at, version, event))
        except CorruptionError as fault:
            message = f"fund {fund_id} stops at version {version}: {fault}"
            raise CorruptionError(message) from fault
    return found


class States:
    """The read path to states; one per process. A snapshot's state never changes, so decoded ones are kept."""

    def __init__(self, pool: asyncpg.Pool, metrics: Metrics | None = None) -> None:
        self._pool = pool
        self._metrics = metrics or Metrics()
        self._decoded: OrderedDict[tuple[UUID, datetime, int], Fund] = OrderedDict()

    async def state(self, fund_id: UUID, at: datetime, version: int, *, connection: Connection | None = None) -> Folded:
        """The fund at `at` by its facts up to `version`.

        Raises:
            CorruptionError: If a fact can't be read.
        """
        if connection is None:
            async with self._pool.acquire() as own:
                return await self.state(fund_id, at, version, connection=own)
        with self._metrics.reading("state"):
            base, base_at, snapshot_id = await self._nearest(connection, fund_id, at, version)
            facts = dated(fund_id, await connection.fetch(FOLDED_FACTS, fund_id, base_at, at, version, UNFOLDED))
            state = fold(base, facts) if facts else base
        self._metrics.folded(len(facts), from_snapshot=snapshot_id is not None)
        return Folded(state, len(facts), snapshot_id)

    async def since(
        self, connection: Connection, fund_id: UUID, start: datetime, version: int
    ) -> tuple[Fund, list[Dated]]:
        """The state strictly before `start`, and the facts that touch valid time from then on, voids included."""
        base, base_at, _ = await self._nearest(connection, fund_id, start, version, strictly=True)
        facts = dated(fund_id, await connection.fetch(_FACTS, fund_id, base_at, END, version))
        split = next((place for place, fact in enumerate(facts) if fact.occurred_at >= start), len(facts))
        return fold(base, facts[:split]), facts[split:]

    async def facts_between(
        self, fund_id: UUID, start: datetime, end: datetime, version: int
    ) -> tuple[Fund, Sequence[Dated]]:
        """The state at `start` and the facts after it up to `end`: what a series folds in one pass."""
        async with self._pool.acquire() as connection:
            base, base_at, _ = await self._nearest(connection, fund_id, start, version)
            facts = dated(fund_id, await connection.fetch(FOLDED_FACTS, fund_id, base_at, end, version, UNFOLDED))
        split = next((place for place, fact in enumerate(facts) if fact.occurred_at > start), len(facts))
        return fold(base, facts[:split]), facts[split:]

    async def _nearest(
        self, connection: Connection, fund_id: UUID, at: datetime, version: int, *, strictly: bool = False
    ) -> tuple[Fund, datetime, UUID | None]:
        """The newest snapshot at or before `at` that holds for `version`; the empty fund where there is none.

        A snapshot whose checksum or body is bad is logged, passed over, and folded anew from the facts.
        """
        bad: list[UUID] = []
        query = _BEST_STRICTLY if strictly else _BEST
        while (row := await connection.fetchrow(query, fund_id, codec.FINGERPRINT, at, version, bad)) is not None:
            state = await self._load(connection, fund_id, row["id"], row["at"], row["lo"], version)
            if state is not None:
                return state, row["at"], row["id"]
            bad.append(row["id"])
        return EMPTY, BEGINNING, None

    async def _load(
        self, connection: Connection, fund_id: UUID, snapshot_id: UUID, at: datetime, lo: int, version: int
    ) -> Fund | None:
        """The snapshot's state; None where the stored one was bad, which is then mended to hold for `version`."""
        place = snapshot_id, at, lo
        kept = self._decoded.get(place)
        if kept is not None:
            self._decoded.move_to_end(place)
            return kept
        row = await connection.fetchrow(
            "SELECT state, checksum FROM snapshot WHERE fund_id = $1 AND id = $2", fund_id, snapshot_id
        )
        if row is None:
            return None
        try:
            if row["checksum"] != codec.state_checksum(str(fund_id), at, lo, row["state"]):
                message = "its checksum differs"
                raise CorruptionError(message)
            state = codec.decode_state(row["state"])
        except (CorruptionError, ValueError, RecursionError) as fault:
            # What is no UTF-8 or nested without end never gets as far as being the wrong type.
            log.error("snapshot %s of fund %s is ignored and folded anew: %s", snapshot_id, fund_id, fault)  # noqa: TRY400 - the cause is in the message
            # From the facts alone: the snapshots before it may be bad too.
            facts = await connection.fetch(FOLDED_FACTS, fund_id, BEGINNING, at, version, UNFOLDED)
            await self._mend(connection, fund_id, snapshot_id, at, fold(EMPTY, dated(fund_id, facts)))
            return None
        self._decoded[place] = state
        if len(self._decoded) > KEPT_SNAPSHOTS:
            self._decoded.popitem(last=False)
        return state

    async def rebuild(self, connection: Connection, fund_id: UUID, snapshot_id: UUID, at: datetime, lo: int) -> None:
        """Folds a snapshot of other code anew: right for the same interval of versions."""
        folded = await self.state(fund_id, at, lo, connection=connection)
        await self._mend(connection, fund_id, snapshot_id, at, folded.state)

    async def _mend(self, connection: Connection, fund_id: UUID, snapshot_id: UUID, at: datetime, state: Fund) -> None:
        stored = codec.encode_state(state)
        checksum = codec.state_checksum(str(fund_id), at, state.version, stored)
        async with connection.transaction():
            # An append in flight would not see an interval that is only now open again.
            await connection.execute("SELECT pg_advisory_xact_lock_shared(ledger_lock($1))", fund_id)
            await connection.execute(_REPAIR, fund_id, snapshot_id, stored, checksum, codec.FINGERPRINT, state.version)
