"""Life: what becomes of one company from the fund's first cheque on, drawn from the stage odds."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from math import exp, floor, log, prod
from typing import Final

from domain.money import CENTS, Fraction, Money, share_of
from domain.sample.calendar import HISTORY, MONTHS_IN_QUARTER
from domain.sample.draws import Draws
from domain.sample.portfolio import EXIT_SIGMA, MONTHS_SIGMA, STAGES, STEP_UP_SIGMA, Profile

FIRST_ROUND_DAY, ROUND_DAYS = 20, 60
"""Rounds and endings fall after the quarter's capital call and before its distribution."""
SHORTEST_WAIT: Final = 2.0
"""Quarters between two rounds at least."""
NEAT, NEAT_CHEQUE = 100_000, 25_000
"""Dollars that values, and cheques, are rounded to."""
SMALLEST_FOLLOW_ON: Final = 100_000 * CENTS
"""The fund leaves smaller pro-rata shares to others."""
SMALLEST_EXIT: Final = 1_000_000 * CENTS
RESERVED_ROUNDS: Final = 2
"""Rounds that a first reserve plan looks ahead."""
POST_MONEY_SIGMA, CHEQUE_SIGMA = 0.25, 0.2
FORESIGHT: Final = 0.7
"""Share of the way, on a log scale, that marks go towards what the next event will show."""
MARK_SIGMA: Final = 0.04
FAILING: Final = 0.3
"""Share of its last price that a company is worth just before it fails."""
MARKED_EVERY: Final = 2
"""Quarters between marks."""
_MILLIONTH: Final = Decimal("0.000001")


class OutcomeKind(Enum):
    """What follows a round."""

    ROUND = "round"
    EXIT = "exit"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Round:
    """A priced round.

    Attributes:
        quarter: The fund's quarter.
        day: Day of the quarter, 0 its first.
        stage: Place in `STAGES`.
        pre_money: In cents, as all money here.
        cheque: The fund's; 0 where it stood aside.
        ownership: The fund's once the round closed.
        reserve: Reserves planned from then on, deployed ones counted.
    """

    quarter: int
    day: int
    stage: int
    pre_money: Money
    size: Money
    cheque: Money
    ownership: Fraction
    reserve: Money

    @property
    def post_money(self) -> Money:
        """Pre-money and the round's money."""
        return Money(self.pre_money + self.size)


@dataclass(frozen=True, slots=True)
class Ending:
    """An exit for what the whole company sold for, or a failure for 0."""

    quarter: int
    day: int
    equity: Money


@dataclass(frozen=True, slots=True)
class Mark:
    """The whole company's value at a quarter's end, and the same over its last round's price."""

    quarter: int
    worth: Money
    relative: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What follows a round.

    Attributes:
        began: When the round was, in quarters since the fund opened.
        comes: When this follows; it may lie beyond history.
        growth: The company's value by then over the round's price, without the money of a next round.
    """

    kind: OutcomeKind
    began: float
    comes: float
    growth: float

    def growth_at(self, moment: float) -> float:
        """The part of the growth reached by a moment, on a log scale."""
        passed = (min(max(moment, self.began), self.comes) - self.began) / (self.comes - self.began)
        return exp(log(self.growth) * passed)


@dataclass(slots=True)
class Life:
    """A company's years with the fund.

    Attributes:
        rounds: The one by the fund's first cheque, then the later ones.
        outcomes: What follows each round.
        ending: None while it is active.
    """

    profile: Profile
    rounds: list[Round]
    outcomes: list[Outcome] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    ending: Ending | None = None

    @property
    def deployed(self) -> Money:
        """Cheques after the first."""
        return Money(sum(each.cheque for each in self.rounds[1:]))

    def is_held(self, quarter: int) -> bool:
        """Whether the fund holds it at the end of a quarter."""
        return self.profile.quarter <= quarter and (self.ending is None or quarter < self.ending.quarter)

    def rounds_by(self, quarter: int) -> list[Round]:
        """Its rounds up to the end of a quarter."""
        return [each for each in self.rounds if each.quarter <= quarter]

    def worth(self, quarter: int) -> Money:
        """What it was last valued at by the end of a quarter."""
        newest = self.rounds_by(quarter)[-1]
        marked = [mark.worth for mark in self.marks if newest.quarter < mark.quarter <= quarter]
        return [newest.post_money, *marked][-1]

    def growth(self, quarter: int) -> float:
        """How much it has grown by the end of a quarter since the fund's first cheque, without new money."""
        return prod(outcome.growth_at(quarter + 1) for outcome in self.outcomes)


def live(profile: Profile, seed: int) -> Life:
    """The company's life up to the end of history."""
    draws = Draws(seed, profile.company_id, "life")
    moment = profile.quarter + draws.uniform()
    life = Life(profile, [_first_round(profile, moment, draws)])
    while moment < HISTORY and life.ending is None:
        newest = life.rounds[-1]
        outcome = _outcome(newest, moment, draws)
        life.outcomes.append(outcome)
        life.marks.extend(_marks(newest, outcome, draws))
        moment = outcome.comes
        if moment < HISTORY:
            if outcome.kind is OutcomeKind.ROUND:
                life.rounds.append(_next_round(life, moment, outcome.growth))
            else:
                life.ending = _ending(newest, outcome)
    return life


