"""The wire form of events: the JSON that clients, exports and imports use, money as text, names in camelCase.

`{"investmentMade": {"companyId": "acme", "amount": "250000.00"}}`
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from domain.event import CompanyKey, Event, kind_of
from domain.events import KINDS
from domain.moments import instant_text
from domain.money import Fraction, Money, money_from_text, money_text
from domain.refusal import Invalid, Refusal
from domain.shape import FieldShape, body_name, is_part, shape

Json = dict[str, object]

RECORDABLE = {body_name(kind.name): kind for kind in KINDS.values() if kind.recordable}
"""Kinds of events that callers may record, by their name on the wire."""

MAX_DIGITS = 38
# ASCII digits only; an exponent or underscores would let a short text stand for an unbounded number.
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def decimal_from_text(text: str) -> Decimal:
    """An exact decimal of at most 38 digits.

    Raises:
        ValueError: If it is anything else: NaN, infinite, with an exponent, longer.
    """
    if _DECIMAL.fullmatch(text) is None:
        message = "not a decimal number: expected digits such as -12.5"
        raise ValueError(message)
    if sum(letter.isdigit() for letter in text) > MAX_DIGITS:
        message = f"a decimal number of more than {MAX_DIGITS} digits"
        raise ValueError(message)
    return Decimal(text)


def date_from_text(text: str) -> date:
    """An RFC 3339 full-date.

    Raises:
        ValueError: If it is anything else.
    """
    if _DATE.fullmatch(text) is None:
        message = "not a date: expected YYYY-MM-DD"
        raise ValueError(message)
    return date.fromisoformat(text)


def instant_from_text(text: str) -> datetime:
    """An RFC 3339 date-time with its offset, in UTC; digits beyond microseconds must be zero.

    Raises:
        ValueError: If it is anything else, such as a date alone or without an offset.
    """
    if _INSTANT.fullmatch(text) is None:
        message = "not an instant: expected RFC 3339 with an offset, such as 2009-12-31T23:59:59Z"
        raise ValueError(message)
    whole, fraction, offset = re.fullmatch(r"(.{19})(?:\.([0-9]+))?(.+)", text).groups()  # type: ignore[union-attr]  # _INSTANT matched
    micros = (fraction or "0").ljust(6, "0")
    if micros[6:].strip("0"):
        message = "an instant finer than microseconds"
        raise ValueError(message)
    # Newer Pythons take 24:00 for the next midnight; RFC 3339 doesn't.
    if whole[11:13] > "23":
        message = "not an instant: the hour is beyond 23"
        raise ValueError(message)
    if offset[1:3] > "23" or offset[4:6] > "59":
        message = "not an instant: the offset is beyond 23:59"
        raise ValueError(message)
    parsed = datetime.fromisoformat(f"{whole.upper()}.{micros[:6]}{offset.upper().replace('Z', '+00:00')}")
    try:
        return parsed.astimezone(UTC)
    except OverflowError as fault:
        message = "an instant beyond the calendar"
        raise ValueError(message) from fault


def to_wire(event: Event) -> Json:
    """The event's fields as clients see them; fields that are null are left in."""
    return _part_to_wire(event)


def body_to_wire(event: Event) -> Json:
    """The event under its name, as it could be recorded again."""
    fields = {name: value for name, value in _part_to_wire(event).items() if value is not None}
    return {body_name(kind_of(event).name): fields}


def body_from_wire(body: object) -> Event:
    """The event that a body such as `{"feeCharged": {"amount": "1.00"}}` names.

    Raises:
        Refusal: With the path of the first value that isn't of its field's type, is missing or unknown.
    """
    if not isinstance(body, dict) or len(body) != 1:
        message = "An event is an object with exactly one kind of event in it."
        raise Invalid(message, "event")
    ((name, fields),) = body.items()
    kind = RECORDABLE.get(name)
    if kind is None:
        message = f"{name!r} is no kind of event that can be recorded."
        raise Invalid(message, "event")
    event: Event = _part_from_wire(kind.cls, fields)
    return event


def _part_to_wire(part: Any) -> Json:  # noqa: ANN401 - an event or a part of one
    return {name: _value_to_wire(field, getattr(part, field.name)) for name, field in shape(part.__class__).items()}


def _value_to_wire(field: FieldShape, value: Any) -> object:  # noqa: ANN401 - any field's value
    if value is None:
        return None
    return [_one_to_wire(field, one) for one in value] if field.many else _one_to_wire(field, value)


def _one_to_wire(field: FieldShape, value: Any) -> object:  # noqa: ANN401 - any field's value
    if is_part(field.kind):
        return _part_to_wire(value)
    if field.kind is Money:
        return money_text(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return instant_text(value)
    if isinstance(value, date):
        return value.isoformat()
    return value.value if isinstance(value, Enum) else value


def _part_from_wire(cls: type, given: object) -> Any:  # noqa: ANN401 - an event or a part of one
    if not isinstance(given, dict):
        message = "This must be an object."
        raise Invalid(message)
    known = shape(cls)
    for name in given:
        if name not in known:
            message = f"There is no field {name!r} here."
            raise Invalid(message, str(name))
    values: dict[str, object] = {}
    for name, field in known.items():
        value = given.get(name)
        if value is None:
            if field.required and not field.optional:
                message = "This is required."
                raise Invalid(message, name)
            continue
        values[field.name] = _value_from_wire(field, value, name)
    return cls(**values)


def _value_from_wire(field: FieldShape, value: object, name: str) -> object:
    if not field.many:
        return _placed(field, value, name)
    if not isinstance(value, list):
        message = "This must be a list."
        raise Invalid(message, name)
    return tuple(_placed(field, one, name, str(place)) for place, one in enumerate(value))


def _placed(field: FieldShape, value: object, *path: str) -> object:
    try:
        return _one_from_wire(field.kind, value)
    except ValueError as fault:
        message = f"{str(fault)[0].upper()}{str(fault)[1:]}."
        raise Invalid(message, *path) from None
    except Refusal as refusal:
        raise refusal.under(*path) from None


def _one_from_wire(kind: Any, value: object) -> object:  # noqa: ANN401 - a type or NewType
    if is_part(kind):
        return _part_from_wire(kind, value)
    if kind in (bool, int):
        if type(value) is not kind:
            message = "expected true or false" if kind is bool else "expected a whole number"
            raise ValueError(message)
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            message = "a whole number beyond 64 bits"
            raise ValueError(message)
        return value
    if not isinstance(value, str):
        message = "expected a text"
        raise ValueError(message)
    parse = _PARSERS.get(kind)
    if parse is not None:
        return parse(value)
    if isinstance(kind, type) and issubclass(kind, Enum):
        if value not in kind.__members__:
            message = f"expected one of {', '.join(kind.__members__)}"
            raise ValueError(message)
        return kind[value]
    return value


_PARSERS: Mapping[Any, Any] = {
    Money: money_from_text,
    Fraction: decimal_from_text,
    Decimal: decimal_from_text,
    date: date_from_text,
    CompanyKey: str,
}
