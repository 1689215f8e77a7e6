"""Clocks: how far a server's is from this machine's."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from infra.examining.finding import Finding, good, wrong

MOST_SECONDS = 2.0
"""Apart. Beyond, tokens seem expired or not yet good, and facts recorded now seem to lie ahead."""


async def examine_clock(server: str, ask: Callable[[], Awaitable[datetime]]) -> Finding:
    """How far a server's clock is from this machine's, as far as the time it took to answer lets that be told."""
    before = datetime.now(UTC)
    told = await ask()
    after = datetime.now(UTC)
    apart = max((before - told).total_seconds(), (told - after).total_seconds(), 0.0)
    what = f"{server} clock"
    if apart > MOST_SECONDS:
        message = f"is {apart:,.1f} s apart from this machine's"
        return wrong(what, message, "Have both machines set their clocks by NTP.")
    return good(what, "agrees with this machine's")
