"""Text that PostgreSQL, JSON or a terminal can't take, wherever a string goes in: told cleanly, never 500."""

import json

import pytest
from graphql import (
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLObjectType,
    GraphQLScalarType,
    is_enum_type,
    is_list_type,
    is_non_null_type,
    is_required_input_field,
)

from api.schema import schema
from domain.events import KINDS
from infra.people import Role
from tests.api.asking import Caller, Json, OpenedFund
from tests.api.conftest import MakeCaller
from tests.api.watching import Watched, done

HALF_PAIRS = ["\ud800", "\udfff", "x\ud83d", "\ude00\ud83d"]
"""Halves of surrogate pairs: JSON can name them, UTF-8 can't hold them."""
ODD = [
    "\0", "a\0b", "\x1b[31m", "\u202e", "\ufeff", "\uffff", "\U0010ffff", "%s%n{0}{}", "'; DROP TABLE fact; --",
    "\\u0000", "<script>", "$1", "\\", '"', "\r\n", "x" * 300_000,
]  # fmt: skip
VALUES: dict[str, object] = {
    "Money": "1.00",
    "Decimal": "0.5",
    "Date": "2010-01-01",
    "DateTime": "2010-01-01T00:00:00Z",
    "Int": 1,
    "Boolean": True,
    "ID": "acme",
    "String": "USD",
    "JSON": {},
}

Places = list[tuple[list[str], Json]]


def minimal(kind: GraphQLInputType) -> object:
    """The least value of a type that the schema takes."""
    if is_non_null_type(kind):
        return minimal(kind.of_type)
    if is_list_type(kind):
        return [minimal(kind.of_type)]
    if is_enum_type(kind):
        return next(iter(kind.values))
    if isinstance(kind, GraphQLInputObjectType):
        fields = {name: minimal(field.type) for name, field in kind.fields.items() if is_required_input_field(field)}
        return fields or {name: minimal(field.type) for name, field in list(kind.fields.items())[:1]}
    assert isinstance(kind, GraphQLScalarType)
    return VALUES[kind.name]


