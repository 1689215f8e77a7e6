"""Every place of the schema where a caller's value goes in, and requests that fill it and no more than must be."""

from dataclasses import dataclass

from graphql import (
    GraphQLField,
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
from tests.api.asking import Json

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

Path = tuple[str | int, ...]
HOLDERS = {
    "Query": ("query", "{}"),
    "Mutation": ("mutation", "{}"),
    "Subscription": ("subscription", "{}"),
    "FundState": ("query", "fund(id: $fund) {{ {} }}"),
    "Fund": ("query", "fund(id: $fund) {{ fund {{ {} }} }}"),
    "Organisation": ("query", "viewer {{ organisations {{ {} }} }}"),
    "FundChange": ("query", "fundChange(id: $fund, from: {{}}, to: {{}}) {{ {} }}"),
}
"""Types whose fields take arguments, and how to come to them."""
TEXTS = frozenset({"String", "ID", "JSON", "Money", "Decimal", "Date", "DateTime"})


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


def places(kind: GraphQLInputType, taken: frozenset[str], path: Path = ()) -> list[Path]:
    """Paths of every value of these scalars that a value of the type can hold."""
    if is_non_null_type(kind):
        return places(kind.of_type, taken, path)
    if is_list_type(kind):
        return places(kind.of_type, taken, (*path, 0))
    if isinstance(kind, GraphQLInputObjectType):
        return [found for name, field in kind.fields.items() for found in places(field.type, taken, (*path, name))]
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


@dataclass(frozen=True, slots=True)
class Place:
    """One place: the type and field, its argument, and the path in that."""

    kind: str
    field: str
    argument: str
    path: Path

    def __str__(self) -> str:
        return ".".join(map(str, (self.kind, self.field, self.argument, *self.path)))

    @property
    def operation(self) -> str:
        """Query, mutation or subscription."""
        return HOLDERS[self.kind][0]

    def request(self, text: object, fund: str, selection: str = "__typename") -> Json:
        """A request that gives one text at the place, the fund where one is asked for, and elsewhere what is least."""
        field = _field(self.kind, self.field)
        given: Json = {}
        for key, one in field.args.items():
            if key == self.argument:
                given[key] = with_text(one.type, self.path, text)
            elif is_non_null_type(one.type):
                given[key] = minimal(one.type)
        for holder in (given, given.get("input", {})):
            for key in ("fundId", "id"):
                if key in holder and (self.argument, self.path) not in ((key, ()), ("input", (key,))):
                    holder[key] = fund
        operation, around = HOLDERS[self.kind]
        declared = [f"${key}: {field.args[key].type}" for key in given] + ["$fund: ID!"] * ("$fund" in around)
        passed = ", ".join(f"{key}: ${key}" for key in given)
        # A list of values has nothing to select.
        chosen = f" {{ {selection} }}" if selection and _is_object(field) else ""
        asked = around.format(f"{self.field}({passed}){chosen}")
        variables = {**given, "fund": fund} if "$fund" in around else given
        return {"query": f"{operation} ({', '.join(declared)}) {{ {asked} }}", "variables": variables}


def all_places(taken: frozenset[str] = TEXTS) -> list[Place]:
    """Every place in the schema for a value of these scalars."""
    return [
        Place(kind.name, name, argument, path)
        for kind in schema._schema.type_map.values()
        if isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__")
        for name, field in kind.fields.items()
        for argument, given in field.args.items()
        for path in places(given.type, taken)
    ]


def _field(kind: str, name: str) -> GraphQLField:
    found = schema._schema.type_map[kind]
    assert isinstance(found, GraphQLObjectType)
    field: GraphQLField = found.fields[name]
    return field


def _is_object(field: GraphQLField) -> bool:
    kind = field.type
    while is_non_null_type(kind) or is_list_type(kind):
        kind = kind.of_type
    return not isinstance(kind, GraphQLScalarType) and not is_enum_type(kind)
