"""Attacks by documents and variables: each refused by its name, and within the time of the loop that it may take."""

import gc
import json
from collections.abc import AsyncIterator
from time import thread_time

import pytest
import pytest_asyncio
from graphql import get_introspection_query

from tests.api.asking import Caller, Conversation, Json, conversing
from tests.conftest import Live

BOMB_SECONDS = 0.1
"""Of the loop's thread, client included, that a bomb of fragments may take."""
LONG = 10_000
"""Characters of a document that is no bomb: it is as large as it looks."""
LARGEST_SECONDS = 2.0
"""That the largest may take: 2 MiB of variables are read whole."""
TRIES = 5
"""Of which the best counts: others share the processors and their caches."""


def nested(count: int, leaf: str, spreads: int = 2) -> str:
    """Fragments that each spread the next one so often."""
    return (
        " ".join(f"fragment F{place} on Viewer {{ {f'...F{place + 1} ' * spreads} }}" for place in range(count))
        + f" fragment F{count} on Viewer {{ {leaf} }}"
    )


def many(count: int, text: str) -> str:
    """A text so often, numbered."""
    return " ".join(text.format(place) for place in range(count))


DEEP = "{ node(id: 1) { ... on Fund { state " + "{ fund { state " * 20 + "{ version }" + " } }" * 20 + " } } }"
METADATA = """mutation { recordEvents(input: { fundId: 1, events: [
  { event: { feeCharged: { amount: "1.00" } }, metadata: { a: [HUGE] } }
] }) { errors { code } } }"""
VALIDATION, PARSING, COST = "GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED", "COST_LIMIT_EXCEEDED"
# What it is, the document, the error's code, and a part of its message.
DOCUMENTS: list[tuple[str, str, str, str]] = [
    ("180 nested fragments", f"{{ viewer {{ ...F0 }} }} {nested(180, 'id')}", VALIDATION, "nested too deeply"),
    ("80 nested fragments", f"{{ viewer {{ ...F0 }} }} {nested(80, 'id')}", VALIDATION, "at most 2000 selections"),
    ("nested fragments of nothing", f"{{ viewer {{ ...F0 }} }} {nested(80, '')}", VALIDATION, "at most 2000"),
    ("nested fragments that nothing spreads", f"{{ viewer {{ id }} }} {nested(80, 'id')}", VALIDATION, "at most 2000"),
    ("fragments spread fourfold", f"{{ viewer {{ ...F0 }} }} {nested(50, 'id', 4)}", VALIDATION, "at most 2000"),
    ("a bomb of aliases", f"{{ viewer {{ ...F0 }} }} {nested(9, 'a: id')}", VALIDATION, "aliases may be 500"),
    ("a bomb of directives", f"{{ viewer {{ ...F0 }} }} {nested(8, 'id @skip(if: true)')}", VALIDATION, "directives"),
    ("a fragment in itself", "{ viewer { ...A } } fragment A on Viewer { id ...A }", VALIDATION, "A is spread in"),
    ("a circle", "{ viewer { ...F0 } } " + nested(3, "...F0", 1), VALIDATION, "is spread in itself"),
    ("a circle through fields", ("{ ...A } fragment A on Query { funds { nodes { ...B } } } fragment B on Fund "
      "{ state { fund { ...B } } }"), VALIDATION, "B is spread in itself"),
    ("a circle that nothing spreads", "{ viewer { id } } fragment A on Viewer { ...A }", VALIDATION, "in itself"),
    ("10,000 aliases", f"{{ {many(10_000, 'a{}: id')} }}", PARSING, "more than 65536 code points"),
    ("1,000 aliases", f"{{ {many(1_000, 'a{}: __typename')} }}", VALIDATION, "aliases may be 500"),
    ("10,000 directives", "{ viewer { id " + "@a " * 10_000 + "} }", PARSING, "more than 5000 tokens"),
    ("600 directives", "{ viewer { id " + "@skip(if: false) " * 600 + "} }", VALIDATION, "directives may be 100"),
    ("1,600 unknown directives", "query " + "@a " * 1_600 + "{ viewer { id } }", VALIDATION, "directives may be 100"),
    ("directives of variables", f"query ({many(200, '$v{}: Int @a')}) {{ viewer {{ id }} }}", VALIDATION, "directives"),
    ("deep selections", DEEP, VALIDATION, "depth may be 16"),
    ("100,000 brackets", "{ viewer " * 50_000, PARSING, "more than 65536 code points"),
    ("inline fragments in one another", "{ " + "... { " * 400 + "__typename" + " }" * 401, PARSING, "nested"),
    ("120 inline fragments in one another", "{ " + "... { " * 120 + "__typename" + " }" * 121, VALIDATION, "nested"),
    ("the same field 1,000 times", f"{{ viewer {{ {'id ' * 1_000} }} }}", VALIDATION, "too often"),
    ("the same fields 500 times", "{ funds { " + "nodes { id } " * 500 + "} }", VALIDATION, "too often"),
    ("1,000 fields of the root", "{ " + "viewer { id } " * 1_000 + "}", VALIDATION, "at most 50 fields of its root"),
    ("51 questions", f"{{ {many(51, 'a{}: viewer {{ id }}')} }}", VALIDATION, "at most 50 fields of its root"),
    ("300 fragments side by side", "{ viewer { " + many(300, "...F{}") + " } } "
     + many(300, "fragment F{} on Viewer {{ id }}"), VALIDATION, "too often"),
    ("a document of comments", "#\n" * 30_000 + "{ viewer { id } }", PARSING, "omments"),
    ("a long document", "{ viewer { id } } #" + "x" * 70_000, PARSING, "more than 65536 code points"),
    ("a long string", '{ node(id: "' + "x" * 70_000 + '") { id } }', PARSING, "more than 65536 code points"),
    ("1,000 unknown fields", f"{{ viewer {{ {many(1_000, 'identifie{}')} }} }}", VALIDATION, "Cannot query field"),
    ("600 unknown values of an input", f"{{ previewAlertRule(input: {{ {many(600, 'fundI{}: 1')} }}) {{ alerts }} }}",
     "BAD_USER_INPUT", "AlertRuleInput"),
    ("1,000 unknown values of an enum", '{ previewAlertRule(input: { fundId: 1, name: "a", metrics: ['
     + many(1_000, "REVENU{}") + "], ladder: [] }) { alerts } }", "BAD_USER_INPUT", "MetricType"),
    ("200 variables", f"query ({many(200, '$v{}: Nothing')}) {{ viewer {{ id }} }}", VALIDATION, "never used"),
    ("a huge literal", f"{{ funds(first: {'9' * 20_000}) {{ nodes {{ id }} }} }}", "BAD_USER_INPUT", "many digits"),
    ("a huge default", f"query ($n: Int = {'9' * 20_000}) {{ funds(first: $n) {{ nodes {{ id }} }} }}",
     "BAD_USER_INPUT", "many digits"),
    ("a huge literal in JSON", METADATA.replace("HUGE", "9" * 20_000), "BAD_USER_INPUT", "a number beyond"),
    ("a deep list literal", "{ previewAlertRule(input: { metrics: " + "[" * 400 + "]" * 400 + " }) { alerts } }",
     PARSING, "nested"),
    ("costly pages 50 times", "{ " + many(50, "a{}: timeline(fundId: 1, first: 200) {{ nodes {{ id }} }}") + " }",
     COST, "10000 are the most"),
    ("a page of impossible length", "{ funds(first: 99999999999) { nodes { state { portfolioCompanies { id } } } } }",
     COST, "10000 are the most"),
]  # fmt: skip


