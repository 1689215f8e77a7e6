"""Enumerations that say what their members mean."""

from copy import deepcopy
from typing import Any

import pytest

from domain.forecasting import ForecastKind, MetricType, PreferenceKind, RecordSource
from domain.fund import CompanyStatus
from domain.refusal import RefusalCode
from domain.wording import Wording


class Weather(Wording):
    SUNNY = "SUNNY", "No cloud."
    RAINY = "RAINY", "Take an umbrella."


def test_a_member_is_its_value_and_says_what_it_means() -> None:
    assert (Weather.SUNNY.value, f"{Weather.SUNNY}", Weather.SUNNY.text) == ("SUNNY", "SUNNY", "No cloud.")
    assert [member.name for member in Weather] == ["SUNNY", "RAINY"]


def test_a_member_is_found_by_its_value() -> None:
    by_value: Any = Weather  # mypy would have the text given too
    assert by_value("RAINY") is Weather.RAINY
    assert deepcopy(Weather.RAINY) is Weather.RAINY


@pytest.mark.parametrize(
    "kind",
    [CompanyStatus, MetricType, ForecastKind, RecordSource, PreferenceKind, RefusalCode],
    ids=lambda k: k.__name__,
)
def test_every_member_of_the_domain_is_stored_by_its_name_and_says_what_it_means(kind: type[Wording]) -> None:
    assert all(member.name == member.value and member.text.endswith(".") for member in kind)
