"""The pages as a browser receives them: complete, from this server alone, under the security policy."""

import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from api.graphiql import STATIC, routes

PAGES = ["/", "/funds/9d0b6b9e-6f0c-4a55-9f5b-1f4f0f1f7c11/overview", "/graphiql"]


class _Page(HTMLParser):
    """What a page loads and runs."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.inline: list[str] = []
        self._in_script = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, text in attrs:
            if tag != "a" and name in {"src", "href", "srcset", "data", "poster"}:
                self.loaded.append(text or "")
            elif name in {"href", "action"}:
                self.links.append(text or "")
            elif name == "style" or name.startswith("on"):
                self.inline.append(f"{name}={text}")
        self._in_script = tag == "script"
        if tag in {"style", "base", "iframe"}:
            self.inline.append(tag)

    def handle_data(self, data: str) -> None:
        if self._in_script and data.strip():
            self.inline.append(data)

    def handle_endtag(self, _tag: str) -> None:
        self._in_script = False


def browser(static: Path = STATIC) -> httpx.AsyncClient:
    app = Starlette(routes=routes(static))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://drypowder.test")


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    assert STATIC.is_dir(), "the pages under test are built by `make install`"
    async with browser() as opened:
        yield opened


def policy(response: httpx.Response) -> dict[str, set[str]]:
    directives = response.headers["content-security-policy"].split(";")
    return {name: set(sources) for name, *sources in (directive.split() for directive in directives)}


async def asset_paths(client: httpx.AsyncClient) -> list[str]:
    pages = [_Page((await client.get(path)).text) for path in PAGES]
    return sorted({path for page in pages for path in page.loaded})


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_is_html_that_the_browser_asks_for_again(client: httpx.AsyncClient, path: str) -> None:
    page = await client.get(path)
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["cache-control"] == "no-cache"
    again = await client.get(path, headers={"If-None-Match": page.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_may_run_only_what_this_server_sends(client: httpx.AsyncClient, path: str) -> None:
    page = await client.get(path)
    allowed = policy(page)
    assert allowed["default-src"] == {"'none'"}
    assert allowed["script-src"] == {"'self'"}
    assert allowed["connect-src"] == {"'self'"}
    assert allowed.get("style-src") == ({"'self'", "'unsafe-inline'"} if path == "/graphiql" else {"'self'"})
    assert allowed["frame-ancestors"] == allowed["base-uri"] == allowed["form-action"] == {"'none'"}
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_loads_its_assets_from_this_server_and_has_no_inline_code(
    client: httpx.AsyncClient, path: str
) -> None:
    page = _Page((await client.get(path)).text)
    assert page.loaded
    assert [loaded for loaded in page.loaded if not loaded.startswith("/static/assets/")] == []
    assert [link for link in page.links if not re.match(r"/(?!/)", link)] == []
    assert page.inline == []


async def test_an_asset_is_kept_for_ever_because_its_name_carries_a_hash(client: httpx.AsyncClient) -> None:
    for path in await asset_paths(client):
        assert re.search(r"-[\w-]{8}\.(js|css|svg)$", path)
        asset = await client.get(path)
        assert asset.status_code == 200
        assert asset.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert asset.headers["x-content-type-options"] == "nosniff"


async def test_a_worker_is_served_under_the_policy_of_its_page(client: httpx.AsyncClient) -> None:
    workers = sorted((STATIC / "assets").glob("*.worker-*.js"))
    assert {worker.name.split(".")[0] for worker in workers} == {"editor", "graphql", "json"}
    for worker in workers:
        response = await client.get(f"/static/assets/{worker.name}")
        assert response.headers["content-type"].startswith(("text/javascript", "application/javascript"))
        assert policy(response)["connect-src"] == {"'self'"}


async def test_no_built_file_loads_anything_by_an_absolute_address() -> None:
    # Addresses in texts and links to documentation are many and harmless; these are the ways to load one.
    loads = re.compile(
        r"""(?:\bimport\s*\(?|\bfrom|\bimportScripts\(|\bfetch\(|new\s+(?:Shared)?Worker\(|new\s+WebSocket\(|new\s+EventSource\(
            |@import|\burl\()\s*["'`]?\s*(?:https?:|wss?:)?//[\w.]""",
        re.VERBOSE,
    )
    found = {
        file.name: match.group()
        for file in STATIC.rglob("*")
        if file.suffix in {".js", ".css", ".html"} and (match := loads.search(file.read_text(encoding="utf-8")))
    }
    assert found == {}


@pytest.mark.parametrize("path", ["/static/assets/absent-00000000.js", "/static/assets/../index.html", "/static/stamp"])
async def test_only_assets_are_served_as_assets(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 404


@pytest.mark.parametrize("path", PAGES)
async def test_pages_that_were_not_built_say_how_to_build_them(tmp_path: Path, path: str) -> None:
    async with browser(tmp_path / "static") as client:
        page = await client.get(path)
    assert page.status_code == 503
    assert page.headers["content-type"].startswith("text/plain")
    assert "make install" in page.text


async def test_assets_that_were_not_built_are_not_found(tmp_path: Path) -> None:
    async with browser(tmp_path / "static") as client:
        assert (await client.get("/static/assets/graphiql-00000000.js")).status_code == 404
