"""Pages of other sites: closed to them, unless their origin is set."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from pydantic import ValidationError
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from api.app import application
from infra.settings import Settings
from tests.api.asking import PROTOCOL, Caller
from tests.api.serving import serving, socket_url
from tests.conftest import SECRET, Servers

PAGE, OTHER = "https://app.example.org", "https://evil.example"
PREFLIGHT = {"access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type"}


@pytest_asyncio.fixture(scope="module")
async def opened(servers: Servers) -> AsyncIterator[httpx.AsyncClient]:
    """An API at a public address, that pages of one more origin may ask."""
    settings = Settings(cors_origins=(PAGE,), public_url="https://funds.example.org/drypowder")
    async with serving(application(settings, servers.database_url, servers.redis_url, SECRET)) as http:
        yield http


async def test_pages_of_other_sites_may_ask_nothing_unless_that_is_set(stranger: Caller) -> None:
    asked = await stranger.http.options("/graphql", headers={"origin": PAGE, **PREFLIGHT})
    assert asked.status_code == 405
    answered = await stranger.http.post("/graphql", json={"query": "{ __typename }"}, headers={"origin": PAGE})
    for response in (asked, answered):
        assert not [name for name in response.headers if name.startswith("access-control-")]


async def test_a_page_of_an_origin_that_is_set_may_ask(opened: httpx.AsyncClient, stranger: Caller) -> None:
    asked = await opened.options("/graphql", headers={"origin": PAGE, **PREFLIGHT})
    assert asked.status_code == 200
    assert asked.headers["access-control-allow-origin"] == PAGE
    assert {"GET", "POST"} == {one.strip() for one in asked.headers["access-control-allow-methods"].split(",")}
    # Nothing but the Authorization header tells who asks.
    assert "access-control-allow-credentials" not in asked.headers
    answered = await opened.post(
        "/graphql", json={"query": "{ viewer { isAdministrator } }"}, headers={"origin": PAGE, **stranger.headers}
    )
    assert answered.json()["data"] == {"viewer": {"isAdministrator": False}}
    assert answered.headers["access-control-allow-origin"] == PAGE
    assert "origin" in answered.headers["vary"].lower()
    assert "x-request-id" in answered.headers["access-control-expose-headers"]


@pytest.mark.parametrize("origin", [OTHER, "null", "https://app.example.org.evil.example", "http://app.example.org"])
async def test_no_other_page_may(opened: httpx.AsyncClient, origin: str) -> None:
    asked = await opened.options("/graphql", headers={"origin": origin, **PREFLIGHT})
    assert asked.status_code == 400
    answered = await opened.post("/graphql", json={"query": "{ __typename }"}, headers={"origin": origin})
    for response in (asked, answered):
        assert "access-control-allow-origin" not in response.headers
    with pytest.raises(InvalidStatus) as refused:
        await connect(socket_url(opened), subprotocols=[PROTOCOL], origin=Origin(origin))
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("origin", [PAGE, "https://funds.example.org", "https://FUNDS.example.org:443"])
async def test_a_page_of_the_public_address_or_an_origin_set_may_open_a_websocket(
    opened: httpx.AsyncClient, origin: str
) -> None:
    async with connect(socket_url(opened), subprotocols=[PROTOCOL], origin=Origin(origin)) as socket:
        assert socket.subprotocol == PROTOCOL


def test_origins_are_a_list_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORS_ORIGINS", f" {PAGE}, http://localhost:5173 ,")
    assert Settings().cors_origins == (PAGE, "http://localhost:5173")


@pytest.mark.parametrize(
    "origins", ["*", "app.example.org", "https://app.example.org/", "https://*.example.org", "null"]
)
def test_what_is_no_origin_stops_the_start(monkeypatch: pytest.MonkeyPatch, origins: str) -> None:
    monkeypatch.setenv("CORS_ORIGINS", origins)
    with pytest.raises(ValidationError):
        Settings()