async def refused(
    caller: Caller, document: str, within: float, **variables: object
) -> tuple[list[tuple[str, str]], float]:
    """Codes and messages of a document's errors, and the seconds of the loop's thread that it took."""
    errors, took = [], within
    for _ in range(TRIES):
        # On a connection that is open already.
        await caller.ask("{ __typename }")
        # The garbage of a whole run of tests is none of this document's.
        gc.disable()
        try:
            began = thread_time()
            answer = await caller.ask(document, **variables)
            took = thread_time() - began
        finally:
            gc.enable()
        assert answer.get("data") is None
        errors = [(error["extensions"]["code"], error["message"]) for error in answer["errors"]]
        if took < within:
            break
    return errors, took


@pytest.mark.parametrize(
    ("document", "code", "message"), [one[1:] for one in DOCUMENTS], ids=[one[0] for one in DOCUMENTS]
)
async def test_a_document_is_refused_within_its_time(stranger: Caller, document: str, code: str, message: str) -> None:
    # What is long takes the parser as long.
    within = BOMB_SECONDS if "fragment" in document and len(document) < LONG else LARGEST_SECONDS
    errors, took = await refused(stranger, document, within)
    assert errors[0][0] == code, errors
    assert message in errors[0][1]
    # The last may be that there are more.
    assert {found for found, _ in errors} <= {code, VALIDATION}
    assert len(errors) <= 11
    assert took < within, took


@pytest_asyncio.fixture
async def talk(live: Live) -> AsyncIterator[Conversation]:
    async with conversing(live.ws_url, await live.token()) as opened:
        yield opened


