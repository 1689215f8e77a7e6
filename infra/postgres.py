"""PostgreSQL: the connection pool, and what its failures mean to callers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeAlias
from urllib.parse import urlsplit, urlunsplit

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from sqlalchemy.exc import DBAPIError, TimeoutError as PoolTimeoutError

Connection: TypeAlias = asyncpg.Connection | PoolConnectionProxy
"""A connection, of its own or lent by a pool."""

COMMAND_SECONDS = 60.0
"""Longest single statement of the API and the jobs; an import's transaction is many statements."""

_GONE = (
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
    PoolTimeoutError,
)


class UnavailableError(Exception):
    """The database or Redis can't be reached now: back off and try again."""


@contextmanager
def translated() -> Iterator[None]:
    """Turns a lost or refused connection inside into `UnavailableError`; refusals by the database pass as they are."""
    message = "the database can't be reached"
    try:
        yield
    except _GONE as fault:
        raise UnavailableError(message) from fault
    except DBAPIError as fault:
        # The lists' engine wraps its driver's fault, which wraps asyncpg's.
        if fault.connection_invalidated or isinstance(getattr(fault.orig, "__cause__", None), _GONE):
            raise UnavailableError(message) from fault
        raise


def plain_url(url: str) -> str:
    """The address as asyncpg takes it: SQLAlchemy's `+driver` left out."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(scheme=parts.scheme.partition("+")[0]))


async def the_row(connection: Connection | asyncpg.Pool, query: str, *arguments: object) -> asyncpg.Record:
    """The one row of a query that always has one."""
    row = await connection.fetchrow(query, *arguments)
    assert row is not None, "this query has a row"
    return row


async def open_pool(url: str, size: int, *, least: int = 1) -> asyncpg.Pool:
    """A pool of up to `size` connections, `least` of them opened at once.

    Raises:
        UnavailableError: If the server can't be reached.
    """
    with translated():
        return await asyncpg.create_pool(
            plain_url(url),
            min_size=least,
            max_size=size,
            command_timeout=COMMAND_SECONDS,
            # jit compiles for milliseconds what these statements do in microseconds.
            server_settings={"application_name": "drypowder", "jit": "off", "timezone": "UTC"},
        )
