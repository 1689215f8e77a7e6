"""Whatever schemathesis makes of the schema is answered: with data, or with what is wrong with the question."""

import asyncio
import json
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from graphql import (
    GraphQLInputObjectType,
    NullValueNode,
    ObjectValueNode,
    TypeInfo,
    TypeInfoVisitor,
    ValueNode,
    Visitor,
    get_named_type,
    parse,
    parse_value,
    print_ast,
    visit,
)
from hypothesis import HealthCheck, Phase, given, seed, settings, strategies as st
from schemathesis import Case
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.graphql import from_path, nodes, scalar
from schemathesis.schemas import APIOperation

from api.schema import schema
from tests.api.asking import Caller, Json
from tests.api.conftest import MakeWatched
from tests.api.watching import Watched
from tests.conftest import Live

SCHEMA = Path(__file__).resolve().parents[2] / "schema.graphql"
ROOTS = (schema._schema.query_type, schema._schema.mutation_type)
FIELDS = [f"{root.name}.{field}" for root in ROOTS if root for field in root.fields]
CASES = 2_000
RECORDING = "Mutation.recordEvents"
FEWER = {RECORDING: 15, "Query.node": 30, "Mutation.revokeMyTokens": 30}
"""How many of those that hold dozens of types, or next to nothing that could differ."""
EACH = -(-(CASES - sum(FEWER.values())) // (len(FIELDS) - len(FEWER)))
MALFORMED = 3
AT_ONCE = 8
CHARGE = parse_value('{ feeCharged: { amount: "1.00" } }')
SLOWNESS = list(HealthCheck)
UNWANTED = {"INTERNAL_SERVER_ERROR", "UNAVAILABLE", "TIMEOUT", "RATE_LIMITED"}

# Most are right, or nothing large would ever get past its scalars.
VALUES: dict[str, tuple[str, ...]] = {
    "String": ("USD", "Europe/Berlin", "Seed", "acme", "", "\0", "\ufeff", "'; DROP TABLE fact; --", "ü" * 300),
    "Money": ("1.00", "250000.00", "3000000.00", "60000000.00", "0.00", "12.50", "-0.01", "9" * 30 + ".00"),
    "Decimal": ("0", "0.25", "0.5", "1", "10", "24", "0." + "1" * 37, "9" * 38, "1E+2"),
    "Date": ("2150-01-01", "2150-01-31", "2150-12-31", "2010-01-01", "0001-01-01", "9999-12-31", "2009-02-29"),
    "DateTime": (
        *(f"20{year:02d}-07-01T00:00:00+02:00" for year in range(6, 22)),
        "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999-12:00",
    ),
}  # fmt: skip
NUMBERS = (0, 1, 1, 2, 5, 12, 50, 100, 200, 201, 2050, -1, 2**31 - 1, -(2**31))


def one_of(texts: tuple[str, ...]) -> st.SearchStrategy[ValueNode]:
    """One of these strings, as a document has it."""
    return st.sampled_from([nodes.String(text) for text in texts])


@pytest_asyncio.fixture(scope="module")
async def sender(live: Live, watch: MakeWatched) -> AsyncIterator[httpx.AsyncClient]:
    """Who sends documents; they hold ids of a fund that has one of each kind of thing."""
    watched, token = await watch(), await live.token(administrator=True)
    # Documents take a while to make, and the server closes what is idle for five seconds.
    limits = httpx.Limits(keepalive_expiry=1)
    async with httpx.AsyncClient(base_url=live.url, timeout=60, limits=limits) as made:
        await know(Caller(made, token), watched)
        yield made


async def know(asking: Caller, watched: Watched) -> None:
    """Has documents made of what is there, and of what isn't."""
    rule, alert = await watched.set_rule(), await watched.miss()
    made = await asking.data(
        """
        mutation ($id: ID!) {
          calculateOptimalReserves(input: { fundId: $id }) { run { id } }
          createSnapshot(fundId: $id) { snapshot { id } }
        }""",
        id=watched.id,
    )
    seen = await asking.data(
        """
        query ($id: ID!) {
          fund(id: $id, at: "2010-01-01T00:00:00Z") { id portfolioCompanies { id } }
          timeline(fundId: $id, first: 3) { nodes { id } }
        }""",
        id=watched.id,
    )
    ids = [watched.id] * 30 + ["acme", "beta", rule["id"], alert["id"], "", "\0", f"{watched.id[:-1]}x"]
    scalar("ID", one_of((*ids, *_ids(made), *_ids(seen))))
    for name, texts in VALUES.items():
        scalar(name, one_of(texts))
    scalar("Int", st.sampled_from([nodes.Int(number) for number in NUMBERS]))
    scalar("JSON", st.text().map(nodes.String) | st.just(nodes.List([nodes.Object([]), nodes.Null])))


def _ids(found: object) -> list[str]:
    """Every id in an answer."""
    if isinstance(found, list):
        return [id for one in found for id in _ids(one)]
    if isinstance(found, dict):
        return [id for name, one in found.items() for id in ([one] if name == "id" else _ids(one))]
    return []


@cache
def operations() -> dict[str, APIOperation[Any, Any, Any, Any]]:
    """Schemathesis' view of each root field."""
    found = [one.ok() for one in from_path(SCHEMA).get_all_operations() if isinstance(one, Ok)]
    return {operation.label: operation for operation in found}


def generated(label: str, mode: GenerationMode, number: int) -> list[str]:
    """Documents of one root field, the same ones in every run but for the ids."""
    documents: list[str] = []

    @seed(5)
    @settings(
        max_examples=number, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=SLOWNESS
    )
    @given(operations()[label].as_strategy(generation_mode=mode))
    def draw(case: Case[Any]) -> None:
        assert isinstance(case.body, str)
        documents.append(case.body)

    draw()
    return documents


def documents_of(label: str) -> list[str]:
    """Documents that fit the schema, and some that don't."""
    fitting = generated(label, GenerationMode.POSITIVE, FEWER.get(label, EACH))
    if label == RECORDING:
        fitting = [_with_one_of(document) for document in fitting]
    return [*fitting, *generated(label, GenerationMode.NEGATIVE, MALFORMED)]


class _OneOf(Visitor):
    """Leaves one field in each input that must have exactly one: schemathesis doesn't know of those."""

    def __init__(self, types: TypeInfo) -> None:
        super().__init__()
        self._types = types

    def leave_object_value(self, node: ObjectValueNode, *_: object) -> ValueNode:
        """The same with one field that isn't null, where it must have one; there a charge, if it has none."""
        kind = get_named_type(self._types.get_input_type())
        if not (isinstance(kind, GraphQLInputObjectType) and kind.is_one_of):
            return node
        fields = [field for field in node.fields if not isinstance(field.value, NullValueNode)]
        return ObjectValueNode(fields=tuple(fields[:1])) if fields else CHARGE


def _with_one_of(document: str) -> str:
    types = TypeInfo(schema._schema)
    return print_ast(visit(parse(document), TypeInfoVisitor(types, _OneOf(types))))


@pytest.mark.parametrize("label", FIELDS)
async def test_a_generated_operation_meets_no_error_of_the_server(
    live: Live, sender: httpx.AsyncClient, label: str
) -> None:
    # Someone new each time, whom no limit of points a minute stops, and who may do everything.
    administrator = Caller(sender, await live.token(administrator=True))
    # Apart, as connections that are kept alive are looked after meanwhile.
    documents = await asyncio.to_thread(documents_of, label)
    assert len(documents) >= FEWER.get(label, EACH)
    some = asyncio.Semaphore(AT_ONCE)

    async def answer(document: str) -> tuple[int, Json]:
        async with some:
            response = await administrator.send(json.dumps({"query": document}))
        return response.status_code, response.json()

    answers = await asyncio.gather(*map(answer, documents))
    wrong = [
        (document, status, told)
        for document, (status, told) in zip(documents, answers, strict=True)
        if status >= 500 or UNWANTED & {error["extensions"]["code"] for error in told.get("errors", [])}
    ]
    assert wrong == []
