"""Import and export of a fund's facts: CSV of the common events, and JSON Lines of everything.

A file is read whole and every bad row reported before anything is written.
"""

import csv
import gzip
import hashlib
import io
import zlib
from bisect import bisect_left
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from domain.correction import EventVoided
from domain.event import Event, Fact
from domain.events import KINDS
from domain.forecasting import ActualRecorded
from domain.refusal import Invalid, Refusal
from domain.shape import body_name
from infra import wire
from infra.drafts import Draft

MAX_FILE_BYTES = 64 * 2**20
"""Largest file taken, unpacked: about half a million facts."""
MAX_REPORTED = 100
"""Bad rows reported at once."""


@dataclass(frozen=True, slots=True)
class BadRow:
    """One row that can't be recorded; rows are counted from 1 as an editor counts lines."""

    row: int
    reason: str


class ImportRefusedError(Exception):
    """A file of which nothing was written.

    Attributes:
        bad_rows: At most `MAX_REPORTED` of the rows that are wrong.
        total: How many there are.
    """

    def __init__(self, message: str, bad_rows: Iterable[BadRow] = ()) -> None:
        super().__init__(message)
        rows = list(bad_rows)
        self.bad_rows = rows[:MAX_REPORTED]
        self.total = len(rows)


@dataclass(frozen=True, slots=True)
class Batch:
    """A file's events, with the row each stands in, and a key that is the same for the same file."""

    drafts: list[Draft]
    rows: list[int]
    key: str


def read(path: Path, time_zone: str) -> Batch:
    """The file's events: CSV or JSON Lines, told apart by its first character; gzip is unpacked.

    Args:
        path: The file.
        time_zone: The fund's, for dates in a CSV.

    Raises:
        ImportRefusedError: If it can't be read, is too large, isn't UTF-8, or has bad rows: all of them.
    """
    stored = _bytes(path)
    try:
        text = stored.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        row = stored.count(b"\n", 0, fault.start) + 1
        message = "The file isn't UTF-8 text."
        raise ImportRefusedError(message, [BadRow(row, f"byte {fault.start} isn't UTF-8")]) from None
    found: Iterator[tuple[int, Draft | str]] = (
        _json_lines(text) if text.lstrip()[:1] == "{" else _csv(text, ZoneInfo(time_zone))
    )
    drafts, rows, bad = [], [], []
    for row, draft in found:
        if isinstance(draft, str):
            bad.append(BadRow(row, draft))
        else:
            drafts.append(draft)
            rows.append(row)
    if bad:
        message = f"{len(bad)} bad rows; nothing was written."
        raise ImportRefusedError(message, bad)
    if not drafts:
        message = "The file holds no events."
        raise ImportRefusedError(message)
    return Batch(drafts, rows, f"import {hashlib.sha256(stored).hexdigest()}")


def refused(batch: Batch, refusals: Iterable[Refusal]) -> ImportRefusedError:
    """The ledger's refusals, told by row."""
    bad = []
    for refusal in refusals:
        place = refusal.path[1] if refusal.path[:1] == ("events",) and len(refusal.path) > 1 else None
        field = ".".join(refusal.path[2:])
        reason = f"{field}: {refusal.message}" if field else refusal.message
        bad.append(BadRow(batch.rows[int(place)] if place else 0, reason))
    return ImportRefusedError(f"{len(bad)} rows can't be; nothing was written.", bad)


async def export(facts: AsyncIterator[Fact]) -> AsyncIterator[str]:
    """One line of JSON a fact, in version order: what `read` takes back.

    The opening and facts about alerts are left out, which people don't record. Versions that facts name are told as
    they will be in a new fund, where nothing stands between the lines' own facts.
    """
    left_out: list[int] = []
    async for fact in facts:
        if not KINDS[fact.type].recordable:
            if fact.version > 1:
                left_out.append(fact.version)
            continue
        event = _renumbered(fact.event, left_out)
        line: wire.Json = {"event": wire.body_to_wire(event), "occurredAt": _instant(fact.occurred_at)}
        if fact.metadata is not None:
            line["metadata"] = msgspec.json.decode(fact.metadata)
        yield msgspec.json.encode(line, order="sorted").decode() + "\n"


def _renumbered(event: Event, left_out: Sequence[int]) -> Event:
    """The event, the version it names told without those left out before it."""
    if isinstance(event, EventVoided):
        return replace(event, version=event.version - bisect_left(left_out, event.version))
    if isinstance(event, ActualRecorded) and event.supersedes_version is not None:
        earlier = event.supersedes_version
        return replace(event, supersedes_version=earlier - bisect_left(left_out, earlier))
    return event


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        with gzip.open(path) if packed else path.open("rb") as file:
            stored: bytes = file.read(MAX_FILE_BYTES + 1)
    except (OSError, EOFError, zlib.error) as fault:
        message = f"The file can't be read: {fault}"
        raise ImportRefusedError(message) from fault
    if len(stored) > MAX_FILE_BYTES:
        message = f"The file is larger than {MAX_FILE_BYTES // 2**20} MiB; split it."
        raise ImportRefusedError(message)
    return stored


