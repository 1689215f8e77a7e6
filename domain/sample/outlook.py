"""Outlook: how the fund thinks that a company it holds may go on and end."""

from collections.abc import Iterator
from decimal import ROUND_FLOOR, Decimal
from typing import Final

from domain.forecasting import (
    DealForecastCreated,
    ExitScenario,
    FutureRound,
    Preference,
    PreferenceKind,
)
from domain.money import Fraction
from domain.sample.calendar import HISTORY, Calendar
from domain.sample.draws import Draws
from domain.sample.life import Life, neat
from domain.sample.portfolio import STAGES
from domain.sample.telling import Told

OUTLOOKS: Final = (HISTORY - 13, HISTORY - 1)
"""Quarters at whose end every company held is forecast: a little over three years ago, and the newest."""
ROUNDS_AHEAD: Final = 2
GOOD_EXITS: Final = 0.2
"""Share of the exits that are good ones."""
PLAIN_MULTIPLE, GOOD_MULTIPLE = 0.9, 5.0
"""Mean equity of plain and of good exits, over the stage's median: together, the lognormal's mean of 1.74."""
PLAIN_SIGMA, GOOD_SIGMA = Decimal("0.6"), Decimal("0.5")
TEMPER: Final = 0.25
"""How far the fund's view of one company's odds and step-ups lies from the stage's, at most."""
_PERCENT: Final = Decimal("0.01")


def foresee(life: Life, seed: int, calendar: Calendar) -> Iterator[Told]:
    """The company's deal forecasts."""
    for quarter in OUTLOOKS:
        if life.is_held(quarter):
            draws = Draws(seed, life.profile.company_id, f"outlook {quarter}")
            yield calendar.closing(quarter), _outlook(life, quarter, draws)


def _outlook(life: Life, quarter: int, draws: Draws) -> DealForecastCreated:
    newest = life.rounds_by(quarter)[-1]
    worth: float = life.worth(quarter)
    stages = STAGES[newest.stage : newest.stage + ROUNDS_AHEAD + 1]
    scenarios: list[ExitScenario] = []
    rounds: list[FutureRound] = []
    for passed, stage in enumerate(stages):
        temper = draws.uniform(1 - TEMPER, 1 + TEMPER)
        equity, months = worth * stage.exit_multiple, Decimal(str(stage.months_to_exit))
        for name, share, multiple, sigma in (
            ("plain sale", 1 - GOOD_EXITS, PLAIN_MULTIPLE, PLAIN_SIGMA),
            ("good exit", GOOD_EXITS, GOOD_MULTIPLE, GOOD_SIGMA),
        ):
            chance = _fraction(stage.exit * share)
            scenarios.append(ExitScenario(name, chance, neat(equity * multiple), months, passed, sigma))
        if passed + 1 < len(stages):
            pre = neat(worth * stage.step_up * draws.uniform(1 - TEMPER, 1 + TEMPER))
            size = neat(pre * stage.dilution / (1 - stage.dilution))
            chance, pool = _fraction(stage.graduate * temper), Fraction(Decimal(str(stage.pool)))
            months = Decimal(str(stage.months_to_graduate))
            rounds.append(FutureRound(stages[passed + 1].name, chance, months, pre, size, pool))
            worth = pre + size
    preference = Preference(PreferenceKind.NON_PARTICIPATING) if newest.stage else None
    return DealForecastCreated(life.profile.company_id, tuple(scenarios), tuple(rounds), preference)


def _fraction(chance: float) -> Fraction:
    """Rounded down, so that chances that sum to at most 1 still do."""
    return Fraction(Decimal(f"{chance:.4f}").quantize(_PERCENT, ROUND_FLOOR))
