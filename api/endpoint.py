"""The GraphQL endpoint: what a request or a WebSocket must look like, who asks, and how a refusal is answered."""

import json
import logging
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import uuid4

import msgspec
from cross_web import AsyncHTTPRequestAdapter, HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import ASGIWebSocketAdapter, GraphQL
from strawberry.exceptions import ConnectionRejectionError, MissingQueryError
from strawberry.http import GraphQLRequestData
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler
from strawberry.subscriptions.protocols.graphql_transport_ws.types import ConnectionInitMessage
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType
from strawberry.types.unset import UNSET

from api.beside import answered
from api.context import Context
from api.errors import BROKEN, UNAVAILABLE
from api.schema import schema
from api.security import BadTokenError, Gate
from infra.postgres import UnavailableError
from infra.runtime import Runtime

log = logging.getLogger(__name__)

MOST_BYTES = 2 * 1024 * 1024
"""Of a request: several times what a thousand facts take."""
WENT_WRONG, TRY_AGAIN_LATER = 1011, 1013
"""Codes a WebSocket is closed with for what is our fault; IANA's registry of close codes."""
MOST_REASON_BYTES = 123
"""Of the reason a WebSocket is closed for; RFC 6455, section 5.5."""


class _Socket(ASGIWebSocketAdapter):
    """A WebSocket whose closing always gets through, whatever the reason echoes."""

    async def close(self, code: int, reason: str) -> None:
        await super().close(code, reason.encode(errors="replace")[:MOST_REASON_BYTES].decode(errors="ignore"))


class _Conversation(BaseGraphQLTransportWSHandler[Context, None]):
    """graphql-transport-ws, closed with 4400 by a message that isn't of its shape, and with 1013 by a lost database."""

    async def handle_message(self, message: Any) -> None:  # noqa: ANN401 - whatever JSON the client sent
        if _is_message(message):
            await super().handle_message(message)
        else:
            await self.handle_invalid_message("This is no message of graphql-transport-ws")

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        try:
            await super().handle_connection_init(message)
        except UnavailableError:
            # Try again later, with the same token.
            await self.websocket.close(TRY_AGAIN_LATER, UNAVAILABLE)


def _is_message(given: object) -> bool:
    """Whether JSON has the shape that its type of message needs. Unknown types are told apart later."""
    if not isinstance(given, dict) or not isinstance(given.get("type"), str):
        return False
    payload = given.get("payload")
    if given["type"] in ("subscribe", "complete") and not isinstance(given.get("id"), str):
        return False
    if given["type"] != "subscribe":
        return payload is None or isinstance(payload, dict)
    return isinstance(payload, dict) and isinstance(payload.get("query"), str) and _is_operation(payload)


def _is_operation(given: Mapping[str, object]) -> bool:
    """Whether what may stand beside a query is of its type."""
    objects = (given.get("variables"), given.get("extensions"))
    return isinstance(given.get("operationName"), str | None) and all(isinstance(one, dict | None) for one in objects)


