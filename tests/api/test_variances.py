"""Variances: what companies reported against the forecasts in force then, listed in pages, now and as of any moment."""

from base64 import urlsafe_b64encode

import pytest
import pytest_asyncio

from infra.people import Role
from tests.api.asking import Caller, Json, event, refusals
from tests.api.conftest import MakeCaller, MakeWatched
from tests.api.watching import Watched, planned, reported

VARIANCE = """
fragment Variance on Variance {
  company { companyId } metricType periodStart periodEnd forecast actual variance variancePercent favourable status
  flags forecastVersion actualVersion
}
"""
VARIANCES = (
    VARIANCE
    + """
query ($id: ID!, $at: DateTime, $knownAt: DateTime, $filter: VarianceFilter, $first: Int, $after: String) {
  variances(fundId: $id, at: $at, knownAt: $knownAt, filter: $filter, first: $first, after: $after) {
    edges { cursor node { periodStart } }
    nodes { ...Variance }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""
)
STATE = (
    VARIANCE
    + """
query ($id: ID!, $at: DateTime, $knownAt: DateTime, $filter: VarianceFilter) {
  fund(id: $id, at: $at, knownAt: $knownAt) { variances(filter: $filter) { ...Variance } }
}
"""
)
ABSENT = "00000000-0000-4000-8000-000000000000"
SETTINGS = {"forecastPolicy": None, "includeBackdated": None}


async def paged(watched: Watched, **asked: object) -> Json:
    page: Json = (await watched.viewer.data(VARIANCES, id=watched.id, **asked))["variances"]
    assert [edge["node"]["periodStart"] for edge in page["edges"]] == [node["periodStart"] for node in page["nodes"]]
    ends = (page["edges"][0]["cursor"], page["edges"][-1]["cursor"]) if page["edges"] else (None, None)
    assert (page["pageInfo"]["startCursor"], page["pageInfo"]["endCursor"]) == ends
    return page


async def listed(watched: Watched, **chosen: object) -> list[Json]:
    page = await paged(watched, first=200, filter=chosen or None)
    nodes: list[Json] = page["nodes"]
    # A state's list is the same, whole.
    data = await watched.viewer.data(STATE, id=watched.id, filter=chosen or None)
    assert data["fund"]["variances"] == nodes
    return nodes


def places(nodes: list[Json]) -> list[tuple[str, str, str]]:
    return [(node["company"]["companyId"], node["metricType"], node["periodStart"]) for node in nodes]


# Arithmetic.

DIGITS = "9" * 38
TINY = f"0.{'0' * 36}1"
# Metric, plan and report; variance, percent, whether it is favourable, and what is particular.
WORKED: list[tuple[str, str, str, str, str | None, bool | None, list[str]]] = [
    ("REVENUE", "1000000", "800000", "-200000", "-20.000000", False, []),
    ("REVENUE", "-500000", "-300000", "200000", "40.000000", True, []),
    ("CASH_BURN", "1000000", "1300000", "300000", "30.000000", False, []),
    ("CASH_BURN", "1000000", "700000.50", "-299999.50", "-29.999950", True, []),
    ("REVENUE", "0", "-60000", "-60000", None, False, []),
    ("REVENUE", "9999.99", "0", "-9999.99", None, False, []),
    ("REVENUE", "-9999.99", "10000", "19999.99", None, True, ["SIGN_CROSS"]),
    ("REVENUE", "10000", "9000", "-1000", "-10.000000", False, []),
    ("REVENUE", "-10000", "9000", "19000", "190.000000", True, ["SIGN_CROSS"]),
    ("REVENUE", TINY, "10", f"9.{'9' * 37}", None, True, []),
    ("REVENUE", DIGITS, f"-{DIGITS}", f"-1{'9' * 37}8", "-200.000000", False, ["SIGN_CROSS"]),
    ("REVENUE", "10000", DIGITS, f"{'9' * 33}89999", f"{'9' * 33}899.990000", True, []),
    # Too little for six decimals; its sign is left.
    ("REVENUE", DIGITS, DIGITS[:-1] + "8", "-1", "0.000000", False, []),
    ("EBITDA", "-100000", "50000", "150000", "150.000000", True, ["SIGN_CROSS"]),
    ("ARR", "3000000", "1", "-2999999", "-99.999967", False, []),
    ("ARR", "3000000", "3000000.00", "0.00", "0.000000", None, []),
    ("VALUATION", "20000000", "20000000.3", "0.3", "0.000002", True, []),
    ("CASH", "0", "0", "0", None, None, []),
    ("GROSS_MARGIN", "60", "55", "-5", "-8.333333", False, []),
    ("GROSS_MARGIN", "0.999", "10", "9.001", None, True, []),
    ("CHURN", "2", "3", "1", "50.000000", False, []),
    ("CHURN", "-1", "-2", "-1", "-100.000000", True, []),
    ("RUNWAY_MONTHS", "12", "9.5", "-2.5", "-20.833333", False, []),
    ("HEADCOUNT", "100", "80", "-20", "-20.000000", None, []),
]


@pytest_asyncio.fixture(scope="module")
async def worked(watch: MakeWatched) -> Watched:
    """A fund with a company for each worked example."""
    watched = await watch()
    facts = []
    for place, (metric, plan, report, *_) in enumerate(WORKED):
        company = f"{place:02d}"
        facts += [
            event("companyAdded", companyId=company, name=company),
            planned(plan, company=company, metric=metric),
            reported(1, report, company=company, metric=metric),
        ]
    await watched.analyst.recorded(watched.id, *facts)
    return watched


@pytest.mark.parametrize("place", range(len(WORKED)), ids=[f"{place} {row[0]}" for place, row in enumerate(WORKED)])
async def test_a_variance_is_exact_to_the_last_digit(worked: Watched, place: int) -> None:
    metric, plan, report, variance, percent, favourable, flags = WORKED[place]
    (found,) = await listed(worked, companyIds=[f"{place:02d}"])
    assert found == {
        "company": {"companyId": f"{place:02d}"},
        "metricType": metric,
        "periodStart": "2150-01-01",
        "periodEnd": "2150-01-31",
        "forecast": plan,
        "actual": report,
        "variance": variance,
        "variancePercent": percent,
        "favourable": favourable,
        "status": "BASE_TOO_SMALL" if percent is None else "OK",
        "flags": flags,
        "forecastVersion": 7 + 3 * place,
        "actualVersion": 8 + 3 * place,
    }


# What stands against what.


async def test_without_any_forecast_of_the_period_a_report_is_listed_and_not_compared(watched: Watched) -> None:
    version = await watched.report(1, 5, metric="EBITDA")
    (found,) = await listed(watched)
    assert (found["status"], found["actual"], found["actualVersion"]) == ("NO_FORECAST", "5", version)
    nothing = ("forecast", "variance", "variancePercent", "favourable", "forecastVersion")
    assert [found[name] for name in nothing] == [None] * 5


async def test_a_flow_is_held_against_the_sum_of_its_parts_and_only_if_all_are_there(watched: Watched) -> None:
    quarter = {"periodStart": "2150-01-01", "periodEnd": "2150-03-31"}
    report = event("actualRecorded", companyId="acme", metricType="REVENUE", value="2700000", **quarter)
    await watched.record(report)
    (found,) = await listed(watched)
    assert (found["forecast"], found["variance"], found["variancePercent"]) == ("3000000", "-300000", "-10.000000")
    await watched.record(
        planned(100, 100, metric="EBITDA"),
        event("actualRecorded", companyId="acme", metricType="EBITDA", value="1", **quarter),
    )
    (incomplete,) = await listed(watched, metrics=["EBITDA"])
    assert (incomplete["status"], incomplete["forecast"], incomplete["actual"]) == ("FORECAST_INCOMPLETE", None, "1")


async def test_the_newest_forecast_made_in_time_counts_and_a_later_one_cant_hide_a_miss(watched: Watched) -> None:
    # The running month's plan could still be settled; that of a month long gone could not.
    late = event(
        "forecastCreated", "2006-03-01", companyId="acme", metricType="REVENUE", kind="BUDGET",
        periods=[{"start": "2007-01-01", "end": "2007-01-31", "projectedValue": "1000000"}],
    )  # fmt: skip
    gone = {"periodStart": "2007-01-01", "periodEnd": "2007-01-31"}
    await watched.record(
        planned(2_000_000, kind="REFORECAST"),
        late,
        event("actualRecorded", companyId="acme", metricType="REVENUE", value="900000", **gone),
    )
    await watched.report(1, 900_000)
    old, new = await listed(watched)
    assert (old["status"], old["flags"]) == ("NO_FORECAST", ["BACKDATED_IGNORED", "BACKFILL", "LATE"])
    assert (new["forecast"], new["variancePercent"], new["flags"]) == ("2000000", "-55.000000", [])


POLICIES = [
    ({}, ("NO_FORECAST", None, ["BACKDATED_IGNORED", "BACKFILL", "LATE"])),
    (SETTINGS, ("NO_FORECAST", None, ["BACKDATED_IGNORED", "BACKFILL", "LATE"])),
    ({"forecastPolicy": "LATEST_AT_PERIOD_START"}, ("NO_FORECAST", None, ["BACKDATED_IGNORED", "BACKFILL", "LATE"])),
    ({"includeBackdated": True}, ("OK", "200000", ["BACKDATED", "BACKFILL", "LATE"])),
    ({"forecastPolicy": "LATEST_AT_EFFECTIVE_DATE"}, ("OK", "300000", ["BACKDATED", "BACKFILL", "LATE"])),
    ({"forecastPolicy": "BUDGET_LOCK"}, ("OK", "100000", ["BACKDATED", "BACKFILL", "LATE"])),
    ({"forecastPolicy": "ORIGINAL_UNDERWRITE"}, ("OK", "50000", ["BACKDATED", "BACKFILL", "LATE"])),
]


@pytest_asyncio.fixture(scope="module")
async def replanned(watch: MakeWatched) -> Watched:
    """A fund with one period planned again and again, all of it recorded long after."""
    watched = await watch()
    facts = [
        event(
            "forecastCreated", made, companyId="acme", metricType="REVENUE", kind=kind,
            periods=[{"start": "2007-07-01", "end": "2007-09-30", "projectedValue": figure}],
        )
        for made, kind, figure in (
            ("2006-03-01", "UNDERWRITE", "50000"),
            ("2007-01-01", "BUDGET", "100000"),
            ("2007-07-05", "REFORECAST", "200000"),
            ("2007-09-30", "REFORECAST", "300000"),
            ("2007-10-01", "REFORECAST", "400000"),
        )
    ]  # fmt: skip
    period = {"periodStart": "2007-07-01", "periodEnd": "2007-09-30"}
    report = event("actualRecorded", companyId="acme", metricType="REVENUE", value="150000", **period)
    await watched.record(*facts, report)
    return watched


@pytest.mark.parametrize(("settings", "expected"), POLICIES)
async def test_each_policy_holds_it_against_its_own_forecast(
    replanned: Watched, settings: Json, expected: tuple[str, str | None, list[str]]
) -> None:
    found = (await listed(replanned, **settings))[0]
    assert (found["status"], found["forecast"], found["flags"]) == expected


async def test_what_is_overdue_is_listed_without_a_figure(watched: Watched) -> None:
    gone = [
        {"start": f"2007-{number:02d}-01", "end": f"2007-{number:02d}-28", "projectedValue": "20000"}
        for number in (1, 2)
    ]
    await watched.record(event("forecastCreated", "2006-03-01", companyId="beta", metricType="EBITDA", periods=gone))
    # By the default policy nothing was planned in time, so nothing is missed.
    assert await listed(watched) == []
    overdue = await listed(watched, includeBackdated=True)
    assert [(one["status"], one["periodStart"], one["forecast"], one["flags"]) for one in overdue] == [
        ("MISSING_ACTUAL", "2007-01-01", "20000", ["BACKDATED"]),
        ("MISSING_ACTUAL", "2007-02-01", "20000", ["BACKDATED"]),
    ]
    nothing = ("actual", "variance", "variancePercent", "favourable", "actualVersion")
    assert [overdue[0][name] for name in nothing] == [None] * 5


async def test_of_two_reports_of_one_period_the_newest_counts_and_is_listed_once(watched: Watched) -> None:
    await watched.report(1, 900_000)
    again = await watched.report(1, 900_000)
    (found,) = await listed(watched)
    assert (found["actual"], found["actualVersion"], found["flags"]) == ("900000", again, [])


async def test_a_restated_report_takes_the_place_of_the_one_before_it_from_when_it_was_known(watched: Watched) -> None:
    first = await watched.report(1, 600_000)
    known = await watched.moment(first)
    second = await watched.report(1, 990_000, restates=first)
    (now,) = await listed(watched)
    assert (now["actual"], now["actualVersion"], now["flags"]) == ("990000", second, ["RESTATED"])
    (then,) = (await paged(watched, knownAt=known))["nodes"]
    assert (then["actual"], then["actualVersion"], then["flags"]) == ("600000", first, [])


async def test_without_its_forecast_a_report_can_no_longer_be_compared(watched: Watched) -> None:
    await watched.report(1, 600_000)
    assert [one["status"] for one in await listed(watched)] == ["OK"]
    await watched.record(event("eventVoided", version=4, reason="the plan of another company"))
    assert [one["status"] for one in await listed(watched)] == ["NO_FORECAST"]


async def test_a_voided_report_is_listed_no_more(watched: Watched) -> None:
    version = await watched.report(1, 600_000)
    await watched.record(event("eventVoided", version=version, reason="typed wrong"))
    assert await listed(watched) == []


NO_FIGURES = ["NaN", "Infinity", "-Infinity", "1e6", "1_000", "1,000", "n/a", "", " 1", "９", DIGITS + "0", 1_000, None]


@pytest.mark.parametrize("figure", NO_FIGURES)
async def test_a_figure_that_isnt_a_number_is_bad_input_and_not_recorded(worked: Watched, figure: object) -> None:
    before = await worked.version()
    body = reported(2, 0, company="00")
    body["event"]["actualRecorded"]["value"] = figure
    plan = planned(0, company="00", first=2)
    plan["event"]["forecastCreated"]["periods"][0]["projectedValue"] = figure
    for fact in (body, plan):
        record = "mutation ($input: RecordEventsInput!) { recordEvents(input: $input) { state { version } } }"
        given = {"fundId": worked.id, "events": [fact]}
        assert await worked.analyst.code(record, input=given) == "BAD_USER_INPUT"
    assert await worked.version() == before


def forecast(*periods: tuple[str, str]) -> Json:
    spread = [{"start": start, "end": end, "projectedValue": "1"} for start, end in periods]
    return event("forecastCreated", companyId="00", metricType="EBITDA", periods=spread)


NO_PERIODS = [
    (forecast(("2150-01-01", "2150-02-01"), ("2150-02-01", "2150-02-28")), ["periods", "1", "start"]),
    (forecast(("2150-02-01", "2150-02-28"), ("2150-01-01", "2150-12-31")), ["periods", "0", "start"]),
    (forecast(("2150-02-01", "2150-01-31")), ["periods", "0", "end"]),
    (
        event(
            "actualRecorded", companyId="00", metricType="EBITDA", value="1",
            periodStart="2150-02-01", periodEnd="2150-01-31",
        ),
        ["periodEnd"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("fact", "path"), NO_PERIODS)
async def test_periods_that_overlap_or_run_backwards_are_refused_and_not_recorded(
    worked: Watched, fact: Json, path: list[str]
) -> None:
    before = await worked.version()
    assert refusals(await worked.analyst.record(worked.id, fact)) == [("INVALID", ["events", "0", *path])]
    assert await worked.version() == before


# Which.


@pytest_asyncio.fixture(scope="module")
async def lived(watch: MakeWatched) -> Watched:
    """A fund with reports of several companies, metrics and months: 12 variances."""
    watched = await watch()
    await watched.record(
        event("companyAdded", companyId="Ärger", name="Ärger"),
        planned(5_000, 20_000, metric="EBITDA"),
        *[reported(number, 900_000) for number in (1, 2, 3)],
        *[reported(number, 900_000, company="beta") for number in (1, 2, 12)],
        *[reported(number, 6_000, metric="EBITDA") for number in (1, 2, 3)],
        *[reported(number, 1, company="Ärger", metric="CHURN") for number in (1, 2, 3)],
    )
    return watched


JANUARY, FEBRUARY, MARCH, DECEMBER = (f"2150-{number:02d}-01" for number in (1, 2, 3, 12))
WHOLE = [
    ("acme", "EBITDA", JANUARY), ("acme", "EBITDA", FEBRUARY), ("acme", "EBITDA", MARCH),
    ("acme", "REVENUE", JANUARY), ("acme", "REVENUE", FEBRUARY), ("acme", "REVENUE", MARCH),
    ("beta", "REVENUE", JANUARY), ("beta", "REVENUE", FEBRUARY), ("beta", "REVENUE", DECEMBER),
    ("Ärger", "CHURN", JANUARY), ("Ärger", "CHURN", FEBRUARY), ("Ärger", "CHURN", MARCH),
]  # fmt: skip

# A filter, and the places in the whole list that it lets through.
FILTERS: list[tuple[Json, list[int]]] = [
    ({}, list(range(12))),
    (
        dict.fromkeys(
            ("companyIds", "metrics", "statuses", "periodFrom", "periodTo", "forecastPolicy", "includeBackdated")
        ),
        list(range(12)),
    ),
    ({"companyIds": ["beta"]}, [6, 7, 8]),
    ({"companyIds": ["Ärger", "acme", "acme"]}, [0, 1, 2, 3, 4, 5, 9, 10, 11]),
    ({"companyIds": []}, []),
    ({"companyIds": ["nobody", "Acme", "%"]}, []),
    ({"metrics": ["CHURN", "EBITDA"]}, [0, 1, 2, 9, 10, 11]),
    ({"metrics": []}, []),
    ({"statuses": ["OK"]}, [1, 3, 4, 5, 6, 7, 8]),
    ({"statuses": ["BASE_TOO_SMALL"]}, [0]),
    ({"statuses": ["NO_FORECAST", "BASE_TOO_SMALL"]}, [0, 2, 9, 10, 11]),
    ({"statuses": ["MISSING_ACTUAL", "FORECAST_INCOMPLETE"]}, []),
    ({"statuses": []}, []),
    ({"periodFrom": "2150-02-28"}, [1, 2, 4, 5, 7, 8, 10, 11]),
    ({"periodFrom": "2150-03-01"}, [2, 5, 8, 11]),
    ({"periodTo": "2150-02-28"}, [0, 1, 3, 4, 6, 7, 9, 10]),
    ({"periodTo": "2150-02-27"}, [0, 3, 6, 9]),
    ({"periodFrom": "2150-02-28", "periodTo": "2150-02-28"}, [1, 4, 7, 10]),
    ({"periodFrom": "0001-01-01", "periodTo": "9999-12-31"}, list(range(12))),
    ({"companyIds": ["acme"], "metrics": ["REVENUE"], "periodFrom": "2150-03-31"}, [5]),
]


@pytest.mark.parametrize(("chosen", "expected"), FILTERS)
async def test_a_filter_leaves_the_variances_it_names(lived: Watched, chosen: Json, expected: list[int]) -> None:
    assert places(await listed(lived, **chosen)) == [WHOLE[place] for place in expected]


BAD_FILTERS: list[tuple[Json, list[str]]] = [
    ({"companyIds": [""]}, ["filter", "companyIds", "0"]),
    ({"companyIds": ["acme", "\0"]}, ["filter", "companyIds", "1"]),
    ({"companyIds": ["x" * 201]}, ["filter", "companyIds", "0"]),
    ({"companyIds": ["acme"] * 1_001}, ["filter", "companyIds"]),
    ({"periodFrom": "2150-02-02", "periodTo": "2150-02-01"}, ["filter", "periodTo"]),
    ({"periodFrom": "2150-02-30"}, ["filter", "periodFrom"]),
    ({"metrics": ["PROFIT"]}, ["filter", "metrics", "0"]),
    ({"statuses": [None]}, ["filter", "statuses", "0"]),
    ({"forecastPolicy": "WHATEVER"}, ["filter", "forecastPolicy"]),
]


@pytest.mark.parametrize(("chosen", "argument"), BAD_FILTERS)
async def test_a_filter_that_cant_be_is_bad_input(lived: Watched, chosen: Json, argument: list[str]) -> None:
    for query in (VARIANCES, STATE):
        error = await lived.viewer.error(query, id=lived.id, filter=chosen)
        assert (error["extensions"]["code"], error["extensions"]["argument"]) == ("BAD_USER_INPUT", argument)


# Pages.


@pytest.mark.parametrize("size", [1, 5, 11, 12, 13, 200])
@pytest.mark.parametrize("chosen", [None, {"metrics": ["REVENUE", "CHURN"]}])
async def test_following_the_cursors_gives_the_whole_list_once(lived: Watched, size: int, chosen: Json | None) -> None:
    found: list[tuple[str, str, str]] = []
    after = None
    while True:
        page = await paged(lived, first=size, after=after, filter=chosen)
        assert len(page["nodes"]) <= size
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        found += places(page["nodes"])
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert found == [place for place in WHOLE if chosen is None or place[1] in chosen["metrics"]]


async def test_a_page_is_of_100_if_not_said_otherwise_and_may_be_empty(lived: Watched) -> None:
    assert places((await paged(lived, first=None))["nodes"]) == WHOLE
    nothing = await paged(lived, first=0)
    assert (nothing["nodes"], nothing["pageInfo"]["hasNextPage"]) == ([], True)


async def test_pages_go_through_more_companies_than_are_read_together(watched: Watched) -> None:
    keys = [f"company {place:02d}" for place in range(60)]
    await watched.record(
        *[event("companyAdded", companyId=key, name=key) for key in keys],
        *[planned(1_000_000, company=key) for key in keys],
        *[reported(1, 900_000, company=key) for key in keys],
    )
    first = await paged(watched, first=40)
    rest = await paged(watched, first=40, after=first["pageInfo"]["endCursor"])
    assert [node["company"]["companyId"] for node in first["nodes"] + rest["nodes"]] == keys
    assert (first["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"]) == (True, False)


async def test_a_cursor_stays_good_when_facts_are_added(watched: Watched) -> None:
    await watched.record(*[reported(number, 900_000) for number in (2, 4, 6)])
    first = await paged(watched, first=2)
    assert places(first["nodes"]) == [("acme", "REVENUE", FEBRUARY), ("acme", "REVENUE", "2150-04-01")]
    # Before the cursor, after it, and what it points at restated.
    await watched.record(
        reported(1, 900_000), reported(5, 900_000), reported(3, 1, company="beta"),
        reported(4, 1_000_000, restates=7),
    )  # fmt: skip
    rest = await paged(watched, first=200, after=first["pageInfo"]["endCursor"])
    assert places(rest["nodes"]) == [
        ("acme", "REVENUE", "2150-05-01"), ("acme", "REVENUE", "2150-06-01"), ("beta", "REVENUE", MARCH),
    ]  # fmt: skip


async def test_a_cursor_stays_good_when_what_it_points_at_is_gone(watched: Watched) -> None:
    for number in (1, 2, 3):
        await watched.report(number, 900_000)
    first = await paged(watched, first=2)
    await watched.record(event("eventVoided", version=7, reason="typed wrong"))
    rest = await paged(watched, first=2, after=first["pageInfo"]["endCursor"])
    assert places(rest["nodes"]) == [("acme", "REVENUE", MARCH)]


def encoded(*parts: str) -> str:
    return urlsafe_b64encode("\0".join(parts).encode()).decode().rstrip("=")


BAD_CURSORS = [
    "", "x", "====", "💥", "\0", "x" * 100_000, encoded("7"), encoded("acme", "REVENUE"),
    encoded("acme", "REVENUE", "2150-01-01"), encoded("acme", "REVENUE", "soon", "later"),
    encoded("acme", "REVENUE", "2150-01-01", "2150-02-30"), encoded("acme", "REVENUE", "2150-01-01", "2150-01-31", ""),
    encoded("acme", "REVENUE", "2150-01-01", "2150-01-31") + "=",
]  # fmt: skip


async def test_a_cursor_may_point_between_what_there_is(lived: Watched) -> None:
    page = await paged(lived, first=1, after=encoded("beta", "REVENUE", "2150-03-01", "2150-03-31"))
    assert places(page["nodes"]) == [("beta", "REVENUE", DECEMBER)]


@pytest.mark.parametrize("after", BAD_CURSORS, ids=[f"{place}-{one[:24]!r}" for place, one in enumerate(BAD_CURSORS)])
async def test_what_is_no_cursor_of_this_list_is_bad_input(lived: Watched, after: str) -> None:
    error = await lived.viewer.error(VARIANCES, id=lived.id, after=after)
    assert (error["extensions"]["code"], error["extensions"]["argument"]) == ("BAD_USER_INPUT", ["after"])


@pytest.mark.parametrize("first", [-1, 201, 2_147_483_647])
async def test_a_page_of_less_than_nothing_or_more_than_200_is_bad_input(lived: Watched, first: int) -> None:
    error = await lived.viewer.error(VARIANCES, id=lived.id, first=first)
    assert (error["extensions"]["code"], error["extensions"]["argument"]) == ("BAD_USER_INPUT", ["first"])


# Moments.


async def test_at_and_known_at_are_two_moments(watched: Watched) -> None:
    plan = planned(2_000_000, kind="REFORECAST")
    plan["occurredAt"] = "2010-01-01T00:00:00Z"
    report = reported(1, 900_000)
    report["occurredAt"] = "2010-02-01T00:00:00Z"
    await watched.record(plan)
    version = await watched.record(report)
    before, known = await watched.moment(version - 1), await watched.moment(version)

    async def forecasts(**moments: str) -> list[str | None]:
        nodes = (await paged(watched, **moments))["nodes"]
        state = (await watched.viewer.data(STATE, id=watched.id, **moments))["fund"]
        assert state["variances"] == nodes
        return [node["forecast"] for node in nodes]

    # The reforecast is dated before the plan that was recorded first, which therefore counts.
    assert await forecasts() == ["1000000"]
    assert await forecasts(at="2010-02-01T00:00:00Z") == ["2000000"]
    assert await forecasts(at="2010-01-31T23:59:59.999999Z") == []
    assert await forecasts(knownAt=known) == ["1000000"]
    assert await forecasts(knownAt=before) == []
    assert await forecasts(at="2010-02-01T00:00:00Z", knownAt=before) == []
    assert await forecasts(at="2010-02-01T00:00:00Z", knownAt=known) == ["2000000"]


async def test_what_will_be_known_later_cant_be_told(lived: Watched) -> None:
    for query in (VARIANCES, STATE):
        assert await lived.viewer.code(query, id=lived.id, knownAt="2150-01-01T00:00:00Z") == "BAD_USER_INPUT"


async def test_before_the_fund_was_opened_there_is_nothing(lived: Watched) -> None:
    assert (await paged(lived, at="2000-01-01T00:00:00Z"))["nodes"] == []


async def test_overdue_is_what_was_overdue_then(watched: Watched) -> None:
    await watched.record(
        event(
            "forecastCreated", "2006-03-01", companyId="acme", metricType="EBITDA",
            periods=[{"start": "2007-01-01", "end": "2007-01-31", "projectedValue": "20000"}],
        )
    )  # fmt: skip
    chosen = {"includeBackdated": True}
    # Due 30 days after the period's end, and missing after 14 more.
    assert (await paged(watched, at="2007-03-16T23:59:59.999999Z", filter=chosen))["nodes"] == []
    (missing,) = (await paged(watched, at="2007-03-17T00:00:00Z", filter=chosen))["nodes"]
    assert (missing["status"], missing["metricType"]) == ("MISSING_ACTUAL", "EBITDA")


# Who may.


@pytest.mark.parametrize("role", list(Role))
async def test_everyone_with_a_part_in_the_fund_sees_them(lived: Watched, caller: MakeCaller, role: Role) -> None:
    someone = await caller(role, lived.fund.uuid)
    assert places((await someone.data(VARIANCES, id=lived.id))["variances"]["nodes"]) == WHOLE
    assert places((await someone.data(STATE, id=lived.id))["fund"]["variances"]) == WHOLE


async def test_a_stranger_cant_tell_a_foreign_fund_from_none(lived: Watched, stranger: Caller) -> None:
    for id in (lived.id, ABSENT, "garbage", "", "\0"):
        error = await stranger.error(VARIANCES, id=id)
        assert error["message"] == "No such fund."
        assert (error["extensions"]["code"], error["extensions"]["argument"]) == ("NOT_FOUND", ["fundId"])
        assert await stranger.ask(STATE, id=id) == {"data": {"fund": None}}


async def test_without_a_token_nobody_sees_them(lived: Watched) -> None:
    nobody = Caller(lived.viewer.http)
    for query in (VARIANCES, STATE):
        assert await nobody.code(query, id=lived.id) == "UNAUTHENTICATED"
