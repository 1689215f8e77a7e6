"""A portfolio's facts, of any number: the mix of a venture fund that follows its companies' figures."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

from domain.capital import CapitalCalled, DistributionMade, FeeCharged
from domain.correction import EventVoided
from domain.event import CompanyKey, Event
from domain.forecasting import (
    ActualRecorded,
    DealForecastCreated,
    ExitScenario,
    ForecastCreated,
    ForecastKind,
    ForecastPeriod,
    FutureRound,
    MetricType,
)
from domain.fund import CompanyStatus
from domain.investing import (
    CompanyAdded,
    CompanyStatusChanged,
    InvestmentMade,
    ProceedsReceived,
    ReserveAllocated,
    RoundPriced,
    ValuationUpdated,
)
from domain.money import Fraction, Money
from domain.projector import MAX_BATCH
from infra.drafts import Draft

OPENED_AT = datetime(2014, 1, 1, tzinfo=UTC)
CLOSED_AT = datetime(2024, 1, 1, tzinfo=UTC)
SIZE = Money(1_000_000_000_00)
SEED = 20_140_101
CHEQUES = 0.6
"""Share of the fund's size that its cheques add up to, about."""
JOINING = 0.4
"""Share of the fund's life in which companies join."""
EXITS = 0.15
"""Share of the companies that are sold; that happens in the last third of the fund's life."""
LATE = timedelta(days=45)
"""Valuations are learned up to that long after the moment they hold for."""
VOIDED = 0.0005
"""Share of the facts that void one of the valuations before them."""
METRICS = (MetricType.REVENUE, MetricType.EBITDA, MetricType.CASH, MetricType.ARR, MetricType.HEADCOUNT)
STAGES = ("Seed", "Series A", "Series B", "Series C", "Growth")


def portfolio(facts: int, companies: int, *, late: bool) -> list[Draft]:
    """That many facts, without the opening, in the order they are learned.

    Args:
        facts: How many; at least two for each company.
        companies: How many companies.
        late: Whether some are learned after others that happened later, and a few are voided; else they come in
            the order they happened.
    """
    made = _Portfolio(Random(SEED), facts, companies).facts()
    if late:
        made.sort(key=lambda learned: learned.at + learned.delay)
        _void(made, Random(SEED))
    return [Draft(one.event, None if isinstance(one.event, EventVoided) else one.at) for one in made]


@dataclass(slots=True)
class _Learned:
    at: datetime
    delay: timedelta
    event: Event


