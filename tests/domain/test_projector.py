"""The projector: states at moments, and whether new facts can join."""

from copy import deepcopy
from datetime import date, timedelta
from decimal import Decimal

import pytest

from domain.capital import CapitalCalled, DistributionMade, FeeCharged
from domain.correction import EventVoided
from domain.event import Dated, Event
from domain.forecasting import ActualRecorded, MetricType
from domain.fund import CompanyStatus, Fund
from domain.investing import CompanyStatusChanged, InvestmentMade, ProceedsReceived, ValuationUpdated
from domain.projector import EMPTY, NOTHING, admit, along, check_batch_size, fold, order, state_at, voided_by
from domain.refusal import (
    BeforeFundOpened,
    CompanyNotActive,
    ContradictsLaterFact,
    ExceedsAvailableCapital,
    ExceedsCash,
    Invalid,
    InvalidState,
    NotFound,
    Refusal,
    TooLarge,
    UnknownCompany,
)
from tests.spec import (
    ACME,
    ACME_ADDED,
    BETA,
    BETA_ADDED,
    NOW,
    ONE_DAY,
    OPENED,
    OPENED_AT,
    On,
    but,
    figures,
    given,
    instant,
    on,
    refuses,
    usd,
)

FEE = FeeCharged(usd(5))
WRITTEN_OFF = CompanyStatusChanged(ACME, CompanyStatus.WRITTEN_OFF)


FIRST_DAY, LAST_DAY = date(2021, 1, 1), date(2021, 3, 31)
REPORT = ActualRecorded(ACME, MetricType.ARR, Decimal(10), FIRST_DAY, LAST_DAY)


def restated(version: int) -> ActualRecorded:
    return but(REPORT, value=Decimal(11), supersedes_version=version)


def test_before_the_fund_opened_its_state_is_empty_at_version_0() -> None:
    ledger = given(on("2020-01-01", OPENED), on("2020-02-01", FEE))
    assert ledger.at("2019-12-31T23:59:59") == EMPTY == Fund()
    assert ledger.at("2020-06-01", version=0) == EMPTY


def test_a_fact_counts_from_its_very_instant() -> None:
    ledger = given(OPENED, on("2020-02-01T12:00:00", FEE))
    assert ledger.at("2020-02-01T11:59:59.999999").fees == 0
    assert ledger.at("2020-02-01T12:00:00").fees == usd(5)


def test_a_fact_dated_ahead_counts_from_its_day() -> None:
    ledger = given(OPENED, on("2031-01-01", FEE))
    assert (ledger.at("2030-12-31").fees, ledger.at("2031-01-01").fees) == (0, usd(5))


def test_a_backdated_fact_counts_from_when_it_was_true_once_it_is_known() -> None:
    ledger = given(OPENED, on("2020-03-01", FEE), on("2020-02-01", CapitalCalled(usd(70))))
    assert ledger.at("2020-02-15", version=2).called == 0
    assert ledger.at("2020-02-15", version=3).called == usd(70)
    assert ledger.at("2020-02-15").version == 3
    assert ledger.at("2020-03-01", version=2).version == 2


def test_the_version_of_a_state_is_that_of_the_newest_fact_that_bears_on_it() -> None:
    ledger = given(OPENED, on("2020-05-01", FEE), on("2020-02-01", FEE))
    assert (
        ledger.at("2020-01-31").version,
        ledger.at("2020-02-01").version,
        ledger.at("2020-05-01").version,
    ) == (
        1,
        3,
        3,
    )


def test_facts_of_one_instant_are_folded_by_version() -> None:
    first, second = (ValuationUpdated(ACME, usd(1), usd(value)) for value in (7, 9))
    ledger = given(OPENED, ACME_ADDED, on("2020-06-01", first), on("2020-06-01", second))
    assert ledger.fund.total_value == usd(9)
    assert state_at(ledger.facts[::-1], instant("2020-06-01"), 4).total_value == usd(9)


def test_a_fact_of_the_opening_instant_can_follow_it() -> None:
    given(OPENED).when(on("2020-01-01", FEE)).then(fees=usd(5))


def test_new_facts_of_one_instant_happen_in_the_order_given() -> None:
    day = "2020-06-01"
    call, out = CapitalCalled(usd(10)), DistributionMade(usd(10))
    ledger = given(OPENED, CapitalCalled(usd(1)))
    ledger.when(on(day, call), on(day, out)).then(cash=usd(1))
    ledger.when(on(day, out), on(day, call)).refused(ExceedsCash, "events", "0", "amount")


