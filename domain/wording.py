"""Enumerations whose members say what they mean, so that the API's schema can."""

from enum import StrEnum
from typing import Self


class Wording(StrEnum):
    """A text enumeration whose members are written `NAME = "NAME", "What it means."`."""

    text: str

    def __new__(cls, value: str, text: str = "") -> Self:
        """A member with its text; looking one up by value takes none."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.text = text
        return member
