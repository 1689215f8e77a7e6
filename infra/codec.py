"""The codec: events to canonical JSON and back, a fact's canonical bytes, states to snapshots and back."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from domain import capital, correction, event, forecasting, fund, investing, money, projector
from domain.event import Event, EventKind, kind_of
from domain.events import KINDS
from domain.fund import Fund
from domain.refusal import CorruptionError
from infra import upcasts

_json = msgspec.json.Encoder(order="sorted")
_decoders: dict[str, msgspec.json.Decoder[Event]] = {
    kind.name: msgspec.json.Decoder(kind.cls) for kind in KINDS.values()
}
_state_encoder = msgspec.msgpack.Encoder()
_state_decoder = msgspec.msgpack.Decoder(Fund)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def canonical_json(thing: object) -> str:
    """The one JSON text of a payload or metadata: keys sorted, no spaces, decimals as strings, money in cents."""
    return _json.encode(thing).decode()


def encode_event(fact: Event) -> tuple[EventKind, str]:
    """An event's kind and its canonical JSON."""
    return kind_of(fact), canonical_json(fact)


def decode_event(name: str, schema_version: int, payload: str) -> Event:
    """The event stored under `name` as `payload`.

    Raises:
        CorruptionError: If the name or shape is unknown, or the payload isn't of its shape.
    """
    kind = KINDS.get(name)
    if kind is None:
        message = f"{name} is no event this program knows"
        raise CorruptionError(message)
    try:
        if schema_version == kind.schema_version:
            return _decoders[name].decode(payload)
        found: Event = msgspec.convert(
            upcasts.lift(kind, schema_version, msgspec.json.decode(payload, type=dict[str, object])), kind.cls
        )
    except (msgspec.ValidationError, msgspec.DecodeError) as fault:
        message = f"a stored {name} can't be read: {fault}"
        raise CorruptionError(message) from fault
    return found


def micros(moment: datetime) -> int:
    """Microseconds since 1970 in UTC, exact (a float loses them after 2255, and before)."""
    gone = moment - EPOCH
    return (gone.days * 86_400 + gone.seconds) * 1_000_000 + gone.microseconds


def fact_prefix(
    fund_id: str,
    name: str,
    schema_version: int,
    occurred_at: datetime,
    touches_at: datetime,
    actor: str,
    company_id: str | None,
    correlation_id: str | None,
    idempotency_key: str | None,
) -> str:
    """The middle of a fact's canonical bytes: all the caller knows before the ledger gives version and moment."""
    parts = [
        fund_id,
        name,
        schema_version,
        micros(occurred_at),
        micros(touches_at),
        actor,
        company_id,
        correlation_id,
        idempotency_key,
    ]
    return canonical_json(parts)[1:-1]


def fact_hash(
    before: bytes, version: int, recorded_at: datetime, prefix: str, metadata: str | None, payload: str
) -> bytes:
    """SHA-256 of the previous hash and the fact's canonical bytes, a JSON array without spaces."""
    canonical = f"[{version},{micros(recorded_at)},{prefix},{metadata or 'null'},{payload}]"
    return hashlib.sha256(before + canonical.encode()).digest()


def genesis_hash(fund_id: str) -> bytes:
    """What the first fact's hash follows."""
    return hashlib.sha256(f"drypowder fund {fund_id}".encode()).digest()


def input_hash(parts: object) -> bytes:
    """SHA-256 of a request's input, to tell a repeat from another use of its idempotency key."""
    try:
        encoded = _json.encode(parts)
    except UnicodeEncodeError:
        # Half a surrogate pair has no JSON. The decision refuses it and tells where: until then any hash will do.
        encoded = repr(parts).encode()
    return hashlib.sha256(encoded).digest()


def encode_state(state: Fund) -> bytes:
    """A state as a snapshot stores it."""
    return _state_encoder.encode(state)


def decode_state(stored: bytes) -> Fund:
    """The state a snapshot stored.

    Raises:
        CorruptionError: If it isn't one.
    """
    try:
        return _state_decoder.decode(stored)
    except (msgspec.ValidationError, msgspec.DecodeError) as fault:
        message = f"a stored state can't be read: {fault}"
        raise CorruptionError(message) from fault


def state_checksum(fund_id: str, at: datetime, lo: int, stored: bytes) -> bytes:
    """SHA-256 that binds a stored state to its fund, moment and version."""
    return hashlib.sha256(f"{fund_id} {micros(at)} {lo} ".encode() + stored).digest()


def _source(module: object) -> bytes:
    name: str = getattr(module, "__file__", "")
    return Path(name).read_bytes()


FOLDING_MODULES: Mapping[str, object] = {
    module.__name__: module
    for module in (capital, correction, event, forecasting, fund, investing, money, projector, upcasts)
}
FINGERPRINT = hashlib.sha256(b"".join(_source(module) for module in FOLDING_MODULES.values())).digest()
"""Of the code that folds: a snapshot made by other code is not used."""
