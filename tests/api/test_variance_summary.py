"""The summary of variances and alerts: by company, metric and period, kept for now, computed for any other moment."""

import pytest
import pytest_asyncio

from domain.summaries import VarianceGrouping
from infra.people import Role
from infra.states import resolve
from tests.api.asking import Caller, Json, event
from tests.api.conftest import MakeCaller, MakeWatched
from tests.api.watching import Watched, done, planned, reported

SUMMARY = """
query (
  $id: ID!, $at: DateTime, $knownAt: DateTime, $groupBy: VarianceGrouping = COMPANY,
  $forecastPolicy: ForecastPolicy, $includeBackdated: Boolean
) {
  varianceSummary(
    fundId: $id, at: $at, knownAt: $knownAt, groupBy: $groupBy, forecastPolicy: $forecastPolicy,
    includeBackdated: $includeBackdated
  ) {
    key figures favourable unfavourable onTimeShare
    bySeverity { severity count }
    worst { company { companyId } metricType periodStart variance variancePercent }
  }
}
"""
ABSENT = "00000000-0000-4000-8000-000000000000"
GROUPINGS = ["COMPANY", "METRIC", "PERIOD"]


async def summary(watched: Watched, by: str | None = None, caller: Caller | None = None, **asked: object) -> list[Json]:
    given = asked if by is None else {"groupBy": by, **asked}
    data = await (caller or watched.viewer).data(SUMMARY, id=watched.id, **given)
    rows: list[Json] = data["varianceSummary"]
    return rows


async def is_kept(watched: Watched) -> bool:
    """Whether the present summary is read as it was kept, not computed."""
    now = (await resolve(watched.runtime.pool, watched.fund.uuid, None)).at_now
    board = watched.runtime.board
    kept = [await board.summary(watched.fund.uuid, by, now) for by in VarianceGrouping]
    assert kept.count(None) in (0, len(GROUPINGS))
    return kept[0] is not None


async def agree(watched: Watched) -> list[list[Json]]:
    """The present summary by each grouping: the same as of the same moment, asked for explicitly."""
    moment = (await watched.viewer.data("query ($id: ID!) { fund(id: $id) { knownAt } }", id=watched.id))["fund"]
    found = []
    for by in GROUPINGS:
        now = await summary(watched, by)
        assert now == await summary(watched, by, at=moment["knownAt"], knownAt=moment["knownAt"])
        assert now == await summary(watched, by, at=moment["knownAt"])
        assert now == await summary(watched, by, knownAt=moment["knownAt"])
        found.append(now)
    return found


async def lived(watched: Watched) -> None:
    """Reports good and bad, on time and late, in money and not, and the alerts they bring."""
    await watched.set_rule(metrics=["REVENUE", "CASH_BURN", "CHURN"], ladder=[
        {"severity": "WARNING", "percent": "10"}, {"severity": "URGENT", "percent": "40"},
    ])  # fmt: skip
    await watched.record(
        planned(400_000, 400_000, metric="CASH_BURN"),
        planned(2, metric="CHURN", company="beta"),
        planned(10, metric="HEADCOUNT", company="beta"),
    )
    await watched.record(
        reported(1, "900000.005"),
        reported(2, 1_100_000),
        reported(1, "300000.01", metric="CASH_BURN"),
        reported(2, 500_000, metric="CASH_BURN"),
        reported(1, 500_000, company="beta"),
        reported(1, 3, metric="CHURN", company="beta"),
        reported(1, 9, metric="HEADCOUNT", company="beta"),
        reported(1, 9, metric="ARR", company="beta"),
        event(
            "actualRecorded", companyId="beta", metricType="EBITDA", value="1",
            periodStart="2007-01-01", periodEnd="2007-03-31",
        ),
    )  # fmt: skip


JANUARY, FEBRUARY = "2150-01-01/2150-01-31", "2150-02-01/2150-02-28"


def worst(company: str, metric: str, start: str, variance: str, percent: str) -> Json:
    return {
        "company": {"companyId": company},
        "metricType": metric,
        "periodStart": start,
        "variance": variance,
        "variancePercent": percent,
    }


def row(
    key: str, figures: int, good: str, bad: str, on_time: float, severities: Json, worst: Json | None = None
) -> Json:
    return {
        "key": key,
        "figures": figures,
        "favourable": good,
        "unfavourable": bad,
        "onTimeShare": on_time,
        "bySeverity": [{"severity": severity, "count": count} for severity, count in severities.items()],
        "worst": worst,
    }


