"""The prices of a built schema in the form that a document is reckoned with."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from graphql import (
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLType,
    get_named_type,
    introspection_types,
    is_composite_type,
)

from api.limits.prices import ELEMENT, LEAF, OBJECT, Cost, ListSize

INTROSPECTED = 0.3
"""Weight of an object of introspection: it lies there and need not be made."""

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Price:
    """What one field costs.

    Attributes:
        weight: Once for each time it is answered.
        each: Of each element, or of what it holds where it is no list.
        kind: Name of the type it answers.
        listed: Whether it is a list.
        size: Its length, or its sized fields', where no argument says.
        slicing: Arguments that say, each with its default.
        sized: Fields of its object that are so long.
        given: Lists in its arguments by their paths, each with its elements' weight.
    """

    weight: float
    each: float
    kind: str
    listed: bool
    size: float = ELEMENT
    slicing: tuple[tuple[str, object], ...] = ()
    sized: frozenset[str] = frozenset()
    given: tuple[tuple[Path, float], ...] = ()

    @property
    def is_sized(self) -> bool:
        """Whether the length of the list is known without asking what it stands in."""
        return self.size != ELEMENT or bool(self.slicing)


INTROSPECTION = frozenset({"__Schema", "__Type"})
"""Types through which the schema is entered."""
Tariff = Mapping[str, Mapping[str, Price]]
"""Prices by type and field."""
TYPENAME = Price(0, LEAF, "String", listed=False)


@cache
def tariff(schema: GraphQLSchema) -> Tariff:
    """What every field of a schema costs."""
    kinds = [one for one in schema.type_map.values() if isinstance(one, GraphQLObjectType | GraphQLInterfaceType)]
    found = {
        kind.name: {name: _price(field) for name, field in kind.fields.items()}
        for kind in kinds
        if kind.name not in introspection_types
    }
    query = schema.query_type
    assert query is not None, "every schema has questions"
    found[query.name] |= {
        "__schema": Price(0, OBJECT, "__Schema", listed=False),
        "__type": Price(0, OBJECT, "__Type", listed=False),
    }
    return found | _introspection(schema, len(kinds))


def _price(field: Any) -> Price:  # noqa: ANN401 - graphql-core's fields are generic
    definition = field.extensions.get("strawberry-definition")
    directives = getattr(definition, "directives", ())
    cost = next((one for one in directives if isinstance(one, Cost)), None)
    size = next((one for one in directives if isinstance(one, ListSize)), None)
    named = get_named_type(field.type)
    each = OBJECT if is_composite_type(named) else LEAF
    given = tuple(found for name, one in field.args.items() for found in _given(one.type, (name,)))
    listed = _is_list(field.type)
    weight = 0.0 if cost is None else float(cost.weight)
    if cost is not None and not listed:
        each = 0
    if size is None:
        return Price(weight, each, named.name, listed, given=given)
    slicing = tuple((name, field.args[name].default_value) for name in size.slicing_arguments or ())
    sized = frozenset(size.sized_fields or ())
    return Price(weight, each, named.name, listed, size.assumed_size or ELEMENT, slicing, sized, given)


def _given(kind: GraphQLType, path: Path) -> Iterator[tuple[Path, float]]:
    """Priced lists in an input, by their paths."""
    named = get_named_type(kind)
    if _is_list(kind) or not isinstance(named, GraphQLInputObjectType):
        return
    for name, field in named.fields.items():
        for one in getattr(field.extensions.get("strawberry-definition"), "directives", ()):
            if isinstance(one, Cost):
                yield (*path, name), float(one.weight)
        yield from _given(field.type, (*path, name))


def _is_list(kind: GraphQLType) -> bool:
    return isinstance(kind.of_type if isinstance(kind, GraphQLNonNull) else kind, GraphQLList)


def _introspection(schema: GraphQLSchema, composite: int) -> dict[str, dict[str, Price]]:
    """Prices of the schema's own description, whose lists are as long as this schema's are in the mean."""
    kinds = list(schema.type_map.values())
    fields = [field for kind in kinds for field in getattr(kind, "fields", {}).values()]
    mean = {
        "types": len(kinds),
        "directives": len(schema.directives),
        "fields": len(fields) / composite,
        "inputFields": 1,
        "enumValues": 1,
        "possibleTypes": 1,
        "interfaces": 1,
        "args": sum(len(getattr(field, "args", ())) for field in fields) / len(fields),
        "ofType": 0.5,
    }
    return {
        name: {
            key: Price(
                0,
                INTROSPECTED if is_composite_type(get_named_type(field.type)) else LEAF / 2,
                get_named_type(field.type).name,
                listed=key in mean,
                size=mean.get(key, ELEMENT),
            )
            for key, field in getattr(kind, "fields", {}).items()
        }
        for name, kind in introspection_types.items()
    }
