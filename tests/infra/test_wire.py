"""The wire form: what clients and files send comes in exactly or is refused with its place."""

import json
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given, strategies as st

from domain.alerts import AlertSnoozed
from domain.capital import CapitalCalled, DistributionMade, FeeCharged
from domain.correction import EventVoided
from domain.event import Event, EventKind
from domain.events import KINDS
from domain.forecasting import (
    ActualRecorded,
    DealForecastCreated,
    ExitScenario,
    ForecastCreated,
    ForecastKind,
    ForecastPeriod,
    FutureRound,
    MetricType,
    Preference,
    PreferenceKind,
)
from domain.fund import CompanyStatus
from domain.investing import CompanyStatusChanged, InvestmentMade
from domain.refusal import Invalid
from domain.shape import body_name, shape
from infra import wire
from tests.infra.test_codec import EVERY_KIND, ROUND_TRIP, of_class
from tests.spec import ACME, share, usd

RECORDABLE = pytest.mark.parametrize(
    "kind", [kind for kind in KINDS.values() if kind.recordable], ids=lambda kind: kind.name
)


def named(value: object) -> str:
    """A hostile value as a test's name shows it."""
    if isinstance(value, int) and abs(value) > 2**64:
        return f"a number of {value.bit_length()} bits"
    return ascii(value)[:50]


def hostile(name: str, values: list[object]) -> pytest.MarkDecorator:
    """A test for each of the values."""
    return pytest.mark.parametrize(name, values, ids=[named(value) for value in values])


@RECORDABLE
def test_every_recordable_event_comes_back_from_the_wire_as_it_was(kind: EventKind) -> None:
    @ROUND_TRIP
    @given(of_class(kind.cls))
    def check(event: Event) -> None:
        sent = json.loads(json.dumps(wire.body_to_wire(event)))
        back = wire.body_from_wire(sent)
        assert back == event
        assert wire.body_to_wire(back) == sent

    check()


@RECORDABLE
def test_every_field_may_also_be_sent_as_null_where_it_may_be_left_out(kind: EventKind) -> None:
    @ROUND_TRIP
    @given(of_class(kind.cls))
    def check(event: Event) -> None:
        (name,) = wire.body_to_wire(event)
        assert wire.body_from_wire({name: json.loads(json.dumps(wire.to_wire(event)))}) == event

    check()


def test_the_opening_of_a_fund_and_facts_about_alerts_and_runs_are_shown_and_not_recorded() -> None:
    recordable = {kind.name for kind in wire.RECORDABLE.values()}
    assert set(KINDS) - recordable == {
        "FUND_OPENED",
        "ALERT_RULE_SET",
        "ALERT_RAISED",
        "ALERT_ACKNOWLEDGED",
        "ALERT_SNOOZED",
        "ALERT_RESOLVED",
        "RESERVE_RUN_REQUESTED",
        "RESERVES_RECOMMENDED",
        "RESERVE_RUN_FAILED",
        "RESERVE_RUN_CANCELLED",
        "RESERVE_SCENARIO_SAVED",
    }
    for name in set(KINDS) - recordable:
        with pytest.raises(Invalid):
            wire.body_from_wire({body_name(name): {}})


@EVERY_KIND
def test_every_event_is_shown_with_all_its_fields_as_json(kind: EventKind) -> None:
    @ROUND_TRIP
    @given(of_class(kind.cls))
    def check(event: Event) -> None:
        shown = json.loads(json.dumps(wire.to_wire(event)))
        assert set(shown) == set(shape(kind.cls))
        missing = {name for name, field in shape(kind.cls).items() if getattr(event, field.name) is None}
        assert {name for name, found in shown.items() if found is None} == missing

    check()


def test_an_instant_on_the_wire_is_written_as_the_api_writes_it() -> None:
    until = datetime(2010, 2, 28, 23, 30, 0, 5, tzinfo=timezone(timedelta(hours=1)))
    snoozed = AlertSnoozed("alert", ACME, MetricType.ARR, until)
    assert wire.to_wire(snoozed)["until"] == "2010-02-28T22:30:00.000005Z"


def test_an_event_on_the_wire_has_money_as_text_and_names_in_camel_case() -> None:
    cheque = InvestmentMade(ACME, usd("250000.5"), share("0.1250"), from_reserves=True)
    assert wire.body_to_wire(cheque) == {
        "investmentMade": {
            "companyId": "acme",
            "amount": "250000.50",
            "ownershipAfter": "0.1250",
            "fromReserves": True,
        }
    }
    assert wire.to_wire(cheque) == {
        "companyId": "acme",
        "amount": "250000.50",
        "ownershipAfter": "0.1250",
        "fromReserves": True,
        "round": None,
    }
    assert wire.to_wire(ForecastCreated(ACME, MetricType.CASH_BURN, (period(),), ForecastKind.BUDGET)) == {
        "companyId": "acme",
        "metricType": "CASH_BURN",
        "periods": [{"start": "2010-01-01", "end": "2010-03-31", "projectedValue": "0.0000001"}],
        "kind": "BUDGET",
    }


