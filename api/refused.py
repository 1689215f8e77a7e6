"""Requests refused before anything of them is executed, and how that is told."""

from collections.abc import Mapping

from starlette.responses import JSONResponse, Response


class RefusedRequest(Exception):
    """A request that isn't executed.

    Args:
        status: Of the answer.
        message: One sentence for a person.
        code: Of the error.
        headers: Of the answer, beside the usual ones.
    """

    def __init__(
        self, status: int, message: str, code: str = "BAD_USER_INPUT", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.headers = headers or {}

    def errors(self, request_id: str) -> list[dict[str, object]]:
        """What the client is told, in GraphQL's own shape."""
        return [{"message": self.message, "extensions": {"code": self.code, "requestId": request_id}}]

    def answer(self, request_id: str) -> Response:
        """The same by HTTP."""
        headers = {**self.headers, "cache-control": "no-store"}
        return JSONResponse({"errors": self.errors(request_id)}, status_code=self.status, headers=headers)
