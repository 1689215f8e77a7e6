"""A client that costs little: one connection, requests one after another, no parsing beyond what is needed."""

import json
import socket
from types import TracebackType
from typing import Any, Self

from tests.benchmarks.ground import Api

_LENGTH = b"content-length:"
_END = b"\r\n\r\n"


class Client:
    """A kept-alive HTTP connection to the GraphQL endpoint."""

    def __init__(self, api: Api) -> None:
        self._socket = socket.create_connection((api.host, api.port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._head = (
            f"POST /graphql HTTP/1.1\r\nhost: {api.host}:{api.port}\r\ncontent-type: application/json\r\n"
            f"authorization: Bearer {api.token}\r\ncontent-length: "
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def request(self, query: str, variables: dict[str, object]) -> bytes:
        """What goes over the wire for a request."""
        body = json.dumps({"query": query, "variables": variables})
        return f"{self._head}{len(body)}\r\n\r\n{body}".encode()

    def answer(self, request: bytes) -> bytes:
        """The body of the answer.

        Raises:
            OSError: If the connection ends before it is whole.
        """
        self._socket.sendall(request)
        received = b""
        while _END not in received:
            received += self._more()
        head, _, body = received.partition(_END)
        start = head.lower().index(_LENGTH) + len(_LENGTH)
        length = int(head[start:].split(b"\r\n", 1)[0])
        parts, got = [body], len(body)
        while got < length:
            parts.append(self._more())
            got += len(parts[-1])
        return b"".join(parts)

    def _more(self) -> bytes:
        chunk = self._socket.recv(1 << 20)
        if not chunk:
            raise ConnectionError("the API closed the connection")
        return chunk


def data_of(answer: bytes) -> Any:  # noqa: ANN401 - an answer's data may be anything
    """The answer's data.

    Raises:
        RuntimeError: If it holds errors.
    """
    told = json.loads(answer)
    if told.get("errors"):
        raise RuntimeError(str(told["errors"]))
    return told["data"]