def period() -> ForecastPeriod:
    return ForecastPeriod(date(2010, 1, 1), date(2010, 3, 31), Decimal("1E-7"))


@pytest.mark.parametrize(
    ("body", "event"),
    [
        ({"feeCharged": {"amount": "1"}}, FeeCharged(usd(1))),
        ({"feeCharged": {"amount": "-0.1", "kind": None}}, FeeCharged(usd("-0.10"))),
        ({"feeCharged": {"amount": "1000000000000000.00"}}, FeeCharged(usd(10**15))),
        ({"capitalCalled": {"amount": "0", "dueOn": "2012-02-29"}}, CapitalCalled(usd(0), date(2012, 2, 29))),
        ({"distributionMade": {"amount": "1.00", "recallable": None}}, DistributionMade(usd(1))),
        ({"distributionMade": {"amount": "1.00", "recallable": True}}, DistributionMade(usd(1), recallable=True)),
        ({"eventVoided": {"version": 2**63 - 1, "reason": ""}}, EventVoided(2**63 - 1, "")),
        (
            {"companyStatusChanged": {"companyId": "acme", "status": "EXITED"}},
            CompanyStatusChanged(ACME, CompanyStatus.EXITED),
        ),
        (
            {
                "actualRecorded": {
                    "companyId": "acme",
                    "metricType": "ARR",
                    "value": "-" + "9" * 38,
                    "periodStart": "0001-01-01",
                    "periodEnd": "9999-12-31",
                }
            },
            ActualRecorded(ACME, MetricType.ARR, Decimal(-(10**38 - 1)), date.min, date.max),
        ),
        (
            {
                "dealForecastCreated": {
                    "companyId": "acme",
                    "exitScenarios": [
                        {"name": "sale", "probability": "0.5", "exitValue": "1.00", "months": "12", "afterRound": 1}
                    ],
                    "futureRounds": [
                        {
                            "stage": "B",
                            "probability": "0.25",
                            "months": "6.5",
                            "preMoney": "3.00",
                            "roundSize": "4.00",
                        }
                    ],
                    "preference": {"kind": "PARTICIPATING", "cap": "3"},
                }
            },
            DealForecastCreated(
                ACME,
                (ExitScenario("sale", share("0.5"), usd(1), Decimal(12), 1),),
                (FutureRound("B", share("0.25"), Decimal("6.5"), usd(3), usd(4)),),
                Preference(PreferenceKind.PARTICIPATING, cap=Decimal(3)),
            ),
        ),
    ],
)
def test_a_body_is_the_event_it_names(body: wire.Json, event: Event) -> None:
    assert wire.body_from_wire(body) == event


def refused(body: object) -> Invalid:
    with pytest.raises(Invalid) as raised:
        wire.body_from_wire(body)
    return raised.value


@hostile(
    "amount",
    [
        "NaN",
        "Infinity",
        "-Infinity",
        "1e5",
        "1E5",
        "1_000",
        "1,000",
        "1 000",
        " 1",
        "1 ",
        "1\n",
        "+1",
        "--1",
        "01",
        ".5",
        "5.",
        "",
        "-",
        "0x10",
        "١٢",
        "１２",
        "1.005",
        "1.000",
        "1.0.0",
        "1\0",
        "\ud800",
        "1000000000000000.01",
        "9" * 39,
        "9" * 100_000,
        1,
        1.0,
        10**400,
        True,
        ["1"],
        {"cents": 100},
    ],
)
def test_what_is_no_exact_amount_of_money_is_refused(amount: object) -> None:
    assert refused({"feeCharged": {"amount": amount}}).path == ("amount",)


@hostile(
    "value",
    [
        "NaN",
        "sNaN",
        "Infinity",
        "1e5",
        "1_000",
        "٣",
        "1,5",
        "+1",
        "00",
        ".5",
        "5.",
        "",
        "1" * 39,
        "0." + "0" * 38,
        "1\n",
        1,
        0.5,
        False,
        [],
    ],
)
@pytest.mark.parametrize("field", ["ownershipAfter", "value"])
def test_what_is_no_exact_decimal_is_refused(value: object, field: str) -> None:
    body: wire.Json = {"companyId": "acme", "amount": "1.00", "ownershipAfter": value}
    if field == "value":
        body = {"companyId": "acme", "metricType": "ARR", "value": value}
    name = "investmentMade" if field == "ownershipAfter" else "actualRecorded"
    assert refused({name: body}).path == (field,)


