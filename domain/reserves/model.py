"""The reserve model: what becomes of companies that nobody has forecast, by stage, as a fund may set it for itself."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Final

from domain.event import Telling, event
from domain.fund import FundBuilder
from domain.investing import check_fraction
from domain.money import Fraction
from domain.refusal import Invalid
from domain.text import check_text

MOST_STAGES: Final = 20
MOST_FACTOR: Final = Decimal(1_000)
MOST_MONTHS: Final = Decimal(600)
MOST_SIGMA: Final = Decimal(5)
MOST_ALPHA: Final = Decimal(20)
"""Beyond, a tail is none."""
ONE: Final = Decimal(1)
"""Of a policy: neither more nor less than any other stage's."""
STEP_UP_SIGMA, EXIT_SIGMA, MONTHS_SIGMA = Decimal("0.5"), Decimal("1.05"), Decimal("0.6")

_ALIASES: Final = {
    "preseed": "seed",
    "late": "later",
    "growth": "later",
    "d": "later",
    "e": "later",
    "f": "later",
    "g": "later",
}


@dataclass(frozen=True, slots=True)
class StageModel:
    """What becomes of a company from one stage on."""

    name: Annotated[str, "The stage: `A` is also found as `Series A`, `series-a` and `A round`."]
    graduate: Annotated[Fraction, "Chance of a next round; 0 at the last stage."]
    exit: Annotated[Fraction, "Chance of an exit before one; with what is left to 1 it fails."]
    dilution: Annotated[Fraction, "Share of the next round's post-money that its new money buys."]
    option_pool: Annotated[Fraction, "Share of the next round's post-money added to the option pool."]
    step_up: Annotated[Decimal, "Median of the next pre-money over this post-money."]
    exit_multiple: Annotated[Decimal, "Median of the exit's equity over this post-money."]
    months_to_graduate: Annotated[Decimal, "Median."]
    months_to_exit: Annotated[Decimal, "Median; taken for failures too."]
    reserve_multiple: Annotated[Decimal, "Of the score by which PRIORITY_GREEDY ranks the stage."] = ONE
    weight: Annotated[Decimal, "Of that score."] = ONE
    exit_alpha: Annotated[Decimal | None, "Spreads exits by a Pareto tail of this power instead of exit sigma."] = None


@event("RESERVE_MODEL_SET", folds=False)
@dataclass(frozen=True, slots=True)
class ReserveModelSet:
    """The fund set its own odds for companies without a deal forecast."""

    stages: Annotated[tuple[StageModel, ...], "1 to 20, from the earliest to the last."]
    source: Annotated[str, "Where these figures come from."]
    step_up_sigma: Annotated[Decimal, "Of the logarithm of step-ups."] = STEP_UP_SIGMA
    exit_sigma: Annotated[Decimal, "Of the logarithm of exit multiples."] = EXIT_SIGMA
    months_sigma: Annotated[Decimal, "Of the logarithm of months waited."] = MONTHS_SIGMA

    def check(self, fund: FundBuilder) -> None:
        """Refuse odds above 1 together, stages given twice, and figures that can't be."""
        check_text(self.source, "source", most=2_000)
        if not 1 <= len(self.stages) <= MOST_STAGES:
            message = f"A model has 1 to {MOST_STAGES} stages."
            raise Invalid(message, "stages")
        seen: set[str] = set()
        for place, stage in enumerate(self.stages):
            path = "stages", str(place)
            _check_stage(stage, *path)
            if stage_key(stage.name) in seen:
                message = f"The stage {stage.name!r} is given twice."
                raise Invalid(message, *path, "name")
            seen.add(stage_key(stage.name))
        if self.stages[-1].graduate > 0:
            message = "Nothing follows the last stage."
            raise Invalid(message, "stages", str(len(self.stages) - 1), "graduate")
        _check_within(self.step_up_sigma, Decimal(0), MOST_SIGMA, "stepUpSigma")
        _check_within(self.exit_sigma, Decimal(0), MOST_SIGMA, "exitSigma")
        _check_above(self.months_sigma, MOST_SIGMA, "monthsSigma")

    def evolve(self, fund: FundBuilder, at: datetime) -> None:
        """No total or holding changes."""

    def place(self, name: str | None) -> int | None:
        """Place of a stage in a fund's own words, such as `Series A`; None where it isn't known."""
        keys = [stage_key(stage.name) for stage in self.stages]
        key = None if name is None else stage_key(name)
        for known in (key, _ALIASES.get(key or "")):
            if known in keys:
                return keys.index(known)
        return None

    def summary(self, told: Telling) -> str:
        """One sentence a partner would say."""
        names = ", ".join(stage.name for stage in self.stages)
        return f"Set the odds of companies without a deal forecast, for the stages {names}: {self.source}"


