"""The codec: every event and state comes back as it was, in bytes that anyone can make again."""

import hashlib
import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from domain.capital import CapitalCalled, FeeCharged, FundOpened
from domain.event import CompanyKey, Event, EventKind
from domain.events import KINDS
from domain.forecasting import ExitScenario
from domain.fund import CompanyStatus, Fund, Holding
from domain.investing import CompanyStatusChanged, InvestmentMade
from domain.money import MAX_MONEY, Fraction, Money
from domain.refusal import CorruptionError
from domain.shape import FieldShape, is_part, shape
from infra import codec, wire
from tests.depth import deep
from tests.spec import ACME, share, usd

ROUND_TRIP = settings(max_examples=deep(15, 40), deadline=None, derandomize=True, database=None)
EVERY_KIND = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
decimals = st.builds(
    lambda negative, digits, places: Decimal((negative, digits, -min(places, len(digits) - 1))),
    st.integers(0, 1),
    st.lists(st.integers(0, 9), min_size=1, max_size=wire.MAX_DIGITS).map(tuple),
    st.integers(0, wire.MAX_DIGITS),
)
_LEAVES: dict[Any, st.SearchStrategy[Any]] = {
    Money: st.integers(-MAX_MONEY, MAX_MONEY),
    Fraction: decimals,
    Decimal: decimals,
    CompanyKey: texts,
    str: texts,
    bool: st.booleans(),
    # Of figures such as multiples: very small and very large ones are spelled differently from program to program.
    float: st.one_of(st.just(0.0), st.floats(0.001, 1e15), st.floats(-1e15, -0.001)),
    int: st.integers(-(2**63), 2**63 - 1),
    date: st.dates(),
    datetime: st.datetimes(timezones=st.just(UTC)),
}


def of_field(field: FieldShape) -> st.SearchStrategy[Any]:
    """Values that a field's type can hold."""
    if is_part(field.kind):
        one = of_class(field.kind)
    elif isinstance(field.kind, type) and issubclass(field.kind, Enum):
        one = st.sampled_from(field.kind)
    else:
        one = _LEAVES[field.kind]
    if field.many:
        one = st.lists(one, max_size=4).map(tuple)
    return st.none() | one if field.optional else one


def of_class(cls: type) -> st.SearchStrategy[Any]:
    """Events of a class, or parts of one, with anything that their fields' types can hold."""
    return st.builds(cls, **{field.name: of_field(field) for field in shape(cls).values()})


@EVERY_KIND
def test_every_event_comes_back_from_its_payload_as_it_was(kind: EventKind) -> None:
    @ROUND_TRIP
    @given(of_class(kind.cls))
    def check(event: Event) -> None:
        told, payload = codec.encode_event(event)
        assert told is kind
        back = codec.decode_event(kind.name, kind.schema_version, payload)
        assert back == event
        # Equal decimals may differ in digits, and a hash would show it.
        assert codec.encode_event(back) == (kind, payload)

    check()


@EVERY_KIND
def test_every_payload_is_the_canonical_json_that_any_program_writes(kind: EventKind) -> None:
    @ROUND_TRIP
    @given(of_class(kind.cls))
    def check(event: Event) -> None:
        _, payload = codec.encode_event(event)
        again = json.dumps(json.loads(payload), ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        assert payload == again
        assert set(json.loads(payload)) == {field.name for field in shape(kind.cls).values()}

    check()


def test_a_payload_has_sorted_keys_cents_and_exact_decimals() -> None:
    event = InvestmentMade(ACME, usd("1234567.89"), share("0.10"), from_reserves=True, round="Séed")
    assert codec.encode_event(event)[1] == (
        '{"amount":123456789,"company_id":"acme","from_reserves":true,"ownership_after":"0.10","round":"Séed"}'
    )
    assert codec.encode_event(CapitalCalled(usd(1), date(2010, 2, 3)))[1] == ('{"amount":100,"due_on":"2010-02-03"}')
    assert codec.encode_event(CompanyStatusChanged(ACME, CompanyStatus.WRITTEN_OFF))[1] == (
        '{"company_id":"acme","note":null,"status":"WRITTEN_OFF"}'
    )


@pytest.mark.parametrize(
    ("name", "schema_version", "payload", "message"),
    [
        ("FUND_SOLD", 1, "{}", "FUND_SOLD is no event this program knows"),
        ("fee_charged", 1, '{"amount":1}', "fee_charged is no event this program knows"),
        ("FEE_CHARGED", 2, '{"amount":1}', "FEE_CHARGED is stored in shape 2, unknown to this program"),
        ("FEE_CHARGED", 0, '{"amount":1}', "FEE_CHARGED is stored in shape 0, unknown to this program"),
    ],
)
def test_an_unknown_name_or_shape_is_corruption(name: str, schema_version: int, payload: str, message: str) -> None:
    with pytest.raises(CorruptionError) as stopped:
        codec.decode_event(name, schema_version, payload)
    assert str(stopped.value) == message


@pytest.mark.parametrize(
    "payload",
    [
        "",
        "[]",
        "null",
        "7",
        '"amount"',
        "{",
        '{"amount":1',
        '{"amount":1}}',
        "{}",
        '{"amount":null}',
        '{"amount":"1.00"}',
        '{"amount":1.5}',
        '{"amount":true}',
        '{"amount":NaN}',
        '{"amount":1,"kind":7}',
        '{"amount":1,"kind":"\\ud800"}',
        '{"Amount":1}',
        "[" * 100_000,
    ],
)
@pytest.mark.parametrize("schema_version", [0, 1])
def test_a_payload_that_is_no_object_of_its_shape_is_corruption(payload: str, schema_version: int) -> None:
    with pytest.raises(CorruptionError, match="FEE_CHARGED"):
        codec.decode_event("FEE_CHARGED", schema_version, payload)


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("CAPITAL_CALLED", '{"amount":1,"due_on":"2010-02-30"}'),
        ("COMPANY_STATUS_CHANGED", '{"company_id":"acme","status":"SOLD"}'),
        ("INVESTMENT_MADE", '{"company_id":"acme","amount":1,"ownership_after":"a tenth"}'),
        ("FORECAST_CREATED", '{"company_id":"acme","metric_type":"ARR","periods":[{"start":"2010-01-01"}]}'),
        ("FORECAST_CREATED", '{"company_id":"acme","metric_type":"ARR","periods":{}}'),
    ],
)
def test_a_field_of_another_type_is_corruption(name: str, payload: str) -> None:
    with pytest.raises(CorruptionError, match=f"a stored {name} can't be read"):
        codec.decode_event(name, 1, payload)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), 0),
        (datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), -1),
        (datetime(2010, 6, 1, 12, 30, 15, 123_456, tzinfo=UTC), 1_275_395_415_123_456),
        (datetime(2010, 6, 1, 14, 30, 15, 123_456, tzinfo=timezone(timedelta(hours=2))), 1_275_395_415_123_456),
        (datetime(1, 1, 1, tzinfo=UTC), -62_135_596_800_000_000),
        (datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), 253_402_300_799_999_999),
    ],
)
def test_microseconds_are_exact_from_the_first_year_to_the_last(moment: datetime, expected: int) -> None:
    assert codec.micros(moment) == expected


