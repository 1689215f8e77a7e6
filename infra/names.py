"""Names behind the ids in facts: companies' and people's, for sentences."""

from collections.abc import Iterable, Mapping
from uuid import UUID

import asyncpg
import msgspec

from infra.postgres import translated


class Names:
    """Names of the companies and people that some facts are about."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def of_companies(self, fund_id: UUID, company_ids: Iterable[str]) -> Mapping[str, str]:
        """Each company's name, as it joined the fund."""
        wanted = list(set(company_ids))
        if not wanted:
            return {}
        with translated():
            rows = await self._pool.fetch(
                """SELECT company_id, payload FROM fact
                WHERE fund_id = $1 AND company_id = ANY ($2) AND type = 'COMPANY_ADDED' ORDER BY version""",
                fund_id,
                wanted,
            )
        return {row["company_id"]: msgspec.json.decode(row["payload"])["name"] for row in rows}

    async def of_people(self, ids: Iterable[str]) -> Mapping[str, str]:
        """Each person's e-mail; those erased are missing."""
        with translated():
            rows = await self._pool.fetch(
                "SELECT id, email FROM person WHERE id = ANY ($1)", [UUID(one) for one in set(ids)]
            )
        return {str(row["id"]): row["email"] for row in rows}
