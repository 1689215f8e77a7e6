"""What holds of every history: random facts, backdated and voided, as far as a ledger would admit them."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from random import Random

from hypothesis import HealthCheck, given, settings, strategies as st

from domain.capital import CapitalCalled, DistributionMade, FeeCharged
from domain.correction import EventVoided
from domain.event import CompanyKey, Dated, Event
from domain.forecasting import ActualRecorded, MetricType
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
from domain.projector import EMPTY, admit, along, fold, order, state_at
from domain.refusal import Refusal
from tests.depth import deep
from tests.spec import NOW, OPENED, OPENED_AT, figures

ENOUGH = 100
"""Examples that hold everything often enough."""
PROPERTY = settings(
    max_examples=deep(25, ENOUGH),
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
DAYS = 40
"""Few, so that facts share instants and fall between one another."""

amounts = st.integers(1, 20_000_000).map(Money)
keys = st.sampled_from([CompanyKey("acme"), CompanyKey("beta"), CompanyKey("gamma")])
fractions = st.integers(0, 1_000).map(lambda parts: Fraction(Decimal(parts).scaleb(-3)))
statuses = st.sampled_from(CompanyStatus)
report_days = (date(2021, 1, 1), date(2021, 3, 31))
events: st.SearchStrategy[Event] = st.one_of(
    st.builds(CapitalCalled, amounts),
    st.builds(DistributionMade, amounts, st.booleans()),
    st.builds(FeeCharged, amounts),
    st.builds(CompanyAdded, keys, st.just("A company")),
    st.builds(InvestmentMade, keys, amounts, st.none() | fractions, st.booleans()),
    st.builds(RoundPriced, keys, st.just("Series A"), amounts, amounts, st.none() | fractions),
    st.builds(ValuationUpdated, keys, amounts, st.none() | amounts),
    st.builds(ProceedsReceived, keys, amounts),
    st.builds(CompanyStatusChanged, keys, statuses),
    st.builds(ReserveAllocated, keys, amounts),
    st.builds(lambda key: ActualRecorded(key, MetricType.ARR, Decimal(1), *report_days), keys),
    st.builds(EventVoided, st.integers(0, 99), st.just("wrong")),
)
"""A void's version counts round and round through the facts there are."""
days = st.integers(0, DAYS)


def moment(day: int) -> datetime:
    return OPENED_AT + timedelta(days=day)


def appended(facts: tuple[Dated, ...], event: Event, day: int, split: int) -> tuple[Dated, ...]:
    """The facts with one more, unless it is refused. The replay begins `split` days before it."""
    at, named = moment(day), {}
    if isinstance(event, EventVoided):
        wrong = facts[event.version % len(facts)]
        event = replace(event, version=wrong.version)
        at, named = wrong.occurred_at, {wrong.version: wrong}
    since = at - timedelta(days=split)
    ordered = sorted(facts, key=order)
    base = fold(EMPTY, [fact for fact in ordered if fact.occurred_at < since])
    existing = [fact for fact in ordered if fact.occurred_at >= since]
    new = Dated(at, len(facts) + 1, event)
    try:
        state = admit(base, existing, [new], named=named, now=NOW)
    except Refusal:
        return facts
    longer = (*facts, new)
    assert state == fold(EMPTY, sorted(longer, key=order))
    return longer