def strings(kind: GraphQLInputType, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Paths of every string that a value of the type can hold, in a value that holds only it and what must be."""
    if is_non_null_type(kind):
        return strings(kind.of_type, path)
    if is_list_type(kind):
        return strings(kind.of_type, (*path, 0))
    if isinstance(kind, GraphQLInputObjectType):
        return [found for name, field in kind.fields.items() for found in strings(field.type, (*path, name))]
    taken = {"String", "ID", "JSON", "Money", "Decimal", "Date", "DateTime"}
    return [path] if isinstance(kind, GraphQLScalarType) and kind.name in taken else []


def with_text(kind: GraphQLInputType, path: tuple[str | int, ...], text: object) -> object:
    """The least value of a type with a text at one path."""
    if not path:
        return text
    if is_non_null_type(kind):
        return with_text(kind.of_type, path, text)
    if is_list_type(kind):
        return [with_text(kind.of_type, path[1:], text)]
    assert isinstance(kind, GraphQLInputObjectType)
    name = str(path[0])
    inner = with_text(kind.fields[name].type, path[1:], text)
    if kind.is_one_of:
        return {name: inner}
    given = minimal(kind)
    assert isinstance(given, dict)
    return {**given, name: inner}


def arguments() -> list[tuple[str, str, str, tuple[str | int, ...]]]:
    """Every string that can be given to any field of the roots: operation, field, argument, path in it."""
    found = []
    for operation, root in (("query", "Query"), ("mutation", "Mutation")):
        kind = schema._schema.type_map[root]
        assert isinstance(kind, GraphQLObjectType)
        for name, field in kind.fields.items():
            for argument, given in field.args.items():
                found += [(operation, name, argument, path) for path in strings(given.type)]
    return found


def asked(operation: str, name: str, argument: str, path: tuple[str | int, ...], text: object, fund: str) -> Json:
    """A request that gives one text at one place, and elsewhere what is least."""
    root = schema._schema.type_map[operation.capitalize()]
    assert isinstance(root, GraphQLObjectType)
    field = root.fields[name]
    given: Json = {}
    for key, one in field.args.items():
        if key == argument:
            given[key] = with_text(one.type, path, text)
        elif is_non_null_type(one.type):
            given[key] = minimal(one.type)
    for holder in (given, given.get("input", {})):
        for key in ("fundId", "id"):
            if key in holder and (argument, path) not in ((key, ()), ("input", (key,))):
                holder[key] = fund
    declared = ", ".join(f"${key}: {field.args[key].type}" for key in given)
    passed = ", ".join(f"{key}: ${key}" for key in given)
    return {"query": f"{operation} ({declared}) {{ {name}({passed}) {{ __typename }} }}", "variables": given}


PLACES = arguments()


def test_every_string_of_every_input_is_among_the_places() -> None:
    kinds = {
        str(path[3])
        for _, name, _, path in PLACES
        if name == "recordEvents" and path[0] == "events" and path[2] == "event"
    }
    assert len(kinds) == len([kind for kind in KINDS.values() if kind.recordable])
    assert len(PLACES) > 130


@pytest.mark.parametrize(
    ("operation", "name", "argument", "path"),
    PLACES,
    ids=[f"{name}.{'.'.join(map(str, (argument, *path)))}" for _, name, argument, path in PLACES],
)
async def test_no_text_anywhere_is_our_fault(
    fund: OpenedFund, caller: MakeCaller, operation: str, name: str, argument: str, path: tuple[str | int, ...]
) -> None:
    # Somebody who may do everything, or some texts would be looked at no closer than their author.
    admin = await caller(Role.ADMIN, fund.uuid)
    for text in ODD:
        body = asked(operation, name, argument, path, text, fund.id)
        response = await admin.send(json.dumps(body))
        assert response.status_code == 200, response.text
        answer = response.json()
        assert "\0" not in response.text
        for error in answer.get("errors", []):
            assert error["extensions"]["code"] in {"BAD_USER_INPUT", "NOT_FOUND"}, (text[:20], error)
    for text in HALF_PAIRS:
        response = await admin.send(json.dumps(asked(operation, name, argument, path, text, fund.id)))
        (error,) = response.json()["errors"]
        assert (response.status_code, error["extensions"]["code"]) == (400, "BAD_USER_INPUT")


@pytest.mark.parametrize("text", HALF_PAIRS)
async def test_half_a_surrogate_pair_is_refused_wherever_it_stands(stranger: Caller, text: str) -> None:
    escaped = json.dumps(text)[1:-1]
    bodies = [
        f'{{"query": "{{ viewer {{ id }} }} # {escaped}"}}',
        f'{{"query": "{{ node(id: \\"{escaped}\\") {{ id }} }}"}}',
        f'{{"query": "{{ viewer {{ id }} }}", "variables": {{"{escaped}": 1}}}}',
        f'{{"query": "{{ viewer {{ id }} }}", "operationName": "{escaped}"}}',
        f'{{"query": "{{ viewer {{ id }} }}", "extensions": {{"a": "{escaped}"}}}}',
        f'{{"query": "{{ viewer {{ id }} }}", "{escaped}": 1}}',
    ]
    for body in bodies:
        response = await stranger.send(body)
        assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (400, "BAD_USER_INPUT")


async def test_half_a_surrogate_pair_written_in_the_document_is_a_syntax_error(stranger: Caller) -> None:
    for text in ("\\ud800", "\\udfff", "\\u{d800}", "\\ud83dx", "\\u{110000}"):
        answer = await stranger.ask(f'{{ node(id: "{text}") {{ id }} }}')
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["GRAPHQL_PARSE_FAILED"]


async def test_text_of_any_language_comes_back_as_given(fund: OpenedFund) -> None:
    names = [
        "Ångström & Söhne",
        "株式会社",
        "شركة",
        "🦄🏳️‍🌈",
        "e\u0301",
        "ﷺ",
        "a\u00a0b",
        "\U0010fffd",
        'it\'s "quoted" \\ / <b>',
    ]
    for place, name in enumerate(names):
        given = {"event": {"companyAdded": {"companyId": f"{place} {name}", "name": name, "sector": name}}}
        await fund.analyst.recorded(fund.id, given)
    query = "query ($id: ID!) { fund(id: $id) { portfolioCompanies { companyId name sector } } }"
    told = (await fund.analyst.data(query, id=fund.id))["fund"]["portfolioCompanies"]
    assert told == [{"companyId": f"{place} {name}", "name": name, "sector": name} for place, name in enumerate(names)]
    # Not turned into another form of the same text.
    assert len(told[4]["name"]) == 2


async def test_the_names_and_reasons_of_alerts_are_kept_as_given_whatever_they_hold(watched: Watched) -> None:
    odd = [text for text in ODD if "\0" not in text and text.strip() and len(text) < 200]
    for place, text in enumerate(odd):
        rule = await watched.set_rule(name=text, stages=["Seed", text], cooldownMinutes=place)
        assert (rule["name"], rule["stages"]) == (text, ["Seed", text])
        await watched.report(place % 12 + 1, 600_000 - place)
        alert = (await watched.alerts(statuses=["OPEN"]))[0]
        assert alert["rule"]["name"] == text
        over = await done(watched.analyst, "resolveAlert", alert["id"], reason=text)
        assert over["resolution"] == text
        assert over["why"].endswith(f"Resolved by hand: {text}")
        assert (await watched.update(rule["id"], name=f"{place} {text}", enabled=False))["errors"] == []
    assert [rule["name"] for rule in await watched.rules()] == [f"{place} {text}" for place, text in enumerate(odd)]
