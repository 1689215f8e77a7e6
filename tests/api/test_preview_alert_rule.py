"""Trying a rule before it is set: what it would have done lately, as advice; nothing is stored."""

import pytest
import pytest_asyncio

from infra.people import Role
from tests.api.asking import Caller, Json
from tests.api.conftest import MakeCaller, MakeWatched
from tests.api.watching import Watched, planned, reported

PREVIEW = """
query ($input: AlertRuleInput!) {
  previewAlertRule(input: $input) {
    periods figures breaches alerts alertsPerMonth advice
    examples { company { companyId } metricType periodStart variancePercent }
    errors { code message path }
  }
}
"""
ABSENT = "00000000-0000-4000-8000-000000000000"
FIGURES = (1_000_000, 600_000, 700_000, 1_000_000, 1_200_000, 850_000, 1_000_000, 650_000, 940_000, 990_000)
"""Acme's revenue from January to October; a million was planned for each."""
ACME = (("2150-08-01", "-35.000000"), ("2150-06-01", "-15.000000"), ("2150-03-01", "-30.000000"))


@pytest_asyncio.fixture(scope="module")
async def lived(watch: MakeWatched) -> Watched:
    """A watched fund whose companies have reported."""
    watched = await watch()
    for number, figure in enumerate(FIGURES, start=1):
        await watched.record(reported(number, figure))
    await watched.record(
        planned(100_000, 0, metric="CASH_BURN", company="beta"),
        reported(1, 1_300_000, company="beta"),
        reported(1, 130_000, company="beta", metric="CASH_BURN"),
        reported(2, 60_000, company="beta", metric="CASH_BURN"),
        reported(3, 1, company="beta", metric="ARR"),
    )
    return watched


async def preview(watched: Watched, caller: Caller | None = None, **changes: object) -> Json:
    data = await (caller or watched.viewer).data(PREVIEW, input=watched.rule(**changes))
    found: Json = data["previewAlertRule"]
    return found


def examples(found: Json) -> list[tuple[str, str]]:
    return [(one["periodStart"], one["variancePercent"]) for one in found["examples"]]


async def test_the_newest_eight_periods_of_each_company_are_replayed(lived: Watched) -> None:
    found = await preview(lived)
    # Acme from March to October, and January of Beta's; 304 days by 30.44 a month.
    assert (found["periods"], found["figures"], found["breaches"], found["alerts"]) == (9, 9, 3, 3)
    assert found["alertsPerMonth"] == 3 / (304 / 30.44)
    assert found["advice"] == "This rule would fire on 33% of 9 figures and raise an alert every 3 months."
    assert found["examples"][0] == {
        "company": {"companyId": "acme"},
        "metricType": "REVENUE",
        "periodStart": "2150-08-01",
        "variancePercent": "-35.000000",
    }
    assert examples(found) == list(ACME)
    assert found["errors"] == []


async def test_it_stores_nothing(lived: Watched) -> None:
    before = await lived.version()
    await preview(lived)
    assert (await lived.version(), await lived.rules(), await lived.alerts()) == (before, [], [])


async def test_of_a_rule_that_fires_on_most_figures_its_advice_says_so(lived: Watched) -> None:
    ladder = [{"severity": "INFO", "percent": "0.5"}]
    found = await preview(lived, ladder=ladder, direction="BOTH", companyIds=["acme"])
    assert (found["figures"], found["breaches"]) == (8, 6)
    assert found["advice"] == "This rule cries wolf: it would fire on 75% of 8 figures. Raise its thresholds."


async def test_half_of_the_figures_is_too_often_and_less_is_not(lived: Watched) -> None:
    half = await preview(lived, companyIds=["acme"], ladder=[{"severity": "INFO", "percent": "5.99"}])
    assert (half["figures"], half["breaches"]) == (8, 4)
    assert half["advice"] == "This rule cries wolf: it would fire on 50% of 8 figures. Raise its thresholds."
    less = await preview(lived, companyIds=["acme"], ladder=[{"severity": "INFO", "percent": "6.01"}])
    assert less["advice"] == "This rule would fire on 38% of 8 figures and raise an alert every 3 months."


async def test_one_long_breach_is_one_alert(lived: Watched) -> None:
    # It ends only below a hundredth of 1%, which nothing but a figure as planned is.
    found = await preview(lived, ladder=[{"severity": "INFO", "percent": "1"}], companyIds=["acme"], clearAt="0.01")
    assert (found["breaches"], found["alerts"]) == (5, 3)
    assert examples(found) == list(ACME)


async def test_a_rule_that_asks_for_two_breaches_of_three_alerts_at_the_second(lived: Watched) -> None:
    found = await preview(lived, companyIds=["acme"], persistence=2, persistenceWindow=3)
    assert (found["breaches"], found["alerts"]) == (3, 1)
    assert examples(found) == [("2150-08-01", "-35.000000")]


async def test_a_rule_that_finds_nothing_would_have_been_silent(lived: Watched) -> None:
    found = await preview(lived, ladder=[{"severity": "URGENT", "percent": "90"}])
    assert found == {
        "periods": 9,
        "figures": 9,
        "breaches": 0,
        "alerts": 0,
        "alertsPerMonth": 0.0,
        "advice": "This rule would have been silent over 9 figures.",
        "examples": [],
        "errors": [],
    }
    one = await preview(lived, ladder=[{"severity": "URGENT", "percent": "90"}], companyIds=["beta"])
    assert one["advice"] == "This rule would have been silent over 1 figure."


