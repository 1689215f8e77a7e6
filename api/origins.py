"""Origins: which pages may ask from a browser, by HTTP across sites and by WebSocket."""

from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp
from strawberry.http.websocket_origin import is_same_origin, normalize_origin

from api.requests import ASKS_FIRST

ASKED_WITH = ("accept", "content-type", "if-none-match", "traceparent", "x-request-id", *ASKS_FIRST)
TOLD = ("etag", "retry-after", "x-request-id")
REMEMBERED_SECONDS = 600
"""How long a browser needn't ask again."""


class Origins:
    """Pages that may ask, beside those of the address asked itself.

    Args:
        public_url: Address that people reach the API at.
        others: Origins of further pages.
    """

    def __init__(self, public_url: str | None, others: Iterable[str]) -> None:
        self._others = frozenset(found for one in others if (found := normalize_origin(one)) is not None)
        here = None if public_url is None else normalize_origin(public_url)
        self._allowed = self._others if here is None else self._others | {here}

    def may_converse(self, headers: Headers) -> bool:
        """Whether a WebSocket may be opened: browsers let any page try, and tell which one it is."""
        origin = headers.get("origin")
        if origin is None or is_same_origin(origin, headers.get("host")):
            return True
        return normalize_origin(origin) in self._allowed

    def opened(self, app: ASGIApp) -> ASGIApp:
        """The application as pages of those origins may use it, which is unchanged if there are none."""
        if not self._others:
            return app
        return CORSMiddleware(
            app,
            allow_origins=sorted(self._others),
            allow_methods=("GET", "POST"),
            allow_headers=ASKED_WITH,
            expose_headers=TOLD,
            max_age=REMEMBERED_SECONDS,
        )
