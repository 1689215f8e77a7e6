"""What is answered by plain steps is what graphql-core's own executor answers, to the letter."""

import itertools
import json
import re
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Annotated, Any, Never
from uuid import uuid4

import pytest
import strawberry
from graphql import (
    ExecutionResult,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLUnionType,
    execute,
    get_named_type,
    is_leaf_type,
    is_required_argument,
    parse,
)
from graphql.execution import Executor
from graphql.execution.collect_fields import FieldDetails
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext as StockExecutor
from strawberry.utils.await_maybe import await_maybe

from api.context import Context
from api.plain import PlainExecutor
from api.schema import schema as product
from api.security import Pass
from infra.people import Role
from infra.runtime import Runtime
from tests.api.asking import OpenedFund
from tests.api.watching import Watched


@strawberry.enum
class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@strawberry.interface
class Named:
    name: str


@strawberry.type
class Part(Named):
    size: int | None = None

    @strawberry.field
    def twice(self) -> int | None:
        return None if self.size is None else 2 * self.size

    @strawberry.field
    def checked(self) -> int:
        if self.size is None:
            message = f"{self.name} has no size"
            raise ValueError(message)
        return self.size


@strawberry.type
class Label(Named):
    colour: Colour = Colour.RED


@strawberry.type
class Whole(Named):
    """One of everything that a field may be."""

    ratio: float = 0.5
    marks: list[int] = strawberry.field(default_factory=list)
    grid: list[list[int | None]] | None = None
    colour: Colour | None = Colour.BLUE
    main: Part | None = None
    parts: list[Part] = strawberry.field(default_factory=list)
    others: list[Part | None] | None = None
    named: list[Named] = strawberry.field(default_factory=list)
    either: Annotated[Part | Label, strawberry.union("Either")] | None = None
    renamed: int = strawberry.field(name="otherwise", default=7)

    @strawberry.field
    async def later(self) -> Part:
        return Part(name=f"later {self.name}", size=3)

    @strawberry.field
    def grown(self, by: int = 1) -> int:
        return len(self.marks) + by


def _any(value: object) -> Any:  # noqa: ANN401 - that is the point
    """A value that its field's type forbids."""
    return value


A, B = Part(name="a", size=1), Part(name="b")
WHOLES = {
    "whole": Whole(
        name="whole", marks=[1, 2], grid=[[1, None], []], main=A, parts=[A, B, A], others=[None, B],
        named=[A, Label(name="l")], either=Label(name="l", colour=Colour.BLUE),
    ),
    "bare": Whole(name="bare", colour=None),
    "null where none may be": Whole(name=_any(None), parts=[A]),
    "null in a list where none may be": Whole(name="x", marks=[1, _any(None)], parts=[A]),
    "null below": Whole(name="x", main=Part(name=_any(None)), others=[A, Part(name=_any(None)), B]),
    "no number": Whole(name="x", ratio=_any("much"), others=[Part(name="p", size=_any("large"))]),
    "no whole number": Whole(name="x", marks=[_any(1.5)]),
    "no colour": Whole(name="x", colour=_any("green")),
    "no list": Whole(name="x", marks=_any(5), grid=[[1], _any(2)]),
    "a tuple and a set": Whole(name="x", marks=_any((1, 2)), grid=_any([{3}])),
    "of another type": Whole(name="x", main=_any(Label(name="l")), named=[A, _any("nobody")]),
    "an exception": Whole(name=_any(KeyError("gone")), others=[_any(ValueError("no part"))]),
    "nothing at all": _any(object()),
}  # fmt: skip


@strawberry.type
class Query:
    @strawberry.field
    def one(self, info: strawberry.Info[None, str]) -> Whole | None:
        found: Whole = WHOLES[info.root_value]
        return found

    @strawberry.field
    async def many(self, info: strawberry.Info[None, str]) -> list[Whole | None]:
        return [WHOLES["whole"], WHOLES[info.root_value], WHOLES["bare"]]


ours = strawberry.Schema(Query, types=[Label], execution_context_class=PlainExecutor)
stock = strawberry.Schema(Query, types=[Label])
LEAVES = "{ name ratio marks grid colour otherwise __typename }"
QUERIES = [
    f"{{ one {LEAVES} many {LEAVES} }}",
    "{ many { later { size twice } name grown marks } one { grown(by: 5) other: grown ratio later { checked } } }",
    "{ one { main { name size } parts { name twice size } others { size name } } }",
    "{ many { parts { kind: __typename name checked } main { checked } } }",
    "{ one { named { name ... on Part { size } ... on Label { colour } } either { ... on Label { name colour } } } }",
    "{ one { named { __typename ...P ...L } } } fragment P on Part { checked } fragment L on Label { c: colour }",
    """
    query ($no: Boolean = false) { one { name @skip(if: $no) ratio @include(if: $no) ...R } }
    fragment R on Whole { main { name } main { size } name }
    """,
]


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("of", WHOLES)
async def test_the_answer_is_the_stock_executors(of: str, query: str) -> None:
    expected = await stock.execute(query, root_value=of)
    told = await ours.execute(query, root_value=of)
    assert json.dumps(told.data) == json.dumps(expected.data)
    assert [one.formatted for one in told.errors or ()] == [one.formatted for one in expected.errors or ()]


