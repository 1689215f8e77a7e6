"""What holds of every history of forecasts, reports, corrections, rules and answers."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from random import Random

from hypothesis import HealthCheck, given, settings, strategies as st

from domain.alerts import AlertChange, AlertKind, AlertResolution, Alerts, AlertStatus
from domain.correction import EventVoided
from domain.forecasting import ActualRecorded, ForecastCreated, ForecastKind, MetricType
from domain.fund import CompanyStatus
from domain.handling import acknowledge, resolve, set_rule, snooze
from domain.matching import Basis, ForecastPolicy, Learned, series_of
from domain.metrics import METRICS
from domain.periods import Calendar
from domain.refusal import Refusal
from domain.rules import (
    DEFAULT_LADDER,
    AlertRuleSet,
    AlertRung,
    AlertSeverity,
    RungCombination,
    VarianceDirection,
    Zone,
    rate,
)
from domain.variance import RESTATED, compare, difference
from tests.depth import deep
from tests.domain.figures import REVENUE, RULE, Records, Story, brief, month, quarter, varied
from tests.spec import ACME, but, instant

ENOUGH = 150
"""Examples that hold everything often enough."""
PROPERTY = settings(
    max_examples=deep(30, ENOUGH),
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
START = instant("2024-12-01")
MONTHS = tuple(month(2025, number) for number in range(1, 7))
PERIODS = (*MONTHS, quarter(2025, 1), quarter(2025, 2))
SOFT = (AlertRung(AlertSeverity.INFO, Decimal(5)), AlertRung(AlertSeverity.URGENT, Decimal(30), Decimal(400_000)))

# Of a million, around every threshold and where it clears; some beyond, and some of the other sign.
ACTUALS = (1_400_000, 1_000_000, 960_000, 930_000, 915_000, 900_000, 880_000, 750_000, 700_000, 610_000, 590_000, -50)
FORECASTS = (1_000_000, 1_000_000, 1_200_000, 900_000, 5_000, 0)
WHAT = (*["plan"] * 2, *["report"] * 6, *["restate"] * 2, "import", "void", *["rule", "answer"] * 2, "gone", "wait")
actuals, forecasts, policies = st.sampled_from(ACTUALS), st.sampled_from(FORECASTS), st.sampled_from(ForecastPolicy)


def random_rule(chance: Random) -> AlertRuleSet:
    return but(
        RULE,
        ladder=chance.choice([DEFAULT_LADDER, SOFT]),
        direction=chance.choice([VarianceDirection.UNFAVOURABLE, *VarianceDirection]),
        combine=chance.choice([RungCombination.AND, RungCombination.OR]),
        persistence=chance.choice([1, 1, 2]),
        persistence_window=chance.choice([2, 3]),
        forecast_policy=chance.choice([ForecastPolicy.LATEST_AT_PERIOD_START, *ForecastPolicy]),
        include_backdated=chance.choice([True, False]),
        cooldown_minutes=chance.choice([0, 60, 60 * 24 * 30]),
        enabled=chance.random() < 0.8,
        retired=chance.random() < 0.1,
    )


rules = st.integers(0, 2**32).map(lambda seed: but(random_rule(Random(seed)), enabled=True, retired=False))


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happens after some days: what, and on whose behalf, as far as that matters to it."""

    what: str
    days: int
    place: int
    figure: int
    forecast: int
    back: int
    rule: AlertRuleSet


def random_history(seed: int, length: int) -> list[Step]:
    """From a seed, so that all of it is likely; a shorter one is the beginning of a longer one."""
    chance = Random(seed)
    return [
        Step(
            what=chance.choice(WHAT),
            days=chance.randrange(30),
            place=chance.randrange(100),
            figure=chance.choice(ACTUALS),
            forecast=chance.choice(FORECASTS),
            back=chance.choice([0, 0, 0, 10, 60]),
            rule=random_rule(chance),
        )
        for _ in range(length)
    ]


histories = st.builds(random_history, st.integers(0, 2**32), st.integers(15, 40))


def kinds(place: int) -> ForecastKind:
    return list(ForecastKind)[place % 3]


