"""The reserve model: what a fund may set, and how a stage is found by its name in the fund's own words."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from domain.refusal import Invalid
from domain.reserves.model import DEFAULT_MODEL, ReserveModelSet, StageModel, stage_key
from tests.spec import OPENED, TOLD, figures, given, share

SEED, A, *_, LATER = DEFAULT_MODEL.stages
TWO = replace(DEFAULT_MODEL, stages=(SEED, LATER), source="our own 40 companies")


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("Seed", 0),
        ("SEED", 0),
        ("seed round", 0),
        ("Series Seed", 0),
        ("pre-seed", 0),
        ("Pre Seed", 0),
        ("Series A", 1),
        ("series-a", 1),
        ("A", 1),
        ("Round A", None),
        ("A round", 1),
        ("series_b", 2),
        ("Series C round", 3),
        ("Series D", 4),
        ("G", 4),
        ("Late", 4),
        ("later", 4),
        ("Growth", 4),
        ("Series H", None),
        ("Series A1", None),
        ("Series", None),
        ("round", None),
        ("IPO", None),
        ("", None),
        ("—", None),
        (None, None),
    ],
)
def test_a_stage_is_known_by_its_name_in_a_funds_own_words(name: str | None, place: int | None) -> None:
    assert DEFAULT_MODEL.place(name) == place


def test_names_of_one_stage_are_told_by_one_key() -> None:
    assert {stage_key(name) for name in ("Series A", "series-a", "A", "a round", "SERIES A ROUND")} == {"a"}
    assert {stage_key(name) for name in ("Pre-IPO", "pre ipo", "PreIPO round")} == {"preipo"}
    assert stage_key("Series") == "series"
    assert stage_key("Pre-seed") != stage_key("Seed")
    assert stage_key("Straße") == stage_key("STRASSE")
    assert stage_key("—") == "—"


@pytest.mark.parametrize(
    ("names", "name", "place"),
    [
        (("Pre-Seed", "Seed"), "pre seed", 0),
        (("Seed", "A"), "Pre-Seed", 0),
        (("Seed", "Series D", "Later"), "D", 1),
        (("Seed", "Series D", "Later"), "E", 2),
        (("Seed", "A"), "D", None),
        (("Bridge", "Exit Ready"), "bridge round", 0),
        (("Bridge", "Exit Ready"), "Seed", None),
    ],
)
def test_a_fund_names_its_stages_as_it_likes(names: Sequence[str], name: str, place: int | None) -> None:
    stages = tuple(replace(LATER, name=each) for each in names)
    assert replace(DEFAULT_MODEL, stages=stages).place(name) == place


def test_a_model_set_changes_no_total_and_is_told_in_a_sentence() -> None:
    outcome = given(OPENED).when(TWO).then(version=2)
    assert figures(outcome.fund) == figures(given(OPENED).fund)
    assert TWO.summary(TOLD) == (
        "Set the odds of companies without a deal forecast, for the stages seed, later: our own 40 companies"
    )


@pytest.mark.parametrize("model", [DEFAULT_MODEL, TWO, replace(TWO, stages=(LATER,) * 1)])
def test_a_model_that_can_be_is_taken(model: ReserveModelSet) -> None:
    given(OPENED).when(model).then(version=2)


def test_figures_at_their_limits_are_taken() -> None:
    least = StageModel(
        "x", share("0"), share("0"), share("0"), share("0"), Decimal("0.01"), Decimal(0), Decimal("0.01"),
        Decimal("0.01"), Decimal(0), Decimal(0),
    )  # fmt: skip
    most = replace(
        least, name="y", exit=share("1"), dilution=share("0.5"), option_pool=share("0.49"), step_up=Decimal(1_000),
        exit_multiple=Decimal(1_000), months_to_graduate=Decimal(600), months_to_exit=Decimal(600),
        reserve_multiple=Decimal(1_000), weight=Decimal(1_000), exit_alpha=Decimal(20),
    )  # fmt: skip
    own = replace(TWO, stages=(least, most), step_up_sigma=Decimal(0), exit_sigma=Decimal(5), months_sigma=Decimal(5))
    given(OPENED).when(own).then(version=2)


NAN = Decimal("NaN")


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"name": " "}, "name"),
        ({"graduate": share("-0.1")}, "graduate"),
        ({"graduate": share("1.1")}, "graduate"),
        ({"exit": share("1.1")}, "exit"),
        ({"graduate": share("0.7"), "exit": share("0.31")}, "exit"),
        ({"dilution": share("1.1")}, "dilution"),
        ({"option_pool": share("-0.1")}, "optionPool"),
        ({"dilution": share("0.5"), "option_pool": share("0.5")}, "dilution"),
        ({"dilution": share("0")}, "dilution"),
        ({"step_up": Decimal(0)}, "stepUp"),
        ({"step_up": Decimal(1_001)}, "stepUp"),
        ({"step_up": NAN}, "stepUp"),
        ({"exit_multiple": Decimal(-1)}, "exitMultiple"),
        ({"exit_multiple": Decimal("Infinity")}, "exitMultiple"),
        ({"months_to_graduate": Decimal(0)}, "monthsToGraduate"),
        ({"months_to_exit": Decimal(601)}, "monthsToExit"),
        ({"reserve_multiple": Decimal(-1)}, "reserveMultiple"),
        ({"exit_alpha": Decimal(1)}, "exitAlpha"),
        ({"exit_alpha": Decimal("20.1")}, "exitAlpha"),
        ({"exit_alpha": NAN}, "exitAlpha"),
        ({"weight": NAN}, "weight"),
    ],
)
def test_a_stage_that_cannot_be_is_refused(changes: dict[str, Any], path: str) -> None:
    own = replace(TWO, stages=(A, replace(SEED, **changes), LATER))
    given(OPENED).when(own).refused(Invalid, "events", "0", "stages", "1", path)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"stages": ()}, ["stages"]),
        ({"stages": tuple(replace(LATER, name=f"stage {n}") for n in range(21))}, ["stages"]),
        ({"stages": (SEED, replace(A, name="Series Seed"), LATER)}, ["stages", "1", "name"]),
        ({"stages": (SEED, A)}, ["stages", "1", "graduate"]),
        ({"source": ""}, ["source"]),
        ({"source": "x" * 2_001}, ["source"]),
        ({"step_up_sigma": Decimal(-1)}, ["stepUpSigma"]),
        ({"exit_sigma": Decimal("5.1")}, ["exitSigma"]),
        ({"months_sigma": Decimal(0)}, ["monthsSigma"]),
        ({"months_sigma": NAN}, ["monthsSigma"]),
    ],
)
def test_a_model_that_cannot_be_is_refused(changes: dict[str, Any], path: list[str]) -> None:
    given(OPENED).when(replace(TWO, **changes)).refused(Invalid, "events", "0", *path)
