"""Upcasts: payloads stored in an older shape are lifted on reading, step by step; what can't be stops its fund."""

from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

import msgspec
import pytest

from domain import event as events
from domain.capital import FeeCharged
from domain.event import KINDS, EventKind, Telling
from domain.fund import FundBuilder
from domain.money import Money
from domain.refusal import CorruptionError
from infra import codec, upcasts
from infra.drafts import Draft
from infra.ledger import Ledger
from infra.people import Person
from infra.runtime import Runtime
from infra.states import END, States
from tests.conftest import OpenFund
from tests.spec import instant, usd

AT = instant("2010-06-01")
NAME = "FEE_CHARGED"


@dataclass(frozen=True, slots=True)
class FeeOfTomorrow:
    """A fee in a later shape: what it was for is a list, and who was paid is told."""

    amount: Money
    purposes: tuple[str, ...]
    payee: str

    def check(self, fund: FundBuilder) -> None:
        """Anything goes."""

    def evolve(self, fund: FundBuilder, at: datetime) -> None:
        """Less to invest."""
        fund.fees += self.amount

    def summary(self, told: Telling) -> str:
        """One sentence."""
        return f"Paid {self.payee}"


def list_purposes(payload: upcasts.Payload) -> upcasts.Payload:
    """From shape 1: `kind`, a text or null, becomes `purposes`."""
    kept = {name: value for name, value in payload.items() if name != "kind"}
    return {**kept, "purposes": [] if payload["kind"] is None else [payload["kind"]]}


def name_payee(payload: upcasts.Payload) -> upcasts.Payload:
    """From shape 2: nobody had said who was paid."""
    return {**payload, "payee": "unknown"}


@pytest.fixture
def tomorrow(monkeypatch: pytest.MonkeyPatch) -> EventKind:
    """The program as it may be one day, in which fees are stored in shape 3."""
    kind = EventKind(NAME, 3, FeeOfTomorrow, recordable=True, folds=True)
    monkeypatch.setattr(codec, "KINDS", MappingProxyType({**KINDS, NAME: kind}))
    monkeypatch.setitem(codec._decoders, NAME, msgspec.json.Decoder(FeeOfTomorrow))
    monkeypatch.setitem(events._by_class, FeeOfTomorrow, kind)
    monkeypatch.setattr(upcasts, "UPCASTS", {(NAME, 1): list_purposes, (NAME, 2): name_payee})
    return kind


def test_an_old_payload_is_lifted_step_by_step(tomorrow: EventKind) -> None:
    lifted = codec.decode_event(NAME, 1, '{"amount":100,"kind":"audit"}')
    assert lifted == FeeOfTomorrow(usd(1), ("audit",), "unknown")
    assert codec.decode_event(NAME, 1, '{"amount":100,"kind":null}') == FeeOfTomorrow(usd(1), (), "unknown")
    assert codec.decode_event(NAME, 2, '{"amount":100,"purposes":["a","b"]}') == FeeOfTomorrow(
        usd(1), ("a", "b"), "unknown"
    )
    assert codec.decode_event(NAME, 3, '{"amount":100,"payee":"KPMG","purposes":[]}') == FeeOfTomorrow(
        usd(1), (), "KPMG"
    )


def test_a_lift_leaves_the_payload_it_was_given_as_it_was(tomorrow: EventKind) -> None:
    given: upcasts.Payload = {"amount": 100, "kind": "audit"}
    assert upcasts.lift(tomorrow, 1, given) == {"amount": 100, "purposes": ["audit"], "payee": "unknown"}
    assert given == {"amount": 100, "kind": "audit"}
    assert upcasts.lift(tomorrow, 3, given) is given


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("an old shape that is no object", "[]"),
        ("an old shape that isn't JSON", '{"amount":'),
        ("an old shape with a wrong value", '{"amount":"1.00","kind":null}'),
        ("an old shape without what the step takes", '{"amount":100}'),
        ("an old shape without what today's needs", '{"kind":null}'),
    ],
)
def test_an_old_payload_that_can_not_be_lifted_is_corruption(tomorrow: EventKind, name: str, payload: str) -> None:
    with pytest.raises(CorruptionError, match=NAME):
        codec.decode_event(NAME, 1, payload)