def test_a_fact_s_hash_is_of_the_hash_before_it_and_a_json_array() -> None:
    genesis = codec.genesis_hash("f")
    assert genesis == hashlib.sha256(b"drypowder fund f").digest()
    at = datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
    prefix = codec.fact_prefix("f", "FEE_CHARGED", 1, at, at - timedelta(seconds=1), "é", None, "c", None)
    assert prefix == '"f","FEE_CHARGED",1,1000000,0,"é",null,"c",null'
    canonical = f'[2,5,{prefix},{{"a":1}},{{"amount":1}}]'.encode()
    recorded = datetime(1970, 1, 1, microsecond=5, tzinfo=UTC)
    assert codec.fact_hash(genesis, 2, recorded, prefix, '{"a":1}', '{"amount":1}') == (
        hashlib.sha256(genesis + canonical).digest()
    )
    bare = f'[2,5,{prefix},null,{{"amount":1}}]'.encode()
    assert codec.fact_hash(genesis, 2, recorded, prefix, None, '{"amount":1}') == (
        hashlib.sha256(genesis + bare).digest()
    )


def test_inputs_that_differ_have_other_hashes_even_where_they_are_no_text() -> None:
    inputs: list[object] = [
        FeeCharged(usd(1)),
        FeeCharged(usd(1), ""),
        FeeCharged(usd(1), "\ud800"),
        FeeCharged(usd(1), "\ud801"),
        FeeCharged(usd(1), "\\ud800"),
        [FeeCharged(usd(1))],
    ]
    assert len({codec.input_hash(one) for one in inputs}) == len(inputs)
    assert codec.input_hash(inputs[2]) == codec.input_hash(FeeCharged(usd(1), "\ud800"))


moments = st.datetimes(timezones=st.just(UTC))
flows = st.lists(st.tuples(moments, st.integers(-(2**63), 2**63 - 1)), max_size=3)
cents = st.integers(0, 2**63 - 1)
holdings = st.builds(
    Holding,
    company_id=texts,
    name=texts,
    sector=st.none() | texts,
    status=st.sampled_from(CompanyStatus),
    ownership=st.none() | decimals,
    invested=cents,
    valuation=st.none() | cents,
    flows=flows,
)
funds = st.builds(
    Fund,
    version=st.integers(0, 2**63 - 1),
    name=texts,
    opened_at=st.none() | moments,
    committed=cents,
    flows=flows,
    companies=st.dictionaries(texts, holdings, max_size=3),
)


@ROUND_TRIP
@given(funds)
def test_every_state_comes_back_as_it_was(fund: Fund) -> None:
    assert codec.decode_state(codec.encode_state(fund)) == fund


@pytest.mark.parametrize("stored", [b"", b"\x00", b"\xc1", b"\x90", b"not a state", codec.encode_state(Fund())[:-1]])
def test_bytes_that_are_no_state_are_corruption(stored: bytes) -> None:
    with pytest.raises(CorruptionError, match="a stored state can't be read"):
        codec.decode_state(stored)


def test_a_state_s_checksum_binds_it_to_its_fund_moment_and_version() -> None:
    at = datetime(2010, 1, 1, tzinfo=UTC)
    stored = codec.encode_state(Fund())
    sums = {
        codec.state_checksum("a", at, 1, stored),
        codec.state_checksum("b", at, 1, stored),
        codec.state_checksum("a", at + timedelta(microseconds=1), 1, stored),
        codec.state_checksum("a", at, 2, stored),
        codec.state_checksum("a", at, 1, codec.encode_state(Fund(version=1))),
    }
    assert len(sums) == 5


def test_the_strategies_reach_every_type_of_field() -> None:
    kinds = {field.kind for kind in KINDS.values() for field in shape(kind.cls).values()}
    assert kinds >= {
        Money, Fraction, Decimal, CompanyKey, str, bool, int, date, datetime, CompanyStatus, ExitScenario,
    }  # fmt: skip
    assert FundOpened in {kind.cls for kind in KINDS.values()}
