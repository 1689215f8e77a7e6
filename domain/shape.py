"""Shapes: an event's fields, their types and texts, which schema, wire and codec are made from."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints


@dataclass(frozen=True, slots=True)
class FieldShape:
    """One field of an event or of a part of one.

    Attributes:
        name: In Python, such as `pre_money`.
        public_name: On the wire, such as `preMoney`.
        kind: The type of the value, or of each item of a list: Money, Decimal, date, an Enum, a dataclass, …
        optional: Whether it may be null.
        many: Whether it is a list.
        required: Whether it has no default.
        default: The default, where there is one.
        text: What it means, in a sentence.
    """

    name: str
    public_name: str
    kind: Any  # a type or a NewType, which typing has no common name for
    optional: bool
    many: bool
    required: bool
    default: object
    text: str


def camel(name: str) -> str:
    """`pre_money` as `preMoney`."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def pascal_of_stored(name: str) -> str:
    """`INVESTMENT_MADE` as `InvestmentMade`."""
    return "".join(part.capitalize() for part in name.split("_"))


def body_name(stored: str) -> str:
    """`INVESTMENT_MADE` as `investmentMade`, its field of an event's body on the wire."""
    return camel(stored.lower())


@cache
def shape(cls: type) -> Mapping[str, FieldShape]:
    """The fields of an event's dataclass, by public name, in order."""
    hints = get_type_hints(cls, include_extras=True)
    found = [_field(one.name, hints[one.name], one.default) for one in fields(cls)]
    return {one.public_name: one for one in found}


def is_part(kind: object) -> bool:
    """Whether a field's kind is a dataclass of its own."""
    return isinstance(kind, type) and is_dataclass(kind)


def _field(name: str, hint: Any, default: object) -> FieldShape:  # noqa: ANN401 - any annotation
    text, optional, many = "", False, False
    while get_origin(hint) in (Annotated, Union, UnionType, tuple):
        if get_origin(hint) is Annotated:
            hint, text = get_args(hint)
        elif get_origin(hint) is tuple:
            hint, many = get_args(hint)[0], True
        else:
            (hint,) = (part for part in get_args(hint) if part is not NoneType)
            optional = True
    return FieldShape(
        name=name,
        public_name=camel(name),
        kind=hint,
        optional=optional,
        many=many,
        required=default is MISSING,
        default=None if default is MISSING else default,
        text=text,
    )
