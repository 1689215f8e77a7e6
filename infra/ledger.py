"""The ledger's one write path: decide on the newest state, append in one round trip, all or none."""

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import asyncpg

from domain.capital import FundOpened
from domain.correction import EventVoided
from domain.event import Dated, company_of
from domain.events import KINDS
from domain.fund import Fund, FundBuilder
from domain.projector import EMPTY, MAX_BATCH, admit, check_batch_size, fold
from domain.refusal import NotFound, Refusal, VersionConflict
from infra import codec
from infra.appending import Appended, Batch, append, recorded_before
from infra.drafts import Draft, check_drafts, metadata_refusals, named_version, touches_at
from infra.metrics import Metrics
from infra.opening import Opening
from infra.parts import Refused, next_part, without
from infra.postgres import Connection, translated
from infra.states import END, States, dated

RETRIES = 3
"""How often an append without an expected version is decided again after another writer came first."""
KEPT_HEADS = 64
"""Newest states kept per process."""
_NEWER = """
    SELECT version, schema_version, type, touches_at, payload FROM fact
    WHERE fund_id = $1 AND version > $2 ORDER BY touches_at, version
"""
# With the voids of those facts, which stand at the moments of what they void.
_NAMED = """
    WITH named AS (
        SELECT version, schema_version, type, touches_at, payload FROM fact
        WHERE fund_id = $1 AND version = ANY ($2)
    )
    SELECT * FROM named
    UNION ALL
    SELECT version, schema_version, type, touches_at, payload FROM fact
    WHERE fund_id = $1 AND type = 'EVENT_VOIDED' AND touches_at IN (SELECT touches_at FROM named)
"""


# Bounded on both sides, so that a plan made for any fund reads just the few facts between.
_NEWER_AMONG = """
    SELECT EXISTS (SELECT FROM fact WHERE fund_id = $1 AND version > $2 AND version <= $4 AND type = ANY ($3))
"""
ALERT_TYPES = tuple(name for name in KINDS if name.startswith("ALERT_"))
"""Stored names of the kinds of facts about alerts."""


@dataclass(frozen=True, slots=True)
class _Head:
    """Newest state of a fund: every fact folded, those dated ahead too."""

    version: int
    state: Fund
    touched_until: datetime


class OvertakenError(Exception):
    """Somebody else recorded facts of those that the caller decided on, since it read them."""


