"""The web pages: the Analytics Hub and GraphiQL, built from `web/` into files that the wheel carries."""

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

# 'self' in connect-src covers the WebSocket of this host and port too.
HUB_POLICY: Final = (
    "default-src 'none'; "
    "script-src 'self'; "
    "style-src 'self'; "
    "img-src 'self'; "
    "connect-src 'self'; "
    "frame-ancestors 'none'; "
    "base-uri 'none'; "
    "form-action 'none'"
)
# Monaco places its lines and colours by inline style, and draws its squiggles from data: images inside its style sheet.
GRAPHIQL_POLICY: Final = (
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
_REVALIDATED: Final = "no-cache"
# Asset names carry a hash of the content.
_IMMUTABLE: Final = "public, max-age=31536000, immutable"

_NOT_BUILT: Final = "The web pages have not been built. Run `make install` in the source folder, then reload.\n"


def manifests(static: Path = STATIC) -> list[Path]:
    """The manifest of the hub's own operations, where the pages have been built."""
    manifest = static / "documents.json"
    return [manifest] if manifest.is_file() else []


def routes(static: Path = STATIC) -> list[BaseRoute]:
    """The hub at `/` and at all addresses below `/funds`, `/graphiql`, and what they load from `/static/assets`.

    Args:
        static: Folder of the built files. While it has no pages, they answer 503 and say how to build them.
    """
    hub = _page(_BuiltFiles(static, policy=HUB_POLICY, cache_control=_REVALIDATED), "index.html")
    graphiql = _page(_BuiltFiles(static, policy=GRAPHIQL_POLICY, cache_control=_REVALIDATED), "graphiql.html")
    # A worker obeys the policy it was served with, not its page's; GraphiQL alone has workers.
    assets = _BuiltFiles(static / "assets", policy=GRAPHIQL_POLICY, cache_control=_IMMUTABLE)
    return [
        Route("/", hub, name="hub"),
        # The page itself finds what the rest of its address means.
        Route("/funds/{rest:path}", hub, name="fund"),
        Route("/graphiql", graphiql, name="graphiql"),
        Mount("/static/assets", assets, name="assets"),
    ]


class _BuiltFiles(StaticFiles):
    """Static files with the security headers and one lifetime."""

    def __init__(self, directory: Path, *, policy: str, cache_control: str) -> None:
        super().__init__(directory=directory, check_dir=False)
        self._headers = {
            "Content-Security-Policy": policy,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": cache_control,
        }

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
