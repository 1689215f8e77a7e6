"""Golden files: one stored payload of every shape ever written, never edited; today's program reads them all."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from domain.alerts import (
    AlertAcknowledged,
    AlertChange,
    AlertFigures,
    AlertKind,
    AlertRaised,
    AlertResolution,
    AlertResolved,
    AlertSnoozed,
)
from domain.capital import CapitalCalled, DistributionMade, FeeCharged, FundOpened
from domain.correction import EventVoided
from domain.event import CompanyKey, Event, EventKind
from domain.events import KINDS
from domain.forecasting import (
    ActualRecorded,
    DealForecastCreated,
    ExitScenario,
    ForecastCreated,
    ForecastKind,
    ForecastPeriod,
    FutureRound,
    MetricType,
    Preference,
    PreferenceKind,
    RecordSource,
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
from domain.matching import ForecastPolicy
from domain.reserves.model import ReserveModelSet, StageModel
from domain.reserves.options import Commitment, ReserveMode, ReserveRankBy, ReserveStrategy, RunOptions, StageCap
from domain.reserves.results import (
    CurvePoint,
    PlanAllocation,
    ReserveAction,
    ReserveAdvice,
    ReserveBaseline,
    ReservePlan,
    ReserveRecommendation,
    UnavailableCompany,
)
from domain.reserves.runs import (
    ReserveRunCancelled,
    ReserveRunFailed,
    ReserveRunRequested,
    ReserveScenarioSaved,
    ReservesRecommended,
)
from domain.rules import (
    AlertRuleSet,
    AlertRung,
    AlertSeverity,
    DeliveryChannel,
    RungCombination,
    VarianceDirection,
)
from domain.shape import is_part, shape
from domain.variance import VarianceStatus
from infra import codec
from tests.spec import share, usd

GOLDEN = Path(__file__).parents[1] / "golden"
COMPANY = CompanyKey("/company/œuvre")
RULE, ALERT, EARLIER_ALERT = "0f6cd1a2b3c4d5e6f708192a3b4c5d6e", "9d2e" * 8, "41c7" * 8
RUNG = AlertRung(AlertSeverity.CRITICAL, Decimal("12.50"), Decimal("250000.005"))
FIGURES = AlertFigures(
    date(2010, 1, 1),
    date(2010, 3, 31),
    VarianceStatus.BASE_TOO_SMALL,
    Decimal("-9999.990"),
    Decimal("260000.015"),
    Decimal("269999.00500"),
    Decimal("-0.000001"),
    favourable=False,
    flags=("SIGN_CROSS", "LATE"),
    forecast_version=12,
    actual_version=41,
)
RUN = "5b3c" * 8
OPTIONS = RunOptions(
    2_500,
    usd("500000.01"),
    7,
    (ReserveStrategy.HEURISTIC, ReserveStrategy.OPTIMAL),
    ReserveMode.POOLED,
    ReserveRankBy.OWNERSHIP_ADJUSTED,
    usd("9000000.00"),
    usd("250000.00"),
    usd("3000000.00"),
    share("0.1250"),
    share("0.35"),
    (StageCap("Séed", usd("1000000.50")),),
    share("0.45"),
    Decimal("0.120"),
    share("0.90"),
    (Commitment(COMPANY, usd("250000.00")),),
    (CompanyKey("beta/2"),),
    usd("12000000.00"),
)
ADVICE = ReserveAdvice(
    usd("9000000.00"),
    (
        ReserveRecommendation(
            1,
            COMPANY,
            "Œuvre\n& Söhne 😀",
            "series_a",
            usd("750000.00"),
            usd("250000.00"),
            usd("1250000.00"),
            usd("500000.00"),
            ReserveAction.INCREASE,
            3.25,
            2.0,
            0.1 + 0.2,
            1e-09,
            1.7976931348623157e308,
            65.0,
            1.5,
            0.975,
            usd("437500.01"),
            0.0125,
            0.25,
            1.75,
            12.5,
            "cut-off",
            (CurvePoint(usd("250000.00"), 3.25, 0.875), CurvePoint(usd("500000.00"), 1.0, 0.5)),
            1.4375,
            0.1111,
        ),
    ),
    (UnavailableCompany(CompanyKey("b"), "B", "the fund's ownership isn't known"),),
    (
        ReservePlan(
            ReserveStrategy.HEURISTIC,
            (PlanAllocation(COMPANY, "Œuvre", usd("1000000.00")),),
            usd("1000000.00"),
            usd("8000000.00"),
            True,
            usd("20000000.01"),
            usd("12000000.00"),
            usd("1000000.00"),
            usd("10000000.00"),
            usd("50000000.00"),
            usd("500000.00"),
            usd("900000.00"),
            "the solver gave up",
        ),
    ),
    ReserveBaseline(usd("8000000.00"), usd("500000.00"), usd("7000000.00"), usd("30000000.00"), usd("250000.00")),
    1.05,
)
EVENTS: Mapping[str, Event] = {
    "FUND_OPENED": FundOpened("Ælfric Ventures II", "EUR", 2006, usd("60000000.01"), "Europe/Berlin"),
    "CAPITAL_CALLED": CapitalCalled(usd("1250000.50"), date(2008, 2, 29)),
    "DISTRIBUTION_MADE": DistributionMade(usd("0.01"), recallable=True),
    "FEE_CHARGED": FeeCharged(usd("300000.00"), 'management "2009"'),
    "COMPANY_ADDED": CompanyAdded(COMPANY, "Œuvre\n& Söhne 😀", "web", "series_a"),
    "INVESTMENT_MADE": InvestmentMade(
        COMPANY, usd("540000.00"), share("0.020000"), from_reserves=True, round="series_b"
    ),
    "ROUND_PRICED": RoundPriced(
        COMPANY, "series_b", usd("21600000.00"), usd("5400000.00"), share("0.123456789012345678")
    ),
    "VALUATION_UPDATED": ValuationUpdated(COMPANY, usd("27000000.00"), usd("540000.01"), "post-money\tof the round"),
    "PROCEEDS_RECEIVED": ProceedsReceived(COMPANY, usd("1000000000000000.00"), "acquired"),
    "COMPANY_STATUS_CHANGED": CompanyStatusChanged(COMPANY, CompanyStatus.WRITTEN_OFF, "closed"),
    "RESERVE_ALLOCATED": ReserveAllocated(COMPANY, usd("750000.00"), "series C"),
    "FORECAST_CREATED": ForecastCreated(
        COMPANY,
        MetricType.RUNWAY_MONTHS,
        (
            ForecastPeriod(date(2010, 1, 1), date(2010, 3, 31), Decimal("18.50")),
            ForecastPeriod(date(2010, 4, 1), date(2010, 6, 30), Decimal("-0.0000001")),
        ),
        ForecastKind.UNDERWRITE,
    ),
    "ACTUAL_RECORDED": ActualRecorded(
        COMPANY,
        MetricType.CASH_BURN,
        Decimal("12345678901234567890.123456789012345678"),
        date(2010, 1, 1),
        date(2010, 3, 31),
        RecordSource.IMPORT,
        41,
    ),
    "DEAL_FORECAST_CREATED": DealForecastCreated(
        COMPANY,
        (
            ExitScenario("trade sale", share("0.35"), usd("120000000.00"), Decimal("36.5"), 1, Decimal("0.8")),
            ExitScenario("acqui-hire", share("0.05"), usd("0.00"), Decimal(0), 0, Decimal(0)),
        ),
        (FutureRound("series_c", share("0.45"), Decimal(14), usd("60000000.00"), usd("20000000.00"), share("0.10")),),
        Preference(PreferenceKind.PARTICIPATING, Decimal("1.5"), Decimal(3)),
        Decimal("0.5"),
    ),
    "RESERVE_MODEL_SET": ReserveModelSet(
        (
            StageModel(
                "Séed",
                share("0.50"),
                share("0.30"),
                share("0.225"),
                share("0.05"),
                Decimal("2.10"),
                Decimal("0.5"),
                Decimal(22),
                Decimal("36.5"),
                Decimal(3),
                Decimal("1.5"),
                Decimal("1.8"),
            ),
            StageModel(
                "later",
                share("0"),
                share("0.75"),
                share("0"),
                share("0"),
                Decimal(1),
                Decimal("1.25"),
                Decimal(20),
                Decimal(24),
                Decimal(1),
                Decimal("0.5"),
                Decimal(2),
            ),
        ),
        "our own 40 companies,\n2004–2019",
        Decimal("0.45"),
        Decimal("1.10"),
        Decimal("0.7"),
    ),
    "EVENT_VOIDED": EventVoided(17, "typed in the wrong company's round"),
    "ALERT_RULE_SET": AlertRuleSet(
        RULE,
        'Miss\n"of" œuvre 😀',
        (MetricType.CASH_BURN, MetricType.GROSS_MARGIN),
        (AlertRung(AlertSeverity.INFO, Decimal("2.0"), Decimal("0.0000001")), RUNG),
        (COMPANY, CompanyKey("b")),
        ("series_a", "Séed"),
        VarianceDirection.BOTH,
        RungCombination.OR,
        2,
        3,
        share("0.750"),
        ForecastPolicy.ORIGINAL_UNDERWRITE,
        include_backdated=True,
        channels=(DeliveryChannel.WEBHOOK, DeliveryChannel.IN_APP),
        cooldown_minutes=60,
        enabled=False,
        retired=True,
    ),
    "ALERT_RAISED": AlertRaised(
        ALERT,
        RULE,
        40,
        COMPANY,
        MetricType.CASH_BURN,
        AlertKind.MISSING_ACTUAL,
        AlertChange.WORSENED,
        AlertSeverity.URGENT,
        FIGURES,
        3,
        notifies=True,
        rung=RUNG,
        follows=EARLIER_ALERT,
    ),
    "ALERT_ACKNOWLEDGED": AlertAcknowledged(ALERT, COMPANY, MetricType.ARR),
    "ALERT_SNOOZED": AlertSnoozed(
        ALERT, COMPANY, MetricType.HEADCOUNT, datetime(2010, 2, 28, 22, 30, 0, 123_456, tzinfo=UTC)
    ),
    "ALERT_RESOLVED": AlertResolved(
        ALERT,
        COMPANY,
        MetricType.CHURN,
        AlertResolution.OUT_OF_SCOPE,
        notifies=True,
        reason="an order moved into the next quarter's\tbooks",
        figures=FIGURES,
    ),
    "RESERVE_RUN_REQUESTED": ReserveRunRequested(
        RUN,
        datetime(2010, 2, 28, 22, 30, 0, 123_456, tzinfo=UTC),
        datetime(2011, 1, 1, tzinfo=UTC),
        41,
        "1",
        OPTIONS,
        at_present=False,
        known_at_present=False,
    ),
    "RESERVES_RECOMMENDED": ReservesRecommended(RUN, 1_234, ADVICE),
    "RESERVE_RUN_FAILED": ReserveRunFailed(RUN, "the limits can't all be kept: œuvre"),
    "RESERVE_RUN_CANCELLED": ReserveRunCancelled(RUN),
    "RESERVE_SCENARIO_SAVED": ReserveScenarioSaved(
        "7e1f" * 8, 'Base "case" 😀', RUN, ReserveStrategy.PRIORITY_GREEDY, "for the\tpartners"
    ),
}
"""Today's events of the payloads stored: every field holds something other than its default."""