def _json_lines(text: str) -> Iterator[tuple[int, Draft | str]]:
    for row, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            yield row, _draft(msgspec.json.decode(line))
        except (msgspec.DecodeError, RecursionError) as fault:
            yield row, f"not JSON: {fault}"
        except Refusal as refusal:
            yield row, _told(refusal)


def _draft(given: object) -> Draft:
    if not isinstance(given, dict):
        message = "A line must be an object."
        raise Invalid(message)
    unknown = set(given) - {"event", "occurredAt", "metadata"}
    if unknown:
        message = "There is no such field here."
        raise Invalid(message, min(unknown))
    occurred_at, metadata = given.get("occurredAt"), given.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        message = "Metadata must be an object."
        raise Invalid(message, "metadata")
    try:
        moment = None if occurred_at is None else wire.instant_from_text(str(occurred_at))
    except ValueError as fault:
        raise Invalid(str(fault), "occurredAt") from None
    return Draft(wire.body_from_wire(given.get("event")), moment, metadata)


_COLUMNS: Mapping[str, Mapping[str, str]] = {
    "CAPITAL_CALLED": {"amount": "amount"},
    "DISTRIBUTION_MADE": {"amount": "amount"},
    "FEE_CHARGED": {"amount": "amount", "note": "kind"},
    "COMPANY_ADDED": {"company_id": "companyId", "company_name": "name", "sector": "sector", "stage": "stage"},
    "INVESTMENT_MADE": {
        "company_id": "companyId",
        "amount": "amount",
        "ownership_after": "ownershipAfter",
        "stage": "round",
    },
    "ROUND_PRICED": {
        "company_id": "companyId",
        "stage": "stage",
        "pre_money": "preMoney",
        "round_size": "roundSize",
        "ownership_after": "ownershipAfter",
    },
    "VALUATION_UPDATED": {"company_id": "companyId", "amount": "newValue", "note": "note"},
    "PROCEEDS_RECEIVED": {"company_id": "companyId", "amount": "amount", "note": "kind"},
    "COMPANY_STATUS_CHANGED": {"company_id": "companyId", "note": "status"},
    "RESERVE_ALLOCATED": {"company_id": "companyId", "amount": "amount", "note": "reason"},
}
"""Events a CSV row can hold: its columns, and the event's fields they fill."""


def _csv(text: str, zone: ZoneInfo) -> Iterator[tuple[int, Draft | str]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        names = Counter(reader.fieldnames or ())
        missing, repeated = {"occurred_on", "type"} - names.keys(), {name for name in names if names[name] > 1}
        if missing or repeated:
            wrong = "lacks" if missing else "repeats"
            yield 1, f"the header {wrong} the column {', '.join(sorted(missing or repeated))}"
            return
        for columns in reader:
            row = reader.line_num
            try:
                yield row, _csv_draft(columns, zone)
            except Refusal as refusal:
                yield row, _told(refusal)
    except csv.Error as fault:
        # The inner reader's count: the outer one's stands at the last row that was right.
        yield reader.reader.line_num, f"not CSV: {fault}"


def _csv_draft(columns: Mapping[str | None, str], zone: ZoneInfo) -> Draft:
    if None in columns or None in columns.values():
        message = "The row has more or fewer columns than the header."
        raise Invalid(message)
    try:
        day = wire.date_from_text(columns["occurred_on"])
    except ValueError as fault:
        raise Invalid(str(fault), "occurred_on") from None
    name = columns["type"]
    known = _COLUMNS.get(name)
    if known is None:
        message = f"{name!r} is no type of event that a CSV row can hold."
        raise Invalid(message, "type")
    fields: wire.Json = {field: columns[column] for column, field in known.items() if columns.get(column)}
    note = columns.get("note", "")
    if name == "INVESTMENT_MADE":
        fields["fromReserves"] = _one_of(note, {"": False, "initial": False, "reserves": True})
    elif name == "DISTRIBUTION_MADE":
        fields["recallable"] = _one_of(note, {"": False, "recallable": True})
    try:
        midnight = datetime.combine(day, time(), zone).astimezone(UTC)
    except OverflowError:
        message = "a day beyond the calendar"
        raise Invalid(message, "occurred_on") from None
    return Draft(wire.body_from_wire({body_name(name): fields}), midnight)


def _one_of(note: str, meanings: Mapping[str, bool]) -> bool:
    if note not in meanings:
        message = f"expected one of {', '.join(filter(None, meanings))}, or nothing"
        raise Invalid(message, "note")
    return meanings[note]


def _told(refusal: Refusal) -> str:
    place = ".".join(refusal.path)
    return f"{place}: {refusal.message}" if place else refusal.message
