"""The trail: what the running request or job is about, so that every log line and every fact it makes says so."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from uuid import uuid4

_WELL_FORMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")


@dataclass(slots=True)
class Trail:
    """What is known of the request or job so far; tasks it starts share it.

    Attributes:
        request_id: Also the correlation id of facts it records.
        operation: Name of the operation or job.
        person_id: Who asks.
        fund_id: The fund last asked about.
        told: Whether the log says what came of it.
    """

    request_id: str
    operation: str = ""
    person_id: str = ""
    fund_id: str = ""
    told: bool = False


_here: ContextVar[Trail | None] = ContextVar("trail", default=None)


def request_id_from(given: str | None) -> str:
    """The id a caller gave where it is well formed, else a new one: it stands in logs and in facts for good."""
    return given if given is not None and _WELL_FORMED.fullmatch(given) else uuid4().hex


def here() -> Trail | None:
    """The trail of what is running."""
    return _here.get()


def about_fund(fund_id: object) -> None:
    """Notes the fund that is asked about."""
    if (trail := _here.get()) is not None:
        trail.fund_id = str(fund_id)


@contextmanager
def followed(trail: Trail) -> Iterator[Trail]:
    """Has this trail until the end of the block."""
    before = _here.get()
    _here.set(trail)
    try:
        yield trail
    finally:
        # Not by a token: a stream may be closed in another context than it was begun in.
        _here.set(before)


@contextmanager
def going_on(request_ids: Sequence[str]) -> Iterator[None]:
    """Goes on with the last of these requests until the end of the block, where there is one."""
    trail = _here.get()
    if trail is None or not request_ids:
        yield
        return
    own, trail.request_id = trail.request_id, request_ids[-1]
    try:
        yield
    finally:
        trail.request_id = own