def test_new_facts_happen_by_their_dates_whatever_order_they_are_given_in() -> None:
    given(OPENED).when(on("2020-03-01", InvestmentMade(ACME, usd(5))), on("2020-02-01", ACME_ADDED)).then(
        invested=usd(5)
    )


def test_a_fund_and_its_first_facts_can_be_recorded_at_once() -> None:
    given().when(OPENED, ACME_ADDED, InvestmentMade(ACME, usd(5))).then(version=3, opened_at=OPENED_AT)


def test_the_state_reached_is_the_newest_one_also_after_a_backdated_fact() -> None:
    ledger = given(OPENED, on("2020-05-01", CapitalCalled(usd(70))))
    ledger.when(on("2020-02-01", FEE)).then(version=3, called=usd(70), fees=usd(5))


def test_no_events_are_refused() -> None:
    given(OPENED).when().refused(Invalid, "events", message="Give at least one event.")


def test_a_thousand_events_are_taken_at_once() -> None:
    given(OPENED).when(*[on("2020-02-01", FEE)] * 1_000).then(version=1_001, fees=usd(5_000))


def test_a_thousand_and_one_are_refused() -> None:
    given(OPENED).when(*[on("2020-02-01", FEE)] * 1_001).refused(
        TooLarge, "events", message="At most 1000 events at once; 1001 were given."
    )


def test_the_first_fact_opens_the_fund() -> None:
    given().when(FEE).refused(
        BeforeFundOpened, "events", "0", "occurredAt", message="The fund was not open yet at that moment."
    )


def test_a_fact_before_the_fund_opened_is_refused() -> None:
    given(OPENED).when(on("2020-01-05", FEE), on("2019-12-31T23:59:59", FEE)).refused(
        BeforeFundOpened, "events", "1", "occurredAt"
    )


def test_an_opening_before_the_opening_contradicts_it() -> None:
    given(OPENED).when(on("2019-01-01", OPENED)).contradicts(
        1, "events", "0", message="This contradicts version 1 of 2020-01-01: The fund is open already."
    )


def test_a_date_beyond_reason_is_refused() -> None:
    message = "A fact is dated from 1900 to five years ahead."
    given().when(on("1900-01-01", OPENED)).then(opened_at=instant("1900-01-01"))
    ledger = given(on("1900-01-01", OPENED))
    ledger.when(on("1899-12-31T23:59:59", FEE)).refused(Invalid, "events", "0", "occurredAt", message=message)
    limit = NOW + timedelta(days=1_830)
    ledger.when(On(limit, FEE)).then(fees=usd(5))
    ledger.when(On(limit + timedelta(microseconds=1), FEE)).refused(
        Invalid, "events", "0", "occurredAt", message=message
    )


def test_a_void_of_a_fact_dated_ahead_stands_there_too() -> None:
    given(OPENED, on("2034-12-31", FEE)).when(EventVoided(2, "wrong"), now=instant("2021-01-01")).then(fees=0)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_refusal_names_the_place_of_the_event(place: int) -> None:
    events: list[Event] = [FEE, FEE, FEE]
    events[place] = FeeCharged(usd(0))
    given(OPENED).when(*events).refused(Invalid, "events", str(place), "amount")


def test_the_first_in_time_of_several_impossible_facts_is_named() -> None:
    given(OPENED).when(on("2020-03-01", FeeCharged(usd(0))), on("2020-02-01", InvestmentMade(ACME, usd(1)))).refused(
        UnknownCompany, "events", "1", "companyId"
    )


def test_new_facts_are_checked_against_one_another() -> None:
    given(OPENED).when(ACME_ADDED, InvestmentMade(ACME, usd(600_000)), InvestmentMade(ACME, usd(600_000))).refused(
        ExceedsAvailableCapital, "events", "2", "amount"
    )


def test_a_backdated_cheque_is_checked_against_its_own_moment() -> None:
    ledger = given(OPENED, on("2020-02-01", ACME_ADDED), on("2021-01-01", WRITTEN_OFF))
    ledger.when(on("2020-12-31", InvestmentMade(ACME, usd(5)))).then_holding(ACME, invested=usd(5), fair_value=0)
    ledger.when(on("2021-01-01", InvestmentMade(ACME, usd(5)))).refused(CompanyNotActive, "events", "0", "companyId")


