"""The GraphQL endpoint: who asks, what is executed for them, and how a refusal is answered."""

import logging
from collections.abc import Awaitable
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import uuid4

from cross_web import AsyncHTTPRequestAdapter, HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError, MissingQueryError
from strawberry.http import GraphQLRequestData
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType
from strawberry.types.unset import UNSET

from api.beside import answered
from api.context import Context
from api.conversation import Conversation, Socket
from api.encoding import decode, encode
from api.errors import BROKEN, UNAVAILABLE
from api.requests import bounded, check_head, is_operation
from api.schema import schema
from api.security import BadTokenError, Gate
from infra.postgres import UnavailableError
from infra.runtime import Runtime

log = logging.getLogger(__name__)

WENT_WRONG = 1011
"""Code a WebSocket is closed with for what is our fault; IANA's registry of close codes."""


class Endpoint(GraphQL[Context, None]):
    """The GraphQL endpoint.

    Args:
        runtime: The process's parts.
        gate: Lets in whoever has a good token.
        init_seconds: How long a WebSocket may take to send its token.
    """

    websocket_adapter_class = Socket
    graphql_transport_ws_handler_class = Conversation

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
        """What JSON text says."""
        return decode(data)

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
        if not is_operation(body):
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
        request = Request(scope, bounded(receive))
        request_id = request.state.request_id = uuid4().hex
        try:
            check_head(request)
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


def _refused(status: int, code: str, message: str, request_id: str) -> Response:
    error = {"message": message, "extensions": {"code": code, "requestId": request_id}}
    return JSONResponse({"errors": [error]}, status_code=status)