class RefusedTogetherError(Exception):
    """Several facts of one import that can't be; nothing was written."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        super().__init__(f"{len(refusals)} facts can't be recorded")
        self.refusals = refusals


class Ledger:
    """Appends facts; one per process. Keeps the newest states of funds, so that a decision needs no read.

    Args:
        pool: Connections.
        states: The read path.
        moved: Told the fund and its new version after each commit; must not block.
        metrics: Where appends are counted.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        states: States,
        moved: Callable[[UUID, int], None],
        metrics: Metrics | None = None,
    ) -> None:
        self._pool = pool
        self._states = states
        self._moved = moved
        self._metrics = metrics or Metrics()
        self._heads: OrderedDict[UUID, _Head] = OrderedDict()
        # Writers of one process queue here instead of deciding in vain on a version another is about to move.
        self._turns: defaultdict[UUID, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def open_fund(
        self,
        opened: FundOpened,
        opened_at: datetime | None,
        *,
        actor: UUID,
        key: str | None = None,
        correlation_id: str | None = None,
        organisation_id: UUID | None = None,
    ) -> tuple[UUID, bool]:
        """A new fund's id, and whether an earlier request with the same key had opened it.

        Args:
            organisation_id: Whose it is; left out, the first that the actor administers, or else a new one of the
                fund's name.

        Raises:
            NotFound: If the actor has no part in the organisation.
            Forbidden: If they don't administer it.
            Refusal: If the opening can't be, with the field's path.
            UnavailableError: If the database can't be reached.
        """
        wanted = Opening(opened, opened_at, key, organisation_id)
        wanted.check()
        with translated():
            async with self._pool.acquire() as connection, connection.transaction():
                fund_id, was_open = await wanted.made(connection, actor, correlation_id, self._metrics)
        if not was_open:
            self._moved(fund_id, 1)
        return fund_id, was_open

    async def record(
        self,
        fund_id: UUID,
        drafts: Sequence[Draft],
        *,
        actor: UUID,
        expected_version: int | None = None,
        key: str | None = None,
        correlation_id: str | None = None,
    ) -> Appended:
        """Appends 1 to 1,000 facts, all or none.

        Raises:
            Refusal: If a fact can't be, the fund isn't at the expected version, or the key was used otherwise.
            UnavailableError: If the database can't be reached; whether the facts were stored is then unknown, and
                the same request with the same key tells.
            CorruptionError: If a stored fact can't be read.
        """
        check_drafts(drafts, key)
        request = codec.input_hash([[d.event, type(d.event).__name__, d.occurred_at, d.metadata] for d in drafts])
        with translated():
            async with self._turns[fund_id], self._pool.acquire() as connection:
                verified, conflicts = False, 0
                while True:
                    head = await self._head(connection, fund_id, verified=verified)
                    try:
                        if expected_version not in (None, head.version):
                            raise VersionConflict(expected_version or 0, head.version)
                        batch, state = await self._decide(connection, fund_id, head, drafts)
                        appended = await append(
                            connection,
                            fund_id,
                            head.version,
                            batch,
                            actor=actor,
                            key=key,
                            request=request,
                            correlation_id=correlation_id,
                            metrics=self._metrics,
                        )
                    except Refusal as refusal:
                        # A kept head may be behind: only a refusal on the newest state counts.
                        if not verified:
                            verified = True
                            continue
                        earlier = await recorded_before(connection, fund_id, key, request)
                        if earlier is not None:
                            return earlier
                        if not isinstance(refusal, VersionConflict) or expected_version is not None:
                            raise
                        conflicts += 1
                        if conflicts > RETRIES:
                            raise
                        continue
                    if not appended.repeated:
                        self._keep(fund_id, _advanced(head, batch, state))
                    break
        if not appended.repeated:
            self._moved(fund_id, appended.last_version)
        return appended

    async def judge(
        self, fund_id: UUID, drafts: Sequence[Draft], *, expected_version: int | None = None
    ) -> Sequence[Refusal]:
        """What `record` would refuse of 1 to 1,000 facts; nothing is written.

        Unlike there, every fact that can't be is told, each judged as if those before it that can be were recorded.

        Raises:
            Refusal: If there are none or too many, or there is no such fund.
            UnavailableError: If the database can't be reached.
            CorruptionError: If a stored fact can't be read.
        """
        check_batch_size(len(drafts))
        refusals: list[Refusal] = list(metadata_refusals(drafts))
        with translated():
            async with self._turns[fund_id], self._pool.acquire() as connection:
                head = await self._head(connection, fund_id, verified=True)
                if expected_version not in (None, head.version):
                    refusals.append(VersionConflict(expected_version or 0, head.version))
                await self._decide(connection, fund_id, head, drafts, refusals.append)
        return refusals

    async def record_all(
        self,
        fund_id: UUID,
        drafts: Sequence[Draft],
        *,
        actor: UUID,
        key: str,
        progress: Callable[[int], None] = lambda _: None,
    ) -> Appended:
        """Appends any number of facts in one transaction, all or none: an import.

        `progress` is told how many are in. Facts aren't returned.

        Raises:
            RefusedTogetherError: With every fact that can't be, their paths counted from the first draft.
            Refusal: If the key was used with other input, or there is no such fund.
            UnavailableError: If the database can't be reached.
        """
        refusals: list[Refusal] = list(metadata_refusals(drafts))
        if refusals:
            raise RefusedTogetherError(refusals)
        request = codec.input_hash([key, len(drafts)])
        with translated():
            async with self._turns[fund_id], self._pool.acquire() as connection, connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock(ledger_lock($1))", fund_id)
                earlier = await recorded_before(connection, fund_id, key, request)
                if earlier is not None:
                    return earlier
                head = await self._head(connection, fund_id, verified=True)
                first_version = head.version + 1
                start = 0
                while start < len(drafts):
                    part = next_part(drafts, start, head.version)
                    refused = Refused(start, refusals)
                    batch, state = await self._decide(connection, fund_id, head, part, refused)
                    # A part with refusals is still written, so that what follows is judged on the rest of it; the
                    # transaction is taken back in the end.
                    batch = without(batch, refused.places)
                    await append(
                        connection,
                        fund_id,
                        head.version,
                        batch,
                        actor=actor,
                        key=None,
                        request=None,
                        correlation_id=key,
                        metrics=self._metrics,
                    )
                    head = _advanced(head, batch, state)
                    start += len(part)
                    progress(start)
                    if refused.contradicted:
                        # Which of them is to blame can't be told, so neither can what holds after them.
                        break
                if refusals:
                    raise RefusedTogetherError(refusals)
                await connection.execute(
                    "INSERT INTO ledger_key VALUES ($1, $2, $3, $4, $5)",
                    fund_id, key, request, first_version, head.version,
                )  # fmt: skip
            await self._pool.execute("SELECT analyze_facts()")
        self._keep(fund_id, head)
        self._moved(fund_id, head.version)
        return Appended(first_version, head.version, repeated=False, facts=())

    async def record_apart(
        self,
        fund_id: UUID,
        drafts: Sequence[Draft],
        *,
        actor: UUID,
        read_at: int,
        among: Sequence[str] = ALERT_TYPES,
        correlation_id: str | None = None,
    ) -> Appended:
        """Appends up to 1,000 facts that neither depend on the fund's state nor change it, such as those about alerts.

        Args:
            read_at: Version at which the caller read what it decided on.
            among: The kinds of facts that it decided on.

        Raises:
            OvertakenError: If there are newer facts of these kinds; read again and decide anew.
            Refusal: If a fact can't be, or there is no such fund.
            UnavailableError: If the database can't be reached; whether the facts were stored is then unknown.
        """
        check_drafts(drafts, None)
        for draft in drafts:
            draft.event.check(FundBuilder(EMPTY))
        with translated():
            async with self._turns[fund_id], self._pool.acquire() as connection, connection.transaction():
                # First, so that no other writer moves the head between the look and the append.
                await connection.execute("SELECT pg_advisory_xact_lock(ledger_lock($1))", fund_id)
                version = await connection.fetchval("SELECT version FROM fund WHERE id = $1", fund_id)
                if version is None:
                    message = "No such fund."
                    raise NotFound(message, "fundId")
                if await connection.fetchval(_NEWER_AMONG, fund_id, read_at, list(among), version):
                    raise OvertakenError
                now = datetime.now(UTC)
                new = [
                    Dated(draft.occurred_at or now, version + place, draft.event)
                    for place, draft in enumerate(drafts, start=1)
                ]
                appended = await append(
                    connection,
                    fund_id,
                    version,
                    Batch(drafts, new, {}, now),
                    actor=actor,
                    key=None,
                    request=None,
                    correlation_id=correlation_id,
                    metrics=self._metrics,
                )
        self._moved(fund_id, appended.last_version)
        return appended

    def newest(self, fund_id: UUID, version: int, at: datetime) -> Fund | None:
        """The newest state where this process keeps it and it is the fund at `at` by `version`; else None."""
        head = self._heads.get(fund_id)
        if head is None or head.version != version or at < head.touched_until:
            return None
        return head.state

    async def _decide(
        self,
        connection: Connection,
        fund_id: UUID,
        head: _Head,
        drafts: Sequence[Draft],
        refused: Callable[[Refusal], None] | None = None,
    ) -> tuple["Batch", Fund]:
        """The drafts placed behind the head, and the newest state with them; or the domain's refusal."""
        now = datetime.now(UTC)
        versions = [version for draft in drafts if (version := named_version(draft.event)) is not None]
        named: dict[int, Dated] = {}
        companies: dict[int, str | None] = {}
        if versions:
            rows = await connection.fetch(_NAMED, fund_id, [v for v in versions if 0 < v <= head.version])
            named = {fact.version: fact for fact in dated(fund_id, rows)}
            companies = {version: company_of(fact.event) for version, fact in named.items()}
        new = [
            Dated(touches_at(draft, named, now), head.version + place, draft.event)
            for place, draft in enumerate(drafts, start=1)
        ]
        earliest = min(fact.occurred_at for fact in new)
        voids = any(isinstance(draft.event, EventVoided) for draft in drafts)
        base, existing = head.state, list[Dated]()
        if voids or earliest < head.touched_until:
            base, existing = await self._states.since(connection, fund_id, earliest, head.version)
        batch = Batch(drafts, new, companies, now)
        return batch, admit(base, existing, new, named=named, now=now, refused=refused)

    async def _head(self, connection: Connection, fund_id: UUID, *, verified: bool) -> _Head:
        """The newest state as kept; with `verified`, as the database has it."""
        kept = self._heads.get(fund_id)
        if kept is not None and not verified:
            self._heads.move_to_end(fund_id)
            return kept
        row = await connection.fetchrow("SELECT version, touched_until FROM fund WHERE id = $1", fund_id)
        if row is None:
            message = "No such fund."
            raise NotFound(message, "fundId")
        version, touched_until = row
        if kept is None or kept.version != version:
            kept = await self._brought_forward(connection, fund_id, kept, version, touched_until)
            self._keep(fund_id, kept)
        return kept

    async def _brought_forward(
        self, connection: Connection, fund_id: UUID, kept: _Head | None, version: int, touched_until: datetime
    ) -> _Head:
        # A database restored from a backup may be behind what is kept.
        if kept is not None and 0 < version - kept.version <= MAX_BATCH:
            newer = dated(fund_id, await connection.fetch(_NEWER, fund_id, kept.version))
            newer = [fact for fact in newer if fact.version <= version]
            plain = not any(isinstance(fact.event, EventVoided) for fact in newer)
            if plain and newer[0].occurred_at >= kept.touched_until:
                return _Head(version, fold(kept.state, newer), touched_until)
        folded = await self._states.state(fund_id, END, version, connection=connection)
        return _Head(version, folded.state, touched_until)

    def _keep(self, fund_id: UUID, head: _Head) -> None:
        self._heads[fund_id] = head
        self._heads.move_to_end(fund_id)
        if len(self._heads) > KEPT_HEADS:
            gone, _ = self._heads.popitem(last=False)
            if not self._turns[gone].locked():
                del self._turns[gone]


def _advanced(head: _Head, batch: Batch, state: Fund) -> _Head:
    latest = max(fact.occurred_at for fact in batch.new)
    return _Head(batch.new[-1].version, state, max(head.touched_until, latest))
