"""The time an operation may take: a query is ended, a change runs to its end and only its client is told to look."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from graphql import ExecutionResult
from strawberry.types import ExecutionContext
from strawberry.types.graphql import OperationType

from api.limits.refusals import TooMuchError

CHANGES_TAKE = 4
"""Times as long as questions: a client that doesn't know what became of a change must ask."""

_unfinished: set[asyncio.Task[Any]] = set()


async def in_time(asked: ExecutionContext, executing: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - strawberry's own
    """What comes of executing an operation, or that it took too long."""
    seconds = asked.context.runtime.settings.operation_timeout
    changes = asked.operation_type is OperationType.MUTATION
    try:
        if changes:
            async with asyncio.timeout(seconds * CHANGES_TAKE):
                return await asyncio.shield(_kept(executing))
        async with asyncio.timeout(seconds):
            return await executing
    except TimeoutError:
        message = f"The query took more than {seconds:g} seconds and was ended."
        if changes:
            message = (
                "The change takes long and goes on: send it again with the same idempotencyKey to learn what became of "
                "it, or look."
            )
        asked.result = ExecutionResult(None, [TooMuchError("TIMEOUT", message)])
        return asked.result


def _kept(executing: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """A task that nobody else need hold."""
    task = asyncio.create_task(executing)
    _unfinished.add(task)
    task.add_done_callback(_unfinished.discard)
    return task
