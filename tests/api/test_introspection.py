"""Whether the schema tells of itself, by the setting and the address it is reached at."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from graphql import get_introspection_query

from api.app import application
from infra.settings import Settings
from tests.api.asking import Caller
from tests.api.serving import serving
from tests.conftest import SECRET, Live, Servers

TELLING = [
    (Settings(), True),
    (Settings(public_url="http://localhost:8000"), True),
    (Settings(public_url="http://demo.localhost/"), True),
    (Settings(public_url="http://127.0.0.1:8000"), True),
    (Settings(public_url="http://[::1]:8000"), True),
    (Settings(public_url="https://funds.example.org"), False),
    (Settings(public_url="https://localhost.example.org"), False),
    (Settings(public_url="https://203.0.113.7"), False),
    (Settings(public_url="nonsense"), False),
    (Settings(public_url="https://funds.example.org", introspection="on"), True),
    (Settings(introspection="off"), False),
]


@pytest.mark.parametrize(("settings", "tells"), TELLING, ids=range(len(TELLING)))
def test_the_schema_tells_of_itself_at_home_and_where_it_is_set_so(settings: Settings, *, tells: bool) -> None:
    assert settings.introspects is tells


@pytest_asyncio.fixture(scope="module")
async def silent(servers: Servers, live: Live) -> AsyncIterator[Caller]:
    """Somebody who asks where the schema doesn't tell of itself."""
    app = application(Settings(introspection="off"), servers.database_url, servers.redis_url, SECRET)
    async with serving(app) as http:
        yield Caller(http, await live.token())


HIDDEN = [
    get_introspection_query(),
    "{ __schema { queryType { name } } }",
    '{ __type(name: "Fund") { name } }',
    '{ viewer { id } a: __type(name: "Fund") { name } }',
    "{ ... { ... on Query { __schema { types { name } } } } }",
    "{ ...Q } fragment Q on Query { __schema { types { name } } }",
    'query ($yes: Boolean = false) { __type(name: "Fund") @include(if: $yes) { name } }',
    "mutation { __schema { types { name } } }",
    "query A { viewer { id } } query B { __schema { types { name } } }",
]


@pytest.mark.parametrize("query", HIDDEN, ids=range(len(HIDDEN)))
async def test_where_it_does_not_nothing_of_it_is_told(http: httpx.AsyncClient, silent: Caller, query: str) -> None:
    # Known as a good document to the same process from where it is good.
    await Caller(http, silent.token).ask(query)
    answer = await silent.ask(query)
    assert answer.get("data") is None
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"GRAPHQL_VALIDATION_FAILED"}


async def test_names_of_types_are_told_all_the_same(silent: Caller) -> None:
    assert await silent.data("{ __typename viewer { __typename } }") == {
        "__typename": "Query",
        "viewer": {"__typename": "Viewer"},
    }


LISTED = "query ($metrics: [MetricType!]) { variances(fundId: 1, filter: { metrics: $metrics }) { nodes { actual } } }"
MISSPELT = [
    ("{ viewers { id } }", {}),
    ("{ viewer { emial } }", {}),
    ("{ funds(frist: 1) { nodes { id } } }", {}),
    ("{ node(id: 1) { ... on Fond { id } } }", {}),
    ("query ($id: IDD!) { node(id: $id) { id } }", {"id": 1}),
    ("{ previewAlertRule(input: { fundIdd: 1 }) { alerts } }", {}),
    ('{ variances(fundId: "x", filter: { metrics: [REVENU] }) { nodes { actual } } }', {}),
    ("query ($f: VarianceFilter) { variances(fundId: 1, filter: $f) { nodes { actual } } }", {"f": {"metric": []}}),
    (LISTED, {"metrics": ["REVENU"]}),
]  # fmt: skip


@pytest.mark.parametrize(("query", "variables"), MISSPELT, ids=range(len(MISSPELT)))
async def test_errors_suggest_names_only_where_the_schema_tells_them(
    http: httpx.AsyncClient, silent: Caller, query: str, variables: dict[str, object]
) -> None:
    told = await Caller(http, silent.token).ask(query, **variables)
    assert any("Did you mean" in error["message"] for error in told["errors"])
    hidden = await silent.ask(query, **variables)
    assert hidden["errors"]
    assert not any("Did you mean" in error["message"] for error in hidden["errors"])