FILES = sorted(GOLDEN.glob("*.json"))


def stored(name: str, schema_version: int) -> str:
    return (GOLDEN / f"{name}.v{schema_version}.json").read_bytes().decode().removesuffix("\n")


def test_every_shape_ever_written_has_its_file_and_nothing_else_has() -> None:
    shapes = {
        f"{kind.name}.v{version}.json" for kind in KINDS.values() for version in range(1, kind.schema_version + 1)
    }
    # Those of organisations' ledgers lie in a folder of their own.
    assert {file.name for file in GOLDEN.iterdir()} == shapes | {"access"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_payload_stored_in_any_shape_is_read_as_today_s_event(file: Path) -> None:
    name, version, _ = file.name.split(".")
    text = file.read_bytes().decode()
    assert text.endswith("}\n")
    event = codec.decode_event(name, int(version.removeprefix("v")), text.removesuffix("\n"))
    assert event == EVENTS[name]


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
def test_what_is_written_today_is_the_newest_file_byte_for_byte(kind: EventKind) -> None:
    assert codec.encode_event(EVENTS[kind.name]) == (kind, stored(kind.name, kind.schema_version))


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
def test_every_field_of_a_representative_event_is_set(kind: EventKind) -> None:
    def check(part: object) -> None:
        cls: type = type(part)
        for field in shape(cls).values():
            found = getattr(part, field.name)
            assert found not in (None, "", ())
            for one in found if field.many else [found]:
                if is_part(field.kind):
                    check(one)

    check(EVENTS[kind.name])
