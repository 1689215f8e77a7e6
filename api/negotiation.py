"""Which media type an answer has: what a client accepts, by its order and weights, of what we can give."""

from collections.abc import Sequence
from dataclasses import dataclass

JSON = "application/json"
RESPONSE = "application/graphql-response+json"
EVENTS = "text/event-stream"
GIVEN = (JSON, RESPONSE, EVENTS)
"""What an answer may be, the one for whoever accepts anything first."""


@dataclass(frozen=True, slots=True)
class _Range:
    """A media range of an Accept header, such as `text/*`."""

    kind: str
    weight: float
    place: int

    def breadth(self, media: str) -> int | None:
        """0 where it is this very type, more the more it takes; None where it doesn't take it."""
        taken = (media, media.partition("/")[0] + "/*", "*/*")
        return taken.index(self.kind) if self.kind in taken else None


class Accepted:
    """What a client accepts; without a header, anything.

    Args:
        headers: Its Accept headers.
    """

    def __init__(self, headers: Sequence[str]) -> None:
        parts = [part for part in ",".join(headers).split(",") if part.strip()]
        self._ranges = [_range(part, place) for place, part in enumerate(parts or ["*/*"])]

    @property
    def best(self) -> str | None:
        """The type of largest weight, of these the first named; None where there is none."""
        found = {media: one for media in GIVEN if (one := self._closest(media)) is not None and one.weight > 0}
        return min(found, key=lambda media: (-found[media].weight, found[media].place), default=None)

    def names(self, media: str) -> bool:
        """Whether it is accepted by name, rather than as anything is."""
        closest = self._closest(media)
        return closest is not None and closest.weight > 0 and closest.kind != "*/*"

    def _closest(self, media: str) -> _Range | None:
        """The range that says most exactly what is thought of a type; RFC 9110, section 12.5.1."""
        taking = [(breadth, one) for one in self._ranges if (breadth := one.breadth(media)) is not None]
        return min(taking, key=lambda each: each[0])[1] if taking else None


def _range(part: str, place: int) -> _Range:
    kind, *parameters = (one.strip().lower() for one in part.split(";"))
    weight = 1.0
    for one in parameters:
        name, _, given = one.partition("=")
        if name.strip() == "q":
            weight = _weight(given.strip())
    return _Range(kind, weight, place)


def _weight(given: str) -> float:
    """From 0 to 1; 0 where it can't be read."""
    try:
        weight = float(given)
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0


def media_type(header: str) -> tuple[str, str | None]:
    """A Content-Type's type and charset, in small letters."""
    kind, *parameters = (one.strip().lower() for one in header.split(";"))
    charsets = [
        one.partition("=")[2].strip().strip('"') for one in parameters if one.partition("=")[0].strip() == "charset"
    ]
    return kind, charsets[0] if charsets else None
