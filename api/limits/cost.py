"""What an operation costs, told from its document and variables before anything of it is done."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
)

from api.limits.prices import ELEMENT
from api.limits.shape import fragments_of
from api.limits.tariff import INTROSPECTION, TYPENAME, Path, Price, Tariff

VALUE = 0.05
"""Weight of a value in the variables: each is read into the schema's types."""
LONGEST = 1_000
"""No list is taken to be longer: its field refuses to make it so."""
BOUNDLESS = 1e15
"""Costs are told up to here."""
MOST_DIGITS = 10
"""Of a number that is read."""

Variables = Mapping[str, Any]


@dataclass(slots=True)
class _Sum:
    """Cost of a selection set: a part that is certain, and by name the lists whose length its field decides."""

    certain: float = 0.0
    lists: dict[str, float] = field(default_factory=dict)

    def add(self, other: "_Sum") -> None:
        self.certain += other.certain
        for name, each in other.lists.items():
            self.lists[name] = self.lists.get(name, 0.0) + each

    def with_lists(self, size: float = ELEMENT, sized: frozenset[str] = frozenset()) -> float:
        return self.certain + sum(each * (size if name in sized else ELEMENT) for name, each in self.lists.items())


class Reckoning:
    """What operations of a document cost with these variables; each fragment is reckoned once.

    An estimate from above: both sides of a condition count, and every kind of object that a list may hold. What isn't
    in the schema costs nothing, for it will be refused.

    Attributes:
        introspects: Whether the schema itself is asked for.
    """

    def __init__(self, tariff: Tariff, document: DocumentNode, given: Variables) -> None:
        self._tariff = tariff
        self._fragments = fragments_of(document)
        self._given = given
        self._defaults: Mapping[str, ValueNode] = {}
        self._found: dict[str, _Sum] = {}
        self.introspects = False

    def cost(self, operation: OperationDefinitionNode) -> int:
        """Points of an operation, rounded up."""
        self._defaults = {
            one.variable.name.value: one.default_value
            for one in operation.variable_definitions or ()
            if one.default_value is not None
        }
        found = self._of(operation.selection_set, operation.operation.value.capitalize())
        return ceil(round(min(found.with_lists() + VALUE * _values(self._given), BOUNDLESS), 6))

    def _of(self, selections: SelectionSetNode, kind: str) -> _Sum:
        """Cost of a selection set of an object of that type."""
        found = _Sum()
        prices = self._tariff.get(kind, {})
        for one in selections.selections:
            if isinstance(one, FieldNode):
                price = TYPENAME if one.name.value == "__typename" else prices.get(one.name.value)
                if price is not None:
                    self.introspects |= price.kind in INTROSPECTION
                    self._add(found, one, price)
            elif isinstance(one, FragmentSpreadNode):
                found.add(self._of_fragment(one.name.value))
            elif isinstance(one, InlineFragmentNode):
                condition = one.type_condition
                found.add(self._of(one.selection_set, kind if condition is None else condition.name.value))
        return found

    def _of_fragment(self, name: str) -> _Sum:
        if name not in self._found:
            fragment = self._fragments.get(name)
            # Of a fragment that is missing validation tells.
            self._found[name] = (
                _Sum() if fragment is None else self._of(fragment.selection_set, fragment.type_condition.name.value)
            )
        return self._found[name]

    def _add(self, found: _Sum, node: FieldNode, price: Price) -> None:
        size = self._size(node, price) if price.is_sized else ELEMENT
        inside = price.each
        if node.selection_set is not None:
            inside += self._of(node.selection_set, price.kind).with_lists(size, price.sized)
        inside = min(inside, BOUNDLESS)
        found.certain = min(found.certain + price.weight + self._of_given(node, price), BOUNDLESS)
        if not price.listed:
            found.certain += inside
        elif price.is_sized and not price.sized:
            found.certain += inside * size
        else:
            name = node.name.value
            found.lists[name] = found.lists.get(name, 0.0) + inside

    def _size(self, node: FieldNode, price: Price) -> float:
        """Length of a list by its arguments."""
        given = _arguments(node)
        sizes = [self._length(given.get(name), default) for name, default in price.slicing]
        return max((one for one in sizes if one is not None), default=price.size)

    def _of_given(self, node: FieldNode, price: Price) -> float:
        """Cost of lists in a field's arguments."""
        if not price.given:
            return 0.0
        given = _arguments(node)
        return sum(weight * self._count(given.get(path[0]), path[1:]) for path, weight in price.given)

    def _length(self, node: ValueNode | None, default: object) -> int | None:
        """The number that an argument gives; None where it gives none."""
        told: object = default
        if isinstance(node, VariableNode) and node.name.value not in self._given:
            node = self._defaults.get(node.name.value)
        if isinstance(node, IntValueNode):
            told = int(node.value) if len(node.value) <= MOST_DIGITS else LONGEST
        elif isinstance(node, VariableNode):
            told = self._given[node.name.value]
        if isinstance(told, bool) or not isinstance(told, int | float):
            return None
        return int(max(0, min(told, LONGEST)))

    def _count(self, node: ValueNode | None, path: Path) -> int:
        """How many elements an argument's literal or variable has at a path; what is no list counts as one."""
        if isinstance(node, VariableNode) and node.name.value not in self._given:
            node = self._defaults.get(node.name.value)
        if isinstance(node, VariableNode):
            value = self._given[node.name.value]
            for name in path:
                value = value.get(name) if isinstance(value, dict) else None
            return len(value) if isinstance(value, list) else value is not None
        if path and isinstance(node, ObjectValueNode):
            inner = next((one.value for one in node.fields if one.name.value == path[0]), None)
            return self._count(inner, path[1:])
        if path:
            return 0
        return len(node.values) if isinstance(node, ListValueNode) else node is not None


def _arguments(node: FieldNode) -> dict[str, ValueNode]:
    return {one.name.value: one.value for one in node.arguments or ()}


def _values(given: Variables) -> int:
    """How many values the variables hold, with those that hold others."""
    found = 0
    waiting: list[Any] = [given]
    while waiting:
        one = waiting.pop()
        inner = one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        found += len(inner)
        waiting.extend(each for each in inner if isinstance(each, dict | list))
    return found
