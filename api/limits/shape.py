"""The shape of a document: how deep, wide and repetitive it is, told before any rule of validation looks at it.

Fragments are measured once each, so that it takes time in proportion to the document's length, whatever they spread.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
)

MOST_CHARACTERS = 65_536
"""Of a document."""
MOST_TOKENS = 5_000
"""Of a document; a parser and the rules of validation take about 40 µs for each."""
MOST_NESTED = 100
"""Selection sets and fragments within one another, whether or not they make the answer deeper."""
MOST_REPEATS = 10_000
"""Pairs of fields or spreads at one place of the answer, which validation compares with one another."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How large a part of a document is with every fragment put where it is spread.

    Attributes:
        depth: Fields within one another, a leaf counted.
        selections: Fields, spreads and inline fragments.
        aliases: Fields under a name of the caller's.
        directives: Uses of directives.
    """

    depth: int = 0
    selections: int = 0
    aliases: int = 0
    directives: int = 0

    def __add__(self, other: "Shape") -> "Shape":
        return Shape(
            max(self.depth, other.depth),
            self.selections + other.selections,
            self.aliases + other.aliases,
            self.directives + other.directives,
        )


MOST = Shape(depth=16, selections=2_000, aliases=500, directives=100)
"""Of an operation. Introspection as GraphiQL asks for it is 15 deep."""
MOST_ROOTS = 50
"""Fields of an operation's root: each is a question of its own."""
MOST_OPERATIONS = 50
"""Of a document: GraphiQL sends all that a tab holds."""


class OutOfShapeError(GraphQLError):
    """A document that is larger than any may be, or spreads a fragment in itself."""


def check(document: DocumentNode) -> None:
    """Refuses a document that is out of shape.

    Raises:
        OutOfShapeError: If it is.
    """
    operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    if len(operations) > MOST_OPERATIONS:
        message = f"A document holds at most {MOST_OPERATIONS} operations."
        raise OutOfShapeError(message, operations[-1])
    fragments = fragments_of(document)
    shapes = _Shapes(fragments)
    parts: list[OperationDefinitionNode | FragmentDefinitionNode] = [*operations, *fragments.values()]
    for one in parts:
        # A fragment that nothing spreads is validated too.
        _bound(shapes.of(one.selection_set) + Shape(directives=_uses(one)), one)
        roots, repeats = _spread(one.selection_set, fragments)
        if isinstance(one, OperationDefinitionNode) and roots > MOST_ROOTS:
            message = f"An operation asks at most {MOST_ROOTS} fields of its root, this one {roots}."
            raise OutOfShapeError(message, one)
        if repeats > MOST_REPEATS:
            message = "The document selects the same fields too often."
            raise OutOfShapeError(message, one)


def fragments_of(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    """A document's fragments by name."""
    return {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}


def _bound(found: Shape, node: OperationDefinitionNode | FragmentDefinitionNode) -> None:
    for name, most in (("depth", MOST.depth), ("aliases", MOST.aliases), ("directives", MOST.directives)):
        if getattr(found, name) > most:
            message = f"An operation's {name} may be {most}, this one's is more."
            raise OutOfShapeError(message, node)
    if found.selections > MOST.selections:
        message = f"An operation makes at most {MOST.selections} selections, each as often as its fragment is spread."
        raise OutOfShapeError(message, node)


def _uses(node: OperationDefinitionNode | FragmentDefinitionNode) -> int:
    return len(node.directives or ()) + sum(len(one.directives or ()) for one in node.variable_definitions or ())


class _Shapes:
    """Shapes of selection sets; of a fragment, found once."""

    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._found: dict[str, Shape | None] = {}

    def of(self, within: SelectionSetNode, nested: int = 0) -> Shape:
        """The shape of a selection set that stands within `nested` others."""
        if nested > MOST_NESTED:
            message = "The document is nested too deeply."
            raise OutOfShapeError(message, within)
        found = Shape()
        for one in within.selections:
            found += self._of_one(one, nested + 1)
        return found

    def _of_one(self, one: SelectionNode, nested: int) -> Shape:
        inner = Shape()
        if isinstance(one, FragmentSpreadNode):
            inner = self._of_fragment(one, nested)
        elif isinstance(one, FieldNode | InlineFragmentNode) and one.selection_set is not None:
            inner = self.of(one.selection_set, nested)
        is_field = isinstance(one, FieldNode)
        return Shape(
            inner.depth + is_field,
            inner.selections + 1,
            inner.aliases + (isinstance(one, FieldNode) and one.alias is not None),
            inner.directives + len(one.directives or ()),
        )

    def _of_fragment(self, spread: FragmentSpreadNode, nested: int) -> Shape:
        name = spread.name.value
        fragment = self._fragments.get(name)
        if fragment is None:
            # Validation says so.
            return Shape()
        if name not in self._found:
            self._found[name] = None
            self._found[name] = self.of(fragment.selection_set, nested) + Shape(
                directives=len(fragment.directives or ())
            )
        found = self._found[name]
        if found is None:
            message = f"Fragment {name} is spread in itself."
            raise OutOfShapeError(message, spread)
        return found


def _spread(selections: SelectionSetNode, fragments: Mapping[str, FragmentDefinitionNode]) -> tuple[int, int]:
    """Fields at the root of a selection set, and pairs of fields that come to the same place of its answer.

    Takes each selection as often as it is spread; their number was bounded before.
    """
    roots = repeats = 0
    merged = [[selections]]
    while merged:
        places: dict[str, list[FieldNode]] = {}
        spreads = 0
        for one in _selected(merged.pop(), fragments):
            if isinstance(one, FieldNode):
                places.setdefault((one.alias or one.name).value, []).append(one)
            else:
                spreads += 1
        roots = roots or sum(map(len, places.values()))
        repeats += spreads * spreads + sum(len(together) ** 2 for together in places.values() if len(together) > 1)
        for together in places.values():
            inner = [one.selection_set for one in together if one.selection_set is not None]
            if inner:
                merged.append(inner)
    return roots, repeats


def _selected(
    sets: list[SelectionSetNode], fragments: Mapping[str, FragmentDefinitionNode]
) -> Iterator[FieldNode | FragmentSpreadNode]:
    """Fields of selection sets and of the fragments in them, and the spreads themselves."""
    waiting = [one for selections in sets for one in selections.selections]
    while waiting:
        one = waiting.pop()
        if isinstance(one, FieldNode):
            yield one
            continue
        selections: SelectionSetNode | None = getattr(one, "selection_set", None)
        if isinstance(one, FragmentSpreadNode):
            yield one
            fragment = fragments.get(one.name.value)
            selections = None if fragment is None else fragment.selection_set
        if selections is not None:
            waiting.extend(selections.selections)