def test_what_is_plain_takes_no_step_of_the_stock_executor(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = list[str]()
    step = Executor.execute_field

    def counted(
        self: Executor[None], kind: GraphQLObjectType, source: object, details: list[FieldDetails], *rest: Never
    ) -> object:
        steps.append(f"{kind}.{details[0].node.name.value}")
        return step(self, kind, source, details, *rest)

    monkeypatch.setattr(Executor, "execute_field", counted)
    query = """
    { one { main { name twice } named { name ... on Part { size } } grown ...L } }
    fragment L on Whole { name ratio marks grid colour otherwise __typename }
    """
    told = ours.execute_sync(query, root_value="whole")
    assert (told.errors, steps) == (None, ["Query.one", "Whole.grown"])


DEPTH = 4


def everything(kind: GraphQLObjectType | GraphQLInterfaceType, above: tuple[str, ...] = ()) -> str:
    """All that can be asked of a type without arguments, so many levels deep; but series, that end at the present."""
    asked = ["__typename"]
    for name, field in kind.fields.items():
        inner = get_named_type(field.type)
        if any(map(is_required_argument, field.args.values())) or inner.name in above or name == "series":
            continue
        if is_leaf_type(inner):
            asked.append(name)
        elif len(above) < DEPTH and not isinstance(inner, GraphQLUnionType):
            asked.append(f"{name} {everything(inner, (*above, inner.name))}")
    if isinstance(kind, GraphQLInterfaceType):
        for one in product._schema.get_possible_types(kind):
            # Each kind of fact has fields of the same name and another type.
            fields = [
                name
                for name, field in one.fields.items()
                if name not in kind.fields and is_leaf_type(get_named_type(field.type))
            ]
            asked.extend(f"... on {one} {{ {one}_{name}: {name} }}" for name in fields)
    return f"{{ {' '.join(asked)} }}"


THEN = "at: $then, knownAt: $then"
EVERYTHING = {
    "fund": f"id: $id, {THEN}",
    "fundChange": f'id: $id, from: {{ at: "2007-01-01T00:00:00Z", knownAt: $then }}, to: {{ {THEN} }}',
    "timeline": "fundId: $id, first: 100",
    "varianceAlerts": "fundId: $id",
    "alertRules": "fundId: $id",
    "varianceSummary": f"fundId: $id, {THEN}",
    "funds": "first: 5",
}


def asking(field: str) -> str:
    """A query of all that a root field gives."""
    root = product._schema.query_type
    assert root is not None
    kind = get_named_type(root.fields[field].type)
    return f"query ($id: ID!, $then: DateTime) {{ {field}({EVERYTHING[field]}) {everything(kind, (kind.name,))} }}"


def written(answer: ExecutionResult) -> str:
    """The answer's data as JSON, without the moment at which the present was asked about."""
    return re.sub(r'(:\d{16}){2}|"(at|knownAt)": "[^"]+"', "", json.dumps(answer.data))


async def test_everything_of_a_fund_is_what_the_stock_executor_answers(
    runtime: Runtime, portfolio: OpenedFund, watched: Watched
) -> None:
    await watched.set_rule()
    await watched.miss()
    then = datetime.now(UTC)
    viewer = await runtime.people.enrol(f"{uuid4().hex}@example.org")
    for uuid in (portfolio.uuid, watched.fund.uuid):
        await runtime.people.give(viewer.id, uuid, Role.VIEWER)

    async def answer(field: str, fund: OpenedFund, executor: type[Executor[Any]]) -> ExecutionResult:
        context = Context(runtime, Pass(viewer, then, then + timedelta(hours=1)), "", None)
        document, variables = parse(asking(field)), {"id": fund.id, "then": then.isoformat()}
        return await await_maybe(
            execute(
                product._schema, document, context_value=context, variable_values=variables, executor_class=executor
            )
        )

    for field, fund in itertools.product(EVERYTHING, (portfolio, watched.fund)):
        expected, told = await answer(field, fund, StockExecutor), await answer(field, fund, PlainExecutor)
        assert (expected.errors, told.errors) == (None, None)
        assert written(told) == written(expected)
        assert len(written(told)) > 100 or (field, fund) == ("alertRules", portfolio)
