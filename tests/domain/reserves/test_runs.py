"""Runs: how each stands by its facts, and what is said of it."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from domain.event import CompanyKey, Telling
from domain.money import Fraction, Money
from domain.refusal import Invalid
from domain.reserves.advice import advise
from domain.reserves.options import ReserveStrategy, RunOptions
from domain.reserves.runs import (
    ReserveRunCancelled,
    ReserveRunFailed,
    ReserveRunRequested,
    ReserveScenarioSaved,
    ReservesRecommended,
    RunStatus,
    runs_of,
)
from domain.reserves.sight import Holding
from domain.reserves.tree import from_stage
from tests.spec import OPENED, given, instant

TOLD = Telling("USD", {CompanyKey("acme"): "Acme"})
AT = instant("2026-01-01")
REQUEST = ReserveRunRequested("run", AT, AT, 7, "1", RunOptions(iterations=2_000))
NOBODY = advise([], 10**10, 10**10, RunOptions(iterations=100))
ACME = Holding("acme", "Acme", "Series A", 0.1, 10**8, 10**8, 0, from_stage("Series A", 20e6, 0.0))


def told(*events: object) -> dict[str, RunStatus]:
    facts = [(event, place, AT + timedelta(days=place), "ann") for place, event in enumerate(events, start=1)]
    return {key: run.status for key, run in runs_of(facts).items()}  # type: ignore[arg-type]  # any of them


def test_a_run_waits_until_a_fact_ends_it_and_the_first_one_counts() -> None:
    assert told(REQUEST) == {"run": RunStatus.QUEUED}
    assert told(REQUEST, ReservesRecommended("run", 12, NOBODY)) == {"run": RunStatus.SUCCEEDED}
    assert told(REQUEST, ReserveRunFailed("run", "no time")) == {"run": RunStatus.FAILED}
    assert told(REQUEST, ReserveRunCancelled("run"), ReservesRecommended("run", 12, NOBODY)) == {
        "run": RunStatus.CANCELLED
    }
    assert told(ReserveRunCancelled("another")) == {}
    assert [run.id for run in runs_of([(REQUEST, 1, AT, "ann")]).values()] == ["run"]


def test_a_run_whose_options_can_not_be_is_refused() -> None:
    given(OPENED).when(REQUEST).then()
    given(OPENED).when(replace(REQUEST, options=RunOptions(iterations=1))).refused(Invalid, "events", "0", "iterations")


def test_a_scenario_is_refused_without_a_name_or_with_too_long_a_description() -> None:
    saved = ReserveScenarioSaved("scenario", "Base", "run", description="As of today.")
    given(OPENED).when(saved).then()
    given(OPENED).when(replace(saved, name=" ")).refused(Invalid, "events", "0", "name")
    given(OPENED).when(replace(saved, description="x" * 2_001)).refused(Invalid, "events", "0", "description")


def test_requests_are_alike_where_they_ask_the_same_of_the_same_moment() -> None:
    later = AT + timedelta(days=1)
    assert REQUEST.present
    assert REQUEST.asks_like(replace(REQUEST, run_id="other", at=later, known_at=later, fund_version=9))
    then = replace(REQUEST, at_present=False)
    assert not then.present
    assert not REQUEST.asks_like(then)
    assert then.asks_like(replace(then, known_at=later))
    assert not then.asks_like(replace(then, at=later))
    known = replace(REQUEST, known_at_present=False)
    assert not known.asks_like(replace(known, known_at=later))
    assert not REQUEST.asks_like(replace(REQUEST, model_version="2"))
    assert not REQUEST.asks_like(replace(REQUEST, options=RunOptions(iterations=2_001)))


def test_every_fact_of_a_run_is_told_in_a_sentence() -> None:
    assert REQUEST.summary(TOLD) == "Asked for optimal reserves as of now, 2,000 paths"
    assert replace(REQUEST, at_present=False).summary(TOLD) == (
        "Asked for optimal reserves as of 01 Jan 2026, 2,000 paths"
    )
    assert ReserveRunFailed("run", "no time").summary(TOLD) == "Optimal reserves could not be computed: no time"
    assert ReserveRunCancelled("run").summary(TOLD) == "Stopped a computation of optimal reserves"
    saved = ReserveScenarioSaved("scenario", "Base", "run", ReserveStrategy.HEURISTIC)
    assert saved.summary(TOLD) == "Saved the reserve scenario Base"
    assert ReservesRecommended("run", 12, NOBODY).summary(TOLD) == (
        "Recommended no reserves from a pool of 0 USD: no company could be ranked"
    )
    options = RunOptions(iterations=100, max_pool_share=Fraction(Decimal(1)), pool=Money(10**8))
    ranked = advise([ACME], 10**10, 10**10, options)
    first = ranked.recommendations[0].follow_on_multiple
    assert ReservesRecommended("run", 12, ranked).summary(TOLD) == (
        f"Recommended reserves from a pool of 1,000,000 USD: Acme first, at {first:.2f}x for the next dollar"
    )
