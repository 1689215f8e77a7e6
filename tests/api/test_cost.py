"""What an operation costs: told by its document and its variables, in the schema and with the answer."""

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from graphql import OperationDefinitionNode, get_introspection_query, parse

from api.app import application
from api.limits.cost import Reckoning
from api.limits.tariff import tariff
from api.schema import schema
from infra.settings import Settings
from tests.api.asking import RECORD, Caller, Json, OpenedFund, conversing, event
from tests.api.serving import serving
from tests.conftest import SECRET, Live, Servers

NODES = "nodes { id version }"  # 1.2 each


def cost(document: str, **variables: object) -> int:
    """Points of a document's first operation."""
    parsed = parse(document)
    operation = parsed.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    return Reckoning(tariff(schema._schema), parsed, variables).cost(operation)


PRICED: list[tuple[str, Json, int]] = [
    # A root's field weighs 10, a value 0.1; all is rounded up.
    ("{ viewer { id } }", {}, 11),
    ("{ a: viewer { id } b: viewer { id } }", {}, 21),
    ("{ viewer { ...V } } fragment V on Viewer { id email }", {}, 11),
    ("{ __typename }", {}, 1),
    # A page is as long as asked for, by a literal, a variable, its default, or the argument's.
    (f'{{ timeline(fundId: "x", first: 100) {{ {NODES} }} }}', {}, 130),
    (f'{{ timeline(fundId: "x", last: 100) {{ {NODES} }} }}', {}, 130),
    (f'query ($n: Int) {{ timeline(fundId: "x", first: $n) {{ {NODES} }} }}', {"n": 150}, 191),
    (f'query ($n: Int = 20) {{ timeline(fundId: "x", first: $n) {{ {NODES} }} }}', {}, 34),
    (f'query ($n: Int = 20) {{ timeline(fundId: "x", first: $n) {{ {NODES} }} }}', {"n": 1}, 12),
    (f'query ($n: Int) {{ timeline(fundId: "x", first: $n) {{ {NODES} }} }}', {"n": None}, 71),
    (f'{{ timeline(fundId: "x") {{ {NODES} }} }}', {}, 70),
    ("{ funds(first: 30) { nodes { id } } }", {}, 43),
    ("{ funds { nodes { id } } }", {}, 65),
    # Numbers that are none, and such as no list can have.
    (f'{{ timeline(fundId: "x", first: {"9" * 5_000}) {{ {NODES} }} }}', {}, 1_210),
    (f'query ($n: Int) {{ timeline(fundId: "x", first: $n) {{ {NODES} }} }}', {"n": 1e308}, 1_211),
    (f'query ($n: Int = {"9" * 5_000}) {{ timeline(fundId: "x", first: $n) {{ {NODES} }} }}', {}, 1_210),
    (f'query ($n: Int = 1e999) {{ timeline(fundId: "x", first: $n) {{ {NODES} }} }}', {}, 70),
    (f'query ($n: Int) {{ timeline(fundId: "x", first: $n) {{ {NODES} }} }}', {"n": -(10**30)}, 11),
    (f'query ($n: Int) {{ timeline(fundId: "x", first: $n) {{ {NODES} }} }}', {"n": [9]}, 71),
    (f'query ($n: Int) {{ timeline(fundId: "x", first: $n) {{ {NODES} }} }}', {"n": True}, 71),
    # Pages within lists multiply.
    ("{ funds(first: 10) { nodes { state { portfolioCompanies { name } } } } }", {}, 770),
    # One fragment, spread where lists are of different lengths.
    (
        (
            'query { a: timeline(fundId: "x", first: 10) { ...P } b: timeline(fundId: "x", first: 20) { ...P } }'
            f" fragment P on FundEventConnection {{ {NODES} }}"
        ),
        {},
        56,
    ),
    # A series' columns are as long as its points.
    ('{ node(id: "x") { ... on Fund { series(points: 200) { at totalValue } } } }', {}, 100),
    # What is recorded and what is split is counted, wherever it stands.
    (RECORD, {"input": {"events": [event("feeCharged", amount="1.00")] * 100}}, 477),
    ('mutation { recordEvents(input: {fundId: "x", events: [{}, {}, {}]}) { errors { code } } }', {}, 43),
    ("mutation ($e: [X!]!) { recordEvents(input: {events: $e}) { errors { code } } }", {"e": [{}] * 5}, 52),
    ("mutation ($e: X) { recordEvents(input: {events: $e}) { errors { code } } }", {"e": {}}, 36),
    ("mutation ($e: [X!] = [{}, {}, {}]) { recordEvents(input: {events: $e}) { errors { code } } }", {}, 43),
    # Every value given is read.
    ("{ viewer { id } }", {"unused": [[1] * 1_000]}, 61),
    # What isn't there will be refused by validation, and costs nothing.
    ("{ nothing { at { all } } ...Missing }", {}, 0),
    ("{ viewer(id: 1, id: 2) ... on Nothing { id } }", {}, 10),
]


@pytest.mark.parametrize(("document", "variables", "points"), PRICED, ids=range(len(PRICED)))
def test_an_operation_costs(document: str, variables: Json, points: int) -> None:
    assert cost(document, **variables) == points


def test_a_fragment_that_is_spread_a_thousand_thousand_times_is_reckoned_once() -> None:
    doubled = " ".join(f"fragment F{place} on Viewer {{ ...F{place + 1} ...F{place + 1} }}" for place in range(60))
    assert cost(f"{{ viewer {{ ...F0 }} }} {doubled} fragment F60 on Viewer {{ id }}") == 10**15


