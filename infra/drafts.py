"""Drafts: events on their way into the ledger, and what can be wrong with them before the domain looks."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.correction import EventVoided
from domain.event import Dated, Event
from domain.forecasting import ActualRecorded
from domain.projector import check_batch_size
from domain.refusal import Invalid, Refusal
from domain.text import check_text
from infra import codec

MAX_METADATA = 8_192
"""Bytes of a fact's metadata as JSON."""
MAX_NESTED = 32
"""Objects and lists in one another in metadata: what every reader of JSON takes."""
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


@dataclass(frozen=True, slots=True)
class Draft:
    """An event to record: when it happened (None: now), and what the caller keeps beside it."""

    event: Event
    occurred_at: datetime | None = None
    metadata: dict[str, object] | None = None


def check_key(key: str | None) -> None:
    """Refuse an idempotency key that is empty, too long or no text."""
    if key is not None:
        check_text(key, "idempotencyKey")


def check_drafts(drafts: Sequence[Draft], key: str | None) -> None:
    """Refuse none or too many, a bad key, and metadata that can't be stored."""
    check_key(key)
    check_batch_size(len(drafts))
    for refusal in metadata_refusals(drafts):
        raise refusal


def metadata_refusals(drafts: Sequence[Draft]) -> Iterator[Refusal]:
    """A refusal for each draft whose metadata can't be stored."""
    for place, draft in enumerate(drafts):
        if draft.metadata is not None and not _is_storable(draft.metadata):
            message = f"Metadata is at most {MAX_METADATA} bytes of JSON, nested {MAX_NESTED} deep, without NUL."
            yield Invalid(message, "events", str(place), "metadata")


def _is_storable(metadata: dict[str, object]) -> bool:
    if not _nests_within(metadata, MAX_NESTED):
        return False
    try:
        text = codec.canonical_json(metadata)
    except ValueError:  # half a surrogate pair, or a number of thousands of digits
        return False
    return len(text.encode()) <= MAX_METADATA and _NUL.search(text) is None


def _nests_within(part: object, levels: int) -> bool:
    inner = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    return not inner or (levels > 0 and all(_nests_within(one, levels - 1) for one in inner))


def named_version(event: Event) -> int | None:
    """Version of the fact that an event voids or restates."""
    if isinstance(event, EventVoided):
        return event.version
    return event.supersedes_version if isinstance(event, ActualRecorded) else None


def touches_at(draft: Draft, named: dict[int, Dated], now: datetime) -> datetime:
    """The moment from which the fact bears on states: a void's is its target's."""
    if isinstance(draft.event, EventVoided) and draft.event.version in named:
        return named[draft.event.version].occurred_at
    return draft.occurred_at or now