@hostile(
    "day",
    [
        "2010-02-30",
        "2010-13-01",
        "2010-00-01",
        "0000-01-01",
        "2010-1-1",
        "20100101",
        "2010-W01-1",
        "2010-01-01T00:00:00Z",
        "2010-01-01 ",
        "٢٠١٠-٠١-٠١",
        "10000-01-01",
        "-2010-01-01",
        "",
        "today",
        20100101,
        ["2010-01-01"],
    ],
)
def test_what_is_no_date_is_refused(day: object) -> None:
    assert refused({"capitalCalled": {"amount": "1.00", "dueOn": day}}).path == ("dueOn",)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2009-12-31T23:59:59Z", datetime(2009, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("2009-12-31t23:59:59z", datetime(2009, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("2009-12-31T23:59:59.5Z", datetime(2009, 12, 31, 23, 59, 59, 500_000, tzinfo=UTC)),
        ("2009-12-31T23:59:59.123456Z", datetime(2009, 12, 31, 23, 59, 59, 123_456, tzinfo=UTC)),
        ("2009-12-31T23:59:59.123456000Z", datetime(2009, 12, 31, 23, 59, 59, 123_456, tzinfo=UTC)),
        ("2009-12-31T23:59:59+02:30", datetime(2009, 12, 31, 21, 29, 59, tzinfo=UTC)),
        ("2009-12-31T23:59:59-00:00", datetime(2009, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("2010-01-01T00:00:00-23:59", datetime(2010, 1, 1, 23, 59, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59.999999Z", datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
    ],
)
def test_an_instant_is_taken_with_its_offset_and_given_in_utc(text: str, moment: datetime) -> None:
    found = wire.instant_from_text(text)
    assert (found, found.tzinfo) == (moment, UTC)


@hostile(
    "text",
    [
        "2009-12-31T23:59:59",
        "2009-12-31",
        "2009-12-31T23:59Z",
        "2009-12-31 23:59:59Z",
        "2009-12-31T23:59:59 Z",
        "2009-12-31T23:59:60Z",
        "2009-12-31T24:00:00Z",
        "2009-12-31T23:60:00Z",
        "2009-02-29T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "2009-12-31T23:59:59.1234567Z",
        "2009-12-31T23:59:59.0000000001Z",
        "2009-12-31T23:59:59.Z",
        "2009-12-31T23:59:59,5Z",
        "2009-12-31T23:59:59+24:00",
        "2009-12-31T23:59:59+23:60",
        "2009-12-31T23:59:59+0200",
        "2009-12-31T23:59:59+02",
        "2009-12-31T23:59:59+02:00:30",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "٢٠٠٩-12-31T23:59:59Z",
        "2009-12-31T23:59:59Z\n",
        "1262303999",
        "now",
        "",
    ],
)
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"instant|must be in|month|range|year"):
        wire.instant_from_text(text)


@given(st.datetimes(timezones=st.just(UTC)))
@ROUND_TRIP
def test_every_instant_comes_back_from_its_text(moment: datetime) -> None:
    text = moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
    assert wire.instant_from_text(text) == moment


@given(st.text(max_size=40))
@ROUND_TRIP
def test_any_text_is_a_value_or_a_value_error(text: str) -> None:
    for parse in (wire.instant_from_text, wire.date_from_text, wire.decimal_from_text):
        with suppress(ValueError):
            parse(text)


@hostile("number", ["2", 2.0, True, None, [2], 2**63, -(2**63) - 1, 10**5_000])
def test_what_is_no_whole_number_of_64_bits_is_refused(number: object) -> None:
    assert refused({"eventVoided": {"version": number, "reason": "wrong"}}).path == ("version",)


@hostile("answer", ["true", 1, 0, "yes", []])
def test_what_is_neither_true_nor_false_is_refused(answer: object) -> None:
    told = refused({"distributionMade": {"amount": "1.00", "recallable": answer}})
    assert (told.path, told.message) == (("recallable",), "Expected true or false.")


@hostile("member", ["exited", "SOLD", "", "EXITED ", "__class__", "text", 1, None, ["EXITED"]])
def test_what_is_no_member_of_an_enumeration_is_refused(member: object) -> None:
    told = refused({"companyStatusChanged": {"companyId": "acme", "status": member}})
    assert told.path == ("status",)
    if isinstance(member, str):
        assert told.message == "Expected one of ACTIVE, EXITED, WRITTEN_OFF."


@hostile("text", [7, 1.5, True, ["acme"], {"id": "acme"}])
def test_what_is_no_text_is_refused(text: object) -> None:
    told = refused({"companyAdded": {"companyId": text, "name": "Acme"}})
    assert (told.path, told.message) == (("companyId",), "Expected a text.")
    assert refused({"companyAdded": {"companyId": "acme", "name": text}}).path == ("name",)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (None, "An event is an object with exactly one kind of event in it."),
        ([], "An event is an object with exactly one kind of event in it."),
        ("feeCharged", "An event is an object with exactly one kind of event in it."),
        ({}, "An event is an object with exactly one kind of event in it."),
        (
            {"feeCharged": {"amount": "1.00"}, "capitalCalled": {"amount": "1.00"}},
            "An event is an object with exactly one kind of event in it.",
        ),
        ({"FeeCharged": {}}, "'FeeCharged' is no kind of event that can be recorded."),
        ({"FEE_CHARGED": {}}, "'FEE_CHARGED' is no kind of event that can be recorded."),
        ({"fundOpened": {}}, "'fundOpened' is no kind of event that can be recorded."),
        ({"__class__": {}}, "'__class__' is no kind of event that can be recorded."),
        ({"\ud800": {}}, "'\\ud800' is no kind of event that can be recorded."),
    ],
)
def test_a_body_without_exactly_one_known_event_is_refused(body: object, message: str) -> None:
    told = refused(body)
    assert (told.path, told.message) == (("event",), message)


