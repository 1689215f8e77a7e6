"""Descriptions in the schema, taken from where the things themselves are defined."""

from inspect import getdoc
from typing import TypeVar

import strawberry
from strawberry.types.enum import StrawberryEnumDefinition

from domain.wording import Wording

E = TypeVar("E", bound=type[Wording])


def first_paragraph(thing: object) -> str:
    """The first paragraph of its docstring, on one line."""
    return " ".join((getdoc(thing) or "").partition("\n\n")[0].split())


def described_enum(cls: E, name: str | None = None, text: str | None = None) -> E:
    """The enumeration as a GraphQL one: the same class, its members described by their own words."""
    described = strawberry.enum(cls, name=name, description=text or first_paragraph(cls))
    definition: StrawberryEnumDefinition = getattr(described, "__strawberry_definition__")  # noqa: B009 - none to mypy
    for value, member in zip(definition.values, cls, strict=True):
        value.description = member.text
    return described