def take(story: Story, step: Step) -> None:
    """The step, where it can be taken at all."""
    story.later(days=step.days, minutes=step.place)
    records, earlier = story.records, story.now - timedelta(days=step.back)
    period = PERIODS[step.place % len(PERIODS)]
    versions = [one.version for one in records.known if not isinstance(one.event, EventVoided)]
    match step.what:
        case "plan":
            figures = dict.fromkeys(PERIODS[step.place % 5 : step.place % 5 + 3], step.forecast)
            records.plan(figures, story.now, made=earlier, kind=kinds(step.place))
        case "report":
            records.report(period, step.figure, story.now, reported=earlier, request=str(story.now))
        case "import":
            for one in MONTHS[: step.place % 7]:
                records.report(one, step.figure, story.now, reported=earlier, request=str(story.now))
        case "restate":
            reports = sorted(records.of().newest_reports().values(), key=lambda one: one.version)
            if reports:
                wrong = reports[step.place % len(reports)]
                records.report(wrong.period, step.figure, story.now, restates=wrong.version)
        case "void" if versions:
            records.void(versions[step.place % len(versions)], story.now)
        case "rule":
            rule_id = ("rule", "other")[step.place % 2]
            setting = but(step.rule, rule_id=rule_id, name=rule_id)
            with suppress(Refusal):
                story.set(set_rule(story.book, story.fund, setting))
        case "gone":
            away = CompanyStatus.EXITED if step.place % 2 else CompanyStatus.ACTIVE
            story.fund = but(story.fund, companies={ACME: but(story.fund.companies[ACME], status=away)})
        case "answer":
            _answer(story, step)


def _answer(story: Story, step: Step) -> None:
    alerts = list(story.book.alerts.values())
    if not alerts:
        return
    alert = alerts[step.place % len(alerts)].id
    with suppress(Refusal):
        done = (
            acknowledge(story.book, alert),
            snooze(story.book, alert, story.now + timedelta(days=20), story.now),
            resolve(story.book, alert, "Known."),
        )[step.place % 3]
        if done is not None:
            story.tell(done)


PATIENT = but(RULE, rule_id="other", name="Other", ladder=SOFT, persistence=2, persistence_window=3)


def lived(history: Iterable[Step], *, assessing: bool = True, seen: Counter[str] | None = None) -> Story:
    """A history from the start, the fund's rules looking at it after each step; what they decide is counted."""
    story = Story(RULE, PATIENT, set_at=START)
    story.records.plan(dict.fromkeys(PERIODS, 1_000_000), START)
    for step in history:
        take(story, step)
        if assessing:
            found = story.assess()
            dated = sum(one.occurred_at is not None for one in story.decided)
            found += story.reminds()
            if seen is not None:
                seen["dated"] += dated
                seen.update(word for one in found for word in one.replace(",", "").split())
    return story


@PROPERTY
@given(histories)
def test_deciding_again_decides_nothing(history: list[Step]) -> None:
    # Each time it is asked, a story asks again.
    story = lived(history)
    for rule_id, at in (("rule", story.now), ("other", story.now + timedelta(days=1))):
        story.set(but(story.book.rules[rule_id].setting, cooldown_minutes=5), at)
        story.assess()


@PROPERTY
@given(histories)
def test_a_rule_has_one_alert_at_a_time_and_each_follows_the_last(history: list[Step]) -> None:
    story = lived(history)
    chains = defaultdict(list)
    for alert in story.book.alerts.values():
        chains[alert.key].append(alert)
        assert alert.peak_severity.rank >= alert.severity.rank
        assert alert.created_at <= alert.updated_at <= story.now
        assert (alert.told_at is None) == (alert.told_severity is None)
        assert alert.told_at is None or alert.stage is not AlertStatus.PENDING
    for chain in chains.values():
        assert [alert.follows for alert in chain] == [None, *(alert.id for alert in chain[:-1])]
        assert not any(alert.live for alert in chain[:-1])


@PROPERTY
@given(histories)
def test_alerts_stand_the_same_folded_in_the_order_they_were_true_as_in_that_they_were_recorded(
    history: list[Step],
) -> None:
    story = lived(history)
    in_force = sorted(story.told, key=lambda fact: (fact.at, fact.version))
    book = Alerts().fold(in_force)
    assert book == story.book
    assert list(book.rules) == list(story.book.rules)


def verdicts(facts: Sequence[Learned], basis: Basis, now: datetime, rule: AlertRuleSet) -> list[object]:
    """What the figures come to, but for the versions they are made of."""
    series = series_of(facts).get((ACME, REVENUE))
    found = [] if series is None else compare(series, basis, Calendar(UTC, now))
    return [
        (
            replace(one, forecast_version=None, actual_version=None, flags=tuple(sorted({*one.flags} - {RESTATED}))),
            rate(rule, one).zone if one.compared else None,
        )
        for one in found
    ]


@PROPERTY
@given(histories, st.integers(0, 2**32), policies, st.booleans(), rules)
def test_the_order_facts_are_read_in_changes_no_verdict(
    history: list[Step], seed: int, policy: ForecastPolicy, backdated: bool, rule: AlertRuleSet
) -> None:
    story = lived(history, assessing=False)
    shuffled = list(story.records.known)
    Random(seed).shuffle(shuffled)
    basis = Basis(policy, backdated)
    calendar = story.calendar
    series, again = story.records.of(), series_of(shuffled).get((ACME, REVENUE), story.records.of())
    assert compare(again, basis, calendar) == compare(series, basis, calendar)
    assert verdicts(shuffled, basis, story.now, rule) == verdicts(story.records.known, basis, story.now, rule)


