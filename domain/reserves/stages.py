"""Stages: the odds of companies that nobody has forecast, and how waiting changes them. A numeric module.

Source: the design's section 2. Graduation, exits, dilution and step-ups were fitted so that first cheques spread over
the stages return what 21,640 financings of 2004–2013 are published to have returned; months are assumed.
"""

from dataclasses import dataclass, replace
from typing import Final

from domain.reserves.exits import survival

MONTHS_SIGMA: Final = 0.6
STEP_UP_SIGMA: Final = 0.5
EXIT_SIGMA: Final = 1.05


@dataclass(frozen=True, slots=True)
class StageOdds:
    """What becomes of a company from one stage on.

    Attributes:
        graduate: Chance of a next round.
        exit: Chance of an exit before one; the rest fails.
        dilution: Share of the next round's post-money that its new money buys.
        pool: Share of the next round's post-money added to the option pool.
        step_up: Median of the next pre-money over this post-money.
        exit_multiple: Median of the exit's equity over this post-money.
        months_to_graduate: Median.
        months_to_exit: Median; taken for failures too.
    """

    name: str
    graduate: float
    exit: float
    dilution: float
    pool: float
    step_up: float
    exit_multiple: float
    months_to_graduate: float
    months_to_exit: float

    @property
    def fail(self) -> float:
        """Chance of neither."""
        return max(1.0 - self.graduate - self.exit, 0.0)


DEFAULT_STAGES: Final = (
    StageOdds("seed", 0.45, 0.35, 0.20, 0.05, 2.2, 0.47, 24, 36),
    StageOdds("a", 0.45, 0.38, 0.15, 0.04, 1.9, 0.63, 22, 36),
    StageOdds("b", 0.42, 0.42, 0.12, 0.03, 1.7, 0.78, 20, 30),
    StageOdds("c", 0.40, 0.45, 0.10, 0.03, 1.5, 0.94, 20, 30),
    StageOdds("later", 0.0, 0.75, 0.0, 0.0, 1.0, 1.25, 20, 24),
)
"""From the earliest stage to the last, which nothing follows."""

_NAMES: Final = {
    "preseed": 0,
    "seed": 0,
    "a": 1,
    "b": 2,
    "c": 3,
    "d": 4,
    "e": 4,
    "f": 4,
    "g": 4,
    "late": 4,
    "later": 4,
    "growth": 4,
}


def stage_key(name: str) -> str:
    """What a stage in a fund's own words is told by: `Series A`, `series-a` and `A round` are one stage."""
    letters = "".join(letter for letter in name.casefold() if letter.isalnum())
    return letters.removeprefix("series").removesuffix("round") or letters or name


def stage_place(name: str | None) -> int | None:
    """Place in `DEFAULT_STAGES` of a stage in a fund's own words, such as `Series A`; None where it isn't known."""
    return None if name is None else _NAMES.get(stage_key(name))


def waited(odds: StageOdds, months: float) -> StageOdds:
    """The odds of a company that has waited so many months without any outcome: the long wait speaks against it.

    `graduate(τ) = graduate × S_g(τ) / Σ outcome × S_outcome(τ)`, S being the share of waits longer than τ.
    """
    graduate = odds.graduate * survival(months, odds.months_to_graduate, MONTHS_SIGMA)
    others = survival(months, odds.months_to_exit, MONTHS_SIGMA)
    total = graduate + (odds.exit + odds.fail) * others
    if total <= 0.0:
        return replace(odds, graduate=0.0, exit=0.0)
    return replace(odds, graduate=graduate / total, exit=odds.exit * others / total)
