"""Stages: a model's odds as floats, and how waiting changes them. A numeric module. Source: the design's section 2."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from domain.reserves import model
from domain.reserves.exits import survival
from domain.reserves.model import DEFAULT_MODEL, ReserveModelSet

STEP_UP_SIGMA: Final = float(model.STEP_UP_SIGMA)
EXIT_SIGMA: Final = float(model.EXIT_SIGMA)
MONTHS_SIGMA: Final = float(model.MONTHS_SIGMA)


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
        step_up_sigma: Of the logarithm, as are the others: of exit multiples, and of months waited.
        exit_alpha: Power of the exits' Pareto tail, in place of a sigma; None for none.
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
    step_up_sigma: float = STEP_UP_SIGMA
    exit_sigma: float = EXIT_SIGMA
    months_sigma: float = MONTHS_SIGMA
    exit_alpha: float | None = None

    @property
    def fail(self) -> float:
        """Chance of neither."""
        return max(1.0 - self.graduate - self.exit, 0.0)


@lru_cache(maxsize=64)
def stage_odds(told: ReserveModelSet) -> tuple[StageOdds, ...]:
    """A model's odds, from the earliest stage to the last, which nothing follows."""
    sigmas = float(told.step_up_sigma), float(told.exit_sigma), float(told.months_sigma)
    return tuple(
        StageOdds(
            stage.name,
            float(stage.graduate),
            float(stage.exit),
            float(stage.dilution),
            float(stage.option_pool),
            float(stage.step_up),
            float(stage.exit_multiple),
            float(stage.months_to_graduate),
            float(stage.months_to_exit),
            *sigmas,
            None if stage.exit_alpha is None else float(stage.exit_alpha),
        )
        for stage in told.stages
    )


DEFAULT_STAGES: Final = stage_odds(DEFAULT_MODEL)


def waited(odds: StageOdds, months: float) -> StageOdds:
    """The odds of a company that has waited so many months without any outcome: the long wait speaks against it.

    `graduate(τ) = graduate × S_g(τ) / Σ outcome × S_outcome(τ)`, S being the share of waits longer than τ.
    """
    graduate = odds.graduate * survival(months, odds.months_to_graduate, odds.months_sigma)
    others = survival(months, odds.months_to_exit, odds.months_sigma)
    total = graduate + (odds.exit + odds.fail) * others
    if total <= 0.0:
        return replace(odds, graduate=0.0, exit=0.0)
    return replace(odds, graduate=graduate / total, exit=odds.exit * others / total)
