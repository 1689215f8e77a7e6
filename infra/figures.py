"""Figures: forecasts and reports of companies at a moment. Read apart from states, which stay small without them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import asyncpg

from domain.correction import EventVoided
from domain.event import Fact
from domain.forecasting import ActualRecorded, DealForecastCreated, ForecastCreated
from infra.history import COLUMNS, fact_of
from infra.learned import FIGURE_TYPES
from infra.postgres import translated

# Facts about alerts name companies too; they are many, and no figures.
_TYPES = (*FIGURE_TYPES, "DEAL_FORECAST_CREATED")
_FIGURES = f"""
    SELECT {COLUMNS} FROM fact
    WHERE fund_id = $1 AND company_id = ANY ($2) AND type = ANY ($3) AND touches_at <= $4 AND version <= $5
    ORDER BY touches_at, version
"""  # noqa: S608 - only our own words


@dataclass(slots=True)
class CompanyFigures:
    """What one company had planned and reported by a moment, oldest first; what was voided or restated is left out."""

    forecasts: list[Fact] = field(default_factory=list)
    actuals: list[Fact] = field(default_factory=list)
    deal_forecast: Fact | None = None


class Figures:
    """The read path to forecasts and actuals."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def of(
        self, fund_id: UUID, company_ids: Sequence[str], at: datetime, version: int
    ) -> Mapping[str, CompanyFigures]:
        """Each company's figures at `at` by the facts up to `version`.

        Raises:
            CorruptionError: If a fact can't be read.
        """
        with translated():
            rows = await self._pool.fetch(_FIGURES, fund_id, list(company_ids), _TYPES, at, version)
        facts = [fact_of(fund_id, row) for row in rows]
        gone = {fact.event.version for fact in facts if isinstance(fact.event, EventVoided)}
        live = [fact for fact in facts if not isinstance(fact.event, EventVoided) and fact.version not in gone]
        restated = {fact.event.supersedes_version for fact in live if isinstance(fact.event, ActualRecorded)}
        found: defaultdict[str, CompanyFigures] = defaultdict(CompanyFigures)
        for fact in live:
            event = fact.event
            if isinstance(event, ForecastCreated):
                found[event.company_id].forecasts.append(fact)
            elif isinstance(event, ActualRecorded) and fact.version not in restated:
                found[event.company_id].actuals.append(fact)
            elif isinstance(event, DealForecastCreated):
                found[event.company_id].deal_forecast = fact
        return found
