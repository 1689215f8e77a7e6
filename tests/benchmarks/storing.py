"""Storing: what a fact takes on disk."""

from tests.benchmarks.ground import Ground
from tests.benchmarks.results import Figure, Unit


async def storage(ground: Ground) -> list[Figure]:
    """Bytes of heap and index a fact of the largest fund, in a table of its own."""
    fund = await ground.kept(ground.scale.facts[-1])
    async with ground.connection() as connection:
        await ground.like_facts(connection, "sized")
        await connection.execute("INSERT INTO sized SELECT * FROM fact WHERE fund_id = $1 ORDER BY version", fund.id)
        heap = await connection.fetchval("SELECT pg_table_size('sized')")
        index = await connection.fetchval("SELECT pg_indexes_size('sized')")
        payload = await connection.fetchval("SELECT avg(length(payload)) FROM sized")
        await connection.execute("DROP TABLE sized")
    return [
        Figure("heap a fact", Unit.BYTES, heap / fund.version, note=f"payload {payload:,.0f} B of it"),
        Figure("indexes a fact", Unit.BYTES, index / fund.version, note="three indexes"),
    ]