@pytest.mark.parametrize(
    "selections",
    [
        "...F0",
        *[
            "a: version " * 600,
            "version " * 1_000,
            "id " + "@skip(if: true) " * 200,
            "... { " * 120 + "id" + " }" * 120,
        ],
    ],
)
async def test_a_subscription_is_refused_alike(talk: Conversation, selections: str) -> None:
    bomb = nested(180, "id").replace("on Viewer", "on FundEvent")
    await talk.subscribe(f'subscription {{ fundEvents(fundId: "x") {{ {selections} }} }} {bomb}')
    message = await talk.receive()
    assert message["type"] == "error"
    assert {error["extensions"]["code"] for error in message["payload"]} == {VALIDATION}
    # Nothing else is disturbed.
    await talk.subscribe("{ __typename }", "2")
    assert await talk.next() == {"__typename": "Query"}


# Variables.

RULE = "query ($input: AlertRuleInput!) { previewAlertRule(input: $input) { alerts } }"
LISTED = 'query ($ids: [ID!]) { variances(fundId: "x", filter: { companyIds: $ids }) { nodes { actual } } }'
RECORDED = "mutation ($input: RecordEventsInput!) { recordEvents(input: $input) { errors { code } } }"


def within(levels: int, innermost: object = 1) -> Json:
    """Objects within one another."""
    made: object = innermost
    for _ in range(levels):
        made = {"a": made}
    assert isinstance(made, dict)
    return made


# What it is, the document, its variables, the error's code.
VARIABLES: list[tuple[str, str, Json, str]] = [
    ("deep objects", RULE, {"input": within(400)}, "BAD_USER_INPUT"),
    ("a deep list", LISTED, {"ids": json.loads("[" * 400 + "]" * 400)}, "BAD_USER_INPUT"),
    ("deep JSON", RECORDED, {"input": {"fundId": "x", "events": [{"event": {}, "metadata": within(400)}]}},
     "BAD_USER_INPUT"),
    ("objects as wide as a request", RULE, {"input": {f"f{place}": place for place in range(100_000)}},
     "BAD_USER_INPUT"),
    ("400,000 numbers that nobody asked for", "{ viewer { id } }", {"x": [1] * 400_000}, COST),
    ("400,000 ids", LISTED, {"ids": ["x"] * 400_000}, COST),
    ("50,000 facts", RECORDED, {"input": {"fundId": "x", "events": [{}] * 50_000}}, COST),
    ("a huge number", "query ($n: Int) { funds(first: $n) { nodes { id } } }", {"n": 10**4_000}, "BAD_USER_INPUT"),
    ("a huge negative number", "query ($n: Int) { funds(first: $n) { nodes { id } } }", {"n": -(10**18)},
     "BAD_USER_INPUT"),
    ("a page by a variable", "query ($n: Int) { funds(first: $n) { nodes { state { portfolioCompanies { id } } } } }",
     {"n": 200}, COST),
    ("a huge string as a moment", "query ($at: DateTime) { fund(id: 1, at: $at) { id } }", {"at": "9" * 1_000_000},
     "BAD_USER_INPUT"),
    ("a huge string as a cursor", "query ($c: String) { funds(after: $c) { nodes { id } } }", {"c": "A" * 1_000_000},
     "BAD_USER_INPUT"),
    ("a huge string of digits", ("query ($d: Date) { variances(fundId: 1, filter: { periodFrom: $d }) "
      "{ nodes { actual } } }"), {"d": "1" * 1_000_000}, "BAD_USER_INPUT"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("document", "variables", "code"), [one[1:] for one in VARIABLES], ids=[one[0] for one in VARIABLES]
)
async def test_variables_are_refused_within_their_time(
    stranger: Caller, document: str, variables: Json, code: str
) -> None:
    errors, took = await refused(stranger, document, LARGEST_SECONDS, **variables)
    assert {found for found, _ in errors} == {code}, errors[0]
    assert all(len(message) < 1_000 for _, message in errors)
    assert took < LARGEST_SECONDS, took


async def test_more_operations_than_a_tab_holds_are_refused(stranger: Caller) -> None:
    for count, code in ((50, None), (51, VALIDATION)):
        asked = {"query": many(count, "query Q{} {{ viewer {{ id }} }}"), "operationName": "Q1"}
        answer = (await stranger.send(json.dumps(asked))).json()
        assert [error["extensions"]["code"] for error in answer.get("errors", [])] == ([code] if code else [])


async def test_batches_are_refused(stranger: Caller) -> None:
    for batch in ([{"query": "{ __typename }"}], [{"query": "{ __typename }"}] * 1_000):
        assert (await stranger.send(json.dumps(batch))).status_code == 400


async def test_introspection_of_the_usual_kinds_is_answered(stranger: Caller) -> None:
    usual = get_introspection_query(input_value_deprecation=True, schema_description=True, specified_by_url=True)
    assert (await stranger.data(usual))["__schema"]["queryType"]["name"] == "Query"
