"""A fund whose companies a reserve run can rank: what tests of runs start from."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from domain.capital import CapitalCalled
from domain.event import CompanyKey, Event
from domain.investing import CompanyAdded, InvestmentMade, ReserveAllocated, RoundPriced
from domain.money import Fraction, Money
from infra.drafts import Draft
from infra.runtime import Runtime

BEGUN_AT = datetime(2007, 1, 1, tzinfo=UTC)


async def record(runtime: Runtime, fund_id: UUID, actor: UUID, *events: Event, at: datetime = BEGUN_AT) -> None:
    """These facts of one moment."""
    await runtime.ledger.record(fund_id, [Draft(event, at) for event in events], actor=actor)


async def invest(runtime: Runtime, fund_id: UUID, actor: UUID, *, further: int = 0) -> None:
    """Two companies of which much is known, with reserves, and one whose ownership nobody knows.

    Args:
        further: So many more like the first.
    """
    events: list[Event] = [CapitalCalled(Money(300_000_000))]
    more = [(f"further{number}", "seed", "0.10") for number in range(further)]
    for key, stage, share in (("acme", "seed", "0.10"), ("beta", "series_a", "0.08"), ("gone", "seed", None), *more):
        company = CompanyKey(key)
        ownership = None if share is None else Fraction(Decimal(share))
        events.append(CompanyAdded(company, key.capitalize(), stage=stage))
        events.append(InvestmentMade(company, Money(50_000_000), ownership, round=stage))
        if ownership is not None:
            events.append(RoundPriced(company, stage, Money(400_000_000), Money(100_000_000), ownership))
        events.append(ReserveAllocated(company, Money(100_000_000)))
    await record(runtime, fund_id, actor, *events)