def test_introspection_costs_about_what_it_takes_and_less_than_the_most() -> None:
    assert 1_000 < cost(get_introspection_query()) < Settings().max_cost / 2


def test_every_page_says_in_the_schema_by_which_arguments_it_is_long() -> None:
    prices = tariff(schema._schema)
    for kind, fields in prices.items():
        for name, price in fields.items():
            if price.kind.endswith("Connection"):
                assert {key for key, _ in price.slicing} >= {"first"}, (kind, name)
                assert price.sized == {"edges", "nodes"}


def test_every_question_and_change_says_its_weight_in_the_schema() -> None:
    printed = schema.as_str()
    for root in ("Query", "Mutation", "Subscription"):
        fields = printed.partition(f"type {root} {{")[2].partition("\n}")[0]
        told = [line for line in fields.splitlines() if line.startswith(("  ) ", "  ):", "  viewer:"))]
        assert told
        assert all('@cost(weight: "' in line for line in told), told
    assert "directive @cost(" in printed
    assert "directive @listSize(" in printed


async def test_every_answer_says_what_it_cost(portfolio: OpenedFund) -> None:
    query = "query ($id: ID!, $n: Int) { timeline(fundId: $id, first: $n) { nodes { id } } }"
    for first, points in ((1, 12), (200, 231)):
        body = json.dumps({"query": query, "variables": {"id": portfolio.id, "n": first}})
        answer = (await portfolio.analyst.send(body)).json()
        assert answer["extensions"] == {"cost": {"requested": points, "maximum": 10_000}}


async def test_a_refused_document_says_its_cost_only_once_it_was_told(stranger: Caller) -> None:
    unparsed = (await stranger.send(json.dumps({"query": "{"}))).json()
    assert "extensions" not in unparsed
    unknown = (await stranger.send(json.dumps({"query": "{ nothing viewer { id } }"}))).json()
    assert unknown["extensions"]["cost"]["requested"] == 11


async def test_a_subscription_s_messages_dont_say_what_it_cost(live: Live, portfolio: OpenedFund) -> None:
    follow = f'subscription {{ fundEvents(fundId: "{portfolio.id}", afterVersion: 22) {{ version }} }}'
    async with conversing(live.ws_url, portfolio.analyst.token) as talk:
        await talk.subscribe(follow)
        message = await talk.receive()
        assert message["payload"] == {"data": {"fundEvents": {"version": 23}}}
        await talk.subscribe("{ viewer { id } }", "2")
        message = await talk.receive()
        assert message["payload"]["extensions"] == {"cost": {"requested": 11, "maximum": 10_000}}


# Refusal.

COSTLY = 'query ($n: Int) { timeline(fundId: "x", first: $n) { nodes { id } } }'


@pytest_asyncio.fixture(scope="module")
async def thrifty(servers: Servers, live: Live) -> AsyncIterator[Caller]:
    """Somebody who asks where an operation may cost 100."""
    app = application(Settings(max_cost=100), servers.database_url, servers.redis_url, SECRET)
    async with serving(app) as http:
        yield Caller(http, await live.token())


async def test_what_costs_too_much_is_refused_with_both_figures(thrifty: Caller) -> None:
    assert await thrifty.code(COSTLY, n=10) == "NOT_FOUND"
    # The same document, known by now.
    response = await thrifty.send(json.dumps({"query": COSTLY, "variables": {"n": 100}}))
    answer = response.json()
    (error,) = answer["errors"]
    assert error["message"] == "The operation costs 121 points; 100 are the most."
    assert error["extensions"]["code"] == "COST_LIMIT_EXCEEDED"
    assert error["extensions"]["cost"] == {"requested": 121, "maximum": 100} == answer["extensions"]["cost"]
    assert answer.get("data") is None


async def test_what_costs_too_much_is_refused_before_it_is_validated(thrifty: Caller) -> None:
    assert await thrifty.code(COSTLY.replace("{ id }", "{ id nothing }"), n=100) == "COST_LIMIT_EXCEEDED"


async def test_costly_fields_under_many_names_are_refused(thrifty: Caller) -> None:
    some = " ".join(f"a{place}: viewer {{ id }}" for place in range(9))
    assert (await thrifty.ask(f"{{ {some} }}"))["data"]
    assert await thrifty.code(f"{{ {some} last: viewer {{ id }} }}") == "COST_LIMIT_EXCEEDED"


async def test_a_subscription_that_costs_too_much_is_refused(thrifty: Caller) -> None:
    url = f"ws://{thrifty.http.base_url.host}:{thrifty.http.base_url.port}/graphql"
    values = " ".join(f"a{place}: payload" for place in range(95)) * 2
    async with conversing(url, thrifty.token) as talk:
        await talk.subscribe(f'subscription {{ fundEvents(fundId: "x") {{ version {values} }} }}')
        assert (await talk.receive())["type"] == "error"
        await talk.subscribe('subscription ($l: [X]) { fundEvents(fundId: "x") { version } }', "2", l=[0] * 5_000)
        message = await talk.receive()
        assert (message["id"], message["type"]) == ("2", "error")
        (error,) = message["payload"]
        assert error["extensions"]["code"] == "COST_LIMIT_EXCEEDED"
        assert error["extensions"]["cost"]["maximum"] == 100
