"""Facts in the schema: an interface, and for every registered event its own type and input, made from the registry."""

import dataclasses
from collections.abc import Callable, Mapping
from datetime import datetime
from types import GenericAlias
from typing import Any

import msgspec
import strawberry
from strawberry.scalars import JSON

from api.ids import fact_id
from api.node import Node
from api.wording import described_enum, first_paragraph
from domain.event import CompanyKey, Event, EventKind, Fact, Telling, kind_of
from domain.events import KINDS
from domain.shape import FieldShape, is_part, shape
from domain.wording import Wording
from infra import wire

_functional: Any = Wording
"""The enumeration's functional form, which mypy takes for a lookup: a text for each value, as in the class form."""

FundEventType = described_enum(
    _functional("FundEventType", {kind.name: (kind.name, first_paragraph(kind.cls)) for kind in KINDS.values()}),
    text="Kinds of facts.",
)


@strawberry.interface(
    description="An immutable fact. Each kind has its own type with its payload as typed fields; `payload` holds the "
    "same as JSON."
)
class FundEvent(Node):
    fact: strawberry.Private[Fact]
    told: strawberry.Private[Telling]
    fund_id: strawberry.ID = strawberry.field(description="The fund.")
    version: int = strawberry.field(description="Place in the fund's ledger, from 1, without gaps.")
    type: FundEventType = strawberry.field(description="Its kind.")  # type: ignore[valid-type]
    occurred_at: datetime = strawberry.field(description="When it was true.")
    recorded_at: datetime = strawberry.field(
        description="When it was learned; set by the ledger, strictly rising within a fund."
    )
    recorded_by: str = strawberry.field(description="Who recorded it: an e-mail, or an id where that was erased.")
    hash: str = strawberry.field(description="SHA-256 over this fact and the previous one's hash, in hexadecimal.")

    @strawberry.field(description="One sentence a partner would say.")
    def summary(self) -> str:
        return self.fact.event.summary(self.told)

    @strawberry.field(description="What the typed fields hold, as JSON.")
    def payload(self) -> JSON:
        return JSON(wire.to_wire(self.fact.event))

    @strawberry.field(description="What whoever recorded it kept beside it.")
    def metadata(self) -> JSON | None:
        return None if self.fact.metadata is None else JSON(msgspec.json.decode(self.fact.metadata))


_ENVELOPE = {"id", "fund_id", "version", "type", "occurred_at", "recorded_at", "recorded_by", "hash"} | {
    "summary",
    "payload",
    "metadata",
    "fact",
    "told",
}
_enums: dict[type, Any] = {}
_outputs: dict[type, Any] = {}
_inputs: dict[type, Any] = {}


def _output_name(field: FieldShape) -> str:
    """The field's name in an output type; `target_…` where the envelope has that name for itself."""
    return f"target_{field.name}" if field.name in _ENVELOPE else field.name


def output_enum(kind: type[Wording]) -> Any:  # noqa: ANN401 - a type made here
    """The GraphQL enumeration of a domain one."""
    if kind not in _enums:
        _enums[kind] = described_enum(kind)
    return _enums[kind]


def _leaf(kind: Any) -> Any:  # noqa: ANN401 - a type or NewType
    if isinstance(kind, type) and issubclass(kind, Wording):
        return output_enum(kind)
    return strawberry.ID if kind is CompanyKey else kind


def _annotation(field: FieldShape, part: Callable[[type], Any]) -> Any:  # noqa: ANN401 - an annotation
    kind = part(field.kind) if is_part(field.kind) else _leaf(field.kind)
    annotation: Any = GenericAlias(list, (kind,)) if field.many else kind
    return annotation | None if field.optional else annotation


