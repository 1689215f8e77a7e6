"""What every command does alike: works on the instance's servers, and fails in one line a person can act on."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import asyncpg
from pydantic import ValidationError
from rich.console import Console

from domain.refusal import CorruptionError, NotFound, Refusal
from infra import locate, tenancy
from infra.account import ServerDidNotStart
from infra.backup import BackupError
from infra.instance import DataDirectoryInUse
from infra.logs import configure
from infra.postgres import UnavailableError
from infra.revision import SchemaError, check_revision
from infra.settings import LogFormat, settings
from infra.supervisor import PartKeepsFailing

if TYPE_CHECKING:
    from infra.funds import FundHead
    from infra.runtime import Runtime

T = TypeVar("T")


def console(*, stderr: bool) -> Console:
    """A console that prints what it is given: names may hold brackets, and `:100:` is no emoji."""
    return Console(stderr=stderr, highlight=False, markup=False, emoji=False, soft_wrap=True)


errors = console(stderr=True)


class CommandError(Exception):
    """What ends a command with exit code 1 and its message on standard error."""


_REFUSED_BY_DATABASE = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.ReadOnlySQLTransactionError,
)

FAILURES = (
    BackupError,
    CommandError,
    CorruptionError,
    DataDirectoryInUse,
    OSError,
    PartKeepsFailing,
    Refusal,
    SchemaError,
    ServerDidNotStart,
    UnavailableError,
    ValidationError,
    locate.BadAddressError,
    locate.MissingExtraError,
    locate.NotRunningError,
    *_REFUSED_BY_DATABASE,
)
"""What can go wrong without the program being wrong; anything else deserves its traceback."""


def complain(fault: Exception) -> None:
    """Tells one of the `FAILURES` on standard error."""
    if isinstance(fault, ValidationError):
        told = [f"{'.'.join(map(str, one['loc'])).upper()}: {one['msg']}" for one in fault.errors()]
    else:
        told = [_told(fault)]
    for line in told:
        errors.print(f"drypowder: {line}", style="red")


def _told(fault: Exception) -> str:
    match fault:
        case Refusal() if fault.path and not isinstance(fault, NotFound):
            return f"{'.'.join(fault.path)}: {fault.message}"
        case UnavailableError() if fault.__cause__ is not None:
            return f"{fault}: {_reason(fault.__cause__)}"
        case asyncpg.PostgresError():
            return f"the database refuses: {fault}"
        case OSError():
            return _reason(fault)
    return str(fault)


def _reason(fault: BaseException) -> str:
    if isinstance(fault, OSError) and fault.strerror and fault.filename:
        return f"{fault.filename}: {fault.strerror}"
    return " ".join(str(fault).split()) or ("no answer" if isinstance(fault, TimeoutError) else type(fault).__name__)


def with_runtime(do: Callable[["Runtime"], Awaitable[T]], data_dir: Path | None) -> T:
    """Does a command's work on the instance's servers.

    Raises:
        NotRunningError: If there are no servers to work with.
        SchemaError: If this program can't work with the database's schema.
        UnavailableError: If the database can't be reached.
    """
    from infra.runtime import opened

    async def run() -> T:
        async with opened(settings(), *locate.servers(data_dir, redis_needed=False)) as runtime:
            await check_revision(runtime.pool)
            return await do(runtime)

    configure("WARNING", LogFormat.TEXT)
    with tenancy.everyone():
        return asyncio.run(run())


def migrated(database_url: str) -> None:
    """Brings the database to this program's schema.

    Raises:
        CommandError: If the server is too old, or the schema newer than this program.
        UnavailableError: If the database can't be reached.
    """
    from alembic.util.exc import CommandError as MigrationError

    from infra.migrate import UnsupportedServerError, migrate

    try:
        migrate(database_url)
    except (MigrationError, UnsupportedServerError) as fault:
        raise CommandError(str(fault)) from fault


async def existing_fund(runtime: "Runtime", fund: str) -> "FundHead":
    """The head of the fund with this id.

    Raises:
        NotFound: If there is none.
    """
    from api.ids import fund_uuid

    row = await runtime.funds.fund(fund_uuid(fund, "fundId"))
    if row is None:
        message = "No such fund."
        raise NotFound(message, "fundId")
    return row


def is_terminal() -> bool:
    """Whether a person watches standard error, so that progress is worth drawing."""
    return sys.stderr.isatty()
