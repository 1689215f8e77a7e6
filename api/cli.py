"""The command line: `drypowder`."""

import asyncio
import os
import sys
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, TypeVar
from uuid import UUID

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from api import security
from api.ids import fund_uuid
from domain.money import money_for_people
from domain.refusal import CorruptionError, Refusal
from infra import locate
from infra.logs import configure
from infra.migrate import UnsupportedServerError, migrate as apply_migrations
from infra.people import Role
from infra.postgres import UnavailableError
from infra.runtime import Runtime, opened
from infra.settings import settings

app = typer.Typer(
    name="drypowder",
    help="A venture fund's ledger with two clocks: what was true at any moment, as it was known at any moment.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
errors = Console(stderr=True, highlight=False, soft_wrap=True)

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", envvar="DRYPOWDER_DATA_DIR", help="Directory of the embedded servers and the secret."),
]
FundOption = Annotated[str, typer.Option("--fund", help="The fund's id, as `drypowder funds` lists it.")]
T = TypeVar("T")


class CommandError(Exception):
    """What ends a command with exit code 1 and one line on standard error."""


@app.command()
def up(
    *,
    demo: Annotated[bool, typer.Option("--demo", help="Open a sample fund and print queries to try.")] = False,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Run everything: PostgreSQL and Redis (unless their addresses are set), the API and a worker."""
    from api.launch import launch  # noqa: PLC0415 - the other commands start faster without it

    launch(data_dir, host, port, demo=demo)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Run the API alone, on the servers of a running instance or of DATABASE_URL and REDIS_URL."""
    import uvicorn  # noqa: PLC0415 - the other commands start faster without these

    from api.app import application  # noqa: PLC0415

    chosen = settings()
    configure(chosen.log_level)
    database_url, redis_url = locate.servers(data_dir)
    uvicorn.run(
        application(chosen, database_url, redis_url, locate.secret(chosen, data_dir)),
        host=host or chosen.host,
        port=chosen.port if port is None else port,
        log_config=None,
        access_log=False,
        ws_max_size=2**20,
        timeout_graceful_shutdown=5,
    )


@app.command()
def worker(data_dir: DataDir = None) -> None:
    """Run a worker alone, on the servers of a running instance or of DATABASE_URL and REDIS_URL."""
    if data_dir is not None:
        os.environ["DRYPOWDER_DATA_DIR"] = str(data_dir)
    locate.servers(data_dir)
    # The worker is a program of its own: the API knows nothing of it but its name.
    os.execv(sys.executable, [sys.executable, "-m", "jobs.worker"])  # noqa: S606 - our own interpreter and module


@app.command()
def migrate(data_dir: DataDir = None) -> None:
    """Bring the database to this program's schema."""
    apply_migrations(locate.servers(data_dir)[0])


@app.command()
def token(
    subject: Annotated[str, typer.Option(help="E-mail of the person it is for; made known if new.")],
    role: Annotated[Role | None, typer.Option(help="Give them this role in --fund.")] = None,
    fund: Annotated[str | None, typer.Option("--fund", help="The fund of --role.")] = None,
    *,
    admin: Annotated[bool, typer.Option("--admin", help="Make them administrator: every role in every fund.")] = False,
    expires: Annotated[str, typer.Option(help="How long it is good: 30m, 12h, 90d.")] = "30d",
    data_dir: DataDir = None,
) -> None:
    """Print a token for a person, giving them a role first if asked."""
    if (role is None) != (fund is None):
        raise typer.BadParameter("--role and --fund go together")  # noqa: EM101
    if "@" not in subject:
        raise typer.BadParameter("an e-mail address is needed", param_hint="--subject")  # noqa: EM101
    lifetime = _lifetime(expires)

    async def issue(runtime: Runtime) -> str:
        person = await runtime.people.enrol(subject, administrator=admin)
        if role is not None and fund is not None:
            await runtime.people.give(person.id, fund_uuid(fund), role)
        return security.issue(locate.secret(settings(), data_dir), person, datetime.now(UTC), lifetime)

    typer.echo(_with_runtime(issue, data_dir))


@app.command(name="open")
def open_(  # noqa: PLR0913 - a fund is this
    name: Annotated[str, typer.Option(help="What people call it.")],
    size: Annotated[str, typer.Option(help="What its investors committed, such as 60000000.00.")],
    currency: Annotated[str, typer.Option(help="ISO 4217 code.")],
    vintage: Annotated[int, typer.Option(help="Year of its first investment.")],
    opened_at: Annotated[str | None, typer.Option(help="RFC 3339 instant it opened at; now if left out.")] = None,
    time_zone: Annotated[str, typer.Option(help="IANA time zone of its dates.")] = "UTC",
    owner: Annotated[str, typer.Option(help="E-mail of its first ADMIN.")] = "admin@localhost",
    data_dir: DataDir = None,
) -> None:
    """Open a fund and print its id."""
    from zoneinfo import available_timezones  # noqa: PLC0415

    from domain.capital import FundOpened  # noqa: PLC0415
    from domain.money import money_from_text  # noqa: PLC0415
    from infra.wire import instant_from_text  # noqa: PLC0415

    if time_zone not in available_timezones():
        raise typer.BadParameter("no IANA time zone", param_hint="--time-zone")  # noqa: EM101
    try:
        opening = FundOpened(name, currency, vintage, money_from_text(size), time_zone)
        moment = None if opened_at is None else instant_from_text(opened_at)
    except ValueError as fault:
        raise typer.BadParameter(str(fault)) from None

    async def begin(runtime: Runtime) -> UUID:
        person = await runtime.people.enrol(owner)
        fund_id, _ = await runtime.ledger.open_fund(opening, moment, actor=person.id)
        return fund_id

    typer.echo(_with_runtime(begin, data_dir))


@app.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV or JSON Lines, gzipped or not.", exists=True, dir_okay=False)],
    fund: FundOption,
    data_dir: DataDir = None,
) -> None:
    """Append a file's facts to a fund, all or none; the same file again changes nothing."""
    from api.exchange import import_file  # noqa: PLC0415

    typer.echo(_with_runtime(lambda runtime: import_file(runtime, file, fund_uuid(fund), errors), data_dir))


