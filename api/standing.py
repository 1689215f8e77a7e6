"""Streams that end when whoever asked loses their part in a fund, or their token is revoked."""

import asyncio
from collections.abc import AsyncGenerator
from typing import TypeVar
from uuid import UUID

from api.context import Context, UnauthenticatedError
from api.tokens import REVOKED
from infra.people import TokenRevokedError

T = TypeVar("T")


async def while_standing(context: Context, fund_id: UUID, stream: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
    """What the stream gives, as long as whoever asks may have it, even where it gives nothing.

    Raises:
        NotFound: Once they have no part in the fund any more.
        UnauthenticatedError: Once their token was revoked.
    """
    loop = asyncio.get_running_loop()
    fault: Exception | None = None
    waiting: asyncio.Timeout | None = None

    def end(why: Exception) -> None:
        nonlocal fault
        fault = UnauthenticatedError(REVOKED) if isinstance(why, TokenRevokedError) else why
        if waiting is not None:
            waiting.reschedule(loop.time())

    try:
        with context.runtime.standings.watched(context.someone, fund_id, end):
            while True:
                # A task for each wait would cost more than all the rest.
                try:
                    async with asyncio.timeout(None) as waiting:
                        if fault is not None:
                            raise fault
                        given = await anext(stream)
                except StopAsyncIteration:
                    return
                except TimeoutError:
                    if fault is None:
                        raise
                    raise fault from None
                finally:
                    waiting = None
                yield given
    finally:
        await stream.aclose()
