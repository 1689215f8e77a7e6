"""Executing: what is plain of an object in one step, where graphql-core takes many for each of its values.

A field is plain if it is an attribute, or a method that needs nothing but its object, and holds a leaf, an object that
is plain throughout, or a list of either. Whatever then isn't as it should be, such as a null where none may be, a value
that its type refuses or an object of another class, is left to graphql-core, which does the object again as a whole and
words the error: attributes and such methods can be read twice.
"""

from collections.abc import Awaitable, Callable
from operator import attrgetter
from typing import Any, NamedTuple

from graphql import (
    GraphQLAbstractType,
    GraphQLField,
    GraphQLLeafType,
    GraphQLObjectType,
    GraphQLOutputType,
    Undefined,
    get_nullable_type,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_object_type,
)
from graphql.pyutils import Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField

Reading = Callable[[Any], Any]
"""From an object, or from what a field holds, to what the answer says of it."""
Fields = dict[str, Any]
"""Of a selection: graphql-core's details of each field, by the name that it has in the answer."""


class NotPlainError(Exception):
    """A value that isn't as a plain one is."""


class _Plan(NamedTuple):
    """What of a selection is plain, and what isn't."""

    selection: Fields
    """Kept, for plans are found by its identity."""
    plain: list[tuple[str, Reading, Reading]]
    """Name in the answer, what is read of the object, and how that is told."""
    rest: Fields


class PlainExecutor(StrawberryGraphQLCoreExecutionContext):
    """Executes one operation as strawberry does, what is plain apart.

    It stands on `execute_fields` and `collect_subfields` of graphql-core's executor, neither of which is public: the
    tests compare what it answers with what the stock executor does.
    """

    def __init__(self, *given: object, **more: object) -> None:
        super().__init__(*given, **more)
        self._plans: dict[tuple[GraphQLObjectType, int], _Plan] = {}
        self._roots = {self.schema.query_type, self.schema.mutation_type, self.schema.subscription_type}

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: object,
        path: Path | None,
        grouped_field_set: Fields,
        position_context: Any,  # noqa: ANN401 - graphql-core's own
    ) -> dict[str, Any] | Awaitable[dict[str, Any]]:
        """What the answer says of one object."""
        plan = self._plan(parent_type, grouped_field_set)
        if not plan.plain:
            return super().execute_fields(parent_type, source_value, path, grouped_field_set, position_context)
        try:
            told = {name: tell(read(source_value)) for name, read, tell in plan.plain}
        except Exception:  # noqa: BLE001 - graphql-core meets it again, and knows what to do
            return super().execute_fields(parent_type, source_value, path, grouped_field_set, position_context)
        if not plan.rest:
            return told
        rest = super().execute_fields(parent_type, source_value, path, plan.rest, position_context)
        if isinstance(rest, dict):
            return _in_order(grouped_field_set, told, rest)
        return _once_there(grouped_field_set, told, rest)

    def _plan(self, kind: GraphQLObjectType, selection: Fields) -> _Plan:
        key = (kind, id(selection))
        plan = self._plans.get(key)
        if plan is None:
            plan = self._plans[key] = self._planned(kind, selection)
        return plan

    def _planned(self, kind: GraphQLObjectType, selection: Fields) -> _Plan:
        if kind in self._roots:
            return _Plan(selection, [], selection)
        plan = _Plan(selection, [], {})
        for name, details in selection.items():
            read: Reading | None = None
            tell: Reading | None = None
            asked = details[0].node.name.value
            if asked == "__typename":
                read, tell = _constant(kind.name), str
            elif (field := kind.fields.get(asked)) is not None and (read := _reading(field)) is not None:
                tell = self._telling(field.type, details)
            if read is None or tell is None:
                plan.rest[name] = details
            else:
                plan.plain.append((name, read, tell))
        return plan

    def _telling(self, kind: GraphQLOutputType, details: list[Any]) -> Reading | None:
        """How a value of the type is told; None if that takes more than the value."""
        inner = get_nullable_type(kind)
        tell: Reading | None = None
        if is_leaf_type(inner):
            tell = _leaf(inner)
        elif is_list_type(inner):
            each = self._telling(inner.of_type, details)
            tell = None if each is None else _each(each)
        elif is_object_type(inner):
            tell = self._object(inner, details)
        elif is_abstract_type(inner):
            tell = self._one_of(inner, details)
        if tell is None:
            return None
        return _optional(tell) if inner is kind else _required(tell)

    def _object(self, kind: GraphQLObjectType, details: list[Any]) -> Reading | None:
        """How an object is told, if all that is asked of it is plain."""
        collected = self.collect_subfields(kind, details)
        plan = self._plan(kind, collected.grouped_field_set)
        definition = kind.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
        if plan.rest or collected.new_defer_usages or definition is None:
            return None
        cls, plain = definition.origin, plan.plain

        def tell(value: object) -> dict[str, Any]:
            if value.__class__ is not cls:
                raise NotPlainError
            return {name: told(read(value)) for name, read, told in plain}

        return tell

    def _one_of(self, kind: GraphQLAbstractType, details: list[Any]) -> Reading:
        """How an object of any of several types is told; each type is looked at when the first of it comes."""
        possible = {
            one.extensions[GraphQLCoreConverter.DEFINITION_BACKREF].origin: one
            for one in self.schema.get_possible_types(kind)
        }
        ways = dict[type, Reading | None]()

        def tell(value: object) -> object:
            cls = value.__class__
            if cls not in ways:
                ways[cls] = self._object(possible[cls], details)
            way = ways[cls]
            if way is None:
                raise NotPlainError
            return way(value)

        return tell


def _reading(field: GraphQLField) -> Reading | None:
    """How a field's value is had of its object; None if that takes more than the object."""
    definition = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    if field.args or not isinstance(definition, StrawberryField) or definition.extensions:
        return None
    resolver = definition.base_resolver
    if resolver is None:
        return attrgetter(definition.python_name)
    function = resolver.wrapped_func
    if resolver.self_parameter is None or len(resolver.signature.parameters) > 1 or resolver.is_async:
        return None
    return function if callable(function) else None


def _constant(told: str) -> Reading:
    return lambda _: told


def _leaf(kind: GraphQLLeafType) -> Reading:
    coerce = kind.coerce_output_value

    def tell(value: object) -> object:
        told = coerce(value)
        if told is None or told is Undefined:
            raise NotPlainError
        return told

    return tell


def _each(tell: Reading) -> Reading:
    def tell_each(values: object) -> list[Any]:
        if not isinstance(values, list | tuple):
            raise NotPlainError
        return [tell(one) for one in values]

    return tell_each


def _required(tell: Reading) -> Reading:
    def tell_it(value: object) -> object:
        if value is None:
            raise NotPlainError
        return tell(value)

    return tell_it


def _optional(tell: Reading) -> Reading:
    return lambda value: None if value is None else tell(value)


def _in_order(selection: Fields, told: dict[str, Any], rest: dict[str, Any]) -> dict[str, Any]:
    """Both parts of an answer, in the order that was asked for."""
    told.update(rest)
    return {name: told[name] for name in selection if name in told}


async def _once_there(selection: Fields, told: dict[str, Any], rest: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    return _in_order(selection, told, await rest)
