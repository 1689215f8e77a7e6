"""Results: what a benchmark found, and the arithmetic on its rounds."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from math import ceil
from statistics import median


class Unit(Enum):
    """What a figure counts, with the way it is written."""

    RATIO = "{:.2f} ×"
    TIMES = "{:,.0f} ×"
    FACTS_PER_SECOND = "{:,.0f} facts/s"
    MILLISECONDS = "{:,.2f} ms"
    SECONDS = "{:,.1f} s"
    BYTES = "{:,.0f} B"
    MEBIBYTES = "{:,.1f} MiB"
    NUMBER = "{:,.0f}"
    DECIMAL = "{:.4f}"
    PERCENT = "{:.2%}"


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound that a figure is to keep."""

    bound: float
    at_least: bool

    def met_by(self, measured: float) -> bool:
        return measured >= self.bound if self.at_least else measured <= self.bound


def at_least(bound: float) -> Goal:
    return Goal(bound, at_least=True)


def at_most(bound: float) -> Goal:
    return Goal(bound, at_least=False)


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure measured.

    Attributes:
        rounds: What it was computed from: each side's measurements, in the order taken.
        note: What a reader must know to judge it.
    """

    what: str
    unit: Unit
    measured: float
    goal: Goal | None = None
    rounds: Mapping[str, Sequence[float]] = field(default_factory=dict)
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the goal is kept; None without one."""
        return None if self.goal is None else self.goal.met_by(self.measured)

    @property
    def measured_text(self) -> str:
        return self.unit.value.format(self.measured)

    @property
    def goal_text(self) -> str:
        if self.goal is None:
            return ""
        return f"{'≥' if self.goal.at_least else '≤'} {self.unit.value.format(self.goal.bound)}"


Side = Callable[[], Awaitable[float]]


async def interleaved(sides: Mapping[str, Side], rounds: int) -> dict[str, list[float]]:
    """Measurements of each side: A B, B A, A B … so that what drifts meanwhile weighs on all of them alike."""
    found: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(rounds):
        names = list(sides) if turn % 2 == 0 else list(sides)[::-1]
        for name in names:
            found[name].append(await sides[name]())
    return found


def ratio(found: Mapping[str, Sequence[float]], above: str, below: str) -> float:
    """Median over the rounds of one side's measurement divided by the other's of the same round."""
    return median(a / b for a, b in zip(found[above], found[below], strict=True))


def percentile(values: Sequence[float], share: float) -> float:
    """The least value that at least `share` of all don't exceed."""
    return sorted(values)[max(0, ceil(share * len(values)) - 1)]
