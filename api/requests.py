"""What a request must look like before anything of it is executed."""

from collections.abc import Mapping

from cross_web import HTTPException
from starlette.requests import Request
from starlette.types import Message, Receive

MOST_BYTES = 2 * 1024 * 1024
"""Of a request: several times what a thousand facts take."""


def check_head(request: Request) -> None:
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


def bounded(receive: Receive) -> Receive:
    """The same, until more bytes came than a request may have: their number needn't be told beforehand."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > MOST_BYTES:
            raise _too_large()
        return message

    return counted


def _too_large() -> HTTPException:
    return HTTPException(413, f"A request has at most {MOST_BYTES} bytes.")


def is_operation(given: Mapping[str, object]) -> bool:
    """Whether what may stand beside a query is of its type."""
    objects = (given.get("variables"), given.get("extensions"))
    return isinstance(given.get("operationName"), str | None) and all(isinstance(one, dict | None) for one in objects)
