"""Import and export as the command line does them: progress, and every bad row told."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import NamedTemporaryFile

from rich.progress import Progress

from api.command import CommandError, errors, existing_fund, is_terminal
from infra.appending import Appended
from infra.exchange import MAX_FILE_BYTES, Batch, ImportRefusedError, export, read, refused
from infra.funds import FundHead
from infra.ledger import RefusedTogetherError
from infra.people import Person
from infra.runtime import Runtime

IMPORTER = "import@localhost"
"""Who records what the command line imports."""

STANDARD_INPUT = Path("-")


async def import_file(runtime: Runtime, file: Path, fund: str) -> str:
    """Appends the file's facts; what came of it, in a sentence.

    Raises:
        CommandError: The bad rows told, if the file or any of its facts can't be.
        Refusal: If there is no such fund.
    """
    row = await existing_fund(runtime, fund)
    name = "standard input" if file == STANDARD_INPUT else file.name
    try:
        with _regular(file) as path:
            batch = read(path, row.time_zone)
        appended = await _record(runtime, row, batch, name)
    except ImportRefusedError as fault:
        # Refused by the ledger, they come in the order they were judged.
        for bad in sorted(fault.bad_rows, key=lambda bad: bad.row):
            errors.print(f"{name}:{bad.row}: {bad.reason}")
        if fault.total > len(fault.bad_rows):
            errors.print(f"… and {fault.total - len(fault.bad_rows)} more")
        rows = "1 bad row" if fault.total == 1 else f"{fault.total} bad rows"
        raise CommandError(f"{rows}; nothing was written." if fault.total else str(fault)) from fault
    versions = f"versions {appended.first_version} to {appended.last_version}"
    if appended.repeated:
        return f"{name} was imported before, as {versions}; nothing changed."
    return f"{appended.last_version - appended.first_version + 1} facts imported, {versions}."


async def _record(runtime: Runtime, row: FundHead, batch: Batch, name: str) -> Appended:
    person: Person = await runtime.people.enrol(IMPORTER)
    with Progress(console=errors, transient=True, disable=not is_terminal()) as progress:
        task = progress.add_task(f"Importing {name}", total=len(batch.drafts))
        try:
            return await runtime.ledger.record_all(
                row.id,
                batch.drafts,
                actor=person.id,
                key=batch.key,
                progress=lambda done: progress.update(task, completed=done),
            )
        except RefusedTogetherError as fault:
            raise refused(batch, fault.refusals) from None


@contextmanager
def _regular(file: Path) -> Iterator[Path]:
    """The file as one that can be read again from its start, which a pipe can't."""
    if file != STANDARD_INPUT and file.is_file():
        yield file
        return
    with NamedTemporaryFile() as copy:
        with nullcontext(sys.stdin.buffer) if file == STANDARD_INPUT else file.open("rb") as pipe:
            # One byte too many is refused as too large.
            copy.write(pipe.read(MAX_FILE_BYTES + 1))
        copy.flush()
        yield Path(copy.name)


async def export_fund(runtime: Runtime, fund: str) -> None:
    """Prints the fund's facts as JSON Lines.

    Raises:
        NotFound: If there is no such fund.
    """
    row = await existing_fund(runtime, fund)
    async for line in export(runtime.history.all(row.id)):
        sys.stdout.write(line)