@pytest.mark.parametrize("schema_version", [-1, 0, 4, 32_767])
def test_a_shape_that_no_step_leads_on_from_or_a_newer_one_is_corruption(
    tomorrow: EventKind, schema_version: int
) -> None:
    with pytest.raises(CorruptionError) as stopped:
        upcasts.lift(tomorrow, schema_version, {})
    assert str(stopped.value) == f"FEE_CHARGED is stored in shape {schema_version}, unknown to this program"


def test_every_step_registered_leads_to_the_shape_written_today() -> None:
    for name, schema_version in upcasts.UPCASTS:
        assert 1 <= schema_version < KINDS[name].schema_version
    for kind in KINDS.values():
        assert all((kind.name, version) in upcasts.UPCASTS for version in range(1, kind.schema_version))


@pytest.fixture
async def old_fund(runtime: Runtime, owner: Person, open_fund: OpenFund) -> UUID:
    """A fund with a fee of a dollar, stored in today's shape."""
    fund_id = await open_fund()
    await runtime.ledger.record(fund_id, [Draft(FeeCharged(usd(1), "audit"), AT)], actor=owner.id)
    return fund_id


def at_last(runtime: Runtime) -> Ledger:
    """A ledger of a process that starts then."""
    return Ledger(runtime.pool, States(runtime.pool), lambda _fund_id, _version: None)


async def test_a_fund_with_facts_of_three_shapes_is_read_and_goes_on(
    runtime: Runtime, owner: Person, old_fund: UUID, tomorrow: EventKind
) -> None:
    fee = Draft(FeeOfTomorrow(usd(4), ("legal",), "KPMG"), AT)
    answer = await at_last(runtime).record(old_fund, [fee], actor=owner.id)
    assert (answer.facts[0].schema_version, answer.facts[0].payload) == (
        3,
        '{"amount":400,"payee":"KPMG","purposes":["legal"]}',
    )
    assert (await States(runtime.pool).state(old_fund, END, 3)).state.fees == usd(5)
    facts = [fact async for fact in runtime.history.all(old_fund)]
    assert [fact.schema_version for fact in facts] == [1, 1, 3]
    assert facts[1].event == FeeOfTomorrow(usd(1), ("audit",), "unknown")
    # What is stored, and hashed, stays in its old shape.
    assert facts[1].payload == '{"amount":100,"kind":"audit"}'
    assert await runtime.history.first_bad_version(old_fund) == (3, None)


async def test_a_fund_stops_at_a_fact_from_which_a_step_is_missing(
    runtime: Runtime, owner: Person, old_fund: UUID, tomorrow: EventKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upcasts, "UPCASTS", {(NAME, 1): list_purposes})
    message = f"fund {old_fund} stops at version 2: FEE_CHARGED is stored in shape 2, unknown to this program"
    with pytest.raises(CorruptionError) as stopped:
        await States(runtime.pool).state(old_fund, END, 2)
    assert str(stopped.value) == message
    with pytest.raises(CorruptionError) as stopped:
        await runtime.history.after(old_fund, 0)
    assert str(stopped.value) == message
    with pytest.raises(CorruptionError) as stopped:
        await at_last(runtime).record(old_fund, [Draft(FeeOfTomorrow(usd(1), (), ""), AT)], actor=owner.id)
    assert str(stopped.value) == message
    # Before that fact nothing is wrong.
    assert (await States(runtime.pool).state(old_fund, END, 1)).state.fees == 0


async def test_a_fund_stops_at_a_fact_of_a_newer_program(
    runtime: Runtime, owner: Person, old_fund: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as then:
        kind = EventKind(NAME, 2, FeeOfTomorrow, recordable=True, folds=True)
        then.setattr(codec, "KINDS", MappingProxyType({**KINDS, NAME: kind}))
        then.setitem(events._by_class, FeeOfTomorrow, kind)
        then.setattr(upcasts, "UPCASTS", {(NAME, 1): lambda payload: name_payee(list_purposes(payload))})
        await at_last(runtime).record(old_fund, [Draft(FeeOfTomorrow(usd(4), (), "KPMG"), AT)], actor=owner.id)
    message = f"fund {old_fund} stops at version 3: FEE_CHARGED is stored in shape 2, unknown to this program"
    with pytest.raises(CorruptionError) as stopped:
        await runtime.ledger.record(old_fund, [Draft(FeeCharged(usd(1)), AT)], actor=owner.id)
    assert str(stopped.value) == message
    with pytest.raises(CorruptionError) as stopped:
        await States(runtime.pool).state(old_fund, END, 3)
    assert str(stopped.value) == message
