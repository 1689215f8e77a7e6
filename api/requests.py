"""What a request asks for: an operation out of its body, its address, or a WebSocket's message."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from json import JSONDecodeError
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive

from api.encoding import decode
from api.negotiation import JSON, media_type
from api.refused import RefusedRequest

MOST_BYTES = 2 * 1024 * 1024
"""Of a request: several times what a thousand facts take."""
BODY_SECONDS = 20.0
"""How long a request's body may take to arrive."""
ASKS_FIRST = ("authorization", "x-requested-with", "apollo-require-preflight", "graphql-require-preflight")
"""Headers that a browser sends to another site only once that allowed it."""


@dataclass(frozen=True, slots=True)
class Operation:
    """A document or its id in the manifest, and what to run of it with what."""

    query: str | None = None
    document_id: str | None = None
    variables: dict[str, Any] | None = None
    name: str | None = None
    extensions: dict[str, Any] | None = None


def operation(given: object) -> Operation:
    """The operation of a request's parameters.

    Raises:
        RefusedRequest: 400, if there is none.
    """
    if not isinstance(given, dict):
        raise RefusedRequest(400, "The request must be one JSON object.")
    query, document_id, name = given.get("query"), given.get("documentId"), given.get("operationName")
    variables, extensions = given.get("variables"), given.get("extensions")
    if document_id is None and not isinstance(query, str):
        raise RefusedRequest(400, "query must be a string.")
    if document_id is not None and (query or not isinstance(document_id, str)):
        raise RefusedRequest(400, "documentId must be a string, without a query beside it.")
    if not (
        isinstance(name, str | None) and isinstance(variables, dict | None) and isinstance(extensions, dict | None)
    ):
        raise RefusedRequest(400, "variables and extensions must be objects, operationName a string.")
    return Operation(query or None, document_id, variables, name, extensions)


async def posted(request: Request) -> Operation:
    """The operation of a POST.

    Raises:
        RefusedRequest: If it is too large, of another type, arrives too slowly, or asks for no operation.
        ClientDisconnect: If the client leaves before it has said all.
    """
    # A browser sends other types across origins without asking first.
    kind, charset = media_type(request.headers.get("content-type", ""))
    if kind != JSON or charset not in (None, "utf-8", "utf8"):
        raise RefusedRequest(415, "The content type must be application/json, in UTF-8.")
    length = request.headers.get("content-length", "0")
    if length.isdigit() and int(length) > MOST_BYTES:
        raise _too_large()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            body = await _body(request.receive)
    except TimeoutError:
        message = f"The request must arrive within {BODY_SECONDS:g} seconds."
        raise RefusedRequest(408, message, headers={"connection": "close"}) from None
    asked = operation(_read(body))
    if asked.query is None and asked.document_id is None:
        raise RefusedRequest(400, "query must not be empty.")
    return asked


async def _body(receive: Receive) -> bytes:
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        more = message.get("more_body", False)
        # The number of its bytes needn't be told beforehand.
        if len(body) > MOST_BYTES:
            raise _too_large()
    return bytes(body)


def _too_large() -> RefusedRequest:
    return RefusedRequest(413, f"A request has at most {MOST_BYTES} bytes.")


def addressed(request: Request) -> Operation:
    """The operation of a GET.

    Raises:
        RefusedRequest: If it asks for none, or a page of another site asks without having asked whether it may.
    """
    given: Mapping[str, str] = request.query_params
    objects = {name: _read(given[name]) for name in ("variables", "extensions") if given.get(name)}
    named = {name: given[name] for name in ("query", "documentId", "operationName") if given.get(name)}
    asked = operation({**named, **objects})
    if asked.document_id is None and _crosses(request):
        raise RefusedRequest(403, f"A page of another site must send one of {', '.join(ASKS_FIRST)}.", "FORBIDDEN")
    return asked


def _crosses(request: Request) -> bool:
    """Whether a browser sends this for another site's page, or opens it as one, without asking first."""
    if any(name in request.headers for name in ASKS_FIRST):
        return False
    return (
        request.headers.get("sec-fetch-site", "same-origin") != "same-origin"
        or request.headers.get("sec-fetch-mode") == "navigate"
    )


def _read(text: str | bytes) -> object:
    try:
        return decode(text)
    except JSONDecodeError:
        raise RefusedRequest(400, "The request isn't JSON that can be read.") from None
