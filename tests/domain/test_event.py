"""The registry of events."""

from dataclasses import fields, is_dataclass
from typing import Annotated, get_origin, get_type_hints

import pytest

from domain.capital import CapitalCalled, FundOpened
from domain.correction import EventVoided
from domain.event import EventKind, Telling, company_of, event, kind_of
from domain.events import KINDS
from domain.investing import CompanyAdded, InvestmentMade
from domain.shape import is_part, shape
from tests.spec import ACME, usd

CALLED = CapitalCalled(usd(1))
ALL_KINDS = list(KINDS.values())


LEDGER_NAMES = [
    "FUND_OPENED",
    "CAPITAL_CALLED",
    "DISTRIBUTION_MADE",
    "FEE_CHARGED",
    "COMPANY_ADDED",
    "INVESTMENT_MADE",
    "ROUND_PRICED",
    "VALUATION_UPDATED",
    "PROCEEDS_RECEIVED",
    "COMPANY_STATUS_CHANGED",
    "RESERVE_ALLOCATED",
    "FORECAST_CREATED",
    "DEAL_FORECAST_CREATED",
    "ACTUAL_RECORDED",
    "EVENT_VOIDED",
]


def test_the_contracts_events_are_registered() -> None:
    assert set(KINDS) >= set(LEDGER_NAMES)


def test_a_fund_is_opened_by_its_own_mutation_only() -> None:
    assert [name for name in LEDGER_NAMES if not KINDS[name].recordable] == ["FUND_OPENED"]


def test_forecasts_reports_and_voids_change_no_total() -> None:
    unfolded = {name for name in LEDGER_NAMES if not KINDS[name].folds}
    assert unfolded == {"FORECAST_CREATED", "DEAL_FORECAST_CREATED", "ACTUAL_RECORDED", "EVENT_VOIDED"}


@pytest.mark.parametrize("kind", ALL_KINDS, ids=lambda kind: kind.name)
def test_every_event_is_frozen_and_says_what_each_field_means(kind: EventKind) -> None:
    assert is_dataclass(kind.cls)
    for cls in (kind.cls, *(one.kind for one in shape(kind.cls).values() if is_part(one.kind))):
        assert cls.__dataclass_params__.frozen
        assert "__slots__" in vars(cls)
    hints = get_type_hints(kind.cls, include_extras=True)
    assert all(get_origin(hints[field.name]) is Annotated for field in fields(kind.cls))
    assert kind.cls.__doc__


def test_the_kind_of_an_event_is_found_by_its_class() -> None:
    assert kind_of(CALLED) == EventKind("CAPITAL_CALLED", 1, CapitalCalled, recordable=True, folds=True)
    assert kind_of(FundOpened("A", "USD", 2020, usd(1))) is KINDS["FUND_OPENED"]


def test_an_unregistered_class_has_no_kind() -> None:
    with pytest.raises(KeyError):
        kind_of("not an event")


def test_a_stored_name_is_given_once() -> None:
    with pytest.raises(ValueError, match=r"^event name CAPITAL_CALLED is taken$"):
        event("CAPITAL_CALLED")(type("Again", (), {}))
    assert KINDS["CAPITAL_CALLED"].cls is CapitalCalled


def test_an_event_about_a_company_gives_its_key() -> None:
    assert company_of(CompanyAdded(ACME, "Acme")) == "acme"
    assert company_of(InvestmentMade(ACME, usd(1))) == "acme"
    assert company_of(CALLED) is None
    assert company_of(EventVoided(2, "wrong")) is None


def test_a_company_is_told_by_name_or_else_by_key() -> None:
    told = Telling("USD", {"acme": "Acme Inc"})
    assert (told.name("acme"), told.name("beta")) == ("Acme Inc", "beta")
