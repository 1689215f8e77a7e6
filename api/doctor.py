"""`drypowder doctor`: examines a deployment, says in a line each how it is, and what to do about what is wrong."""

import asyncio
import json
from pathlib import Path

import typer

from api.command import console
from infra import locate
from infra.examining.database import examine_database
from infra.examining.finding import Finding, State, wrong
from infra.examining.installation import examine_installation
from infra.examining.issuer import examine_issuer
from infra.examining.queues import examine_queues
from infra.settings import settings

MARKS = {State.GOOD: ("ok", "green"), State.ADVICE: ("advice", "yellow"), State.WRONG: ("WRONG", "bold red")}


def examine(data_dir: Path | None, *, as_json: bool) -> bool:
    """Examines and tells; whether nothing is wrong."""
    found = asyncio.run(_examined(data_dir or locate.data_directory()))
    healthy = all(one.state is not State.WRONG for one in found)
    if as_json:
        told = [{"state": one.state, "what": one.what, "told": one.told, "remedy": one.remedy} for one in found]
        typer.echo(json.dumps({"healthy": healthy, "findings": told}, indent=2))
        return healthy
    out, width = console(stderr=False), max(len(one.what) for one in found)
    for one in found:
        mark, style = MARKS[one.state]
        out.print(f"{mark:<6}", style=style, end="  ")
        out.print(f"{one.what:<{width}}  {one.told}" + (f". {one.remedy}" if one.remedy else ""))
    return healthy


async def _examined(directory: Path) -> list[Finding]:
    found = [*examine_installation(settings(), directory), *await examine_issuer(settings())]
    try:
        database_url, redis_url = locate.servers(directory)
    except (locate.NotRunningError, locate.BadAddressError) as fault:
        return [*found, wrong("servers", str(fault), "Nothing else can be examined before that.")]
    return [*found, *await examine_database(database_url), *await examine_queues(redis_url)]
