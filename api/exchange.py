"""Import and export as the command line does them: progress, and every bad row told."""

import sys
from pathlib import Path
from uuid import UUID

from rich.console import Console
from rich.progress import Progress

from domain.refusal import NotFound
from infra.exchange import ImportRefusedError, export, read, refused
from infra.ledger import RefusedTogetherError
from infra.runtime import Runtime

IMPORTER = "import@localhost"
"""Who records what the command line imports."""


async def import_file(runtime: Runtime, file: Path, fund_id: UUID, errors: Console) -> str:
    """Appends the file's facts; what came of it, in a sentence.

    Raises:
        SystemExit: With 1, the bad rows told, if the file or any of its facts can't be.
        Refusal: If there is no such fund.
    """
    row = await runtime.funds.fund(fund_id)
    if row is None:
        message = "No such fund."
        raise NotFound(message, "fundId")
    person = await runtime.people.enrol(IMPORTER)
    try:
        batch = read(file, row.time_zone)
        with Progress(console=errors, transient=True) as progress:
            task = progress.add_task(f"Importing {file.name}", total=len(batch.drafts))
            try:
                appended = await runtime.ledger.record_all(
                    fund_id,
                    batch.drafts,
                    actor=person.id,
                    key=batch.key,
                    progress=lambda done: progress.update(task, completed=done),
                )
            except RefusedTogetherError as fault:
                raise refused(batch, fault.refusals) from None
    except ImportRefusedError as fault:
        for bad in fault.bad_rows:
            errors.print(f"{file.name}:{bad.row}: {bad.reason}", markup=False)
        if fault.total > len(fault.bad_rows):
            errors.print(f"… and {fault.total - len(fault.bad_rows)} more")
        errors.print(f"drypowder: {fault}", style="red", markup=False)
        sys.exit(1)
    count = appended.last_version - appended.first_version + 1
    if appended.repeated:
        return f"{file.name} was imported before, as versions {appended.first_version} to {appended.last_version}; nothing changed."
    return f"{count} facts imported, versions {appended.first_version} to {appended.last_version}."


async def export_fund(runtime: Runtime, fund_id: UUID) -> None:
    """Prints the fund's facts as JSON Lines.

    Raises:
        NotFound: If there is no such fund.
    """
    if await runtime.funds.fund(fund_id) is None:
        message = "No such fund."
        raise NotFound(message, "fundId")
    async for line in export(runtime.history.all(fund_id)):
        sys.stdout.write(line)