@st.composite
def histories(draw: st.DrawFn) -> tuple[Dated, ...]:
    """Facts by version: an opening, most companies, then whatever a ledger admits."""
    facts: tuple[Dated, ...] = (Dated(OPENED_AT, 1, OPENED),)
    for key in draw(st.lists(keys, unique=True, min_size=1)):
        facts = appended(facts, CompanyAdded(key, "A company"), draw(st.integers(0, DAYS // 8)), 0)
    for event, day, split in draw(st.lists(st.tuples(events, days, st.integers(0, 9)), min_size=12, max_size=30)):
        facts = appended(facts, event, day, split)
    return facts


def ordered(facts: Sequence[Dated]) -> list[Dated]:
    return sorted(facts, key=order)


def standing(facts: Sequence[Dated]) -> list[Dated]:
    """The facts as if those voided had never been recorded, nor their voids."""
    voided = {fact.event.version for fact in facts if isinstance(fact.event, EventVoided)}
    return [fact for fact in facts if fact.version not in voided and not isinstance(fact.event, EventVoided)]


def splits(facts: Sequence[Dated]) -> list[tuple[list[Dated], list[Dated]]]:
    """Every way to cut the fold in two that leaves no void behind the cut from its fact."""
    line = ordered(facts)
    cuts = [(line[:place], line[place:]) for place in range(len(line) + 1)]
    return [
        (before, after)
        for before, after in cuts
        if not {fact.event.version for fact in after if isinstance(fact.event, EventVoided)}
        & {fact.version for fact in before}
    ]


@PROPERTY
@given(histories())
def test_a_fold_can_be_split_anywhere(facts: tuple[Dated, ...]) -> None:
    whole = fold(EMPTY, ordered(facts))
    for before, after in splits(facts):
        assert fold(fold(EMPTY, before), after) == whole


@PROPERTY
@given(histories())
def test_a_fold_never_changes_the_state_it_starts_from(facts: tuple[Dated, ...]) -> None:
    for before, after in splits(facts):
        base = fold(EMPTY, before)
        kept = deepcopy(base)
        fold(base, after)
        assert base == kept
        assert [holding.flows for holding in base.companies.values()] == [
            holding.flows for holding in kept.companies.values()
        ]


@PROPERTY
@given(histories())
def test_a_refused_or_admitted_fact_never_changes_the_state_it_starts_from(facts: tuple[Dated, ...]) -> None:
    base = fold(EMPTY, ordered(facts))
    kept = deepcopy(base)
    later = moment(DAYS + 1)
    for fact in facts:
        with suppress(Refusal):
            admit(base, [], [Dated(later, len(facts) + 1, fact.event)], named={fact.version: fact}, now=NOW)
        assert base == kept


@PROPERTY
@given(histories())
def test_no_cent_is_lost_between_the_holdings_the_flows_and_the_fund(facts: tuple[Dated, ...]) -> None:
    for day in range(0, DAYS + 1, 5):
        fund = state_at(facts, moment(day), len(facts))
        held = fund.companies.values()
        assert sum(one.invested for one in held) == fund.invested
        assert sum(one.proceeds for one in held) == fund.proceeds
        assert sum(one.initial_investment + one.deployed_reserves for one in held) == fund.invested
        assert sum(one.planned_reserves for one in held) == fund.planned_reserves
        for one in held:
            assert sum(cents for _, cents in one.flows) == one.proceeds - one.invested
        assert sum(cents for _, cents in fund.flows) == fund.distributed - fund.called
        assert fund.cash == fund.called + fund.proceeds - fund.invested - fund.fees - fund.distributed
        assert fund.nav == sum(one.fair_value for one in held) + (fund.cash if fund.called else 0)
        assert fund.available_capital == fund.committed - fund.invested - fund.fees + fund.recallable >= 0
        assert 0 <= fund.recallable <= fund.distributed


@PROPERTY
@given(histories(), st.integers(0, 2**32), days, st.integers(0, 30))
def test_the_order_facts_are_read_in_changes_no_state(
    facts: tuple[Dated, ...], seed: int, day: int, version: int
) -> None:
    shuffled = list(facts)
    Random(seed).shuffle(shuffled)
    assert state_at(shuffled, moment(day), version) == state_at(facts, moment(day), version)


@PROPERTY
@given(histories(), days)
def test_a_voided_fact_might_as_well_never_have_been_recorded(facts: tuple[Dated, ...], day: int) -> None:
    right = state_at(standing(facts), moment(day), len(facts))
    assert figures(state_at(facts, moment(day), len(facts))) == figures(right)


@PROPERTY
@given(histories())
def test_a_void_leaves_a_history_that_could_have_been_recorded_in_its_own_order(
    facts: tuple[Dated, ...],
) -> None:
    line = [Dated(fact.occurred_at, place, fact.event) for place, fact in enumerate(ordered(standing(facts)), start=1)]
    assert figures(admit(EMPTY, [], line, named={}, now=NOW)) == figures(fold(EMPTY, ordered(facts)))


@PROPERTY
@given(histories(), st.integers(0, 30))
def test_what_was_known_before_stays_as_it_was(facts: tuple[Dated, ...], version: int) -> None:
    known = facts[:version]
    for day in range(0, DAYS + 1, 5):
        assert state_at(facts, moment(day), version) == state_at(known, moment(day), len(facts))


@PROPERTY
@given(histories(), st.lists(days, max_size=8).map(sorted))
def test_states_along_moments_are_those_at_each_of_them(facts: tuple[Dated, ...], along_days: list[int]) -> None:
    moments = [moment(day) for day in along_days]
    assert list(along(EMPTY, ordered(facts), moments)) == [state_at(facts, at, len(facts)) for at in moments]


def test_the_random_histories_hold_enough_of_everything() -> None:
    seen: Counter[type] = Counter()
    backdated = 0

    @settings(PROPERTY, max_examples=deep(50, ENOUGH))
    @given(histories())
    def count(facts: tuple[Dated, ...]) -> None:
        nonlocal backdated
        seen.update(type(fact.event) for fact in facts)
        backdated += sum(after.occurred_at < before.occurred_at for before, after in pairwise(facts))

    count()
    assert len(seen) == 13
    assert min(seen.values()) >= deep(3, 10)
    assert backdated >= deep(30, 100)
