"""The schema against the public contract, and what everything in it must have."""

import subprocess
import sys
from pathlib import Path

import pytest
from graphql import (
    DirectiveNode,
    DocumentNode,
    EnumTypeDefinitionNode,
    FieldDefinitionNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    InputObjectTypeDefinitionNode,
    InputValueDefinitionNode,
    InterfaceTypeDefinitionNode,
    ObjectTypeDefinitionNode,
    ScalarTypeDefinitionNode,
    build_client_schema,
    get_introspection_query,
    is_introspection_type,
    is_specified_scalar_type,
    parse,
    print_ast,
)

from api.schema import schema
from tests.api.asking import Caller
from tests.conftest import SHARED_DATA

CONTRACT = SHARED_DATA.parent / "design" / "contract.graphql"
ROOT = Path(__file__).resolve().parents[2]

Members = dict[str, str]


def _value(node: InputValueDefinitionNode) -> str:
    return print_ast(node.type) + (f" = {print_ast(node.default_value)}" if node.default_value else "")


def _field(node: FieldDefinitionNode | InputValueDefinitionNode) -> Members:
    """The field's own type under its name, and each argument's under the name and the argument's."""
    name = node.name.value
    if isinstance(node, InputValueDefinitionNode):
        return {name: _value(node)}
    arguments = {f"{name}({one.name.value})": _value(one) for one in node.arguments or ()}
    return {name: print_ast(node.type), **arguments}


def _flags(directives: tuple[DirectiveNode, ...]) -> Members:
    return {f"@{one.name.value}": "" for one in directives if one.name.value == "oneOf"}


def definitions(document: DocumentNode) -> dict[str, tuple[str, Members]]:
    """Each type's kind, and its members: fields, arguments, interfaces and values with their types and defaults."""
    found = {}
    for node in document.definitions:
        if isinstance(node, EnumTypeDefinitionNode):
            members = {one.name.value: "" for one in node.values or ()}
        elif isinstance(node, ObjectTypeDefinitionNode | InterfaceTypeDefinitionNode):
            members = {f"implements {one.name.value}": "" for one in node.interfaces or ()}
            for one in node.fields or ():
                members |= _field(one)
        elif isinstance(node, InputObjectTypeDefinitionNode):
            members = _flags(tuple(node.directives or ()))
            for given in node.fields or ():
                members |= _field(given)
        elif isinstance(node, ScalarTypeDefinitionNode):
            members = {}
        else:
            continue
        found[node.name.value] = node.kind, members
    return found


OURS = definitions(parse(schema.as_str()))

if CONTRACT.is_file():
    THEIRS = definitions(parse(CONTRACT.read_text(encoding="utf-8")))

    def test_every_type_of_the_contract_is_there_but_those_still_to_come() -> None:
        assert THEIRS.keys() <= OURS.keys()
        common = THEIRS.keys() & OURS.keys()
        assert {name: OURS[name][0] for name in common} == {name: THEIRS[name][0] for name in common}

    @pytest.mark.parametrize("name", sorted(THEIRS))
    def test_a_type_of_the_contract_has_its_members_with_their_types_and_defaults(name: str) -> None:
        (_, ours), (_, theirs) = OURS[name], THEIRS[name]
        assert {member: text for member, text in ours.items() if member in theirs} == theirs


@pytest.fixture
async def introspected(stranger: Caller) -> GraphQLSchema:
    """The schema as a client learns it."""
    asked = get_introspection_query(descriptions=True, specified_by_url=True, input_value_deprecation=True)
    answer = await stranger.data(asked)
    return build_client_schema(answer)  # type: ignore[arg-type]


async def test_a_client_can_introspect_the_schema(introspected: GraphQLSchema) -> None:
    assert introspected.query_type is not None
    assert set(introspected.query_type.fields) == {
        "viewer", "node", "funds", "fund", "fundChange", "timeline", "snapshots", "variances", "varianceSummary",
        "varianceAlerts", "alertRules", "alertChannels", "previewAlertRule", "optimalReserves", "reserveRuns",
        "reserveModel", "reserveScenarios", "constrainedReserves", "fundMembers", "organisation",
    }  # fmt: skip


async def test_everything_in_the_schema_says_what_it_is(introspected: GraphQLSchema) -> None:
    silent = []
    for name, kind in introspected.type_map.items():
        if is_introspection_type(kind) or is_specified_scalar_type(kind):
            continue
        told = {name: kind.description}
        if isinstance(kind, GraphQLEnumType):
            told |= {f"{name}.{key}": value.description for key, value in kind.values.items()}
        elif isinstance(kind, GraphQLInputObjectType):
            told |= {f"{name}.{key}": field.description for key, field in kind.fields.items()}
        elif isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            for key, member in kind.fields.items():
                told[f"{name}.{key}"] = member.description
                told |= {f"{name}.{key}({arg})": given.description for arg, given in member.args.items()}
        silent += [place for place, text in told.items() if not text]
    assert silent == []


async def test_every_connection_has_edges_with_cursors_and_says_where_its_page_stands(
    introspected: GraphQLSchema,
) -> None:
    connections = [name for name in introspected.type_map if name.endswith("Connection")]
    assert sorted(connections) == [
        "AccessFactConnection", "FundConnection", "FundEventConnection", "ReserveRunConnection", "SnapshotConnection",
        "VarianceAlertConnection", "VarianceConnection",
    ]  # fmt: skip
    for name in connections:
        kind = introspected.type_map[name]
        assert isinstance(kind, GraphQLObjectType)
        assert str(kind.fields["pageInfo"].type) == "PageInfo!"
        edge = introspected.type_map[name.removesuffix("Connection") + "Edge"]
        assert isinstance(edge, GraphQLObjectType)
        assert str(edge.fields["cursor"].type) == "String!"


def test_the_checked_in_schema_is_the_printed_one() -> None:
    command = [sys.executable, "-m", "api.cli", "schema"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, encoding="utf-8").stdout
    assert (ROOT / "schema.graphql").read_text(encoding="utf-8") == printed, "make schema"
