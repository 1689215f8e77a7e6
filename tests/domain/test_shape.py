"""Shapes: what schema, wire and codec are told of an event's fields."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated

import pytest

from domain.capital import CapitalCalled, FundOpened
from domain.event import CompanyKey
from domain.forecasting import (
    DealForecastCreated,
    ExitScenario,
    ForecastCreated,
    ForecastPeriod,
    FutureRound,
    MetricType,
    Preference,
)
from domain.investing import InvestmentMade, RoundPriced
from domain.money import Fraction, Money
from domain.shape import FieldShape, body_name, camel, is_part, pascal_of_stored, shape


@dataclass(frozen=True)
class Plain:
    count: int
    label: Annotated[str, "What it is called."] = "none"


@pytest.mark.parametrize(
    ("name", "public"),
    [("amount", "amount"), ("pre_money", "preMoney"), ("fair_value_on_day", "fairValueOnDay")],
)
def test_a_field_is_named_in_camel_case_on_the_wire(name: str, public: str) -> None:
    assert camel(name) == public


def test_a_stored_name_gives_the_types_name_and_the_fields_name() -> None:
    assert pascal_of_stored("COMPANY_STATUS_CHANGED") == "CompanyStatusChanged"
    assert body_name("COMPANY_STATUS_CHANGED") == "companyStatusChanged"


def test_a_required_field_has_no_default() -> None:
    assert shape(CapitalCalled)["amount"] == FieldShape(
        name="amount",
        public_name="amount",
        kind=Money,
        optional=False,
        many=False,
        required=True,
        default=None,
        text="What was called from all investors together.",
    )


def test_an_optional_field_may_be_null() -> None:
    due = shape(CapitalCalled)["dueOn"]
    assert (due.name, due.kind, due.optional, due.required, due.default) == (
        "due_on",
        date,
        True,
        False,
        None,
    )
    assert due.text == "Day by which they pay."


def test_a_field_with_a_default_is_neither_required_nor_nullable() -> None:
    zone = shape(FundOpened)["timeZone"]
    assert (zone.kind, zone.optional, zone.required, zone.default) == (str, False, False, "UTC")


def test_a_list_has_the_kind_of_its_parts() -> None:
    periods = shape(ForecastCreated)["periods"]
    assert (periods.kind, periods.many, periods.optional) == (ForecastPeriod, True, False)
    assert periods.text == "1 to 400 periods that don't overlap."


def test_an_annotation_behind_another_name_is_seen() -> None:
    company = shape(InvestmentMade)["companyId"]
    assert (company.kind, company.text) == (CompanyKey, "The caller's own key of the company.")


def test_the_kinds_of_fields_are_kept_apart() -> None:
    assert shape(RoundPriced)["ownershipAfter"].kind is Fraction
    assert shape(RoundPriced)["preMoney"].kind is Money
    assert shape(ForecastCreated)["metricType"].kind is MetricType


def test_a_part_is_a_dataclass_of_its_own() -> None:
    deal = shape(DealForecastCreated)
    assert [deal[name].kind for name in ("exitScenarios", "futureRounds", "preference")] == [
        ExitScenario,
        FutureRound,
        Preference,
    ]
    assert all(is_part(deal[name].kind) for name in ("exitScenarios", "futureRounds", "preference"))
    assert not any(is_part(kind) for kind in (Money, str, MetricType, Preference.__doc__))


def test_fields_keep_their_order_and_a_plain_one_has_no_text() -> None:
    assert [(one.public_name, one.text) for one in shape(Plain).values()] == [
        ("count", ""),
        ("label", "What it is called."),
    ]
