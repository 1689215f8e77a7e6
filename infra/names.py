"""Names behind the ids in facts: companies' and people's, for sentences."""

from collections.abc import Iterable, Mapping, Sequence
from time import monotonic
from typing import Generic, TypeVar
from uuid import UUID

import asyncpg
import msgspec

from domain.event import Fact, company_of
from infra import tenancy
from infra.people import SYSTEM, SYSTEM_NAME
from infra.postgres import translated

FRESH_SECONDS = 5.0
"""How long a name changed or erased may still be shown."""
MOST_FRESH = 20_000
"""Names kept per process."""

K = TypeVar("K")


class Names:
    """Names of the companies and people that some facts are about, kept for seconds: a feed asks for each fact."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._companies = _Fresh[tuple[UUID, str]]()
        self._people = _Fresh[str]()
        # Whom some don't find others may.
        self._nobody = _Fresh[tuple[str, str]]()

    async def warm(self, fund_id: UUID, facts: Sequence[Fact]) -> None:
        """Reads what these facts' sentences need, so that their subscribers don't each."""
        await self.of_companies(fund_id, (key for fact in facts if (key := company_of(fact.event)) is not None))
        await self.of_people(fact.actor for fact in facts)

    async def of_companies(self, fund_id: UUID, company_ids: Iterable[str]) -> Mapping[str, str]:
        """Each company's name, as it joined the fund."""
        wanted = set(company_ids)
        found = {key: name for key in wanted if (name := self._companies.get((fund_id, key))) is not None}
        if missing := list(wanted - found.keys()):
            with translated():
                rows = await self._pool.fetch(
                    """SELECT company_id, payload FROM fact
                    WHERE fund_id = $1 AND company_id = ANY ($2) AND type = 'COMPANY_ADDED' ORDER BY version""",
                    fund_id,
                    missing,
                )
            for key, payload in rows:
                found[key] = msgspec.json.decode(payload)["name"]
                self._companies.keep((fund_id, key), found[key])
        return found

    async def of_people(self, ids: Iterable[str]) -> Mapping[str, str]:
        """Each person's e-mail; those erased are missing."""
        wanted = set(ids)
        found = {one: email for one in wanted if (email := self._people.get(one)) is not None}
        if str(SYSTEM) in wanted:
            found[str(SYSTEM)] = SYSTEM_NAME
        scope = tenancy.scope().setting
        if missing := [one for one in wanted - found.keys() if self._nobody.get((scope, one)) is None]:
            with translated():
                rows = await self._pool.fetch(
                    "SELECT id, email FROM person WHERE id = ANY ($1)", [UUID(one) for one in missing]
                )
            for person_id, email in rows:
                found[str(person_id)] = email
                self._people.keep(str(person_id), email)
            for one in missing:
                if one not in found:
                    self._nobody.keep((scope, one), "")
        return found


class _Fresh(Generic[K]):
    """Names by key, for `FRESH_SECONDS` each."""

    def __init__(self) -> None:
        self._kept: dict[K, tuple[str, float]] = {}

    def get(self, key: K) -> str | None:
        name, until = self._kept.get(key, ("", 0.0))
        return name if monotonic() < until else None

    def keep(self, key: K, name: str) -> None:
        if len(self._kept) >= MOST_FRESH:
            self._kept.clear()
        self._kept[key] = name, monotonic() + FRESH_SECONDS
