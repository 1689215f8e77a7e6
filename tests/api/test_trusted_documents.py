"""Trusted documents: asked for by their ids, alone where that is set, and kept by browsers with an entity tag."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from api.app import application
from api.trusted import ManifestError
from infra.settings import Settings
from tests.api.asking import RECORD, Caller, Json, OpenedFund, conversing, event
from tests.api.serving import serving, socket_url
from tests.conftest import SECRET, Servers

VERSION = "query Version($id: ID!) { fund(id: $id) { version } }"
FOLLOW = "subscription ($id: ID!) { fundEvents(fundId: $id, afterVersion: 0) { version } }"
MANIFEST = {"version": VERSION, "follow": FOLLOW, "record": RECORD, "sha256:00": "{ __typename }", "broken": "{"}


def set_up(servers: Servers, folder: Path, *, only: bool) -> Settings:
    path = folder / "documents.json"
    path.write_text(json.dumps(MANIFEST))
    return Settings(trusted_documents=path, trusted_documents_only=only)


@pytest_asyncio.fixture(scope="module")
async def free(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    """An API that knows `MANIFEST`, and takes other documents too."""
    settings = set_up(servers, tmp_path_factory.mktemp("free"), only=False)
    async with serving(application(settings, servers.database_url, servers.redis_url, SECRET)) as http:
        yield http


@pytest_asyncio.fixture(scope="module")
async def strict(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    """An API that takes no other documents."""
    settings = set_up(servers, tmp_path_factory.mktemp("strict"), only=True)
    async with serving(application(settings, servers.database_url, servers.redis_url, SECRET)) as http:
        yield http


async def post(http: httpx.AsyncClient, fund: OpenedFund, **body: object) -> httpx.Response:
    return await http.post("/graphql", json=body, headers=fund.analyst.headers)


async def get(http: httpx.AsyncClient, fund: OpenedFund, id: str = "version", **headers: str) -> httpx.Response:
    given = {"documentId": id, "variables": json.dumps({"id": fund.id})}
    return await http.get("/graphql", params=given, headers={**fund.analyst.headers, **headers})


def code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["errors"][0]["extensions"]["code"]


async def test_a_document_is_asked_for_by_its_id(free: httpx.AsyncClient, fund: OpenedFund) -> None:
    answer = {"fund": {"version": 1}}
    for more in ({}, {"query": None}, {"query": ""}, {"operationName": "Version"}):
        response = await post(free, fund, documentId="version", variables={"id": fund.id}, **more)
        assert response.json()["data"] == answer
    assert (await get(free, fund)).json()["data"] == answer
    assert (await post(free, fund, documentId="sha256:00")).json()["data"] == {"__typename": "Query"}
    assert (await post(free, fund, query=VERSION, variables={"id": fund.id})).json()["data"] == answer


async def test_an_id_that_is_none_is_refused(free: httpx.AsyncClient, fund: OpenedFund) -> None:
    assert code(await post(free, fund, documentId="absent")) == (400, "DOCUMENT_NOT_FOUND")
    assert code(await get(free, fund, "absent")) == (400, "DOCUMENT_NOT_FOUND")
    bodies: list[Json] = [{"documentId": 1}, {"documentId": "version", "query": VERSION}, {"documentId": []}]
    for body in bodies:
        assert code(await post(free, fund, **body)) == (400, "BAD_USER_INPUT")
    assert code(await post(free, fund, documentId="broken")) == (200, "GRAPHQL_PARSE_FAILED")


async def test_a_websocket_takes_ids_too(free: httpx.AsyncClient, fund: OpenedFund) -> None:
    async with conversing(socket_url(free), fund.analyst.token) as talk:
        for id in ("follow", "absent"):
            payload = {"documentId": id, "variables": {"id": fund.id}}
            await talk.send({"id": id, "type": "subscribe", "payload": payload})
        messages = {message["id"]: message for message in [await talk.receive(), await talk.receive()]}
    assert messages["follow"]["payload"] == {"data": {"fundEvents": {"version": 1}}}
    assert messages["absent"]["type"] == "error"
    assert messages["absent"]["payload"][0]["extensions"]["code"] == "DOCUMENT_NOT_FOUND"


async def test_where_only_they_are_trusted_no_other_is_executed(strict: httpx.AsyncClient, fund: OpenedFund) -> None:
    assert (await post(strict, fund, documentId="version", variables={"id": fund.id})).status_code == 200
    assert code(await post(strict, fund, query="{ viewer { id } }")) == (403, "DOCUMENT_NOT_TRUSTED")
    refused = await strict.get("/graphql", params={"query": "{ viewer { id } }"}, headers=fund.analyst.headers)
    assert code(refused) == (403, "DOCUMENT_NOT_TRUSTED")
    # Some clients can send nothing but the text.
    assert (await post(strict, fund, query=VERSION, variables={"id": fund.id})).status_code == 200
    async with conversing(socket_url(strict), fund.analyst.token) as talk:
        await talk.subscribe("{ viewer { id } }")
        assert (await talk.receive())["payload"][0]["extensions"]["code"] == "DOCUMENT_NOT_TRUSTED"
        await talk.subscribe(FOLLOW, id=fund.id)
        assert await talk.next() == {"fundEvents": {"version": 1}}


async def test_an_answer_by_get_is_kept_until_it_changes(free: httpx.AsyncClient, fund: OpenedFund) -> None:
    first = await get(free, fund)
    assert (first.status_code, first.headers["cache-control"]) == (200, "private, no-cache")
    assert {"authorization", "accept"} <= {one.strip() for one in first.headers["vary"].lower().split(",")}
    tag = first.headers["etag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = await get(free, fund, **{"if-none-match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert again.headers["cache-control"] == "private, no-cache"
    await Caller(free, fund.analyst.token).recorded(fund.id, event("feeCharged", amount="1.00"))
    changed = await get(free, fund, **{"if-none-match": tag})
    assert changed.json()["data"] == {"fund": {"version": 2}}
    assert changed.headers["etag"] != tag


async def test_no_other_answer_is_kept(free: httpx.AsyncClient, fund: OpenedFund) -> None:
    posted = await post(free, fund, documentId="version", variables={"id": fund.id})
    failed = await get(free, fund, "broken")
    by_text = await free.get("/graphql", params={"query": "{ viewer { id } }"}, headers=fund.analyst.headers)
    for response in (posted, failed, by_text):
        assert response.headers["cache-control"] == "no-store"
        assert "etag" not in response.headers


async def test_a_trusted_mutation_is_not_executed_by_get(free: httpx.AsyncClient, fund: OpenedFund) -> None:
    response = await get(free, fund, "record")
    assert (response.status_code, response.headers["allow"]) == (405, "POST")


async def test_another_sites_page_may_ask_for_one_by_get(free: httpx.AsyncClient, fund: OpenedFund) -> None:
    response = await free.get("/graphql", params={"documentId": "sha256:00"}, headers={"sec-fetch-site": "cross-site"})
    assert response.json()["data"] == {"__typename": "Query"}
    # Which it can't read.
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"a": 1}', '{"a": ""}', '{"a": {"b": "c"}}', "\xff"])
def test_a_manifest_that_is_none_stops_the_start(servers: Servers, tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "documents.json"
    if text is not None:
        path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ManifestError):
        application(Settings(trusted_documents=path), servers.database_url, servers.redis_url, SECRET)