def output_part(cls: type) -> Any:  # noqa: ANN401 - a type made here
    """The output type of a part of an event, such as `ExitScenario`."""
    if cls not in _outputs:
        members: dict[str, Any] = {"__annotations__": {}, "__doc__": cls.__doc__}
        for field in shape(cls).values():
            members["__annotations__"][field.name] = _annotation(field, output_part)
            members[field.name] = strawberry.field(description=field.text)
        made = type(cls.__name__, (), members)
        _outputs[cls] = strawberry.type(made, description=first_paragraph(cls))
    return _outputs[cls]


def _event_type(kind: EventKind) -> Any:  # noqa: ANN401 - a type made here
    members: dict[str, Any] = {"__annotations__": {}, "__doc__": kind.cls.__doc__}
    for field in shape(kind.cls).values():
        name = _output_name(field)
        members["__annotations__"][name] = _annotation(field, output_part)
        members[name] = strawberry.field(description=field.text)
    made = type(kind.cls.__name__, (FundEvent,), members)
    return strawberry.type(made, description=first_paragraph(kind.cls))


EVENT_TYPES: Mapping[str, Any] = {kind.name: _event_type(kind) for kind in KINDS.values()}
"""The output type of each kind of event, by stored name."""


def input_part(cls: type) -> Any:  # noqa: ANN401 - a type made here
    """The input type of an event or a part of one, such as `InvestmentMadeInput`."""
    if cls not in _inputs:
        members: dict[str, Any] = {"__annotations__": {}, "__doc__": cls.__doc__}
        for field in shape(cls).values():
            # A field with a default may also be given as null, which means the default.
            kind = _annotation(dataclasses.replace(field, optional=not field.required), input_part)
            members["__annotations__"][field.name] = kind
            if field.required:
                members[field.name] = strawberry.field(description=field.text)
            else:
                members[field.name] = strawberry.field(description=field.text, default=field.default)
        made = type(f"{cls.__name__}Input", (), members)
        _inputs[cls] = strawberry.input(made, description=first_paragraph(cls))
    return _inputs[cls]


def _body() -> Any:  # noqa: ANN401 - a type made here
    members: dict[str, Any] = {"__annotations__": {}}
    for kind in wire.RECORDABLE.values():
        name = kind.name.lower()
        members["__annotations__"][name] = input_part(kind.cls) | None
        members[name] = strawberry.field(description=first_paragraph(kind.cls), default=strawberry.UNSET)
    return strawberry.input(
        type("FundEventBody", (), members), one_of=True, description="What happened: exactly one kind of event."
    )


FundEventBody = _body()


def event_of(body: Any) -> Event:  # noqa: ANN401 - a `FundEventBody`, made here
    """The event that an input body holds."""
    for kind in wire.RECORDABLE.values():
        given = getattr(body, kind.name.lower())
        if given is not strawberry.UNSET and given is not None:
            event: Event = _part_of(kind.cls, given)
            return event
    message = "a oneOf input holds one field"
    raise AssertionError(message)


def _part_of(cls: type, given: Any) -> Any:  # noqa: ANN401 - an event or a part of one
    values = {}
    for field in shape(cls).values():
        value = getattr(given, field.name)
        if value is None and not field.required:
            continue
        if is_part(field.kind):
            value = [_part_of(field.kind, one) for one in value] if field.many else _part_of(field.kind, value)
        values[field.name] = tuple(value) if field.many else value
    return cls(**values)


def fund_event(fact: Fact, recorded_by: str, told: Telling) -> FundEvent:
    """The fact as the schema shows it."""
    kind = kind_of(fact.event)
    fields = {_output_name(field): getattr(fact.event, field.name) for field in shape(kind.cls).values()}
    made: FundEvent = EVENT_TYPES[kind.name](
        id=fact_id(fact.fund_id, fact.version),
        fact=fact,
        told=told,
        fund_id=fact.fund_id,
        version=fact.version,
        type=FundEventType(fact.type),
        occurred_at=fact.occurred_at,
        recorded_at=fact.recorded_at,
        recorded_by=recorded_by,
        hash=fact.hash.hex(),
        **fields,
    )
    return made
