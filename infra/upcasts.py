"""Upcasts: how payloads of an older shape are read today. Pure, one step at a time, never edited once shipped."""

from collections.abc import Callable, Mapping

from domain.event import EventKind
from domain.refusal import CorruptionError

Payload = dict[str, object]
Upcast = Callable[[Payload], Payload]

UPCASTS: Mapping[tuple[str, int], Upcast] = {}
"""From (stored name, schema version) to the step that gives the next schema version's payload."""


def lift(kind: EventKind, schema_version: int, payload: Payload) -> Payload:
    """The payload in today's shape.

    Raises:
        CorruptionError: If its shape is newer than this program, no step leads on from it, or a step can't take it.
    """
    while schema_version < kind.schema_version:
        step = UPCASTS.get((kind.name, schema_version))
        if step is None:
            break
        try:
            payload = step(payload)
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as fault:
            message = f"a stored {kind.name} of shape {schema_version} can't be lifted: {fault!r}"
            raise CorruptionError(message) from fault
        schema_version += 1
    if schema_version != kind.schema_version:
        message = f"{kind.name} is stored in shape {schema_version}, unknown to this program"
        raise CorruptionError(message)
    return payload
