"""The demo's sample fund: opened once, filled batch by batch, gone on with after a crash."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.sample.fund import Moments, sample_fund
from infra.drafts import Draft
from infra.people import Person
from infra.runtime import Runtime

OPENING_KEY = "drypowder sample fund"


_BEFORE_FIRST_VOID = """
    SELECT recorded_at FROM fact WHERE fund_id = $1 AND version =
        (SELECT min(version) - 1 FROM fact WHERE fund_id = $1 AND type = 'EVENT_VOIDED')
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """The sample fund as it stands in the ledger.

    Attributes:
        moments: Instants worth a look.
        first_reported: As known at this moment, a valuation still stands as first reported.
        restated_company_id: Whose.
    """

    fund_id: UUID
    moments: Moments
    first_reported: datetime
    restated_company_id: str


async def ensure_sample(runtime: Runtime, owner: Person, now: datetime, progress: Callable[[str], None]) -> Sample:
    """The sample fund, made if this person has none; its history ends with the latest quarter before it was made.

    Its facts are appended all or none, so a fund with more than its opening is whole.
    """
    fund_id = await runtime.pool.fetchval(
        "SELECT fund_id FROM opening_key WHERE actor = $1 AND key = $2", owner.id, OPENING_KEY
    )
    if fund_id is not None:
        opening = await runtime.history.fact(fund_id, 1)
        assert opening is not None, "a fund has an opening"
        now = opening.recorded_at
    sample = sample_fund(now.date())
    if fund_id is None:
        progress("Opening the sample fund")
        fund_id, _ = await runtime.ledger.open_fund(sample.opening, sample.opened_at, actor=owner.id, key=OPENING_KEY)
    if await runtime.history.fact(fund_id, 2) is None:
        drafts = [Draft(event, occurred_at) for batch in sample.recordings for occurred_at, event in batch]
        progress(f"Recording its {len(drafts)} facts")
        await runtime.ledger.record_all(fund_id, drafts, actor=owner.id, key=OPENING_KEY)
    first_reported = await runtime.pool.fetchval(_BEFORE_FIRST_VOID, fund_id)
    return Sample(fund_id, sample.moments, first_reported, sample.restated_company_id)
