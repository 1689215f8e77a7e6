"""The command line's `member`: who takes part in a fund."""

from typing import TYPE_CHECKING, Annotated

import typer

from api.command import existing_fund, with_runtime
from api.options import DataDir, Fund, email_of
from infra.people import SYSTEM, Role

if TYPE_CHECKING:
    from infra.runtime import Runtime

app = typer.Typer(
    help="Say who takes part in a fund.",
    short_help="Say who takes part in a fund.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Subject = Annotated[str, typer.Option(metavar="EMAIL", help="Who.")]


@app.command()
def add(
    fund: Fund,
    subject: Subject,
    role: Annotated[Role, typer.Option(help="What they may do.")],
    data_dir: DataDir = None,
) -> None:
    """Give a person a role in a fund, in place of any before; made known if new."""
    email = email_of(subject, "--subject")

    async def give(runtime: "Runtime") -> None:
        # Asked first, so that a mistyped fund makes nobody known.
        row = await existing_fund(runtime, fund)
        person = await runtime.people.enrol(email)
        await runtime.members.set_role(row.id, person.id, role, actor=SYSTEM)

    with_runtime(give, data_dir)


@app.command()
def remove(fund: Fund, subject: Subject, data_dir: DataDir = None) -> None:
    """Take a person's role in a fund."""
    email = email_of(subject, "--subject")

    async def take(runtime: "Runtime") -> None:
        await runtime.members.take_role((await existing_fund(runtime, fund)).id, email, actor=SYSTEM)

    with_runtime(take, data_dir)


@app.command(name="list")
def list_(fund: Fund, data_dir: DataDir = None) -> None:
    """List who takes part in a fund."""

    async def listed(runtime: "Runtime") -> list[tuple[str, str]]:
        members = await runtime.members.of_fund((await existing_fund(runtime, fund)).id)
        return [(member.role.value, member.email) for member in members]

    for role, email in with_runtime(listed, data_dir):
        typer.echo(f"{role.ljust(max(map(len, Role)))}  {email}")
