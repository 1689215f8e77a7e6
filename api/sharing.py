"""What identical subscriptions of a fund's facts are told, executed and encoded once for all of them.

Nothing told of a fact depends on who is told; who may follow the fund is checked before, for each by themselves.
"""

from collections import OrderedDict
from collections.abc import Iterator
from inspect import isawaitable
from sys import intern
from typing import Any

from graphql import (
    DocumentNode,
    Executor,
    GraphQLResolveInfo,
    Node,
    VariableNode,
    execute_subscription_event,
)
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from api.context import Asked
from api.encoding import encode
from api.events import FundEvent

MOST_CHARACTERS = 16 * 1024 * 1024
"""Of the newest payloads, which are kept, per process."""


class _Payloads:
    """Texts of the newest payloads, by fund, version and what was asked."""

    def __init__(self) -> None:
        self._texts: OrderedDict[tuple[str, int, str], str] = OrderedDict()
        self._characters = 0

    def get(self, key: tuple[str, int, str]) -> str | None:
        return self._texts.get(key)

    def keep(self, key: tuple[str, int, str], text: str) -> None:
        self._characters += len(text) - len(self._texts.pop(key, ""))
        self._texts[key] = text
        while self._characters > MOST_CHARACTERS:
            self._characters -= len(self._texts.popitem(last=False)[1])


_payloads = _Payloads()


class Telling:
    """One subscription's part in what all that are identical to it are told."""

    def __init__(self, info: Asked) -> None:
        # strawberry hides the nodes of the operation.
        self._info = info._raw_info  # noqa: SLF001
        self._course = info.context.course
        self._asked = _identity(self._info, info)

    async def told(self, event: FundEvent) -> bool:
        """Whether the event was delivered to the client; else it is to be told as ever."""
        deliver = self._course.deliver
        if deliver is None:
            return False
        key = event.fund_id, event.version, self._asked
        text = _payloads.get(key)
        if text is None:
            text = await self._executed(event)
            if text is None:
                return False
            _payloads.keep(key, text)
        await deliver(text)
        return True

    async def _executed(self, event: FundEvent) -> str | None:
        """The payload's text; None where something goes wrong, which is told and logged as ever."""
        info, asked = self._info, self._course.asked
        executor = StrawberryGraphQLCoreExecutionContext.build(
            info.schema,
            DocumentNode(definitions=(info.operation, *info.fragments.values())),
            context_value=info.context,
            raw_variable_values=asked.variables,
        )
        if not isinstance(executor, Executor):
            return None
        result = execute_subscription_event(executor.build_per_event_executor(event))
        told = await result if isawaitable(result) else result
        return None if told.errors else encode({"data": told.data})


def _identity(nodes: "GraphQLResolveInfo[Any]", info: Asked) -> str:
    """What makes two subscriptions of one fund the same: the document, and the variables used in its selection.

    The arguments of the field itself say which fund, and from where on.
    """
    asked = info.context.course.asked
    given = asked.variables or {}
    fields = nodes.field_nodes
    parts = [part for field in fields for part in (field.selection_set, *(field.directives or ())) if part is not None]
    used = {name for part in (*parts, *nodes.fragments.values()) for name in _variables(part)}
    return intern(encode([asked.query, asked.name, sorted((name, given[name]) for name in used & given.keys())]))


def _variables(node: Node) -> Iterator[str]:
    """Names of the variables used within."""
    if isinstance(node, VariableNode):
        yield node.name.value
    for key in node.keys:
        child = getattr(node, key, None)
        for one in child if isinstance(child, list | tuple) else (child,):
            if isinstance(one, Node):
                yield from _variables(one)
