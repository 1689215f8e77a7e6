"""Inputs of a reserve run: the fund's companies at a moment, each with a tree or why it has none, and its model."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import NamedTuple
from uuid import UUID

import asyncpg

from domain.correction import VOID, EventVoided
from domain.event import Event
from domain.fund import CompanyStatus, Fund
from domain.reserves.model import DEFAULT_MODEL, ReserveModelSet
from domain.reserves.runs import ReserveRunRequested
from infra import codec
from infra.computing import Task
from infra.figures import Figures
from infra.postgres import translated
from infra.states import States, resolve

_FACTS = """
    SELECT version, schema_version, type, company_id, touches_at, payload FROM fact
    WHERE fund_id = $1 AND type = ANY ($4) AND touches_at <= $2 AND version <= $3 ORDER BY touches_at, version
"""


@dataclass(frozen=True, slots=True)
class Model:
    """The fund's model, and the version of the fact that set it; 0 for the default one."""

    setting: ReserveModelSet = DEFAULT_MODEL
    version: int = 0
    occurred_at: datetime | None = None


class ReserveInputs:
    """Reads what a run is computed from."""

    def __init__(self, pool: asyncpg.Pool, states: States, figures: Figures) -> None:
        self._pool = pool
        self._states = states
        self._figures = figures

    async def task(self, fund_id: UUID, request: ReserveRunRequested) -> Task:
        """The run's task: the fund as of its moment, as known then.

        Raises:
            CorruptionError: If a fact can't be read.
        """
        with translated():
            known = await resolve(self._pool, fund_id, request.known_at)
        state = (await self._states.state(fund_id, request.at, known.version)).state
        active = [one for one in state.companies.values() if one.status is CompanyStatus.ACTIVE]
        figures = await self._figures.of(fund_id, [one.company_id for one in active], request.at, known.version)
        facts = await self._standing(fund_id, request.at, known.version, "ROUND_PRICED", "RESERVE_MODEL_SET")
        priced = {one.company_id: one.at for one in facts if one.company_id is not None}
        model = _model(facts).setting
        # The first time that takes longer than an event loop may be kept.
        await asyncio.to_thread(import_module, "infra.reserve_holdings")
        from infra.reserve_holdings import holding

        holdings = [
            holding(one, figures.get(one.company_id), request.at, priced.get(one.company_id), model) for one in active
        ]
        return Task(holdings, state.committed, available(state), request.options, model)

    async def model(self, fund_id: UUID, at: datetime, version: int) -> Model:
        """The fund's model at a moment, as known at a version.

        Raises:
            CorruptionError: If a fact can't be read.
        """
        return _model(await self._standing(fund_id, at, version, "RESERVE_MODEL_SET"))

    async def _standing(self, fund_id: UUID, at: datetime, version: int, *types: str) -> list["_Standing"]:
        """Facts of these types that aren't voided, in the order in which they were true."""
        with translated():
            rows = await self._pool.fetch(_FACTS, fund_id, at, version, [*types, VOID])
        voided, found = set[int](), list[_Standing]()
        for number, schema_version, name, company_id, touches_at, payload in rows:
            event = codec.decode_event(name, schema_version, payload)
            if isinstance(event, EventVoided):
                voided.add(event.version)
            else:
                found.append(_Standing(number, company_id, touches_at, event))
        return [one for one in found if one.version not in voided]


class _Standing(NamedTuple):
    version: int
    company_id: str | None
    at: datetime
    event: Event


def _model(facts: Sequence[_Standing]) -> Model:
    """The last model set; the default one where there is none."""
    for one in reversed(facts):
        if isinstance(one.event, ReserveModelSet):
            return Model(one.event, one.version, one.at)
    return Model()


def available(state: Fund) -> int:
    """What the fund can still invest, in cents."""
    return max(int(state.available_capital), 0)