def renumbered(facts: Sequence[Learned], seed: int) -> list[Learned]:
    """The same facts; those with equal clocks have changed versions with each other, and so what names them."""
    alike = defaultdict(list)
    for fact in facts:
        alike[fact.occurred_at, fact.recorded_at].append(fact.version)
    chance, new = Random(seed), dict[int, int]()
    for versions in alike.values():
        new.update(zip(versions, chance.sample(versions, len(versions)), strict=True))
    found = []
    for fact in facts:
        event = fact.event
        if isinstance(event, EventVoided):
            event = replace(event, version=new[event.version])
        elif isinstance(event, ActualRecorded) and event.supersedes_version is not None:
            event = replace(event, supersedes_version=new[event.supersedes_version])
        found.append(replace(fact, version=new[fact.version], event=event))
    return found


clocks = st.sampled_from([START, START + timedelta(days=20), START + timedelta(days=34), START + timedelta(days=140)])


@st.composite
def crowds(draw: st.DrawFn) -> list[Learned]:
    """Many facts that share few clocks: plans in wholes and parts, reports, restatements and voids."""
    records = Records()
    for _ in range(draw(st.integers(4, 20))):
        recorded = draw(clocks)
        made = min(draw(clocks), recorded)
        if draw(st.integers(0, 2)):
            start = draw(st.integers(0, len(PERIODS) - 1))
            chosen = [PERIODS[start], *MONTHS[:3]][: draw(st.sampled_from([1, 1, 4]))]
            figures = {one: draw(forecasts) for one in chosen}
            records.plan(figures, recorded, made=made, kind=draw(st.sampled_from(ForecastKind)))
        else:
            restates = draw(st.none() | st.integers(1, 20))
            known = {one.version for one in records.known if isinstance(one.event, ActualRecorded)}
            records.report(
                draw(st.sampled_from(PERIODS)),
                draw(actuals),
                recorded,
                reported=made,
                restates=restates if restates in known else None,
                request=str(recorded),
            )
        if draw(st.integers(0, 9)) == 0:
            records.void(records.known[-1].version, recorded)
    return records.known


@PROPERTY
@given(crowds(), st.integers(0, 2**32), policies, st.booleans(), rules)
def test_of_facts_with_equal_clocks_the_lower_version_changes_no_verdict(
    facts: list[Learned], seed: int, policy: ForecastPolicy, backdated: bool, rule: AlertRuleSet
) -> None:
    basis, now = Basis(policy, backdated), START + timedelta(days=200)
    assert verdicts(renumbered(facts, seed), basis, now, rule) == verdicts(facts, basis, now, rule)


@dataclass(frozen=True, slots=True)
class Orderly:
    """A period's figure, and how many days after the period it came; None where it never did."""

    figure: int
    days: int | None


orderly = st.lists(
    st.builds(Orderly, actuals, st.sampled_from([5, 20, 29, 40, 60, 150, None])),
    min_size=1,
    max_size=8,
)


def unfolded(figures: Sequence[Orderly], rule: AlertRuleSet, end: datetime, *, each_time: bool) -> Story:
    """Months reported in their order, assessed each time, or once in the end."""
    story = Story(rule, PATIENT, set_at=START)
    months = tuple(month(2025, number) for number in range(1, len(figures) + 1))
    for kind in ForecastKind:
        story.records.plan(dict.fromkeys(months, 1_000_000), START, kind=kind)
    for period, one in zip(months, figures, strict=True):
        if one.days is None:
            continue
        at = datetime.combine(period.end, datetime.min.time(), UTC) + timedelta(days=one.days)
        story.reports(period, one.figure, max(story.now, at), reported=at)
        if each_time:
            story.assess()
    story.assess(end)
    return story


def standing(story: Story) -> dict[tuple[str, AlertKind], object]:
    """How the newest alert of each kind stands, as far as it isn't over."""
    return {
        (alert.rule_id, alert.kind): (alert.stage, alert.severity, alert.figures.period)
        for alert in story.book.alerts.values()
        if alert.live
    }


@PROPERTY
@given(orderly, rules)
def test_an_orderly_history_comes_to_the_same_fact_by_fact_as_looked_at_in_the_end(
    figures: list[Orderly], rule: AlertRuleSet
) -> None:
    end = instant("2026-03-01")
    step_by_step = unfolded(figures, rule, end, each_time=True)
    at_once = unfolded(figures, rule, end, each_time=False)
    assert standing(step_by_step) == standing(at_once)


scales = st.integers(1, 10**9).map(lambda parts: Decimal((0, tuple(map(int, str(parts))), -3)))


