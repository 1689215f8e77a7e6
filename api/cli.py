"""The command line: `drypowder`."""

import os
import re
import sys
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from api import member_commands
from api.command import FAILURES, complain, errors, existing_fund, migrated, with_runtime
from api.options import DataDir, Fund, email_of
from domain.refusal import NotFound
from domain.reserves.options import ReserveStrategy
from infra import locate
from infra.people import SYSTEM, Role
from infra.postgres import translated
from infra.settings import settings

if TYPE_CHECKING:
    from infra.runtime import Runtime

MOST_LIFETIME = timedelta(days=3_660)
"""Of a token: longer is a typing error."""


class Model(StrEnum):
    """Read models that can be made again."""

    ALERTS = "alerts"


app = typer.Typer(
    help="A venture fund's ledger with two clocks: what was true at any moment, as it was known at any moment.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    # Plain text: an error in a box can't be searched for.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(member_commands.app, name="member")


Host = Annotated[
    str | None, typer.Option(metavar="ADDRESS", help="Address to listen on; HOST or 127.0.0.1 if left out.")
]
Port = Annotated[
    int | None,
    typer.Option(
        min=0, max=65535, metavar="PORT", help="Port to listen on, 0 for a free one; PORT or 8000 if left out."
    ),
]


@app.command(short_help="Run everything: servers, API and worker.")
def up(
    *,
    demo: Annotated[bool, typer.Option("--demo", help="Open a sample fund and print queries to try.")] = False,
    host: Host = None,
    port: Port = None,
    data_dir: DataDir = None,
) -> None:
    """Run everything: PostgreSQL and Redis (unless DATABASE_URL and REDIS_URL are set), the API and a worker."""
    from api.launch import launch

    launch(data_dir, host, port, demo=demo)


@app.command(short_help="Run the API alone.")
def serve(host: Host = None, port: Port = None, data_dir: DataDir = None) -> None:
    """Run the API alone, on the servers of a running instance or of DATABASE_URL and REDIS_URL."""
    from api.serve import serve as answer

    answer(host, port, data_dir)


@app.command(short_help="Run a worker alone.")
def worker(data_dir: DataDir = None) -> None:
    """Run a worker alone, on the servers of a running instance or of DATABASE_URL and REDIS_URL."""
    if data_dir is not None:
        os.environ["DRYPOWDER_DATA_DIR"] = str(data_dir)
    locate.check_extras(settings())
    locate.servers(data_dir)
    # The worker is a program of its own: the API knows nothing of it but its name.
    os.execv(sys.executable, [sys.executable, "-m", "jobs"])  # noqa: S606 - our own interpreter and module


@app.command(short_help="Bring the database to this program's schema.")
def migrate(data_dir: DataDir = None) -> None:
    """Bring the database to this program's schema; `up` does it by itself."""
    migrated(locate.owned_database(data_dir))


@app.command()
def token(
    subject: Annotated[str, typer.Option(metavar="EMAIL", help="Whom it is for; made known if new.")],
    role: Annotated[Role | None, typer.Option(help="Give them this role in --fund.")] = None,
    fund: Annotated[str | None, typer.Option("--fund", metavar="ID", help="The fund of --role.")] = None,
    *,
    admin: Annotated[bool, typer.Option("--admin", help="Make them administrator: every role in every fund.")] = False,
    expires: Annotated[str, typer.Option(metavar="TIME", help="How long it is good: 30m, 12h, 90d.")] = "30d",
    data_dir: DataDir = None,
) -> None:
    """Print a token for a person, giving them a role first if asked."""
    from api import security

    if (role is None) != (fund is None):
        raise typer.BadParameter("--role and --fund go together")
    email, lifetime = email_of(subject, "--subject"), _lifetime(expires)

    async def issue(runtime: "Runtime") -> str:
        # Asked first, so that a mistyped fund makes nobody known.
        row = await existing_fund(runtime, fund) if fund is not None else None
        person = await runtime.people.enrol(email, administrator=admin)
        if role is not None and row is not None:
            await runtime.people.give(person.id, row.id, role)
        return security.issue(locate.secret(settings(), data_dir), person, datetime.now(UTC), lifetime)

    typer.echo(with_runtime(issue, data_dir))


@app.command(short_help="Refuse the tokens that a person holds.")
def revoke(
    subject: Annotated[str, typer.Option(metavar="EMAIL", help="Whose.")],
    data_dir: DataDir = None,
) -> None:
    """Refuse from now on every token that a person holds, and end their subscriptions; new ones are good."""
    email = email_of(subject, "--subject")

    async def end(runtime: "Runtime") -> datetime:
        person = await runtime.people.known(email)
        if person is None:
            raise NotFound("Nobody has this e-mail.")
        return await runtime.members.revoke_everywhere(person.id, actor=SYSTEM)

    typer.echo(f"tokens of {email} issued before {with_runtime(end, data_dir):%Y-%m-%dT%H:%M:%S.%fZ} are refused")


@app.command(name="open")
def open_(
    name: Annotated[str, typer.Option(help="What people call it.")],
    size: Annotated[str, typer.Option(metavar="AMOUNT", help="What its investors committed, such as 60000000.00.")],
    currency: Annotated[str, typer.Option(metavar="CODE", help="ISO 4217 code, such as USD.")],
    vintage: Annotated[int, typer.Option(metavar="YEAR", help="Year of its first investment.")],
    opened_at: Annotated[
        str | None, typer.Option(metavar="INSTANT", help="When it opened, as in 2006-01-01T00:00:00Z; now if left out.")
    ] = None,
    time_zone: Annotated[str, typer.Option(metavar="ZONE", help="IANA time zone of its dates.")] = "UTC",
    owner: Annotated[str, typer.Option(metavar="EMAIL", help="Its first ADMIN.")] = "admin@localhost",
    data_dir: DataDir = None,
) -> None:
    """Open a fund and print its id."""
    from zoneinfo import available_timezones

    from domain.capital import FundOpened
    from domain.money import money_from_text

    email = email_of(owner, "--owner")
    if time_zone not in available_timezones():
        raise typer.BadParameter("no IANA time zone", param_hint="'--time-zone'")
    try:
        committed = money_from_text(size)
    except ValueError as fault:
        raise typer.BadParameter(str(fault), param_hint="'--size'") from None
    moment = None if opened_at is None else _instant(opened_at, "--opened-at")
    opening = FundOpened(name, currency, vintage, committed, time_zone)

    async def begin(runtime: "Runtime") -> UUID:
        person = await runtime.people.enrol(email)
        fund_id, _ = await runtime.ledger.open_fund(opening, moment, actor=person.id)
        return fund_id

    typer.echo(with_runtime(begin, data_dir))


@app.command(name="import", short_help="Append a file's facts to a fund, all or none.")
def import_(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="CSV or JSON Lines, gzipped or not; - is standard input."),
    ],
    fund: Fund,
    data_dir: DataDir = None,
) -> None:
    """Append a file's facts to a fund, all or none; the same file again changes nothing."""
    from api.exchange import import_file

    typer.echo(with_runtime(lambda runtime: import_file(runtime, file, fund), data_dir))