@hostile("fields", [None, [], "1.00", 1, True])
def test_an_event_that_is_no_object_is_refused(fields: object) -> None:
    told = refused({"feeCharged": fields})
    assert (told.path, told.message) == ((), "This must be an object.")


@pytest.mark.parametrize(
    ("fields", "path", "message"),
    [
        ({}, ("amount",), "This is required."),
        ({"amount": None}, ("amount",), "This is required."),
        ({"amount": "1.00", "note": "x"}, ("note",), "There is no field 'note' here."),
        ({"amount": "1.00", "Kind": "x"}, ("Kind",), "There is no field 'Kind' here."),
        ({"amount": "1.00", "": "x"}, ("",), "There is no field '' here."),
        ({"amount": "1.00", "__class__": "x"}, ("__class__",), "There is no field '__class__' here."),
        ({"amount": "1.00", "evolve": None}, ("evolve",), "There is no field 'evolve' here."),
    ],
)
def test_missing_and_unknown_fields_are_refused_with_their_names(
    fields: wire.Json, path: tuple[str, ...], message: str
) -> None:
    told = refused({"feeCharged": fields})
    assert (told.path, told.message) == (path, message)


def test_fields_are_not_taken_by_their_names_in_python() -> None:
    told = refused({"companyAdded": {"company_id": "acme", "name": "Acme"}})
    assert told.path == ("company_id",)


@pytest.mark.parametrize(
    ("periods", "path"),
    [
        (None, ("periods",)),
        ("2010", ("periods",)),
        ({"0": {}}, ("periods",)),
        ([None], ("periods", "0")),
        ([[]], ("periods", "0")),
        (["2010"], ("periods", "0")),
        ([{}], ("periods", "0", "start")),
        ([{"start": "2010-01-01", "end": "2010-03-31"}], ("periods", "0", "projectedValue")),
        (
            [
                {"start": "2010-01-01", "end": "2010-03-31", "projectedValue": "1"},
                {"start": "2010-01-01", "end": "2010-03-31", "projectedValue": "1e9"},
            ],
            ("periods", "1", "projectedValue"),
        ),
        ([{"start": "2010-01-01", "to": "2010-03-31"}], ("periods", "0", "to")),
        ([{"start": [[["2010-01-01"]]], "end": "2010-03-31"}], ("periods", "0", "start")),
    ],
)
def test_a_value_deep_within_is_refused_with_its_whole_path(periods: object, path: tuple[str, ...]) -> None:
    body = {"forecastCreated": {"companyId": "acme", "metricType": "ARR", "periods": periods}}
    assert refused(body).path == path


@pytest.mark.parametrize("shape", ["lists", "objects"])
@pytest.mark.parametrize("place", ["kind", "amount", "feeCharged", "event"])
def test_nesting_without_end_is_refused_where_it_begins(shape: str, place: str) -> None:
    inner: object = "x"
    for _ in range(50_000):
        inner = [inner] if shape == "lists" else {"kind": inner}
    bodies: dict[str, object] = {
        "kind": {"feeCharged": {"amount": "1.00", "kind": inner}},
        "amount": {"feeCharged": {"amount": inner}},
        "feeCharged": {"feeCharged": inner},
        "event": inner,
    }
    paths = {"kind": ("kind",), "amount": ("amount",), "event": ("event",)}
    told = refused(bodies[place])
    assert told.path == paths.get(place, () if shape == "lists" else ("amount",))


def test_half_a_surrogate_pair_and_nul_are_refused_by_the_decision_with_their_place() -> None:
    # The wire keeps texts as they are; what a text may hold, the event's own check says.
    for text in ("\ud800", "a\0"):
        event = wire.body_from_wire({"feeCharged": {"amount": "1.00", "kind": text}})
        assert event == FeeCharged(usd(1), text)
