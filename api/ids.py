"""Ids: a fund's and an organisation's are their UUIDs; all others are `kind:fund:…`, readable and told apart by kind.

Ids of things seen at a moment hold the moment, so that no cache mixes two times.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from domain.refusal import NotFound
from infra.codec import EPOCH, micros


def fund_uuid(given: str, *path: str) -> UUID:
    """The fund's UUID.

    Raises:
        NotFound: If no fund can have this id.
    """
    return _uuid(given, "No such fund.", *path)


def organisation_uuid(given: str, *path: str) -> UUID:
    """The organisation's UUID.

    Raises:
        NotFound: If no organisation can have this id.
    """
    return _uuid(given, "No such organisation.", *path)


def _uuid(given: str, message: str, *path: str) -> UUID:
    try:
        parsed = UUID(given)
    except ValueError:
        parsed = None
    if parsed is None or str(parsed) != given.lower():
        raise NotFound(message, *path)
    return parsed


def fact_id(fund_id: str | UUID, version: int) -> str:
    """Id of a fact."""
    return f"fact:{fund_id}:{version}"


def snapshot_id(fund_id: UUID, snapshot: UUID) -> str:
    """Id of a snapshot."""
    return f"snapshot:{fund_id}:{snapshot}"


def state_id(fund_id: UUID, at: datetime, known_at: datetime) -> str:
    """Id of a fund at a moment."""
    return f"state:{fund_id}:{micros(at)}:{micros(known_at)}"


def company_id(fund_id: UUID, at: datetime, known_at: datetime, key: str) -> str:
    """Id of a company at a moment; its key comes last, whatever it holds."""
    return f"company:{fund_id}:{micros(at)}:{micros(known_at)}:{key}"


def rule_id(fund_id: UUID, rule: str) -> str:
    """Id of a rule as it stands."""
    return f"rule:{fund_id}:{rule}"


def rule_then_id(fund_id: UUID, rule: str, at: datetime, known_at: datetime) -> str:
    """Id of a rule as it stood at a moment."""
    return f"rulethen:{fund_id}:{micros(at)}:{micros(known_at)}:{rule}"


def alert_id(fund_id: UUID, alert: str) -> str:
    """Id of an alert as it stands."""
    return f"alert:{fund_id}:{alert}"


def alert_then_id(fund_id: UUID, alert: str, at: datetime, known_at: datetime) -> str:
    """Id of an alert as it stood at a moment."""
    return f"alertthen:{fund_id}:{micros(at)}:{micros(known_at)}:{alert}"


def run_id(fund_id: UUID, run: str) -> str:
    """Id of a reserve run."""
    return f"run:{fund_id}:{run}"


def scenario_id(fund_id: UUID, scenario: str) -> str:
    """Id of a saved scenario."""
    return f"scenario:{fund_id}:{scenario}"


def named(given: str, kind: str, *path: str) -> tuple[UUID, str]:
    """Fund and name of the rule or alert that an id means, whichever moment it was seen at.

    Raises:
        NotFound: If it is no id of that kind.
    """
    found = parse(given)
    if found is None or found.kind not in (kind, f"{kind}then"):
        message = f"No such {kind}."
        raise NotFound(message, *path)
    return found.fund_id, found.parts[-1]


@dataclass(frozen=True, slots=True)
class NodeId:
    """An id taken apart: its kind, its fund, and the parts that follow."""

    kind: str
    fund_id: UUID
    parts: tuple[str, ...]


_PARTS = {
    "fact": 1,
    "snapshot": 1,
    "state": 2,
    "company": 3,
    "rule": 1,
    "rulethen": 3,
    "alert": 1,
    "alertthen": 3,
    "run": 1,
    "scenario": 1,
}


def parse(given: str) -> NodeId | None:
    """The id taken apart; None where it is no id of ours."""
    # PostgreSQL, where the parts are looked for, takes no such text.
    if "\0" in given:
        return None
    kind, _, rest = given.partition(":")
    if kind not in _PARTS:
        kind, rest = "fund", given
    fund, *parts = rest.split(":", _PARTS.get(kind, 0))
    try:
        fund_id = fund_uuid(fund)
    except NotFound:
        return None
    return NodeId(kind, fund_id, tuple(parts)) if len(parts) == _PARTS.get(kind, 0) else None


# As `micros` writes it, and no other way: one thing has one id.
_MICROS = re.compile(r"0|-?[1-9][0-9]{0,17}")


def moment_of(text: str) -> datetime | None:
    """The moment that stands in an id; None where it is none."""
    if _MICROS.fullmatch(text) is None:
        return None
    try:
        return EPOCH + timedelta(microseconds=int(text))
    except OverflowError:
        return None