@app.command()
def export(fund: FundOption, data_dir: DataDir = None) -> None:
    """Print a fund's facts as JSON Lines, in the order they were learned."""
    from api.exchange import export_fund  # noqa: PLC0415

    _with_runtime(lambda runtime: export_fund(runtime, fund_uuid(fund)), data_dir)


@app.command()
def verify(
    fund: Annotated[str | None, typer.Option("--fund", help="Only this fund.")] = None, data_dir: DataDir = None
) -> None:
    """Recompute every fund's hash chain; exit 1 and name the first bad version where one is broken."""

    async def walk(runtime: Runtime) -> bool:
        found = [fund_uuid(fund)] if fund else [row["id"] for row in await runtime.pool.fetch("SELECT id FROM fund ORDER BY id")]
        whole = True
        for fund_id in found:
            facts, bad = await runtime.history.first_bad_version(fund_id)
            typer.echo(f"{fund_id}  " + (f"{facts} facts, chain whole" if bad is None else f"BROKEN at version {bad}"))
            whole = whole and bad is None
        return whole

    if not _with_runtime(walk, data_dir):
        raise typer.Exit(1)


@app.command()
def schema() -> None:
    """Print the GraphQL schema."""
    from api.schema import schema as printed  # noqa: PLC0415

    typer.echo(printed.as_str())


@app.command()
def funds(data_dir: DataDir = None) -> None:
    """List the funds."""

    async def listed(runtime: Runtime) -> Table:
        table = Table("id", "name", "size", "opened", "version", box=None)
        for row in await runtime.pool.fetch(
            "SELECT id, name, size_cents, currency, opened_at, version FROM fund ORDER BY opened_at, id"
        ):
            size = money_for_people(row["size_cents"], row["currency"])
            table.add_row(str(row["id"]), row["name"], size, f"{row['opened_at']:%Y-%m-%d}", str(row["version"]))
        return table

    Console(width=None if sys.stdout.isatty() else 200).print(_with_runtime(listed, data_dir))


def _lifetime(text: str) -> timedelta:
    units = {"m": "minutes", "h": "hours", "d": "days"}
    number, unit = text[:-1], text[-1:]
    if unit not in units or not number.isdigit() or not 0 < int(number) < 100_000:  # noqa: PLR2004 - decades
        raise typer.BadParameter("expected a number and m, h or d, such as 12h", param_hint="--expires")  # noqa: EM101
    return timedelta(**{units[unit]: int(number)})


def _with_runtime(do: Any, data_dir: Path | None) -> Any:  # noqa: ANN401 - passes on what the command returns
    """Runs a command's work on the instance's servers."""

    async def run() -> object:
        configure("WARNING")
        async with opened(settings(), *locate.servers(data_dir)) as runtime:
            return await do(runtime)

    return asyncio.run(run())


def main() -> None:
    """Entry point: known failures are one line on standard error and exit code 1."""
    try:
        app()
    except Refusal as refusal:
        errors.print(f"drypowder: {refusal.message}", style="red")
    except ValidationError as fault:
        for one in fault.errors():
            errors.print(f"drypowder: {'.'.join(map(str, one['loc'])).upper()}: {one['msg']}", style="red")
    except (
        CommandError,
        CorruptionError,
        UnavailableError,
        UnsupportedServerError,
        locate.NotRunningError,
    ) as fault:
        errors.print(f"drypowder: {fault}", style="red")
    else:
        return
    sys.exit(1)


if __name__ == "__main__":
    main()
