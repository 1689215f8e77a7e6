"""PostgreSQL: the connection pool, and what its failures mean to callers."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TypeAlias, cast
from urllib.parse import urlsplit, urlunsplit

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from infra import tenancy

Connection: TypeAlias = asyncpg.Connection | PoolConnectionProxy
"""A connection, of its own or lent by a pool."""

APPLICATION_ROLE = "drypowder_app"
"""Who the application works as where its login may."""
_SERVER_SETTINGS = {
    "application_name": "drypowder",
    # Compiles for milliseconds what these statements do in microseconds.
    "jit": "off",
    "timezone": "UTC",
}
# A login that isn't the role's goes on as it is: row-level security is forced on owners too.
_BECOME = "SELECT set_config('role', rolname, false) FROM pg_roles WHERE rolname = $1 AND pg_has_role(oid, 'MEMBER')"

_SET_SCOPE = f"SELECT set_config('{tenancy.SETTING}', $1, false)"
SET_SCOPE_OF_TRANSACTION = f"SELECT set_config('{tenancy.SETTING}', $1, true)"

CLOSING_SECONDS = 1.0
"""How long what is under way is waited for when a pool is closed."""
COMMAND_SECONDS = 60.0
"""Longest single statement of the API and the jobs; an import's transaction is many statements."""

GONE = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    # What a connection says that is given back to its pool while it is being lost.
    asyncpg.InternalClientError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    OSError,
    TimeoutError,
)
"""Faults of a connection that is lost, refused or too slow."""
UNREACHABLE = "the database can't be reached"


class UnavailableError(Exception):
    """The database or Redis can't be reached now: back off and try again."""


@contextmanager
def translated() -> Iterator[None]:
    """Turns a lost or refused connection inside into `UnavailableError`; refusals by the database pass as they are."""
    try:
        yield
    except GONE as fault:
        raise UnavailableError(UNREACHABLE) from fault


def plain_url(url: str) -> str:
    """The address as asyncpg takes it: SQLAlchemy's `+driver` left out."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(scheme=parts.scheme.partition("+")[0]))


async def the_row(connection: Connection | asyncpg.Pool, query: str, *arguments: object) -> asyncpg.Record:
    """The one row of a query that always has one."""
    row = await connection.fetchrow(query, *arguments)
    assert row is not None, "this query has a row"
    return row


class ScopedConnection(asyncpg.Connection):
    """A connection that knows for whom it works, and is lent on as it is: whoever is lent it tells it anew.

    asyncpg's own clean-up at each release is a round trip that undoes what nobody here does; a lock that outlives its
    transaction says so by `unlock_at_release`.
    """

    __slots__ = ("_locked", "_setting")

    async def act(self, setting: str) -> None:
        """Shows the rows of these organisations from now on, and no others."""
        if getattr(self, "_setting", "") != setting:
            # Whatever happens on the way, it isn't taken for told.
            self._setting = None
            await self.execute(_SET_SCOPE, setting)
            self._setting = setting

    def unlock_at_release(self) -> None:
        """Has the locks that are held given back with the connection, however its user ends."""
        self._locked = True

    def get_reset_query(self) -> str:
        """What is sent at release; nothing, unless a lock was told of."""
        if not getattr(self, "_locked", False):
            return ""
        self._locked = False
        return "SELECT pg_advisory_unlock_all()"


async def connect(url: str) -> ScopedConnection:
    """A connection that works as the application's role; it sees no rows until it is told whose."""
    made: ScopedConnection = await asyncpg.connect(
        plain_url(url),
        connection_class=ScopedConnection,
        command_timeout=COMMAND_SECONDS,
        server_settings=_SERVER_SETTINGS,
    )
    await _become(made)
    return made


async def open_pool(url: str, size: int, *, least: int = 1) -> asyncpg.Pool:
    """A pool of up to `size` connections, `least` of them opened at once; each works within the scope of its user.

    Raises:
        UnavailableError: If the server can't be reached.
    """
    with translated():
        return await asyncpg.create_pool(
            plain_url(url),
            min_size=least,
            max_size=size,
            connection_class=ScopedConnection,
            init=_become,
            setup=_enter,
            command_timeout=COMMAND_SECONDS,
            server_settings=_SERVER_SETTINGS,
        )


async def _become(connection: Connection) -> None:
    await connection.execute(_BECOME, APPLICATION_ROLE)


async def _enter(connection: PoolConnectionProxy) -> None:
    # The stand-in that a pool lends passes on what it doesn't know.
    await cast("ScopedConnection", connection).act(tenancy.scope().setting)


async def close_pool(pool: asyncpg.Pool) -> None:
    """Closes a pool; a statement that is still under way after a moment is cut off."""
    # Cancelled, it breaks off its connections.
    with suppress(TimeoutError):
        await asyncio.wait_for(pool.close(), CLOSING_SECONDS)