@app.command(short_help="Print a fund's facts as JSON Lines.")
def export(fund: Fund, data_dir: DataDir = None) -> None:
    """Print a fund's facts as JSON Lines, in the order they were learned: what import takes."""
    from api.exchange import export_fund

    with_runtime(lambda runtime: export_fund(runtime, fund), data_dir)


@app.command(short_help="Recompute the hash chains; exit 1 where one is broken.")
def verify(
    fund: Annotated[str | None, typer.Option("--fund", metavar="ID", help="Only this fund.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Recompute every hash chain, the funds' and the organisations'; exit 1 and name the first bad version of one."""
    from api.verifying import walk

    if not with_runtime(lambda runtime: walk(runtime, fund), data_dir):
        raise typer.Exit(1)


@app.command(short_help="Examine a deployment; exit 1 where something is wrong.")
def doctor(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON rather than lines.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Examine settings, files, servers and worker: a line each, with what to do; exit 1 where something is wrong."""
    from api.doctor import examine

    if not examine(data_dir, as_json=as_json):
        raise typer.Exit(1)


@app.command(short_help="Write the whole database into a file.")
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to; replaced if it is there.")],
    data_dir: DataDir = None,
) -> None:
    """Write the whole database into a file, as it is at this moment; everybody may go on working."""
    from infra.backup import dump

    dump(locate.owned_database(data_dir), file)
    typer.echo(f"{file}: {file.stat().st_size:,} bytes")


@app.command(short_help="Put a backup back, and verify its hash chains.")
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `drypowder backup` wrote.")],
    data_dir: DataDir = None,
) -> None:
    """Put a backup back into a database without funds, and verify the hash chains; exit 1 where one is broken."""
    from api.restoring import restore as put_back

    put_back(locate.owned_database(data_dir), file)
    verify(None, data_dir)


@app.command(short_help="Rank companies by what their next dollar earns.")
def reserves(
    fund: Fund,
    at: Annotated[
        str | None, typer.Option(metavar="INSTANT", help="Of the fund at this moment; now if left out.")
    ] = None,
    known_at: Annotated[
        str | None, typer.Option(metavar="INSTANT", help="As far as it was known at this moment; now if left out.")
    ] = None,
    strategy: Annotated[ReserveStrategy, typer.Option(help="How the pool is split.")] = ReserveStrategy.OPTIMAL,
    iterations: Annotated[int | None, typer.Option(min=100, max=10_000_000, help="Paths to simulate.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON rather than a table.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Rank a fund's companies by what their next follow-on dollar earns, and split the pool; stores nothing."""
    from api.ranking import rank

    moments = [
        None if text is None else _instant(text, option) for text, option in ((at, "--at"), (known_at, "--known-at"))
    ]
    with_runtime(
        lambda runtime: rank(runtime, fund, moments[0], moments[1], strategy, iterations, as_json=as_json), data_dir
    )


@app.command(short_help="Make a read model again from the facts.")
def rebuild(
    model: Annotated[Model, typer.Argument(help="What to make again.")],
    fund: Annotated[str | None, typer.Option("--fund", metavar="ID", help="Only this fund.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Make a read model again from the facts: the same as before, unless it was damaged. Nobody is notified again."""

    async def again(runtime: "Runtime") -> None:
        if fund is not None:
            chosen = [(await existing_fund(runtime, fund)).id]
        else:
            with translated():
                chosen = [row["id"] for row in await runtime.pool.fetch("SELECT id FROM fund ORDER BY opened_at, id")]
        for fund_id in chosen:
            typer.echo(f"{fund_id}  {await runtime.alerts.rebuild(fund_id)} {model.value}")

    with_runtime(again, data_dir)


@app.command()
def schema() -> None:
    """Print the GraphQL schema."""
    from api.schema import schema as printed

    typer.echo(printed.as_str())


@app.command()
def funds(data_dir: DataDir = None) -> None:
    """List the funds."""
    from domain.money import money_for_people

    async def listed(runtime: "Runtime") -> list[tuple[str, ...]]:
        query = "SELECT id, name, size_cents, currency, opened_at, version FROM fund ORDER BY opened_at, id"
        with translated():
            rows = await runtime.pool.fetch(query)
        return [
            (
                str(row["id"]),
                f"{row['opened_at']:%Y-%m-%d}",
                f"{row['version']}",
                money_for_people(row["size_cents"], row["currency"]),
                # A name may hold what would steer a terminal.
                "".join(letter if letter.isprintable() else " " for letter in row["name"]),
            )
            for row in rows
        ]

    found = with_runtime(listed, data_dir)
    if not found:
        errors.print("No funds yet: open one with `drypowder open`.")
        return
    table = [("id", "opened", "version", "size", "name"), *found]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for cells in table:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip())


def _instant(text: str, option: str) -> datetime:
    from infra.wire import instant_from_text

    try:
        return instant_from_text(text)
    except ValueError as fault:
        raise typer.BadParameter(str(fault), param_hint=f"'{option}'") from None


def _lifetime(text: str) -> timedelta:
    units = {"m": "minutes", "h": "hours", "d": "days"}
    number, unit = text[:-1], text[-1:]
    if unit in units and re.fullmatch("[0-9]{1,7}", number):
        lifetime = timedelta(**{units[unit]: int(number)})
        if timedelta(0) < lifetime <= MOST_LIFETIME:
            return lifetime
    message = f"expected a number and m, h or d, such as 12h, up to {MOST_LIFETIME.days}d"
    raise typer.BadParameter(message, param_hint="'--expires'")


def main() -> None:
    """Entry point: known failures are one line on standard error and exit code 1."""
    try:
        app(prog_name="drypowder")
    except FAILURES as fault:
        complain(fault)
        sys.exit(1)


if __name__ == "__main__":
    main()