@pytest.mark.parametrize("scope", [{"metrics": ["EBITDA"]}, {"metrics": ["ARR"]}, {"stages": ["Series Z"]}])
async def test_a_rule_with_nothing_to_compare_says_why_it_would_have_been_silent(lived: Watched, scope: Json) -> None:
    found = await preview(lived, **scope)
    assert (found["periods"], found["figures"], found["alerts"], found["alertsPerMonth"]) == (0, 0, 0, 0.0)
    sentence = "No figure in this rule's scope could be compared: it would have been silent for want of forecasts."
    assert found["advice"] == sentence


async def test_the_metrics_own_sense_of_better_and_the_smallest_base_count(lived: Watched) -> None:
    burn = await preview(lived, metrics=["CASH_BURN"], ladder=[{"severity": "INFO", "percent": "30"}])
    assert (burn["figures"], burn["breaches"], examples(burn)) == (2, 1, [("2150-01-01", "30.000000")])
    # Without a percentage the absolute leg decides alone.
    both = [{"severity": "INFO", "percent": "99", "absolute": "60000"}]
    burn = await preview(lived, metrics=["CASH_BURN"], ladder=both)
    assert [(one["periodStart"], one["variancePercent"]) for one in burn["examples"]] == [("2150-02-01", None)]
    upside = await preview(lived, direction="FAVOURABLE")
    assert examples(upside) == [("2150-05-01", "20.000000"), ("2150-01-01", "30.000000")]


async def test_stages_and_companies_are_its_scope(lived: Watched) -> None:
    by_stage = await preview(lived, stages=["Series A"])
    by_company = await preview(lived, companyIds=["beta"])
    assert by_stage == by_company
    assert by_stage["figures"] == 1


async def test_null_is_as_if_left_out(lived: Watched) -> None:
    defaulted = (
        "companyIds", "stages", "direction", "combine", "persistence", "persistenceWindow", "clearAt",
        "forecastPolicy", "includeBackdated", "channels", "cooldownMinutes", "enabled",
    )  # fmt: skip
    assert await preview(lived, **dict.fromkeys(defaulted)) == await preview(lived)


async def test_neither_a_name_taken_nor_a_channel_still_to_be_set_keeps_one_from_trying(watched: Watched) -> None:
    await watched.set_rule()
    found = await preview(watched, channels=["EMAIL", "SLACK", "WEBHOOK"])
    assert found["errors"] == []


REFUSED: list[tuple[Json, str, str]] = [
    ({"name": ""}, "INVALID", "name"),
    ({"metrics": []}, "INVALID", "metrics"),
    ({"ladder": []}, "INVALID", "ladder"),
    (
        {"ladder": [{"severity": "URGENT", "percent": "1"}, {"severity": "INFO", "percent": "2"}]},
        "INVALID",
        "ladder 1 severity",
    ),
    ({"ladder": [{"severity": "INFO"}]}, "INVALID", "ladder 0"),
    ({"ladder": [{"severity": "INFO", "percent": "0"}]}, "INVALID", "ladder 0 percent"),
    ({"companyIds": []}, "INVALID", "companyIds"),
    ({"companyIds": ["acme", "nobody"]}, "NOT_FOUND", "companyIds 1"),
    ({"companyIds": ["\0"]}, "INVALID", "companyIds 0"),
    ({"stages": [""]}, "INVALID", "stages 0"),
    ({"metrics": ["HEADCOUNT"]}, "INVALID", "direction"),
    ({"persistence": 2}, "INVALID", "persistence"),
    ({"persistenceWindow": 25}, "INVALID", "persistenceWindow"),
    ({"clearAt": "0"}, "INVALID", "clearAt"),
    ({"channels": []}, "INVALID", "channels"),
    ({"cooldownMinutes": -1}, "INVALID", "cooldownMinutes"),
    ({"fundId": ABSENT}, "NOT_FOUND", "fundId"),
    ({"fundId": "garbage"}, "NOT_FOUND", "fundId"),
]


@pytest.mark.parametrize(("changes", "code", "path"), REFUSED)
async def test_a_rule_that_cant_be_is_refused_with_its_reason_as_advice(
    lived: Watched, changes: Json, code: str, path: str
) -> None:
    found = await preview(lived, **changes)
    (error,) = found.pop("errors")
    assert (error["code"], error["path"]) == (code, path.split())
    nothing = {"periods": 0, "figures": 0, "breaches": 0, "alerts": 0, "alertsPerMonth": 0.0, "examples": []}
    assert found == {**nothing, "advice": error["message"]}


@pytest.mark.parametrize("role", list(Role))
async def test_everyone_with_a_part_in_the_fund_may_try(lived: Watched, caller: MakeCaller, role: Role) -> None:
    someone = await caller(role, lived.fund.uuid)
    assert (await preview(lived, someone))["figures"] == 9


async def test_a_stranger_cant_tell_a_foreign_fund_from_none(lived: Watched, stranger: Caller) -> None:
    foreign = await preview(lived, stranger)
    assert foreign == await preview(lived, stranger, fundId=ABSENT)
    assert foreign["errors"] == [{"code": "NOT_FOUND", "message": "No such fund.", "path": ["fundId"]}]


async def test_without_a_token_nobody_may_try(lived: Watched) -> None:
    assert await Caller(lived.viewer.http).code(PREVIEW, input=lived.rule()) == "UNAUTHENTICATED"
