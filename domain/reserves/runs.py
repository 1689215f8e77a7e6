"""Runs: what was asked, what it came to, and how it stands, as facts of the fund."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Annotated, Final, TypeAlias

from domain.event import Apart, Telling, event
from domain.fund import FundBuilder
from domain.money import money_for_people
from domain.reserves.options import ReserveStrategy, RunOptions
from domain.reserves.results import ReserveAdvice
from domain.text import check_optional_text, check_text
from domain.wording import Wording

RunId = Annotated[str, "The run."]


class RunStatus(Wording):
    """How a run stands."""

    QUEUED = "QUEUED", "Waits for a worker."
    RUNNING = "RUNNING", "Being computed."
    SUCCEEDED = "SUCCEEDED", "Has its recommendation."
    FAILED = "FAILED", "Could not be computed."
    CANCELLED = "CANCELLED", "Somebody stopped it."


MODEL_VERSION: Final = "1"
"""Of the mathematics: changes whenever the same input would give other figures."""


@event("RESERVE_RUN_REQUESTED", recordable=False, folds=False)
@dataclass(frozen=True, slots=True)
class ReserveRunRequested(Apart):
    """Somebody asked where the next follow-on dollar earns most."""

    run_id: RunId
    at: Annotated[datetime, "Of the fund as it was at this moment …"]
    known_at: Annotated[datetime, "… as far as it was known at this one."]
    fund_version: Annotated[int, "Version of the last fact known then."]
    model_version: Annotated[str, "Of the mathematics: another one gives other figures."]
    options: Annotated[RunOptions, "What was asked."]
    at_present: Annotated[bool, "Whether it was asked of the present, rather than of a moment given."] = True
    known_at_present: Annotated[bool, "Whether it was asked as known at present."] = True

    def check(self, fund: FundBuilder) -> None:
        """Refuse options that can't be."""
        self.options.check()

    @property
    def present(self) -> bool:
        """Whether it is about the fund as it is."""
        return self.at_present and self.known_at_present

    def asks_like(self, other: "ReserveRunRequested") -> bool:
        """Whether it asks the same: of the present, each of its own, or of the same moment."""
        return (
            (self.options, self.model_version) == (other.options, other.model_version)
            and (self.at_present, self.known_at_present) == (other.at_present, other.known_at_present)
            and (self.at_present or self.at == other.at)
            and (self.known_at_present or self.known_at == other.known_at)
        )

    def summary(self, told: Telling) -> str:
        """One sentence a partner would say."""
        moment = "now" if self.at_present else f"{self.at:%d %b %Y}"
        return f"Asked for optimal reserves as of {moment}, {self.options.iterations:,} paths"


@event("RESERVES_RECOMMENDED", recordable=False, folds=False)
@dataclass(frozen=True, slots=True)
class ReservesRecommended(Apart):
    """A run came to its recommendation."""

    run_id: RunId
    elapsed_ms: Annotated[int, "Milliseconds of computing."]
    advice: Annotated[ReserveAdvice, "What it came to."]

    def summary(self, told: Telling) -> str:
        """One sentence a partner would say."""
        pool = money_for_people(self.advice.pool, told.currency)
        if not self.advice.recommendations:
            return f"Recommended no reserves from a pool of {pool}: no company could be ranked"
        first = self.advice.recommendations[0]
        return (
            f"Recommended reserves from a pool of {pool}: "
            f"{first.company_name} first, at {first.follow_on_multiple:.2f}x for the next dollar"
        )


@event("RESERVE_RUN_FAILED", recordable=False, folds=False)
@dataclass(frozen=True, slots=True)
class ReserveRunFailed(Apart):
    """A run could not be computed."""

    run_id: RunId
    reason: Annotated[str, "Why not."]

    def summary(self, told: Telling) -> str:
        """One sentence a partner would say."""
        return f"Optimal reserves could not be computed: {self.reason}"


@event("RESERVE_RUN_CANCELLED", recordable=False, folds=False)
@dataclass(frozen=True, slots=True)
class ReserveRunCancelled(Apart):
    """Somebody stopped a run."""

    run_id: RunId

    def summary(self, told: Telling) -> str:
        """One sentence a partner would say."""
        return "Stopped a computation of optimal reserves"


@event("RESERVE_SCENARIO_SAVED", recordable=False, folds=False)
@dataclass(frozen=True, slots=True)
class ReserveScenarioSaved(Apart):
    """Somebody gave a run's plan a name, to come back to."""

    scenario_id: Annotated[str, "The scenario."]
    name: Annotated[str, "What people call it."]
    run_id: RunId
    strategy: Annotated[ReserveStrategy, "Whose plan."] = ReserveStrategy.OPTIMAL
    description: Annotated[str | None, "What it is for."] = None

    def check(self, fund: FundBuilder) -> None:
        """Refuse a scenario without a name."""
        check_text(self.name, "name")
        check_optional_text(self.description, "description")

    def summary(self, told: Telling) -> str:
        """One sentence a partner would say."""
        return f"Saved the reserve scenario {self.name}"


Ended: TypeAlias = ReservesRecommended | ReserveRunFailed | ReserveRunCancelled
RunEvent: TypeAlias = ReserveRunRequested | Ended
RUN_EVENTS = (ReserveRunRequested, ReservesRecommended, ReserveRunFailed, ReserveRunCancelled)


@dataclass(frozen=True, slots=True)
class Run:
    """A run as its facts have it; QUEUED until one ends it.

    Attributes:
        requested_version: Of the fact that asked for it.
        ended_version: Of the fact that ended it; None while it goes on.
    """

    request: ReserveRunRequested
    requested_version: int
    requested_at: datetime
    requested_by: str
    status: RunStatus = RunStatus.QUEUED
    ended_version: int | None = None
    finished_at: datetime | None = None
    elapsed_ms: int | None = None
    error: str | None = None
    advice: ReserveAdvice | None = field(default=None, repr=False)

    @property
    def id(self) -> str:
        """Its id."""
        return self.request.run_id

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.ended_version is not None


def ended(run: Run, event: Ended, version: int, at: datetime) -> Run:
    """The run as it stands after the fact that ended it; the first one counts."""
    if run.ended:
        return run
    over = replace(run, ended_version=version, finished_at=at)
    match event:
        case ReservesRecommended():
            return replace(over, status=RunStatus.SUCCEEDED, elapsed_ms=event.elapsed_ms, advice=event.advice)
        case ReserveRunFailed():
            return replace(over, status=RunStatus.FAILED, error=event.reason)
    return replace(over, status=RunStatus.CANCELLED)


def runs_of(facts: Iterable[tuple[RunEvent, int, datetime, str]]) -> dict[str, Run]:
    """Runs by id from their facts in order: event, version, recorded at, actor of each."""
    found: dict[str, Run] = {}
    for happened, version, at, actor in facts:
        if isinstance(happened, ReserveRunRequested):
            found[happened.run_id] = Run(happened, version, at, actor)
        elif happened.run_id in found:
            found[happened.run_id] = ended(found[happened.run_id], happened, version, at)
    return found
