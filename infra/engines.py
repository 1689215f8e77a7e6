"""Engines: SQLAlchemy on our connections, for lists and migrations. What needs neither starts without loading it."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from infra.postgres import GONE, UNREACHABLE, UnavailableError, connect, translated

LIST_CONNECTIONS = 2
"""Connections of the lists' engine: its queries are few and short."""


@contextmanager
def engine_translated() -> Iterator[None]:
    """`translated`, also for what an engine makes of a lost or refused connection."""
    with translated():
        try:
            yield
        except PoolTimeoutError as fault:
            raise UnavailableError(UNREACHABLE) from fault
        except DBAPIError as fault:
            # The engine wraps its driver's fault, which wraps asyncpg's.
            if fault.connection_invalidated or isinstance(getattr(fault.orig, "__cause__", None), GONE):
                raise UnavailableError(UNREACHABLE) from fault
            raise


def list_engine(database_url: str) -> AsyncEngine:
    """An engine for short queries."""
    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: connect(database_url),
        pool_size=LIST_CONNECTIONS,
        # A connection that died with the server is replaced, not handed out.
        pool_pre_ping=True,
    )
