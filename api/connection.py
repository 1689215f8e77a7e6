"""Relay connections: pages with opaque cursors, at most 200 a page."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import strawberry

from domain.refusal import Invalid

MOST = 200
"""Longest page."""
VERSION_DIGITS = 18
"""As many fit the database's widest integer."""

T = TypeVar("T")


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether more follows the last edge.")
    has_previous_page: bool = strawberry.field(description="Whether something stands before the first edge.")
    start_cursor: str | None = strawberry.field(description="Cursor of the first edge.")
    end_cursor: str | None = strawberry.field(description="Cursor of the last edge.")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """What a page was asked for: how many, from which place, from which end.

    Attributes:
        limit: How many.
        place: What the cursor held; None from the very end.
        backward: Whether it is the last ones before the place, rather than the first after it.
    """

    limit: int
    place: str | None
    backward: bool

    @property
    def version(self) -> int | None:
        """The place in a list of which every cursor holds a version; None from the very end.

        Raises:
            Invalid: If the cursor isn't one of such a list.
        """
        return None if self.place is None else version_of(self.place, "before" if self.backward else "after")

    def cut(self, found: Sequence[T]) -> tuple[list[T], bool]:
        """What of `limit + 1` found belongs to the page, in list order, and whether there is more."""
        kept = list(found[: self.limit])
        return (kept[::-1] if self.backward else kept), len(found) > self.limit


def cursor(place: str) -> str:
    """An opaque cursor for a place in a list."""
    return urlsafe_b64encode(place.encode()).decode().rstrip("=")


def place_of(given: str, argument: str) -> str:
    """The place a cursor stands for.

    Raises:
        Invalid: If it isn't one of ours.
    """
    try:
        place = urlsafe_b64decode(given.encode() + b"=" * (-len(given) % 4)).decode()
    except ValueError:
        raise bad_cursor(argument) from None
    # The decoder passes over letters that aren't base 64.
    if cursor(place) != given:
        raise bad_cursor(argument)
    return place


def version_of(place: str, argument: str) -> int:
    """The version that a cursor's place is.

    Raises:
        Invalid: If it is none.
    """
    if not (place.isascii() and place.isdigit() and len(place) <= VERSION_DIGITS):
        raise bad_cursor(argument)
    return int(place)


def bad_cursor(argument: str) -> Invalid:
    """The refusal of a cursor that isn't ours."""
    message = "This is no cursor of this list."
    return Invalid(message, argument)


def page(
    first: int | None, after: str | None, last: int | None = None, before: str | None = None, *, default: int = 50
) -> Page[T]:
    """The page that Relay's arguments ask for.

    Raises:
        Invalid: If both ends are asked for, a number is below 0 or above 200, or a cursor isn't one.
    """
    if first is not None and last is not None:
        message = "Give either first or last."
        raise Invalid(message, "last")
    backward = last is not None or (first is None and before is not None and after is None)
    limit = last if backward else first
    name = "last" if backward else "first"
    limit = default if limit is None else limit
    if not 0 <= limit <= MOST:
        message = f"A page holds 0 to {MOST}."
        raise Invalid(message, name)
    given, other = (before, after) if backward else (after, before)
    if other is not None:
        message = "Give after with first, or before with last."
        raise Invalid(message, "before" if not backward else "after")
    argument = "before" if backward else "after"
    return Page(limit, None if given is None else place_of(given, argument), backward)


def page_info(asked: Page[T], cursors: Sequence[str], *, more: bool) -> PageInfo:
    """Where the page stands. Beyond a cursor there is something: the cursor's own place at least."""
    beyond = asked.place is not None
    return PageInfo(
        has_next_page=beyond if asked.backward else more,
        has_previous_page=more if asked.backward else beyond,
        start_cursor=cursors[0] if cursors else None,
        end_cursor=cursors[-1] if cursors else None,
    )