class _Portfolio:
    """Draws a portfolio's life."""

    def __init__(self, random: Random, facts: int, companies: int) -> None:
        self._random = random
        self._facts = facts
        self._keys = [CompanyKey(f"company-{place:04}") for place in range(companies)]
        self._held: list[CompanyKey] = []
        self._stages: dict[CompanyKey, int] = {}
        self._cash = self._called = 0
        self._mix: dict[Callable[[CompanyKey, datetime], Event], float] = {
            self._actual: 61.8,
            self._forecast: 14.0,
            self._valuation: 12.0,
            self._reserve: 4.0,
            self._deal_forecast: 3.0,
            self._round: 2.0,
            self._cheque: 1.5,
            self._proceeds: 0.8,
            self._fee: 0.5,
            self._call: 0.3,
            self._distribution: 0.1,
        }
        self._cheques = companies + facts * self._mix[self._cheque] / 100
        self._calls = max(1.0, facts * self._mix[self._call] / 100)

    def facts(self) -> list[_Learned]:
        """The facts in the order they happened."""
        life = CLOSED_AT - OPENED_AT
        joining = {OPENED_AT + life * (JOINING * place / len(self._keys)): key for place, key in enumerate(self._keys)}
        exits = self._random.sample(self._keys, int(len(self._keys) * EXITS))
        leaving = {OPENED_AT + life * self._random.uniform(2 / 3, 1): key for key in exits}
        others = self._facts - 2 * len(joining) - 2 * len(leaving)
        some = [OPENED_AT + life * self._random.uniform(0.001, 1) for _ in range(others)]
        kinds = iter(self._random.choices(list(self._mix), list(self._mix.values()), k=others))
        found: list[_Learned] = []
        for at in sorted([*joining, *leaving, *some]):
            if at in joining:
                found += self._joined(joining[at], at)
            elif at in leaving:
                found += self._left(leaving[at], at)
            else:
                event = next(kinds)(self._random.choice(self._held), at)
                delay = LATE * self._random.random() if isinstance(event, ValuationUpdated) else timedelta()
                found.append(_Learned(at, delay, event))
        return found

    def _joined(self, key: CompanyKey, at: datetime) -> list[_Learned]:
        self._held.append(key)
        self._stages[key] = 0
        added = CompanyAdded(key, f"Company {key[-4:]} of the benchmark", "Software", STAGES[0])
        now = timedelta()
        # A microsecond apart: no two facts of a fund at one moment.
        return [_Learned(at, now, added), _Learned(at + timedelta(microseconds=1), now, self._cheque(key, at))]

    def _left(self, key: CompanyKey, at: datetime) -> list[_Learned]:
        self._held.remove(key)
        now, sold = timedelta(), CompanyStatusChanged(key, CompanyStatus.EXITED, "acquired")
        return [_Learned(at, now, self._proceeds(key, at)), _Learned(at + timedelta(microseconds=1), now, sold)]

    def _about(self, amount: float) -> Money:
        return Money(int(amount * self._random.uniform(0.5, 1.5)) + 1)

    def _share(self) -> Fraction:
        return Fraction(Decimal(self._random.randrange(20_000, 150_000)) / 1_000_000)

    def _period(self, at: datetime, quarters: int) -> tuple[ForecastPeriod, ...]:
        periods = []
        for place in range(quarters):
            start = at.date() + timedelta(days=91 * place)
            figure = Decimal(self._random.randrange(10_000, 900_000_000)) / 100
            periods.append(ForecastPeriod(start, start + timedelta(days=90), figure))
        return tuple(periods)

    def _actual(self, key: CompanyKey, at: datetime) -> Event:
        figure = Decimal(self._random.randrange(10_000, 900_000_000)) / 100
        start = at.date() - timedelta(days=91)
        return ActualRecorded(key, self._random.choice(METRICS), figure, start, at.date() - timedelta(days=1))

    def _forecast(self, key: CompanyKey, at: datetime) -> Event:
        return ForecastCreated(key, self._random.choice(METRICS), self._period(at, 4), ForecastKind.BUDGET)

    def _deal_forecast(self, key: CompanyKey, at: datetime) -> Event:
        part = Fraction(Decimal("0.25"))
        exits = tuple(
            ExitScenario(name, part, self._about(5_000_000_000), Decimal(months))
            for name, months in (("trade sale", 24), ("buyout", 36))
        )
        later = FutureRound("Series B", part, Decimal(18), self._about(3_000_000_000), self._about(800_000_000))
        return DealForecastCreated(key, exits, (later,))

    def _valuation(self, key: CompanyKey, at: datetime) -> Event:
        return ValuationUpdated(key, self._about(4_000_000_000), note="quarter's end")

    def _reserve(self, key: CompanyKey, at: datetime) -> Event:
        return ReserveAllocated(key, self._about(SIZE / self._cheques), "yearly review")

    def _round(self, key: CompanyKey, at: datetime) -> Event:
        self._stages[key] = min(self._stages[key] + 1, len(STAGES) - 1)
        before, raised = self._about(3_000_000_000), self._about(700_000_000)
        return RoundPriced(key, STAGES[self._stages[key]], before, raised, self._share())

    def _cheque(self, key: CompanyKey, at: datetime) -> Event:
        stage = self._stages[key]
        amount = self._about(SIZE * CHEQUES / self._cheques)
        self._cash -= amount
        return InvestmentMade(key, amount, self._share(), from_reserves=stage > 0, round=STAGES[stage])

    def _proceeds(self, key: CompanyKey, at: datetime) -> Event:
        amount = self._about(SIZE / self._cheques)
        self._cash += amount
        return ProceedsReceived(key, amount, "dividend")

    def _fee(self, key: CompanyKey, at: datetime) -> Event:
        amount = self._about(SIZE * 0.1 / self._facts)
        self._cash -= amount
        return FeeCharged(amount, "management")

    def _call(self, key: CompanyKey, at: datetime) -> Event:
        amount = self._about(SIZE * 0.7 / self._calls)
        if self._called + amount > SIZE:
            return self._fee(key, at)
        self._called += amount
        self._cash += amount
        return CapitalCalled(amount)

    def _distribution(self, key: CompanyKey, at: datetime) -> Event:
        amount = Money(int(self._cash / 2))
        if amount <= 0:
            return self._fee(key, at)
        self._cash -= amount
        return DistributionMade(amount)


def _void(learned: list[_Learned], random: Random) -> None:
    """Puts voids of valuations in the place of some reports, each in a later batch than what it names."""
    valuations = [place for place, one in enumerate(learned) if isinstance(one.event, ValuationUpdated)]
    reports = [place for place, one in enumerate(learned) if isinstance(one.event, ActualRecorded)]
    wanted = min(int(len(learned) * VOIDED), len(reports))
    for place in sorted(random.sample(reports, wanted)):
        before = [valuation for valuation in valuations if valuation < place - MAX_BATCH]
        if before:
            chosen = before[-1 - random.randrange(min(50, len(before)))]
            valuations.remove(chosen)
            # The opening is version 1, so the first of these is 2.
            void = EventVoided(chosen + 2, "restated")
            learned[place] = _Learned(learned[place].at, timedelta(), void)
