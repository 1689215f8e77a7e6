"""Scenarios: plans of runs that people gave names, from their facts."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from domain.reserves.runs import ReserveScenarioSaved
from infra.drafts import Draft
from infra.history import COLUMNS, fact_of
from infra.ledger import Ledger
from infra.postgres import translated
from infra.runs import INDEXED


@dataclass(frozen=True, slots=True)
class Scenario:
    """A run's plan under a name."""

    saved: ReserveScenarioSaved
    version: int
    saved_at: datetime
    saved_by: str


class Scenarios:
    """The read and write path to scenarios."""

    def __init__(self, pool: asyncpg.Pool, ledger: Ledger) -> None:
        self._pool = pool
        self._ledger = ledger

    async def of(self, fund_id: UUID) -> list[Scenario]:
        """Saved scenarios, newest first."""
        with translated():
            rows = await self._pool.fetch(
                f"SELECT {COLUMNS} FROM fact WHERE fund_id = $1 AND type IN {INDEXED} "  # noqa: S608
                "AND type = 'RESERVE_SCENARIO_SAVED' ORDER BY version DESC",
                fund_id,
            )
        found = []
        for row in rows:
            fact = fact_of(fund_id, row)
            assert isinstance(fact.event, ReserveScenarioSaved), "as its type says"
            found.append(Scenario(fact.event, fact.version, fact.recorded_at, fact.actor))
        return found

    async def save(self, fund_id: UUID, scenario: ReserveScenarioSaved, *, actor: UUID) -> Scenario:
        """Saves a scenario; of two with one name the newer one counts."""
        appended = await self._ledger.record_apart(
            fund_id, [Draft(scenario)], actor=actor, read_at=2**62, among=("RESERVE_SCENARIO_SAVED",)
        )
        fact = appended.facts[0]
        return Scenario(scenario, fact.version, fact.recorded_at, fact.actor)