def _stage(name: str, figures: str, multiple: str) -> StageModel:
    graduate, exit_, dilution, pool, step_up, exit_multiple, to_graduate, to_exit = map(Decimal, figures.split())
    return StageModel(
        name,
        Fraction(graduate),
        Fraction(exit_),
        Fraction(dilution),
        Fraction(pool),
        step_up,
        exit_multiple,
        to_graduate,
        to_exit,
        Decimal(multiple),
    )


DEFAULT_MODEL: Final = ReserveModelSet(
    (
        _stage("seed", "0.45 0.35 0.20 0.05 2.2 0.47 24 36", "3"),
        _stage("a", "0.45 0.38 0.15 0.04 1.9 0.63 22 36", "2"),
        _stage("b", "0.42 0.42 0.12 0.03 1.7 0.78 20 30", "1.5"),
        _stage("c", "0.40 0.45 0.10 0.03 1.5 0.94 20 30", "1"),
        _stage("later", "0 0.75 0 0 1 1.25 20 24", "1"),
    ),
    "Fitted so that first cheques spread over the stages return what 21,640 financings of 2004 to 2013 are published "
    "to have returned; months are assumed",
)


def stage_key(name: str) -> str:
    """What a stage in a fund's own words is told by: `Series A`, `series-a` and `A round` are one stage."""
    letters = "".join(letter for letter in name.casefold() if letter.isalnum())
    return letters.removeprefix("series").removesuffix("round") or letters or name


def _check_stage(stage: StageModel, *path: str) -> None:
    check_text(stage.name, *path, "name")
    for name in ("graduate", "exit", "dilution"):
        check_fraction(getattr(stage, name), *path, name)
    check_fraction(stage.option_pool, *path, "optionPool")
    if stage.graduate + stage.exit > 1:
        message = f"Graduating and exiting sum to {stage.graduate + stage.exit}, above 1."
        raise Invalid(message, *path, "exit")
    if stage.dilution + stage.option_pool >= 1:
        message = "New money and option pool leave nothing to those who hold shares now."
        raise Invalid(message, *path, "dilution")
    if stage.graduate > 0 and stage.dilution == 0:
        message = "New money buys some share of the company."
        raise Invalid(message, *path, "dilution")
    _check_above(stage.step_up, MOST_FACTOR, *path, "stepUp")
    _check_within(stage.exit_multiple, Decimal(0), MOST_FACTOR, *path, "exitMultiple")
    if stage.exit_alpha is not None and not (stage.exit_alpha.is_finite() and 1 < stage.exit_alpha <= MOST_ALPHA):
        message = f"The power of a tail lies above 1, and at most at {MOST_ALPHA}: below, its mean has no bound."
        raise Invalid(message, *path, "exitAlpha")
    _check_above(stage.months_to_graduate, MOST_MONTHS, *path, "monthsToGraduate")
    _check_above(stage.months_to_exit, MOST_MONTHS, *path, "monthsToExit")
    _check_within(stage.reserve_multiple, Decimal(0), MOST_FACTOR, *path, "reserveMultiple")
    _check_within(stage.weight, Decimal(0), MOST_FACTOR, *path, "weight")


def _check_within(figure: Decimal, least: Decimal, most: Decimal, *path: str) -> None:
    if not (figure.is_finite() and least <= figure <= most):
        message = f"This lies from {least} to {most}."
        raise Invalid(message, *path)


def _check_above(figure: Decimal, most: Decimal, *path: str) -> None:
    if not (figure.is_finite() and 0 < figure <= most):
        message = f"This lies above 0, and at most at {most}."
        raise Invalid(message, *path)