def test_a_backdated_cheque_that_leaves_too_little_for_a_later_one_contradicts_it() -> None:
    ledger = given(
        OPENED,
        on("2020-02-01", ACME_ADDED),
        on("2020-06-01", InvestmentMade(ACME, usd(700_000))),
        on("2020-09-01", InvestmentMade(ACME, usd(200_000))),
    )
    ledger.when(on("2020-03-01", InvestmentMade(ACME, usd(100_000)))).then(available_capital=0)
    ledger.when(on("2020-03-01", InvestmentMade(ACME, usd("100000.01")))).contradicts(
        4,
        "events",
        "0",
        message=(
            "This contradicts version 4 of 2020-09-01: 200,000 USD is above the 199,999.99 USD available by then."
        ),
    )
    ledger.when(on("2020-03-01", InvestmentMade(ACME, usd(400_000)))).contradicts(3, "events", "0")


def test_a_backdated_write_off_contradicts_a_later_cheque() -> None:
    ledger = given(OPENED, on("2020-02-01", ACME_ADDED), on("2020-06-01", InvestmentMade(ACME, usd(5))))
    ledger.when(on("2020-03-01", WRITTEN_OFF)).contradicts(
        3, "events", "0", message="This contradicts version 3 of 2020-06-01: Acme is written off by then."
    )


def test_a_backdated_company_contradicts_the_same_one_added_later() -> None:
    given(OPENED, on("2020-06-01", ACME_ADDED)).when(on("2020-03-01", ACME_ADDED)).contradicts(2, "events", "0")


def test_a_backdated_call_makes_cash_limit_a_later_distribution() -> None:
    ledger = given(OPENED, on("2020-06-01", DistributionMade(usd(50))))
    ledger.when(on("2020-03-01", CapitalCalled(usd(50)))).then(cash=0)
    ledger.when(on("2020-03-01", CapitalCalled(usd(49)))).contradicts(2, "events", "0")


def test_a_voided_fact_contradicts_nothing() -> None:
    ledger = given(OPENED, on("2020-06-01", FeeCharged(usd(1_000_000))), EventVoided(2, "wrong"))
    ledger.when(on("2020-03-01", FeeCharged(usd(1_000_000)))).then(fees=usd(1_000_000))


def test_a_contradiction_by_several_new_facts_names_only_the_recorded_one() -> None:
    ledger = given(OPENED, on("2020-06-01", FeeCharged(usd(1_000_000))))
    ledger.when(on("2020-02-01", FEE), on("2020-03-01", FEE)).contradicts(2, "events")


def test_a_report_can_be_restated() -> None:
    ledger = given(OPENED, ACME_ADDED, REPORT)
    outcome = ledger.when(restated(3)).then(version=4)
    assert figures(outcome.fund) == figures(ledger.fund)


def test_a_restated_report_can_be_restated() -> None:
    given(OPENED, ACME_ADDED, REPORT, restated(3)).when(restated(4)).then(version=5)


@pytest.mark.parametrize("version", [-1, 0, 5])
def test_a_report_the_ledger_does_not_have_can_not_be_restated(version: int) -> None:
    given(OPENED, ACME_ADDED, REPORT).when(restated(version)).refused(
        NotFound, "events", "0", "supersedesVersion", message=f"The ledger has no version {version}."
    )


@pytest.mark.parametrize(
    "other",
    [
        FEE,
        BETA_ADDED,
        but(REPORT, metric_type=MetricType.REVENUE),
        but(REPORT, period_start=FIRST_DAY + ONE_DAY),
        but(REPORT, period_end=LAST_DAY + ONE_DAY),
    ],
)
def test_something_else_can_not_be_restated(other: Event) -> None:
    given(OPENED, ACME_ADDED, other).when(restated(3)).refused(
        Invalid,
        "events",
        "0",
        "supersedesVersion",
        message="Version 3 isn't a report of this metric, company and period.",
    )


def test_another_companys_report_can_not_be_restated() -> None:
    given(OPENED, ACME_ADDED, BETA_ADDED, but(REPORT, company_id=BETA)).when(restated(4)).refused(
        Invalid, "events", "0", "supersedesVersion"
    )


@pytest.mark.parametrize("day", ["2021-04-10", "2021-04-20"])
def test_a_voided_report_can_not_be_restated(day: str) -> None:
    ledger = given(OPENED, ACME_ADDED, on("2021-04-10", REPORT), EventVoided(3, "wrong"))
    ledger.when(on(day, restated(3))).refused(
        InvalidState, "events", "0", "supersedesVersion", message="Version 3 is voided already."
    )


