"""Observing: every request and operation gets its trail, its line in the log, its time and its span."""

import logging
from asyncio import CancelledError
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from inspect import iscoroutinefunction
from time import perf_counter
from typing import Any, cast

from graphql import GraphQLResolveInfo, GraphQLSchema
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from strawberry.extensions import SchemaExtension
from strawberry.schema.exceptions import CannotGetOperationTypeError
from strawberry.types import ExecutionContext
from strawberry.utils.await_maybe import await_maybe

from api.context import Context
from infra.metrics import Metrics
from infra.tracing import first_span, span
from infra.trail import Trail, followed, here, request_id_from

log = logging.getLogger(__name__)

LEFT = "LEFT"
"""In place of a code, where whoever asked was gone before the end."""
LIMITS = ("COST_LIMIT_EXCEEDED", "RATE_LIMITED", "TIMEOUT", "TOO_MANY_SUBSCRIPTIONS")
"""Codes of operations that were refused or ended by a limit. Others than operations count for themselves."""
MOST_LETTERS = 64
"""Of an operation's name, as it is told."""
STREAM = b"text/event-stream"
LEAST_STATUS_OF_A_REFUSAL = 400


class Observing:
    """The endpoint with each request's id in its scope's state, and its connections counted.

    Args:
        endpoint: What answers.
    """

    def __init__(self, endpoint: ASGIApp, metrics: Metrics) -> None:
        self._endpoint = endpoint
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers under a trail of the request's own."""
        if scope["type"] == "websocket":
            with self._metrics.connections.labels("websocket").track_inprogress():
                await self._endpoint(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = request_id_from(headers.get("x-request-id"))
        scope.setdefault("state", {})["request_id"] = request_id
        exchange = _Exchange(send, self._metrics)
        with followed(Trail(request_id)), first_span("request", request_id, headers.get("traceparent")):
            try:
                await self._endpoint(scope, receive, exchange.send)
            finally:
                exchange.end()


class _Exchange:
    """One request's answer on its way out."""

    def __init__(self, send: Send, metrics: Metrics) -> None:
        self._send = send
        self._metrics = metrics
        self._began = perf_counter()
        self._status = 0
        self._streams = False

    async def send(self, message: Message) -> None:
        """Sends, and notes what is sent."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            kind = dict(message["headers"]).get(b"content-type", b"")
            if kind.startswith(STREAM):
                self._streams = True
                self._metrics.connections.labels("sse").inc()
        await self._send(message)

    def end(self) -> None:
        """Counts what no operation was: a request refused before its operation was known, or one broken off."""
        if self._streams:
            self._metrics.connections.labels("sse").dec()
        trail = here()
        if trail is not None and not trail.told:
            code = str(self._status) if self._status >= LEAST_STATUS_OF_A_REFUSAL else LEFT
            _tell(self._metrics, "none", code, perf_counter() - self._began)


class Observed(SchemaExtension):
    """Tells what came of each operation, and has its execution traced."""

    def on_operation(self) -> Iterator[None]:
        """Follows the operation."""
        asked = self.execution_context
        context = cast("Context", asked.context)
        trail = here()
        # Of a WebSocket each has its own.
        self._is_first = trail is None
        trail = trail or Trail(context.request_id)
        if context.admitted is not None:
            trail.person_id = str(context.admitted.person.id)
        began = perf_counter()
        code = None
        with followed(trail):
            try:
                yield
                code = _code(asked)
            except (CancelledError, GeneratorExit):
                code = LEFT
                raise
            finally:
                if code is not None:
                    trail.told = True
                    _tell(context.runtime.metrics, _kind(asked), code, perf_counter() - began)

    def on_execute(self) -> Iterator[None]:
        """Has the execution traced; of a subscription, only its beginning."""
        asked, trail = self.execution_context, here()
        assert trail is not None, "the operation has one"
        trail.operation = (asked.operation_name or "")[:MOST_LETTERS]
        with (
            first_span("operation", trail.request_id, kind=_kind(asked), operation=trail.operation)
            if self._is_first
            else span("operation", kind=_kind(asked), operation=trail.operation)
        ):
            yield


def _kind(asked: ExecutionContext) -> str:
    """Query, mutation or subscription; none where that was never known."""
    try:
        return asked.operation_type.value
    except (RuntimeError, CannotGetOperationTypeError):
        return "none"


def _code(asked: ExecutionContext) -> str:
    """Code of what came of an operation: that of its first error."""
    errors = getattr(asked.result, "errors", None) or asked.pre_execution_errors
    if not errors:
        return "OK"
    return str((errors[0].extensions or {}).get("code", "INTERNAL_SERVER_ERROR"))


def _tell(metrics: Metrics, kind: str, code: str, seconds: float) -> None:
    metrics.operations.labels(kind, code).observe(seconds)
    if code in LIMITS:
        metrics.limited.labels(code).inc()
    log.info("answered", extra={"about": {"kind": kind, "code": code, "seconds": round(seconds, 4)}})


def observe(schema: GraphQLSchema) -> None:
    """Has every root field timed and traced, and running subscriptions counted."""
    for kind in (schema.query_type, schema.mutation_type):
        for name, field in (kind.fields if kind else {}).items():
            assert field.resolve is not None, "every root field has a resolver"
            field.resolve = _timed(f"{kind}.{name}", field.resolve)
    for name, field in (schema.subscription_type.fields if schema.subscription_type else {}).items():
        assert field.subscribe is not None, "every subscription has a source"
        field.subscribe = _counted(name, field.subscribe)


def _timed(name: str, resolve: Callable[..., Any]) -> Callable[..., object]:
    def timed(source: object, info: GraphQLResolveInfo[Context], **arguments: object) -> object:
        with info.context.runtime.metrics.resolvers.labels(name).time(), span(name):
            return resolve(source, info, **arguments)

    async def timed_while_awaited(source: object, info: GraphQLResolveInfo[Context], **arguments: object) -> object:
        with info.context.runtime.metrics.resolvers.labels(name).time(), span(name):
            return await resolve(source, info, **arguments)

    return timed_while_awaited if iscoroutinefunction(resolve) else timed


def _counted(name: str, subscribe: Callable[..., Any]) -> Callable[..., AsyncGenerator[object, None]]:
    async def counted(
        source: object, info: GraphQLResolveInfo[Context], **arguments: object
    ) -> AsyncGenerator[object, None]:
        running = info.context.runtime.metrics.subscriptions.labels(name)
        with running.track_inprogress():
            # Closed at once when the client goes.
            async with aclosing(await await_maybe(subscribe(source, info, **arguments))) as events:
                async for one in events:
                    yield one

    return counted
