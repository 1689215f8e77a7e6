"""Standings: whether those whose streams run in this process may still be served, looked at all together."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg

from domain.refusal import NotFound
from infra import tenancy
from infra.people import Person, TokenRevokedError
from infra.postgres import UnavailableError, translated

LOOK_SECONDS = 2.0
"""How long what was taken away may still be served."""

Ended = Callable[[Exception], None]
"""Told once why nothing more may be served."""

# Those of the persons, funds and moments of issue that have no standing any more. Whoever is gone has none.
_LOST = """
    SELECT w.place, (p.tokens_revoked_at >= w.issued_at OR k.tokens_revoked_at >= w.issued_at OR p.id IS NULL) IS TRUE
    FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) WITH ORDINALITY w (person_id, fund_id, issued_at, place)
    LEFT JOIN person p ON p.id = w.person_id
    LEFT JOIN fund f ON f.id = w.fund_id
    LEFT JOIN membership m ON m.fund_id = f.id AND m.person_id = p.id
    LEFT JOIN organisation_member o ON o.organisation_id = f.organisation_id AND o.person_id = p.id
    LEFT JOIN organisation_person k ON k.organisation_id = f.organisation_id AND k.person_id = p.id
    WHERE p.id IS NULL OR p.tokens_revoked_at >= w.issued_at OR k.tokens_revoked_at >= w.issued_at OR (
        w.fund_id IS NOT NULL AND NOT p.administrator AND m.role IS NULL AND o.role IS DISTINCT FROM 'ADMIN'
    )
"""


@dataclass(eq=False, slots=True)
class _Watched:
    person: Person
    fund_id: UUID | None
    ended: Ended = field(repr=False)


class Standings:
    """Looks every `LOOK_SECONDS` at everyone who is watched here, in one query however many they are."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._watched: set[_Watched] = set()
        self._looking: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Look from now on."""
        with tenancy.everyone():
            self._looking = asyncio.get_running_loop().create_task(self._keep_looking())

    async def stop(self) -> None:
        """Look no more."""
        if self._looking is not None:
            self._looking.cancel()
            with suppress(asyncio.CancelledError):
                await self._looking

    @contextmanager
    def watched(self, person: Person, fund_id: UUID | None, ended: Ended) -> Iterator[None]:
        """Inside, `ended` is told once the person's token is revoked, or they have no part in the fund any more.

        Args:
            fund_id: Left out, the token alone is looked at.
            ended: Given a `TokenRevokedError` or a `NotFound`; must not block.
        """
        watched = _Watched(person, fund_id, ended)
        self._watched.add(watched)
        try:
            yield
        finally:
            self._watched.discard(watched)

    async def look(self) -> None:
        """Looks at once.

        Raises:
            UnavailableError: If the database can't be asked.
        """
        # Many streams of one page have one standing.
        together: dict[tuple[object, ...], list[_Watched]] = {}
        for watched in self._watched:
            key = watched.person.id, watched.fund_id, watched.person.issued_at
            together.setdefault(key, []).append(watched)
        if not together:
            return
        people, funds, moments = zip(*together, strict=True)
        with translated():
            lost = await self._pool.fetch(_LOST, list(people), list(funds), list(moments))
        groups = list(together.values())
        for place, revoked in lost:
            for watched in groups[place - 1]:
                if watched in self._watched:
                    self._watched.discard(watched)
                    watched.ended(TokenRevokedError() if revoked else NotFound("No such fund."))

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            # The next look is soon.
            with suppress(UnavailableError):
                await self.look()
