"""The API's own scalars: exact and strict both ways, where the stock ones take naive times, NaN and other digits."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from math import isfinite
from typing import Any

from graphql import GraphQLError, Undefined, ValueNode, print_ast, value_from_ast_untyped
from graphql.language import StringValueNode
from strawberry.scalars import ID, JSON
from strawberry.schema.types.scalar import DEFAULT_SCALAR_REGISTRY
from strawberry.types.scalar import ScalarDefinition, scalar

from domain.event import CompanyKey
from domain.money import Fraction, Money, money_from_text, money_text
from infra.wire import date_from_text, decimal_from_text, instant_from_text

RFC_3339 = "https://www.rfc-editor.org/rfc/rfc3339#section-5.6"
MOST_ECHOED = 80
"""Characters of a wrong literal that are told back."""
DEEPEST_JSON = 64
"""Levels of lists and objects in a JSON value."""


def _from_text(name: str, parse: Callable[[str], object]) -> Callable[[object], object]:
    def parsed(value: object) -> object:
        if not isinstance(value, str):
            message = f"{name} must be given as a string."
            raise GraphQLError(message)
        try:
            return parse(value)
        except ValueError as fault:
            message = f"{name}: {fault}."
            raise GraphQLError(message) from None

    return parsed


def _scalar(
    name: str, text: str, parse: Callable[[str], object], show: Callable[[Any], str], specified_by: str | None
) -> ScalarDefinition:
    parse_value = _from_text(name, parse)

    def parse_literal(node: ValueNode, _variables: object = None) -> object:
        if not isinstance(node, StringValueNode):
            message = f"{name} must be given as a string, not {_echo(node)}."
            raise GraphQLError(message, node)
        return _at(node, parse_value, node.value)

    return scalar(
        name=name,
        description=text,
        specified_by_url=specified_by,
        serialize=show,
        parse_value=parse_value,
        parse_literal=parse_literal,
    )


def _at(node: ValueNode, parse: Callable[[object], object], value: object) -> object:
    """What the value is parsed to; an error is told with the literal's place in the document."""
    try:
        return parse(value)
    except GraphQLError as fault:
        raise GraphQLError(fault.message, node) from None


def _echo(node: ValueNode) -> str:
    text = print_ast(node)
    return text if len(text) <= MOST_ECHOED else f"{text[:MOST_ECHOED]}…"


def _json(value: object) -> object:
    """The value, once it was found to be JSON all through. Parts of a literal may be variables of any type."""
    waiting = [(value, 0)]
    while waiting:
        part, depth = waiting.pop()
        if isinstance(part, dict | list):
            if depth == DEEPEST_JSON:
                message = f"JSON: deeper than {DEEPEST_JSON} levels."
                raise GraphQLError(message)
            waiting.extend((inner, depth + 1) for inner in (part.values() if isinstance(part, dict) else part))
        elif isinstance(part, float) and not isfinite(part):
            message = "JSON: a number beyond what JSON readers take."
            raise GraphQLError(message)
        elif part is not None and not isinstance(part, str | int | float):
            message = "JSON: a variable of another type can't stand here."
            raise GraphQLError(message)
    return value


def _json_literal(node: ValueNode, variables: dict[str, Any] | None = None) -> object:
    return _at(node, _json, _given(value_from_ast_untyped(node, variables)))


def _given(value: object) -> object:
    """The value without the variables that weren't given: left out of objects, null in lists."""
    if isinstance(value, dict):
        return {name: _given(part) for name, part in value.items() if part is not Undefined}
    if isinstance(value, list):
        return [None if part is Undefined else _given(part) for part in value]
    return value


def _show_money(cents: object) -> str:
    if not isinstance(cents, int) or isinstance(cents, bool):
        message = f"money must be whole cents, not {type(cents).__name__}"
        raise TypeError(message)
    return money_text(cents)


def _show_decimal(value: object) -> str:
    if not isinstance(value, Decimal) or not value.is_finite():
        message = f"not a finite decimal: {type(value).__name__}"
        raise TypeError(message)
    return f"{value:f}"


def _show_instant(moment: object) -> str:
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        message = f"not an aware instant: {type(moment).__name__}"
        raise TypeError(message)
    # strftime would leave out the zeros of a year below 1000.
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def _show_date(day: object) -> str:
    if not isinstance(day, date) or isinstance(day, datetime):
        message = f"not a date: {type(day).__name__}"
        raise TypeError(message)
    return day.isoformat()


_DATE_TIME = _scalar(
    "DateTime",
    "RFC 3339 instant with its offset, given back in UTC with microseconds: 2009-12-31T23:59:59.000000Z.",
    instant_from_text,
    _show_instant,
    RFC_3339,
)
_DATE = _scalar(
    "Date",
    "RFC 3339 full-date in the fund's time zone; as the end of a period it includes the whole day.",
    date_from_text,
    _show_date,
    RFC_3339,
)
_MONEY = _scalar(
    "Money",
    "Exact decimal string in the fund's currency with two decimals, such as 1250000.00; never a float.",
    money_from_text,
    _show_money,
    None,
)
_DECIMAL = _scalar(
    "Decimal",
    "Exact decimal string of at most 38 digits; no NaN, infinity or exponent.",
    decimal_from_text,
    _show_decimal,
    None,
)

SCALARS: Mapping[object, ScalarDefinition] = {
    datetime: _DATE_TIME,
    date: _DATE,
    Money: _MONEY,
    Decimal: _DECIMAL,
    Fraction: _DECIMAL,
    CompanyKey: DEFAULT_SCALAR_REGISTRY[ID],
    JSON: replace(DEFAULT_SCALAR_REGISTRY[JSON], parse_value=_json, parse_literal=_json_literal),
}
"""Python types of fields, and the scalars they are in the schema."""