ACME_BURN = worst("acme", "CASH_BURN", "2150-02-01", "100000", "25.000000")
BETA_REVENUE = worst("beta", "REVENUE", "2150-01-01", "-500000", "-50.000000")
BETA_CHURN = worst("beta", "CHURN", "2150-01-01", "1", "50.000000")
# Half a cent goes to the even one; what isn't money is in no sum, and can be the worst all the same.
EXPECTED = {
    "COMPANY": [
        row("acme", 4, "199999.99", "200000.00", 1.0, {"WARNING": 1}, ACME_BURN),
        row("beta", 5, "0.00", "500000.00", 0.8, {"URGENT": 2}, BETA_REVENUE),
    ],
    "METRIC": [
        row("ARR", 1, "0.00", "0.00", 1.0, {}),
        row("CASH_BURN", 2, "99999.99", "100000.00", 1.0, {"WARNING": 1}, ACME_BURN),
        row("CHURN", 1, "0.00", "0.00", 1.0, {"URGENT": 1}, BETA_CHURN),
        row("EBITDA", 1, "0.00", "0.00", 0.0, {}),
        row("HEADCOUNT", 1, "0.00", "0.00", 1.0, {}),
        row("REVENUE", 3, "100000.00", "600000.00", 1.0, {"URGENT": 1}, BETA_REVENUE),
    ],
    "PERIOD": [
        row("2007-01-01/2007-03-31", 1, "0.00", "0.00", 0.0, {}),
        row(JANUARY, 6, "99999.99", "600000.00", 1.0, {"URGENT": 2}, BETA_REVENUE),
        row(FEBRUARY, 2, "100000.00", "100000.00", 1.0, {"WARNING": 1}, ACME_BURN),
    ],
}


@pytest.mark.parametrize("by", GROUPINGS)
async def test_each_grouping_sums_figures_and_alerts_up(watched: Watched, by: str) -> None:
    await lived(watched)
    assert not await is_kept(watched)
    assert await summary(watched, by) == EXPECTED[by]
    await watched.runtime.board.refresh()
    assert await is_kept(watched)
    assert await summary(watched, by) == EXPECTED[by]


async def test_the_summary_kept_for_now_is_the_one_computed_for_the_same_moment(watched: Watched) -> None:
    await lived(watched)
    await watched.runtime.board.refresh()
    assert await is_kept(watched)
    assert await agree(watched) == list(EXPECTED.values())


async def test_while_the_one_kept_is_behind_it_is_computed(watched: Watched) -> None:
    await lived(watched)
    await watched.runtime.board.refresh()
    kept = await summary(watched)
    # Recorded and not evaluated yet, then evaluated and the view not refreshed yet.
    await watched.analyst.recorded(watched.id, reported(3, 400_000), reported(2, 1_000_000, restates=11))
    assert not await is_kept(watched)
    first = await agree(watched)
    await watched.evaluate()
    assert not await is_kept(watched)
    second = await agree(watched)
    await watched.runtime.board.refresh()
    assert await is_kept(watched)
    assert await agree(watched) == second
    acme_worst = worst("acme", "REVENUE", "2150-03-01", "-600000", "-60.000000")
    assert first[0][0] == row("acme", 5, "99999.99", "800000.00", 1.0, {"WARNING": 1}, acme_worst)
    assert second[0][0] == row("acme", 5, "99999.99", "800000.00", 1.0, {"WARNING": 1, "URGENT": 1}, acme_worst)
    assert first[0][1] == second[0][1] == kept[1]


async def test_what_people_do_with_alerts_counts_at_once(watched: Watched) -> None:
    await watched.set_rule()
    await watched.record(reported(1, 600_000), reported(1, 600_000, company="beta"))
    await watched.runtime.board.refresh()
    one, other = await watched.alerts()

    async def counted() -> list[list[Json]]:
        return [row["bySeverity"] for row in (await agree(watched))[0]]

    two, nothing = [{"severity": "URGENT", "count": 1}], list[Json]()
    assert await counted() == [two, two]
    await done(watched.analyst, "acknowledgeAlert", one["id"])
    assert await counted() == [two, two]
    await done(watched.analyst, "resolveAlert", other["id"], reason="looked into it")
    assert not await is_kept(watched)
    assert sorted(await counted(), key=len) == [nothing, two]
    await watched.evaluate()
    await watched.runtime.board.refresh()
    assert await is_kept(watched)
    assert sorted(await counted(), key=len) == [nothing, two]


async def test_alerts_of_a_paused_rule_are_left_out(watched: Watched) -> None:
    rule = await watched.set_rule()
    await watched.report(1, 600_000)
    await watched.runtime.board.refresh()
    assert (await summary(watched))[0]["bySeverity"] == [{"severity": "URGENT", "count": 1}]
    await watched.update(rule["id"], enabled=False)
    assert [row["bySeverity"] for row in (await agree(watched))[0]] == [[]]
    await watched.evaluate()
    await watched.runtime.board.refresh()
    assert await is_kept(watched)
    assert [row["bySeverity"] for row in (await agree(watched))[0]] == [[]]


async def test_a_period_is_known_by_its_days(watched: Watched) -> None:
    await lived(watched)
    assert [row["key"] for row in await summary(watched, "PERIOD")] == ["2007-01-01/2007-03-31", JANUARY, FEBRUARY]


