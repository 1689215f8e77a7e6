"""Executing one operation, on whatever transport it came."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Coroutine, Iterable
from typing import Any, TypeVar, cast

from starlette.requests import ClientDisconnect
from starlette.types import Receive
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from api.beside import answered
from api.context import Context
from api.course import Course
from api.encoding import encode
from api.refused import RefusedRequest
from api.requests import Operation
from api.schema import schema

A = TypeVar("A")

_STATUS = {
    "UNAUTHENTICATED": 401,
    "FORBIDDEN": 403,
    "RATE_LIMITED": 429,
    "INTERNAL_SERVER_ERROR": 500,
    "UNAVAILABLE": 503,
    "TIMEOUT": 504,
}
"""Of a request refused as a whole, by its error's code; of others it is 400."""


class IsSubscriptionError(Exception):
    """A subscription, which one answer won't do for."""


async def answer(asked: Operation, context: Context, allowed: Iterable[OperationType]) -> ExecutionResult:
    """The one answer to a query or mutation.

    Raises:
        IsSubscriptionError: If it is one.
        RefusedRequest: If it is of no type allowed, or the document has no operation of the name given.
    """

    def execute() -> Awaitable[ExecutionResult]:
        return schema.execute(
            asked.query,
            variable_values=asked.variables,
            context_value=context,
            operation_name=asked.name,
            allowed_operation_types=allowed,
            operation_extensions=asked.extensions,
        )

    try:
        return await answered(execute, asked.query, asked.variables, asked.name)
    except CannotGetOperationTypeError as fault:
        raise RefusedRequest(400, fault.as_http_error_reason()) from None
    except InvalidOperationTypeError as fault:
        if fault.operation_type is OperationType.SUBSCRIPTION:
            raise IsSubscriptionError from None
        raise RefusedRequest(405, "A mutation is asked by POST.", headers={"allow": "POST"}) from None


async def results(
    asked: Operation, context: Context, allowed: Iterable[OperationType] | None = None
) -> AsyncGenerator[ExecutionResult, None]:
    """What is told of an operation, one result for a query or mutation; but what its course delivers itself."""
    stream = await schema.stream(
        asked.query,
        variable_values=asked.variables,
        context_value=context,
        operation_name=asked.name,
        allowed_operation_types=allowed,
        operation_extensions=asked.extensions,
    )
    return cast("AsyncGenerator[ExecutionResult, None]", stream)


def is_refusal(result: ExecutionResult) -> bool:
    """Whether the request was refused as a whole: nothing of it was executed."""
    return result.data is None and all(error.path is None for error in result.errors or [])


def status_of(result: ExecutionResult) -> int:
    """The status that says as much as the answer does."""
    if not is_refusal(result):
        return 200
    codes = [(error.extensions or {}).get("code") for error in result.errors or []]
    return _STATUS.get(str(codes[0]) if codes else "", 400)


def wait_of(result: ExecutionResult) -> int | None:
    """In how many seconds to come again, where it came too often."""
    wait: int | None = next(((error.extensions or {}).get("retryAfter") for error in result.errors or []), None)
    return wait


def payload(result: ExecutionResult) -> str:
    """The answer as JSON; without data where there was none to be had."""
    told: dict[str, Any] = {} if is_refusal(result) else {"data": result.data}
    if result.errors:
        told["errors"] = [error.formatted for error in result.errors]
    if result.extensions:
        told["extensions"] = result.extensions
    return encode(told)


async def left(receive: Receive) -> None:
    """Returns once the client is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def unless_left(receive: Receive, answering: Coroutine[Any, Any, A], course: Course) -> A:
    """What comes of `answering`, which is cancelled when the client leaves, unless it changes something.

    Raises:
        ClientDisconnect: If it has left.
    """
    task, leaving = asyncio.ensure_future(answering), asyncio.ensure_future(left(receive))
    try:
        await asyncio.wait({task, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done() and not course.changes:
            task.cancel()
            await asyncio.wait({task})
            raise ClientDisconnect
        return await task
    finally:
        leaving.cancel()
        task.cancel()