def scaled(facts: Sequence[Learned], factor: Decimal) -> list[Learned]:
    """The same facts with all money multiplied."""
    found = []
    for fact in facts:
        event = fact.event
        if isinstance(event, ForecastCreated):
            periods = tuple(replace(one, projected_value=one.projected_value * factor) for one in event.periods)
            event = replace(event, periods=periods)
        elif isinstance(event, ActualRecorded):
            event = replace(event, value=event.value * factor)
        found.append(replace(fact, event=event))
    return found


@PROPERTY
@given(st.lists(st.tuples(st.integers(-(10**12), 10**12), st.integers(10**8, 10**12)), max_size=6), scales, rules)
def test_scaling_all_money_changes_no_verdict_of_percentages(
    pairs: list[tuple[int, int]], factor: Decimal, rule: AlertRuleSet
) -> None:
    percentages = tuple(replace(rung, absolute=None) for rung in rule.ladder)
    rule = but(rule, ladder=percentages, combine=RungCombination.PERCENT_ONLY)
    story = Story(rule, set_at=START)
    for period, (actual, forecast) in zip(MONTHS, pairs, strict=False):
        for kind in ForecastKind:
            story.records.plan({period: forecast}, START, kind=kind)
        story.reports(period, actual)
    twin = Story(rule, set_at=START).at(story.now)
    twin.records.known = scaled(story.records.known, factor)
    story.assess("2025-12-31")
    twin.assess("2025-12-31")
    assert [brief(one) for one in twin.decided] == [brief(one) for one in story.decided]
    percents = [[one.percent for one in compare(it.records.of(), rule.basis, it.calendar)] for it in (story, twin)]
    assert percents[0] == percents[1]


exact = st.builds(
    lambda sign, digits, exponent: Decimal((sign, tuple(map(int, str(digits))), exponent)),
    st.integers(0, 1),
    st.integers(0, 10**38 - 1),
    st.integers(-38, 0),
)


@PROPERTY
@given(st.sampled_from(MetricType), exact, exact)
def test_a_percentage_of_any_figures_is_right_to_its_sixth_decimal(
    metric: MetricType, forecast: Decimal, actual: Decimal
) -> None:
    variance, percent, favourable = difference(metric, forecast, actual)
    exactly = Fraction(actual) - Fraction(forecast)
    assert Fraction(variance) == exactly
    assert (percent is None) == (abs(Fraction(forecast)) < Fraction(METRICS[metric].smallest_base))
    assert favourable is (None if exactly * METRICS[metric].polarity == 0 else exactly * METRICS[metric].polarity > 0)
    if percent is not None:
        assert abs(Fraction(percent) - 100 * exactly / abs(Fraction(forecast))) <= Fraction(5, 10**7)
        assert percent.as_tuple().exponent == -6


@PROPERTY
@given(
    st.sampled_from(MetricType),
    *[st.decimals(allow_nan=False, allow_infinity=False).filter(lambda one: one.adjusted() < 38)] * 2,
)
def test_no_figure_that_a_ledger_takes_is_too_much_for_the_arithmetic(
    metric: MetricType, forecast: Decimal, actual: Decimal
) -> None:
    found = varied(forecast, actual, metric)
    rule = but(RULE, metrics=(metric,), direction=VarianceDirection.BOTH)
    assert rate(rule, found).zone in Zone


@PROPERTY
@given(rules, st.integers(1, 2_000_000), st.integers(0, 2_000_000), st.integers(0, 1_000_000))
def test_a_larger_miss_is_never_rated_milder(rule: AlertRuleSet, forecast: int, less: int, more: int) -> None:
    unfavourable = but(rule, direction=VarianceDirection.UNFAVOURABLE)
    smaller, larger = (rate(unfavourable, varied(forecast, forecast - miss)) for miss in (less, less + more))
    order = [Zone.CLEAR, Zone.BETWEEN, Zone.BREACH]
    assert order.index(larger.zone) >= order.index(smaller.zone)
    if smaller.rung is not None:
        assert larger.rung is not None
        assert larger.rung.severity.rank >= smaller.rung.severity.rank


def test_the_random_histories_hold_enough_of_everything() -> None:
    seen: Counter[str] = Counter()

    @settings(PROPERTY, max_examples=deep(60, ENOUGH))
    @given(histories)
    def count(history: list[Step]) -> None:
        story = lived(history, seen=seen)
        seen.update(alert.stage.value for alert in story.book.alerts.values())

    count()
    changes = {change.value for change in AlertChange} - {"SNOOZED"}
    resolutions = {why.value for why in AlertResolution} - {"MANUAL"}
    for needed in changes | resolutions | {"MISSING", "told", "quiet", "dated"}:
        assert seen[needed] >= deep(1, 5), (needed, seen)
