"""Importing: a file by the command line, from the process's start to its end."""

from time import perf_counter
from uuid import UUID

from tests.benchmarks.ground import SHARED_DATA, Ground
from tests.benchmarks.results import Figure, Unit, at_most


async def importing(ground: Ground) -> list[Figure]:
    """Seconds that the largest real file takes, and its fund's snapshots after it."""
    file = SHARED_DATA / ground.scale.import_file
    if not file.is_file():
        ground.say(f"no {file}: the import is left out")
        return []
    fund_id = ground.command(
        "open", "--name", "Import", "--size", ground.scale.import_size, "--currency", "USD", "--vintage", "1984",
        "--opened-at", "1984-01-01T00:00:00Z",
    )  # fmt: skip
    begun = perf_counter()
    ground.command("import", str(file), "--fund", fund_id)
    seconds = perf_counter() - begun
    version = await ground.runtime.pool.fetchval("SELECT version FROM fund WHERE id = $1", UUID(fund_id))
    begun = perf_counter()
    made = await ground.runtime.snapshots.keep_up(UUID(fund_id), ground.runtime.settings.snapshot_frequency)
    keeping = perf_counter() - begun
    size = await ground.runtime.pool.fetchval(
        "SELECT coalesce(sum(pg_column_size(state)), 0) FROM snapshot WHERE fund_id = $1", UUID(fund_id)
    )
    return [
        Figure(
            f"import of {file.name} by the command line",
            Unit.SECONDS,
            seconds,
            at_most(60),
            note=f"{version - 1:,} facts, {(version - 1) / seconds:,.0f} a second, the process's start included",
        ),
        Figure(
            "its snapshots, all at once",
            Unit.SECONDS,
            keeping,
            note=f"{made} snapshots, {size / 2**20:,.1f} MiB",
        ),
    ]
