"""Beside the loop: large questions that need nothing of it are answered in a thread, so that nobody waits for them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from graphql import FieldNode, GraphQLError, OperationDefinitionNode, parse

from api.limits.shape import MOST_CHARACTERS, MOST_TOKENS

A = TypeVar("A")

SELF_CONTAINED = frozenset({"constrainedReserves", "__typename"})
"""Questions whose answer is made of what they give alone: neither the database nor Redis, which are the loop's."""
MANY = 1_000
"""Rows given from which on it pays."""


async def answered(
    execute: Callable[[], Awaitable[A]], query: str | None, variables: Mapping[str, object] | None, name: str | None
) -> A:
    """What `execute` gives, on a loop of its own in a thread where it is large and needs nothing of this one.

    Reading a hundred thousand rows into the schema's types takes seconds, most of them before a resolver is asked.
    """
    if not (query and _is_large(variables or {}) and _is_self_contained(query, name)):
        return await execute()

    async def apart() -> A:
        return await execute()

    return await asyncio.to_thread(lambda: asyncio.run(apart()))


def _is_large(variables: Mapping[str, object]) -> bool:
    inputs = (given for one in variables.values() for given in (one.values() if isinstance(one, dict) else (one,)))
    return any(isinstance(given, list) and len(given) > MANY for given in inputs)


def _is_self_contained(query: str, name: str | None) -> bool:
    try:
        document = parse(query, max_lexical_tokens=MOST_TOKENS, max_source_length=MOST_CHARACTERS)
    except (GraphQLError, RecursionError):
        return False
    operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    chosen = [one for one in operations if name is None or (one.name is not None and one.name.value == name)]
    return all(
        isinstance(field, FieldNode) and field.name.value in SELF_CONTAINED
        for one in chosen
        for field in one.selection_set.selections
    )
