"""The constrained allocation on figures that the caller gives: known answers, and what can't be."""

import pytest

from tests.api.asking import Caller, Json, refusals

ASKED = """
query ($input: ConstrainedReservesInput!) {
  constrainedReserves(input: $input) {
    allocations { id name stage allocated score } totalAllocated remaining conservationOk errors { code message path }
  }
}
"""


def company(key: str, stage: str = "seed", **changes: object) -> Json:
    return {"id": key, "name": key.capitalize(), "stage": stage, "invested": "500000.00", **changes}


def policy(stage: str = "seed", multiple: str = "2", weight: str = "1") -> Json:
    return {"stage": stage, "reserveMultiple": multiple, "weight": weight}


def problem(**changes: object) -> Json:
    return {
        "availableReserves": "1000000.01",
        "companies": [company("acme"), company("beta", "a"), company("gamma")],
        "stagePolicies": [policy("seed", "3"), policy("a", "2")],
        **changes,
    }


async def answer(caller: Caller, **changes: object) -> Json:
    found: Json = (await caller.data(ASKED, input=problem(**changes)))["constrainedReserves"]
    return found


async def test_the_best_score_goes_first_until_nothing_is_left(stranger: Caller) -> None:
    found = await answer(stranger)
    assert [(one["id"], one["allocated"]) for one in found["allocations"]] == [("acme", "1000000.01")]
    assert (found["totalAllocated"], found["remaining"], found["conservationOk"]) == ("1000000.01", "0.00", True)
    # 3 × 0.5 × 1 / 1.12 ^ 5.
    assert found["allocations"][0]["score"] == pytest.approx(0.8511402838580248)
    assert found["errors"] == []


async def test_caps_by_company_and_stage_and_the_least_cheque_are_kept(stranger: Caller) -> None:
    found = await answer(
        stranger,
        maxPerCompany="400000.00",
        maxPerStage=[{"stage": "seed", "max": "500000.00"}],
        minCheck="150000.00",
    )
    assert [(one["id"], one["allocated"]) for one in found["allocations"]] == [
        ("acme", "400000.00"),
        ("beta", "400000.00"),
    ]
    assert (found["totalAllocated"], found["remaining"]) == ("800000.00", "200000.01")


async def test_chances_and_years_by_stage_change_the_order(stranger: Caller) -> None:
    found = await answer(
        stranger,
        discountRateAnnual="0",
        graduationProb=[{"stage": "a", "probability": "0.9"}],
        graduationYears=[{"stage": "a", "years": "1"}],
    )
    (one,) = found["allocations"]
    assert (one["id"], one["score"]) == ("beta", 1.8)


async def test_null_is_as_if_left_out(stranger: Caller) -> None:
    names = ("minCheck", "maxPerCompany", "maxPerStage", "discountRateAnnual", "graduationYears", "graduationProb")
    assert await answer(stranger, **dict.fromkeys(names)) == await answer(stranger)


@pytest.mark.parametrize("changes", [{"companies": [], "stagePolicies": []}, {"availableReserves": "0.00"}])
async def test_nobody_and_nothing_to_split_are_no_error(stranger: Caller, changes: Json) -> None:
    found = await answer(stranger, **changes)
    assert (found["allocations"], found["totalAllocated"], found["errors"]) == ([], "0.00", [])
    assert found["remaining"] == changes.get("availableReserves", "1000000.01")
    assert found["conservationOk"]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"availableReserves": "-0.01"}, ["availableReserves"]),
        ({"minCheck": "-1.00"}, ["minCheck"]),
        ({"maxPerCompany": "-1.00"}, ["maxPerCompany"]),
        ({"companies": [company("acme"), company("acme")]}, ["companies", "1", "id"]),
        ({"companies": [company("acme", "b")]}, ["companies", "0", "stage"]),
        ({"companies": [company("acme", invested="-1.00")]}, ["companies", "0", "invested"]),
        ({"stagePolicies": [policy(), policy()]}, ["stagePolicies", "1", "stage"]),
        ({"stagePolicies": [policy(multiple="-1"), policy("a")]}, ["stagePolicies", "0", "reserveMultiple"]),
        ({"stagePolicies": [policy(), policy("a", weight="-1")]}, ["stagePolicies", "1", "weight"]),
        ({"maxPerStage": [{"stage": "a", "max": "1"}, {"stage": "a", "max": "2"}]}, ["maxPerStage", "1", "stage"]),
        (
            {"graduationYears": [{"stage": "a", "years": "1"}, {"stage": "a", "years": "2"}]},
            ["graduationYears", "1", "stage"],
        ),
        (
            {"graduationProb": [{"stage": "a", "probability": "1"}, {"stage": "a", "probability": "1"}]},
            ["graduationProb", "1", "stage"],
        ),
    ],
)
async def test_what_cannot_be_is_refused_with_its_path(stranger: Caller, changes: Json, path: list[str]) -> None:
    found = await answer(stranger, **changes)
    assert refusals(found) == [("INVALID", path)]
    assert (found["allocations"], found["totalAllocated"]) == ([], "0.00")


@pytest.mark.parametrize("chance", ["1.01", "-0.1"])
async def test_a_chance_beyond_0_to_1_is_refused(stranger: Caller, chance: str) -> None:
    found = await answer(stranger, graduationProb=[{"stage": "a", "probability": chance}])
    ((code, path),) = refusals(found)
    assert (code, path[0] if path else None) == ("INVALID", "graduationProb")


async def test_money_finer_than_a_cent_is_no_money(stranger: Caller) -> None:
    answer = await stranger.ask(ASKED, input=problem(availableReserves="1.001"))
    assert "errors" in answer


async def test_nobody_unknown_is_answered(stranger: Caller) -> None:
    assert await Caller(stranger.http).code(ASKED, input=problem()) == "UNAUTHENTICATED"