class Endpoint(GraphQL[Context, None]):
    """The GraphQL endpoint.

    Args:
        runtime: The process's parts.
        gate: Lets in whoever has a good token.
        init_seconds: How long a WebSocket may take to send its token.
    """

    websocket_adapter_class = _Socket
    graphql_transport_ws_handler_class = _Conversation

    def __init__(self, runtime: Runtime, gate: Gate, init_seconds: float) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            allow_queries_via_get=False,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
            connection_init_wait_timeout=timedelta(seconds=init_seconds),
        )
        self._runtime = runtime
        self._gate = gate

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:
        """Who asks, by the Authorization header; a WebSocket's token comes with its first message."""
        if isinstance(request, WebSocket):
            return Context(self._runtime, None, "Give a token: Authorization: Bearer …", None)
        admitted, why_not = None, ""
        try:
            admitted = await self._gate.admitted(request.headers.get("authorization"))
        except BadTokenError as fault:
            why_not = str(fault)
        client = request.client.host if request.client else None
        return Context(self._runtime, admitted, why_not, client, request_id=request.state.request_id)

    async def on_ws_connect(self, context: Context) -> Any:  # noqa: ANN401 - the mark of an acknowledgement without payload
        """Refuses (4403) a WebSocket without a good token.

        Raises:
            ConnectionRejectionError: If its token isn't one.
            UnavailableError: If that can't be told now.
        """
        given = context.connection_params
        header = given.get("Authorization", given.get("authorization")) if isinstance(given, dict) else None
        try:
            context.admitted = await self._gate.admitted(header)
        except BadTokenError as fault:
            raise ConnectionRejectionError({"reason": str(fault)}) from None
        return UNSET

    def encode_json(self, data: object) -> str:
        """JSON text: bytes would make binary WebSocket frames."""
        return encode(data)

    def decode_json(self, data: str | bytes) -> object:
        """What JSON text says; strict, where the standard library takes NaN and half surrogate pairs.

        Raises:
            json.JSONDecodeError: If it isn't JSON in UTF-8, or is nested too deeply or has too long a number to read.
        """
        try:
            return msgspec.json.decode(data)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as fault:
            raise json.JSONDecodeError(str(fault), "", 0) from None

    async def parse_http_body(self, request: AsyncHTTPRequestAdapter) -> GraphQLRequestData:
        """The operation that a request's body asks for. Its content type was checked before.

        Raises:
            HTTPException: 400 if it asks for none; 413 if it is too large.
        """
        body = self.parse_json(await request.get_body())
        if not isinstance(body, dict):
            raise HTTPException(400, "The request must be one JSON object.")
        if not isinstance(body.get("query"), str):
            raise HTTPException(400, "query must be a string.")
        if not _is_operation(body):
            raise HTTPException(400, "variables and extensions must be objects, operationName a string.")
        return GraphQLRequestData(
            query=body["query"],
            variables=body.get("variables"),
            operation_name=body.get("operationName"),
            extensions=body.get("extensions"),
        )

    async def execute_operation(
        self,
        request: Request,
        request_adapter: AsyncHTTPRequestAdapter,
        request_data: GraphQLRequestData | list[GraphQLRequestData],
        context: Context,
        root_value: None,
        sub_response: Response,
    ) -> ExecutionResult:
        """The answer to one query or mutation.

        Raises:
            HTTPException: 400 for a subscription, and where the document has no operation of the name given.
        """
        assert isinstance(request_data, GraphQLRequestData), "lists were refused when the body was read"
        query, variables, name = request_data.query, request_data.variables, request_data.operation_name

        def execute() -> Awaitable[ExecutionResult]:
            return self.schema.execute(
                query,
                variable_values=variables,
                context_value=context,
                operation_name=name,
                allowed_operation_types={OperationType.QUERY, OperationType.MUTATION},
                operation_extensions=request_data.extensions,
            )

        try:
            return await answered(execute, query, variables, name)
        except CannotGetOperationTypeError as fault:
            raise HTTPException(400, fault.as_http_error_reason()) from None
        except InvalidOperationTypeError:
            raise HTTPException(400, "A subscription needs a WebSocket.") from None
        except MissingQueryError:
            raise HTTPException(400, "query must not be empty.") from None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers, whatever happens, in GraphQL's own shape and with the request's id."""
        if scope["type"] == "websocket":
            await self._converse(scope, receive, send)
            return
        request = Request(scope, _bounded(receive))
        request_id = request.state.request_id = uuid4().hex
        try:
            _check_head(request)
            response = await self.run(request)
        except HTTPException as fault:
            response = _refused(fault.status_code, "BAD_USER_INPUT", fault.reason, request_id)
        except UnavailableError:
            response = _refused(503, "UNAVAILABLE", UNAVAILABLE, request_id)
        except ClientDisconnect:
            return
        except Exception:
            log.exception("request %s failed", request_id)
            response = _refused(500, "INTERNAL_SERVER_ERROR", BROKEN, request_id)
        response.headers["x-request-id"] = request_id
        if response.status_code == 405:  # noqa: PLR2004 - method not allowed
            response.headers["allow"] = "POST"
        await response(scope, receive, send)

    async def _converse(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except Exception:
            log.exception("a WebSocket failed")
            with suppress(Exception):
                await send({"type": "websocket.close", "code": WENT_WRONG, "reason": BROKEN})


def encode(data: object) -> str:
    """JSON text of an answer. Input may be echoed in a message, so a lone surrogate must not break it."""
    try:
        return msgspec.json.encode(data).decode()
    except UnicodeEncodeError:
        return json.dumps(data)


def _check_head(request: Request) -> None:
    """Refuses what can't be a request before its body is read.

    Raises:
        HTTPException: With the status that says why.
    """
    if request.method != "POST":
        raise HTTPException(405, "GraphQL is asked by POST.")
    # A browser sends other types across origins without asking first.
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise HTTPException(415, "The content type must be application/json.")
    length = request.headers.get("content-length", "0")
    if length.isdigit() and int(length) > MOST_BYTES:
        raise _too_large()


def _bounded(receive: Receive) -> Receive:
    """The same, until more bytes came than a request may have: their number needn't be told beforehand."""
    seen = 0

    async def bounded() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > MOST_BYTES:
            raise _too_large()
        return message

    return bounded


def _too_large() -> HTTPException:
    return HTTPException(413, f"A request has at most {MOST_BYTES} bytes.")


def _refused(status: int, code: str, message: str, request_id: str) -> Response:
    error = {"message": message, "extensions": {"code": code, "requestId": request_id}}
    return JSONResponse({"errors": [error]}, status_code=status)