def test_a_report_voided_in_the_same_append_can_not_be_restated() -> None:
    given(OPENED, ACME_ADDED, REPORT).when(EventVoided(3, "wrong"), restated(3)).refused(
        InvalidState, "events", "1", "supersedesVersion"
    )


def test_a_restatement_can_be_voided() -> None:
    given(OPENED, ACME_ADDED, REPORT, restated(3)).when(EventVoided(4, "wrong")).then(version=5)


def test_the_versions_that_voids_name_are_found() -> None:
    facts = given(OPENED, FEE, FEE, EventVoided(2, "wrong"), EventVoided(3, "wrong")).facts
    assert voided_by(facts) == {2, 3}
    assert voided_by(facts[:3]) == set()


def test_a_fold_of_nothing_is_where_it_started() -> None:
    base = given(OPENED, FEE).fund
    assert fold(base, []) == base


def test_admitting_never_changes_the_state_it_starts_from() -> None:
    base = given(OPENED, ACME_ADDED, InvestmentMade(ACME, usd(5))).fund
    kept = deepcopy(base)
    new = [Dated(NOW, 4, InvestmentMade(ACME, usd(7))), Dated(NOW, 5, ProceedsReceived(ACME, usd(1)))]
    reached = admit(base, [], new, named={}, now=NOW)
    assert (reached.invested, reached.companies[ACME].flows[1:]) == (usd(12), [(NOW, usd(-7)), (NOW, usd(1))])
    assert base == kept


def test_states_along_rising_moments_are_those_at_each_of_them() -> None:
    ledger = given(
        OPENED,
        on("2020-02-01", ACME_ADDED),
        on("2020-03-01", InvestmentMade(ACME, usd(5))),
        on("2020-03-02", FEE),
        EventVoided(4, "wrong"),
        on("2020-04-01", InvestmentMade(ACME, usd(7))),
    )
    days = ["2019-06-01", "2020-02-01", "2020-03-15", "2020-03-16", "2021-01-01"]
    states = list(along(EMPTY, sorted(ledger.facts, key=order), [instant(day) for day in days]))
    assert states == [ledger.at(day) for day in days]
    assert [state.invested for state in states] == [0, 0, usd(5), usd(5), usd(12)]
    assert [state.version for state in states] == [0, 2, 5, 5, 6]


def test_there_is_no_state_along_no_moments() -> None:
    assert list(along(EMPTY, given(OPENED).facts, [])) == []


@pytest.mark.parametrize("size", [1, 1_000])
def test_an_append_holds_1_to_1000_facts(size: int) -> None:
    check_batch_size(size)


def test_an_append_of_another_size_is_refused() -> None:
    refuses(lambda: check_batch_size(0), Invalid, "events")
    refuses(lambda: check_batch_size(1_001), TooLarge, "events")


def test_all_refusals_are_gathered_where_somebody_asks_for_them() -> None:
    ledger = given(OPENED, on("2020-06-01", FeeCharged(usd(999_990))))
    new = [
        Dated(instant("2020-07-01"), 3, FeeCharged(usd(0))),
        Dated(instant("1800-01-01"), 4, FEE),
        Dated(instant("2020-03-01"), 5, FeeCharged(usd(20))),
        Dated(instant("2020-07-02"), 6, EventVoided(9, "wrong")),
        Dated(instant("2020-07-03"), 7, FEE),
    ]
    gathered: list[Refusal] = []
    reached = admit(EMPTY, ledger.facts, new, named={}, now=NOW, refused=gathered.append)
    assert [(type(refusal), refusal.path) for refusal in gathered] == [
        (Invalid, ("events", "1", "occurredAt")),
        (NotFound, ("events", "3", "version")),
        (ContradictsLaterFact, ("events",)),
        (Invalid, ("events", "0", "amount")),
    ]
    assert reached.fees == usd(25)


def test_nothing_is_gathered_where_nothing_is_refused() -> None:
    gathered: list[Refusal] = []
    admit(EMPTY, [], [Dated(OPENED_AT, 1, OPENED)], named={}, now=NOW, refused=gathered.append)
    assert gathered == []


def test_a_fact_that_was_not_read_counts_as_a_version_and_changes_nothing() -> None:
    ledger = given(OPENED, ACME_ADDED, InvestmentMade(ACME, usd(5)))
    unread = Dated(instant("2020-02-01"), 4, NOTHING)
    reached = fold(EMPTY, [*ledger.facts, unread])
    assert reached.version == 4
    assert figures(reached) == figures(ledger.fund)
