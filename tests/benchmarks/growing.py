"""Growing: what a fund's reads and appends cost while the whole ledger grows, its facts interleaved as they come."""

from collections.abc import Awaitable, Callable
from random import Random
from statistics import median
from time import perf_counter
from uuid import UUID, uuid4

from domain.alerts import AlertAcknowledged
from domain.event import CompanyKey
from domain.forecasting import MetricType
from infra.drafts import Draft
from infra.history import FactFilter
from infra.states import FOLDED_FACTS, UNFOLDED
from tests.benchmarks.ground import Ground, at_rest
from tests.benchmarks.portfolio import CLOSED_AT, OPENED_AT
from tests.benchmarks.results import Figure, Unit, percentile

FACTS_OF_A_FUND = 1_000
REPLAYED = 100
"""Facts between a snapshot and the moment asked for."""
ASKED = 300
# The facts of all the new funds, those of a version side by side: each fund's pages are shared with many others.
_HEADS = """
    INSERT INTO fund SELECT c.id, f.name, f.currency, f.vintage_year, f.size_cents, f.time_zone, f.opened_at, f.version,
        f.hash, f.recorded_at, f.touched_until, f.organisation_id
    FROM fund f, unnest($2::uuid[]) AS c(id) WHERE f.id = $1
"""
_FACTS = """
    INSERT INTO fact SELECT c.id, f.version, f.schema_version, f.type, f.occurred_at, f.touches_at, f.recorded_at,
        f.actor, f.company_id, f.correlation_id, f.idempotency_key, f.metadata, f.payload, f.hash
    FROM fact f, unnest($2::uuid[]) AS c(id) WHERE f.fund_id = $1 ORDER BY f.version, c.id
"""
_SIZE = """
    SELECT sum(pg_table_size(i.inhrelid))::bigint AS heap, sum(pg_indexes_size(i.inhrelid))::bigint AS indexes
    FROM pg_inherits i WHERE i.inhparent = 'fact'::regclass
"""


async def grow(ground: Ground) -> list[Figure]:
    """Latencies in the process, by PostgreSQL alone, and what a fact takes on disk, at each size."""
    base = (await ground.kept(FACTS_OF_A_FUND)).id
    funds = [base]
    figures: list[Figure] = []
    first: dict[str, float] = {}
    for facts in ground.scale.grown:
        seconds = await _fill(ground, base, funds, facts)
        at_rest()
        measured = await _measure(ground, funds, Random(facts))
        for name, times in measured.items():
            p50 = median(times)
            first.setdefault(name, p50)
            note = f"p99 {percentile(times, 0.99):,.2f} ms, {p50 / first[name]:.2f} × of the smallest"
            figures.append(Figure(f"{name}, {facts:,} facts: p50", Unit.MILLISECONDS, p50, None, {}, note))
        async with ground.connection() as connection:
            size = await connection.fetchrow(_SIZE)
        assert size is not None
        heap, indexes = (size[part] / facts for part in ("heap", "indexes"))
        note = f"heap {heap:,.0f} B, indexes {indexes:,.0f} B; filled in {seconds:,.0f} s"
        figures.append(Figure(f"a fact on disk, of {facts:,}", Unit.BYTES, heap + indexes, note=note))
    return figures


async def _fill(ground: Ground, base: UUID, funds: list[UUID], facts: int) -> float:
    """Brings the ledger to so many facts; the seconds that took."""
    new = [uuid4() for _ in range(facts // FACTS_OF_A_FUND - len(funds))]
    begun = perf_counter()
    async with ground.connection() as connection:
        await connection.execute(_HEADS, base, new, timeout=600)
        await connection.execute(_FACTS, base, new, timeout=3_600)
    seconds = perf_counter() - begun
    await ground.vacuum("fact", "fund")
    funds.extend(new)
    return seconds


async def _measure(ground: Ground, funds: list[UUID], random: Random) -> dict[str, list[float]]:
    """Milliseconds of each kind of question, asked of funds drawn at random, the kinds taking turns."""
    runtime, chosen = ground.runtime, FactFilter()

    async def replay(fund_id: UUID) -> None:
        start = OPENED_AT + (CLOSED_AT - OPENED_AT) * random.random() * 0.8
        query = f"{FOLDED_FACTS} LIMIT {REPLAYED}"
        await runtime.pool.fetch(query, fund_id, start, CLOSED_AT, FACTS_OF_A_FUND, UNFOLDED)

    async def page(fund_id: UUID) -> None:
        await runtime.history.page(fund_id, chosen, above=None, below=None, newest_first=True, limit=50)

    # Of a kind that needs no state of the fund.
    draft = Draft(AlertAcknowledged("none", CompanyKey("none"), MetricType.REVENUE))

    async def append(fund_id: UUID) -> None:
        await runtime.ledger.record_apart(fund_id, [draft], actor=ground.person.id, read_at=FACTS_OF_A_FUND + 10**6)

    kinds: dict[str, Callable[[UUID], Awaitable[None]]] = {
        f"facts after a snapshot ({REPLAYED})": replay,
        "page of a timeline (50)": page,
        "append of 1 fact": append,
    }
    found: dict[str, list[float]] = {name: [] for name in kinds}
    for _ in range(ASKED):
        for name, ask in kinds.items():
            fund_id = random.choice(funds)
            begun = perf_counter()
            await ask(fund_id)
            found[name].append((perf_counter() - begun) * 1000)
    return found
