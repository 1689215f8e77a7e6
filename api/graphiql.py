"""The web pages: the start page and GraphiQL, built from `web/` into files that the wheel carries."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from os import PathLike, stat_result
from pathlib import Path
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

STATIC: Final = Path(__file__).parent / "static"

# 'self' in connect-src covers the WebSocket of this host and port too. Monaco places its lines and colours by inline
# style, and draws its squiggles from data: images inside its style sheet.
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; "
    "script-src 'self'; "
    "style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; "
    "font-src 'self'; "
    "connect-src 'self'; "
    "worker-src 'self'; "
    "frame-ancestors 'none'; "
    "base-uri 'none'; "
    "form-action 'none'"
)

# On the assets too: a worker obeys the policy it was served with, not its page's.
_SECURITY: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_REVALIDATED: Final = "no-cache"
# Asset names carry a hash of the content.
_IMMUTABLE: Final = "public, max-age=31536000, immutable"

_NOT_BUILT: Final = "The web pages have not been built. Run `make install` in the source folder, then reload.\n"


def routes(static: Path = STATIC) -> list[BaseRoute]:
    """The pages `/` and `/graphiql`, and what they load from `/static/assets`.

    Args:
        static: Folder of the built files. While it has no pages, they answer 503 and say how to build them.
    """
    pages = _BuiltFiles(static, cache_control=_REVALIDATED)
    assets = _BuiltFiles(static / "assets", cache_control=_IMMUTABLE)
    return [
        Route("/", _page(pages, "index.html"), name="start"),
        Route("/graphiql", _page(pages, "graphiql.html"), name="graphiql"),
        Mount("/static/assets", assets, name="assets"),
    ]


class _BuiltFiles(StaticFiles):
    """Static files with the security headers and one lifetime."""

    def __init__(self, directory: Path, *, cache_control: str) -> None:
        super().__init__(directory=directory, check_dir=False)
        self._headers = {**_SECURITY, "Cache-Control": cache_control}

    async def check_config(self) -> None:
        """Accepts a missing folder: the API is complete without its pages."""

    def file_response(
        self, full_path: str | PathLike[str], stat_result: stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """The file, or 304 when the browser has it."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers.update(self._headers)
        return response


def _page(pages: StaticFiles, name: str) -> Callable[[Request], Awaitable[Response]]:
    async def respond(request: Request) -> Response:
        try:
            return await pages.get_response(name, request.scope)
        except HTTPException as refused:
            if refused.status_code != HTTPStatus.NOT_FOUND:
                raise
            return PlainTextResponse(
                _NOT_BUILT, status_code=HTTPStatus.SERVICE_UNAVAILABLE, headers={"Cache-Control": "no-store"}
            )

    return respond