def neat(cents: float, step: int = NEAT) -> Money:
    """The amount rounded to a multiple of `step` dollars."""
    return Money(round(cents / (step * CENTS)) * step * CENTS)


def _scaled(amount: Money, factor: float) -> Money:
    return neat(amount * factor)


def _day(moment: float) -> int:
    return FIRST_ROUND_DAY + floor((moment % 1) * ROUND_DAYS)


def _first_round(profile: Profile, moment: float, draws: Draws) -> Round:
    entry = STAGES[profile.stage]
    post = neat(draws.lognormal(entry.post_money, POST_MONEY_SIGMA) * CENTS)
    cheque = neat(draws.lognormal(entry.cheque, CHEQUE_SIGMA) * CENTS, NEAT_CHEQUE)
    size = max(_scaled(post, entry.round_share), cheque)
    ownership = Fraction((Decimal(cheque) / post).quantize(_MILLIONTH))
    reserve = _pro_rata_ahead(ownership, post, profile.stage, RESERVED_ROUNDS)
    return Round(profile.quarter, _day(moment), profile.stage, Money(post - size), size, cheque, ownership, reserve)


def _outcome(newest: Round, moment: float, draws: Draws) -> Outcome:
    """Every outcome takes the same five draws, so that odds can be edited without moving later ones."""
    stage = STAGES[newest.stage]
    chance = draws.uniform()
    months_to_graduate = draws.lognormal(stage.months_to_graduate, MONTHS_SIGMA)
    months_to_exit = draws.lognormal(stage.months_to_exit, MONTHS_SIGMA)
    step_up = draws.lognormal(stage.step_up, STEP_UP_SIGMA)
    exit_multiple = draws.lognormal(stage.exit_multiple, EXIT_SIGMA)
    if chance < stage.graduate:
        kind, months, growth = OutcomeKind.ROUND, months_to_graduate, step_up
    elif chance < stage.graduate + stage.exit:
        kind, months, growth = OutcomeKind.EXIT, months_to_exit, exit_multiple
    else:
        kind, months, growth = OutcomeKind.FAILURE, months_to_exit, FAILING
    return Outcome(kind, moment, moment + max(SHORTEST_WAIT, months / MONTHS_IN_QUARTER), growth)


def _next_round(life: Life, moment: float, step_up: float) -> Round:
    """The fund takes its pro-rata share of an up round as far as planned, and none of a down round."""
    before = life.rounds[-1]
    terms = STAGES[before.stage]
    pre = _scaled(before.post_money, step_up)
    size = _scaled(pre, terms.dilution / (1 - terms.dilution))
    post = Money(pre + size)
    planned = Money(before.reserve - life.deployed)
    wanted = min(neat(share_of(size, before.ownership), NEAT_CHEQUE), planned)
    cheque = Money(wanted if step_up >= 1 and wanted >= SMALLEST_FOLLOW_ON else 0)
    kept = before.ownership * (1 - Decimal(size) / post - Decimal(str(terms.pool)))
    ownership = Fraction((kept + Decimal(cheque) / post).quantize(_MILLIONTH))
    ahead = _pro_rata_ahead(ownership, post, before.stage + 1, 1) if step_up >= 1 else 0
    return Round(
        quarter=floor(moment),
        day=_day(moment),
        stage=before.stage + 1,
        pre_money=pre,
        size=size,
        cheque=cheque,
        ownership=ownership,
        reserve=Money(life.deployed + cheque + ahead),
    )


def _pro_rata_ahead(ownership: Decimal, post: Money, stage: int, rounds: int) -> Money:
    """The fund's share of the next rounds' money, at median step-ups and undiluted."""
    total = 0.0
    worth: float = post
    for terms in STAGES[stage : stage + rounds]:
        pre = worth * terms.step_up
        worth = pre / (1 - terms.dilution)
        total += float(ownership) * (worth - pre)
    return neat(total, NEAT_CHEQUE)


def _ending(newest: Round, outcome: Outcome) -> Ending:
    sold = outcome.kind is OutcomeKind.EXIT
    equity = max(SMALLEST_EXIT, _scaled(newest.post_money, outcome.growth)) if sold else 0
    return Ending(floor(outcome.comes), _day(outcome.comes), Money(equity))


def _marks(newest: Round, outcome: Outcome, draws: Draws) -> Iterator[Mark]:
    """Marks between a round and what follows it."""
    for quarter in range(newest.quarter + 1, min(floor(outcome.comes), HISTORY)):
        if quarter % MARKED_EVERY:
            relative = exp(log(outcome.growth_at(quarter + 1)) * FORESIGHT) * draws.lognormal(1.0, MARK_SIGMA)
            yield Mark(quarter, _scaled(newest.post_money, relative), relative)