async def test_huge_figures_are_summed_to_the_cent(watched: Watched) -> None:
    nines = "9" * 38
    await watched.record(
        planned(nines, nines, 1_000_000, metric="EBITDA"),
        reported(1, f"-{nines}", metric="EBITDA"),
        reported(2, f"-{nines}", metric="EBITDA"),
        reported(3, "1000000.994999", metric="EBITDA"),
    )
    assert (await summary(watched))[0] == row(
        "acme", 3, "0.99", f"{4 * (10**38 - 1)}.00", 1.0, {},
        worst("acme", "EBITDA", "2150-01-01", f"-{2 * (10**38 - 1)}", "-200.000000"),
    )  # fmt: skip
    await watched.runtime.board.refresh()
    assert await is_kept(watched)
    await agree(watched)


POLICIES: list[tuple[Json, str]] = [
    ({"forecastPolicy": "LATEST_AT_EFFECTIVE_DATE"}, "250000.00"),
    ({"forecastPolicy": "BUDGET_LOCK"}, "150000.00"),
    ({"forecastPolicy": "ORIGINAL_UNDERWRITE"}, "50000.00"),
    ({"includeBackdated": True}, "150000.00"),
    ({"includeBackdated": False}, "0.00"),
    ({"forecastPolicy": None, "includeBackdated": None}, "0.00"),
    ({"by": None}, "0.00"),
]


@pytest_asyncio.fixture(scope="module")
async def replanned(watch: MakeWatched) -> Watched:
    """A fund with one period planned again and again, all of it recorded long after."""
    watched = await watch()
    period = {"periodStart": "2007-07-01", "periodEnd": "2007-09-30"}
    await watched.record(
        *[
            event(
                "forecastCreated", made, companyId="acme", metricType="REVENUE", kind=kind,
                periods=[{"start": "2007-07-01", "end": "2007-09-30", "projectedValue": figure}],
            )
            for made, kind, figure in (
                ("2006-03-01", "UNDERWRITE", "200000"),
                ("2007-01-01", "BUDGET", "300000"),
                ("2007-09-30", "REFORECAST", "400000"),
            )
        ],
        event("actualRecorded", companyId="acme", metricType="REVENUE", value="150000", **period),
    )  # fmt: skip
    return watched


@pytest.mark.parametrize(("settings", "unfavourable"), POLICIES)
async def test_each_policy_has_its_own_sums(replanned: Watched, settings: Json, unfavourable: str) -> None:
    await replanned.runtime.board.refresh()
    (acme,) = await summary(replanned, **settings)
    assert (acme["figures"], acme["unfavourable"]) == (1, unfavourable)


async def test_null_for_the_grouping_is_by_company(replanned: Watched) -> None:
    data = await replanned.viewer.data(SUMMARY, id=replanned.id, groupBy=None)
    assert [row["key"] for row in data["varianceSummary"]] == ["acme"]


async def test_without_any_figure_there_is_no_row(watched: Watched) -> None:
    await watched.runtime.board.refresh()
    assert [await summary(watched, by) for by in GROUPINGS] == [[], [], []]


async def test_as_known_before_a_restatement_it_is_as_it_was(watched: Watched) -> None:
    await watched.set_rule()
    first = await watched.report(1, 600_000)
    known = await watched.moment()
    before = await summary(watched)
    await watched.report(1, 1_000_000, restates=first)
    assert before == [
        row("acme", 1, "0.00", "400000.00", 1.0, {"URGENT": 1},
            worst("acme", "REVENUE", "2150-01-01", "-400000", "-40.000000"))
    ]  # fmt: skip
    assert await summary(watched) == [row("acme", 1, "0.00", "0.00", 1.0, {})]
    assert await summary(watched, knownAt=known) == before
    assert await summary(watched, at=known) == [
        row("acme", 1, "0.00", "400000.00", 1.0, {"URGENT": 1}, before[0]["worst"])
    ]


async def test_what_will_be_known_later_cant_be_told(replanned: Watched) -> None:
    assert await replanned.viewer.code(SUMMARY, id=replanned.id, knownAt="2150-01-01T00:00:00Z") == "BAD_USER_INPUT"


@pytest.mark.parametrize("asked", [{"groupBy": "STAGE"}, {"forecastPolicy": "BEST"}, {"includeBackdated": "yes"}])
async def test_what_is_no_value_of_its_argument_is_bad_input(replanned: Watched, asked: Json) -> None:
    assert await replanned.viewer.code(SUMMARY, id=replanned.id, **asked) == "BAD_USER_INPUT"


@pytest.mark.parametrize("role", list(Role))
async def test_everyone_with_a_part_in_the_fund_sees_it(replanned: Watched, caller: MakeCaller, role: Role) -> None:
    someone = await caller(role, replanned.fund.uuid)
    assert [row["key"] for row in await summary(replanned, caller=someone)] == ["acme"]


async def test_a_stranger_cant_tell_a_foreign_fund_from_none(replanned: Watched, stranger: Caller) -> None:
    for id in (replanned.id, ABSENT, "garbage", "", "\0"):
        error = await stranger.error(SUMMARY, id=id)
        assert error["message"] == "No such fund."
        assert (error["extensions"]["code"], error["extensions"]["argument"]) == ("NOT_FOUND", ["fundId"])


async def test_without_a_token_nobody_sees_it(replanned: Watched) -> None:
    assert await Caller(replanned.viewer.http).code(SUMMARY, id=replanned.id) == "UNAUTHENTICATED"
