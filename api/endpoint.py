"""The GraphQL endpoint: who asks, in which shape they are answered, and what becomes of what goes wrong."""

import logging
from contextlib import suppress
from hashlib import sha256
from uuid import uuid4

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from api.context import Context
from api.conversation import PROTOCOL, TRY_AGAIN_LATER, Conversation
from api.errors import BROKEN, UNAVAILABLE
from api.execution import IsSubscriptionError, answer, payload, status_of, unless_left, wait_of
from api.limits.connections import FullError, held, held_of
from api.negotiation import EVENTS, JSON, Accepted
from api.origins import Origins
from api.refused import RefusedRequest
from api.requests import Operation, addressed, posted
from api.security import Gate
from api.sse import EventStream
from api.tokens import BadTokenError
from api.trusted import TrustedDocuments
from infra.postgres import UnavailableError
from infra.runtime import Runtime

log = logging.getLogger(__name__)

WENT_WRONG = 1011
"""Code a WebSocket is closed with for what is our fault; IANA's registry of close codes."""
NO_PROTOCOL = 4406
"""Code a WebSocket is closed with that speaks another protocol; graphql-transport-ws's own."""
LATER_SECONDS = 5
"""After which another connection may find a place."""
ALLOWED = "GET, POST"
DIFFERS = "Authorization, Accept"
"""Headers that an answer depends on."""


class Endpoint:
    """The GraphQL endpoint.

    Args:
        runtime: The process's parts.
        gate: Who is let in.
        documents: Those known by their ids.
        origins: Which pages may ask.
        init_seconds: How long a WebSocket may take to send its token.
    """

    def __init__(
        self, runtime: Runtime, gate: Gate, documents: TrustedDocuments, origins: Origins, init_seconds: float
    ) -> None:
        self._runtime = runtime
        self._gate = gate
        self._documents = documents
        self._origins = origins
        self._init_seconds = init_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers, whatever happens, in GraphQL's own shape and with the request's id."""
        if scope["type"] == "websocket":
            await self._converse(scope, receive, send)
            return
        request = Request(scope, receive)
        request_id = scope.setdefault("state", {}).setdefault("request_id", uuid4().hex)
        try:
            response = await self._answer(request, request_id, send)
        except RefusedRequest as fault:
            response = fault.answer(request_id)
        except UnavailableError:
            response = RefusedRequest(503, UNAVAILABLE, "UNAVAILABLE").answer(request_id)
        except ClientDisconnect:
            return
        except Exception:
            log.exception("request %s failed", request_id)
            response = RefusedRequest(500, BROKEN, "INTERNAL_SERVER_ERROR").answer(request_id)
        if response is not None:
            response.headers["x-request-id"] = request_id
            await response(scope, receive, send)

    async def _answer(self, request: Request, request_id: str, send: Send) -> Response | None:
        """The answer; None where it was streamed already."""
        if request.method not in ("GET", "POST"):
            raise RefusedRequest(405, "GraphQL is asked by POST, a query by GET too.", headers={"allow": ALLOWED})
        accepted = Accepted(request.headers.getlist("accept"))
        media = accepted.best
        if media is None:
            raise RefusedRequest(406, "An answer is JSON, or server-sent events.")
        asked = self._documents.resolved(addressed(request) if request.method == "GET" else await posted(request))
        allowed = {OperationType.QUERY, *([OperationType.MUTATION] if request.method == "POST" else [])}
        context = await self._context(request, request_id)
        context.course.asked = asked
        if media != EVENTS:
            try:
                result = await unless_left(request.receive, answer(asked, context, allowed), context.course)
                return _answered(request, asked, result, media)
            except IsSubscriptionError:
                if not accepted.names(EVENTS):
                    message = f"A subscription needs a WebSocket, or to be accepted as {EVENTS}."
                    raise RefusedRequest(400, message) from None
        stream = EventStream(asked, context, allowed | {OperationType.SUBSCRIPTION}, request.receive, send)
        try:
            with held(self._runtime), held_of(self._runtime, context), request.scope["drain"].may_dismiss(stream):
                await stream.run({"vary": DIFFERS, "x-request-id": request_id})
        except FullError as fault:
            status, headers = 429 if fault.own else 503, {"retry-after": str(LATER_SECONDS)}
            raise RefusedRequest(status, str(fault), "TOO_MANY_CONNECTIONS", headers) from None
        return None

    async def _context(self, request: Request, request_id: str) -> Context:
        """Who asks, by the Authorization header."""
        admitted, why_not = None, ""
        try:
            admitted = await self._gate.admitted(request.headers.get("authorization"))
        except BadTokenError as fault:
            why_not = str(fault)
        client = request.client.host if request.client else None
        return Context(self._runtime, admitted, why_not, client, request_id=request_id)

    async def _converse(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Talks over a WebSocket."""
        await receive()
        if not self._origins.may_converse(Headers(scope=scope)):
            # Before it is accepted: answered with 403.
            await send({"type": "websocket.close", "code": 1008})
            return
        speaks = PROTOCOL in scope["subprotocols"]
        try:
            await send({"type": "websocket.accept", "subprotocol": PROTOCOL if speaks else None})
            if not speaks:
                await send({"type": "websocket.close", "code": NO_PROTOCOL, "reason": "Subprotocol not acceptable"})
                return
            # Its token comes with its first message.
            context = Context(self._runtime, None, "", scope["client"][0] if scope.get("client") else None)
            conversation = Conversation(receive, send, context, self._gate, self._documents, self._init_seconds)
            with held(self._runtime), scope["drain"].may_dismiss(conversation):
                await conversation.hold()
        except FullError as fault:
            await send({"type": "websocket.close", "code": TRY_AGAIN_LATER, "reason": str(fault)})
        except Exception:
            log.exception("a WebSocket failed")
            with suppress(Exception):
                await send({"type": "websocket.close", "code": WENT_WRONG, "reason": BROKEN})


def _answered(request: Request, asked: Operation, result: ExecutionResult, media: str) -> Response:
    """The answer to one query or mutation.

    As `application/json` it has status 200 for the clients that know no other, but for what came too often: proxies and
    clients slow down by that.
    """
    status, body = 200 if media == JSON else status_of(result), payload(result).encode()
    headers = {"content-type": f"{media}; charset=utf-8", "vary": DIFFERS, "cache-control": "no-store"}
    wait = wait_of(result)
    if wait is not None:
        status, headers["retry-after"] = 429, str(wait)
    if request.method == "GET" and asked.document_id is not None and not result.errors:
        tag = f'"{sha256(body).hexdigest()[:32]}"'
        # Anybody may keep it but for themselves, and must ask whether it still holds.
        headers |= {"cache-control": "private, no-cache", "etag": tag}
        known = {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
        if tag in known or "*" in known:
            return Response(
                status_code=304, headers={name: headers[name] for name in ("vary", "cache-control", "etag")}
            )
    return Response(body, status, headers)
