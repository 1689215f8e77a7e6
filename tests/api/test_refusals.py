"""Facts that can't be: refused as data, with a code and the path of the value, and nothing recorded."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.api.asking import Json, OpenedFund, event, refusals

LONG = "x" * 2_001
FAR_AHEAD = f"{datetime.now(UTC) + timedelta(days=5 * 366 + 1):%Y-%m-%d}"
ACME: Json = {"companyId": "acme"}
NOBODY: Json = {"companyId": "nobody"}
EXITED: Json = {"companyId": "globex"}
WRITTEN_OFF: Json = {"companyId": "initech"}

ROUND: Json = {"stage": "B", "preMoney": "1.00", "roundSize": "1.00"}
QUARTER: Json = {"metricType": "REVENUE", "periodStart": "2010-01-01", "periodEnd": "2010-03-31"}
REPORT: Json = {**ACME, **QUARTER, "value": "1"}
SCENARIO: Json = {"name": "sale", "probability": "0.5", "exitValue": "1.00", "months": "12"}
NEXT: Json = {"stage": "B", "probability": "0.5", "months": "12", "preMoney": "1.00", "roundSize": "1.00"}
DEAL: Json = {**ACME, "exitScenarios": [SCENARIO], "futureRounds": [NEXT]}


def period(start: str, end: str, projected: str = "1") -> Json:
    return {"start": start, "end": end, "projectedValue": projected}


def forecast(*periods: Json) -> Json:
    return {**ACME, "metricType": "ARR", "periods": list(periods)}


def scenario(**changed: object) -> Json:
    return {**DEAL, "exitScenarios": [SCENARIO, {**SCENARIO, "probability": "0", **changed}]}


def next_round(**changed: object) -> Json:
    return {**DEAL, "futureRounds": [NEXT, {**NEXT, **changed}]}


LATER: Json = {
    "name": "later", "graduate": "0", "exit": "0.75", "dilution": "0", "optionPool": "0", "stepUp": "1",
    "exitMultiple": "1.25", "monthsToGraduate": "20", "monthsToExit": "24",
}  # fmt: skip


def model(*stages: Json) -> Json:
    return {"stages": [*stages], "source": "our own companies"}


# Kind, its fields, the code, and the rest of the path below the event's place.
REFUSED: list[tuple[str, Json, str, str]] = [
    ("capitalCalled", {"amount": "0.00"}, "INVALID", "amount"),
    ("capitalCalled", {"amount": "-0.01"}, "INVALID", "amount"),
    ("capitalCalled", {"amount": "41000000.01"}, "INVALID_STATE", "amount"),
    ("capitalCalled", {"amount": "1000000000000000.00"}, "INVALID_STATE", "amount"),
    ("capitalCalled", {"amount": "1.00", "dueOn": "1899-12-31"}, "INVALID", "dueOn"),
    ("capitalCalled", {"amount": "1.00", "dueOn": "2200-01-01"}, "INVALID", "dueOn"),
    ("distributionMade", {"amount": "0.00"}, "INVALID", "amount"),
    ("distributionMade", {"amount": "17450000.01"}, "INVALID_STATE", "amount"),
    ("feeCharged", {"amount": "0.00"}, "INVALID", "amount"),
    ("feeCharged", {"amount": "56450000.01"}, "INVALID_STATE", "amount"),
    ("feeCharged", {"amount": "1.00", "kind": LONG}, "INVALID", "kind"),
    ("feeCharged", {"amount": "1.00", "kind": "a\0b"}, "INVALID", "kind"),
    ("companyAdded", {**ACME, "name": "Acme again"}, "INVALID_STATE", "companyId"),
    ("companyAdded", {"companyId": "", "name": "x"}, "INVALID", "companyId"),
    ("companyAdded", {"companyId": " \t", "name": "x"}, "INVALID", "companyId"),
    ("companyAdded", {"companyId": "x" * 201, "name": "x"}, "INVALID", "companyId"),
    ("companyAdded", {"companyId": "a\0b", "name": "x"}, "INVALID", "companyId"),
    ("companyAdded", {"companyId": "new", "name": ""}, "INVALID", "name"),
    ("companyAdded", {"companyId": "new", "name": "x" * 201}, "INVALID", "name"),
    ("companyAdded", {"companyId": "new", "name": "\0"}, "INVALID", "name"),
    ("companyAdded", {"companyId": "new", "name": "x", "sector": LONG}, "INVALID", "sector"),
    ("companyAdded", {"companyId": "new", "name": "x", "stage": "\0"}, "INVALID", "stage"),
    ("investmentMade", {**NOBODY, "amount": "1.00"}, "NOT_FOUND", "companyId"),
    ("investmentMade", {"companyId": "\0", "amount": "1.00"}, "NOT_FOUND", "companyId"),
    ("investmentMade", {**EXITED, "amount": "1.00"}, "INVALID_STATE", "companyId"),
    ("investmentMade", {**WRITTEN_OFF, "amount": "1.00"}, "INVALID_STATE", "companyId"),
    ("investmentMade", {**ACME, "amount": "0.00"}, "INVALID", "amount"),
    ("investmentMade", {**ACME, "amount": "-1.00"}, "INVALID", "amount"),
    ("investmentMade", {**ACME, "amount": "56450000.01"}, "INVALID_STATE", "amount"),
    (
        "investmentMade",
        {**ACME, "amount": "1.00", "ownershipAfter": "1.000000000000000001"},
        "INVALID",
        "ownershipAfter",
    ),
    ("investmentMade", {**ACME, "amount": "1.00", "ownershipAfter": "-0.1"}, "INVALID", "ownershipAfter"),
    (
        "investmentMade",
        {**ACME, "amount": "1.00", "ownershipAfter": "0.1234567890123456789"},
        "INVALID",
        "ownershipAfter",
    ),
    ("investmentMade", {**ACME, "amount": "1.00", "round": LONG}, "INVALID", "round"),
    ("roundPriced", {**NOBODY, **ROUND}, "NOT_FOUND", "companyId"),
    ("roundPriced", {**WRITTEN_OFF, **ROUND}, "INVALID_STATE", "companyId"),
    ("roundPriced", {**ACME, **ROUND, "stage": ""}, "INVALID", "stage"),
    ("roundPriced", {**ACME, **ROUND, "preMoney": "0.00"}, "INVALID", "preMoney"),
    ("roundPriced", {**ACME, **ROUND, "roundSize": "0.00"}, "INVALID", "roundSize"),
    ("roundPriced", {**ACME, **ROUND, "ownershipAfter": "2"}, "INVALID", "ownershipAfter"),
    ("valuationUpdated", {**NOBODY, "newValue": "1.00"}, "NOT_FOUND", "companyId"),
    ("valuationUpdated", {**EXITED, "newValue": "1.00"}, "INVALID_STATE", "companyId"),
    ("valuationUpdated", {**ACME, "newValue": "-0.01"}, "INVALID", "newValue"),
    ("valuationUpdated", {**ACME, "newValue": "1.00", "fairValue": "-0.01"}, "INVALID", "fairValue"),
    ("valuationUpdated", {**ACME, "newValue": "1.00", "note": LONG}, "INVALID", "note"),
    ("proceedsReceived", {**NOBODY, "amount": "1.00"}, "NOT_FOUND", "companyId"),
    ("proceedsReceived", {**ACME, "amount": "0.00"}, "INVALID", "amount"),
    ("proceedsReceived", {**ACME, "amount": "1.00", "kind": "\0"}, "INVALID", "kind"),
    ("companyStatusChanged", {**NOBODY, "status": "EXITED"}, "NOT_FOUND", "companyId"),
    ("companyStatusChanged", {**ACME, "status": "ACTIVE"}, "INVALID_STATE", "status"),
    ("companyStatusChanged", {**EXITED, "status": "EXITED"}, "INVALID_STATE", "status"),
    ("companyStatusChanged", {**ACME, "status": "EXITED", "note": LONG}, "INVALID", "note"),
    ("reserveAllocated", {**NOBODY, "amount": "1.00"}, "NOT_FOUND", "companyId"),
    ("reserveAllocated", {**EXITED, "amount": "1.00"}, "INVALID_STATE", "companyId"),
    ("reserveAllocated", {**ACME, "amount": "-0.01"}, "INVALID", "amount"),
    ("reserveAllocated", {**ACME, "amount": "1.00", "reason": LONG}, "INVALID", "reason"),
    ("forecastCreated", {**forecast(period("2010-01-01", "2010-12-31")), **NOBODY}, "NOT_FOUND", "companyId"),
    ("forecastCreated", forecast(), "INVALID", "periods"),
    ("forecastCreated", forecast(*[period("2010-01-01", "2010-12-31")] * 401), "INVALID", "periods"),
    ("forecastCreated", forecast(period("2010-02-01", "2010-01-31")), "INVALID", "periods 0 end"),
    ("forecastCreated", forecast(period("1899-12-31", "1900-01-01")), "INVALID", "periods 0 start"),
    ("forecastCreated", forecast(period("2199-01-01", "2200-01-01")), "INVALID", "periods 0 end"),
    ("forecastCreated", forecast(period("2010-01-01", "2020-12-31")), "INVALID", "periods 0 end"),
    (
        "forecastCreated",
        forecast(
            period("2010-04-01", "2010-06-30"), period("2010-01-01", "2010-03-31"), period("2010-06-30", "2010-09-30")
        ),
        "INVALID",
        "periods 2 start",
    ),
    ("actualRecorded", {**REPORT, **NOBODY}, "NOT_FOUND", "companyId"),
    ("actualRecorded", {**REPORT, "periodEnd": "2009-12-31"}, "INVALID", "periodEnd"),
    ("actualRecorded", {**REPORT, "periodStart": "0001-01-01"}, "INVALID", "periodStart"),
    ("actualRecorded", {**REPORT, "periodEnd": "9999-12-31"}, "INVALID", "periodEnd"),
    ("actualRecorded", {**REPORT, "supersedesVersion": 999}, "NOT_FOUND", "supersedesVersion"),
    ("actualRecorded", {**REPORT, "supersedesVersion": 0}, "NOT_FOUND", "supersedesVersion"),
    ("actualRecorded", {**REPORT, "supersedesVersion": -1}, "NOT_FOUND", "supersedesVersion"),
    ("actualRecorded", {**REPORT, "supersedesVersion": 7}, "INVALID", "supersedesVersion"),
    ("actualRecorded", {**REPORT, "supersedesVersion": 20}, "INVALID", "supersedesVersion"),
    ("actualRecorded", {**REPORT, "supersedesVersion": 22}, "INVALID_STATE", "supersedesVersion"),
    ("reserveModelSet", model(), "INVALID", "stages"),
    ("reserveModelSet", {**model(LATER), "source": ""}, "INVALID", "source"),
    ("reserveModelSet", {**model(LATER), "source": "x" * 2_001}, "INVALID", "source"),
    ("reserveModelSet", model({**LATER, "name": ""}), "INVALID", "stages 0 name"),
    ("reserveModelSet", model(LATER, LATER), "INVALID", "stages 1 name"),
    ("reserveModelSet", model({**LATER, "exit": "1.1"}), "INVALID", "stages 0 exit"),
    ("reserveModelSet", model({**LATER, "graduate": "0.1", "dilution": "0.1"}), "INVALID", "stages 0 graduate"),
    ("reserveModelSet", model({**LATER, "optionPool": "1"}), "INVALID", "stages 0 dilution"),
    ("reserveModelSet", model({**LATER, "stepUp": "0"}), "INVALID", "stages 0 stepUp"),
    ("reserveModelSet", model({**LATER, "exitMultiple": "-1"}), "INVALID", "stages 0 exitMultiple"),
    ("reserveModelSet", model({**LATER, "monthsToExit": "601"}), "INVALID", "stages 0 monthsToExit"),
    ("reserveModelSet", model({**LATER, "weight": "-1"}), "INVALID", "stages 0 weight"),
    ("reserveModelSet", {**model(LATER), "monthsSigma": "0"}, "INVALID", "monthsSigma"),
    ("dealForecastCreated", {**DEAL, **NOBODY}, "NOT_FOUND", "companyId"),
    ("dealForecastCreated", {**DEAL, "exitScenarios": []}, "INVALID", "exitScenarios"),
    (
        "dealForecastCreated",
        {**DEAL, "exitScenarios": [{**SCENARIO, "probability": "0.001"}] * 51},
        "INVALID",
        "exitScenarios",
    ),
    ("dealForecastCreated", {**DEAL, "futureRounds": [NEXT] * 21}, "INVALID", "futureRounds"),
    (
        "dealForecastCreated",
        {**DEAL, "exitScenarios": [{**SCENARIO, "probability": "0.500000000000000001"}]},
        "INVALID",
        "exitScenarios",
    ),
    ("dealForecastCreated", scenario(name=""), "INVALID", "exitScenarios 1 name"),
    ("dealForecastCreated", scenario(probability="1.1"), "INVALID", "exitScenarios 1 probability"),
    ("dealForecastCreated", scenario(probability="-0.1"), "INVALID", "exitScenarios 1 probability"),
    ("dealForecastCreated", scenario(exitValue="-0.01"), "INVALID", "exitScenarios 1 exitValue"),
    ("dealForecastCreated", scenario(months="-1"), "INVALID", "exitScenarios 1 months"),
    ("dealForecastCreated", scenario(months="600.1"), "INVALID", "exitScenarios 1 months"),
    ("dealForecastCreated", scenario(sigma="-0.1"), "INVALID", "exitScenarios 1 sigma"),
    ("dealForecastCreated", scenario(afterRound=2), "INVALID", "exitScenarios 1 afterRound"),
    ("dealForecastCreated", scenario(afterRound=-1), "INVALID", "exitScenarios 1 afterRound"),
    ("dealForecastCreated", next_round(stage=" "), "INVALID", "futureRounds 1 stage"),
    ("dealForecastCreated", next_round(probability="2"), "INVALID", "futureRounds 1 probability"),
    ("dealForecastCreated", next_round(months="601"), "INVALID", "futureRounds 1 months"),
    ("dealForecastCreated", next_round(preMoney="0.00"), "INVALID", "futureRounds 1 preMoney"),
    ("dealForecastCreated", next_round(roundSize="-1.00"), "INVALID", "futureRounds 1 roundSize"),
    ("dealForecastCreated", next_round(optionPool="1"), "INVALID", "futureRounds 1 optionPool"),
    ("dealForecastCreated", {**DEAL, "preference": {"kind": "COMMON", "cap": "2"}}, "INVALID", "preference cap"),
    (
        "dealForecastCreated",
        {**DEAL, "preference": {"kind": "PARTICIPATING", "multiple": "2", "cap": "1.9"}},
        "INVALID",
        "preference cap",
    ),
    (
        "dealForecastCreated",
        {**DEAL, "preference": {"kind": "COMMON", "multiple": "-1"}},
        "INVALID",
        "preference multiple",
    ),
    ("dealForecastCreated", {**DEAL, "superProRata": "-0.1"}, "INVALID", "superProRata"),
    ("eventVoided", {"version": 999, "reason": "x"}, "NOT_FOUND", "version"),
    ("eventVoided", {"version": 0, "reason": "x"}, "NOT_FOUND", "version"),
    ("eventVoided", {"version": -2_147_483_648, "reason": "x"}, "NOT_FOUND", "version"),
    ("eventVoided", {"version": 2_147_483_647, "reason": "x"}, "NOT_FOUND", "version"),
    ("eventVoided", {"version": 1, "reason": "x"}, "INVALID_STATE", "version"),
    ("eventVoided", {"version": 22, "reason": "x"}, "INVALID_STATE", "version"),
    ("eventVoided", {"version": 23, "reason": "x"}, "INVALID_STATE", "version"),
    ("eventVoided", {"version": 7, "reason": ""}, "INVALID", "reason"),
    ("eventVoided", {"version": 7, "reason": LONG}, "INVALID", "reason"),
]

FEE = event("feeCharged", "2010-01-01", amount="1.00")


@pytest.mark.parametrize(
    ("kind", "fields", "code", "path"),
    REFUSED,
    ids=[f"{place}-{kind}-{path.replace(' ', '.')}" for place, (kind, _, _, path) in enumerate(REFUSED)],
)
async def test_a_fact_that_cant_be_is_refused_and_nothing_is_recorded(
    portfolio: OpenedFund, kind: str, fields: Json, code: str, path: str
) -> None:
    payload = await portfolio.analyst.record(portfolio.id, FEE, event(kind, "2010-06-01", **fields))
    assert refusals(payload) == [(code, ["events", "1", *path.split()])]
    assert (payload["events"], payload["state"]) == ([], None)
    message = payload["errors"][0]["message"]
    assert message.endswith(".")
    assert "\0" not in message
    assert await portfolio.analyst.version(portfolio.id) == 23


@pytest.mark.parametrize(
    ("moment", "code"),
    [
        ("2005-12-31T23:59:59.999999Z", "INVALID_STATE"),
        ("1900-01-01T00:00:00Z", "INVALID_STATE"),
        ("1899-12-31T23:59:59.999999Z", "INVALID"),
        ("0001-01-01T00:00:00Z", "INVALID"),
        (f"{FAR_AHEAD}T00:00:00Z", "INVALID"),
        ("9999-12-31T23:59:59.999999Z", "INVALID"),
    ],
)
async def test_a_fact_dated_before_the_opening_or_beyond_reason_is_refused(
    portfolio: OpenedFund, moment: str, code: str
) -> None:
    payload = await portfolio.analyst.record(portfolio.id, event("feeCharged", moment, amount="1.00"))
    assert refusals(payload) == [(code, ["events", "0", "occurredAt"])]
    assert await portfolio.analyst.version(portfolio.id) == 23


async def test_a_fact_before_its_company_joined_is_refused(portfolio: OpenedFund) -> None:
    early = event("investmentMade", "2006-02-28T23:59:59Z", companyId="acme", amount="1.00")
    payload = await portfolio.analyst.record(portfolio.id, early)
    assert refusals(payload) == [("NOT_FOUND", ["events", "0", "companyId"])]


@pytest.mark.parametrize(
    ("given", "version"),
    [
        # Without the company its cheque, version 4, could not have been.
        (event("eventVoided", version=3, reason="x"), 4),
        # Exited before its round of June 2007, version 9.
        (event("companyStatusChanged", "2007-05-15", companyId="acme", status="EXITED"), 9),
        # 900,000.00 of the cash would be left for the 1,000,000.00 distributed in October 2008, version 14.
        (event("distributionMade", "2008-09-15", amount="18300000.00"), 14),
        # Worth nothing then, and so can't be written off once more in May 2009, version 17.
        (event("companyStatusChanged", "2009-04-01", companyId="initech", status="WRITTEN_OFF"), 17),
    ],
)
async def test_a_fact_that_contradicts_a_later_one_is_refused_with_its_version(
    portfolio: OpenedFund, given: Json, version: int
) -> None:
    payload = await portfolio.analyst.record(portfolio.id, given)
    assert refusals(payload) == [("INVALID_STATE", ["events", "0"])]
    assert payload["errors"][0]["message"].startswith(f"This contradicts version {version} of ")
    assert await portfolio.analyst.version(portfolio.id) == 23


@pytest.mark.parametrize("key", ["", " ", "x" * 201, "a\0b"])
async def test_an_idempotency_key_that_is_empty_too_long_or_no_text_is_refused(portfolio: OpenedFund, key: str) -> None:
    payload = await portfolio.analyst.record(portfolio.id, FEE, idempotencyKey=key)
    assert refusals(payload) == [("INVALID", ["idempotencyKey"])]
    assert await portfolio.analyst.version(portfolio.id) == 23


async def test_a_refusal_says_what_the_limit_is(portfolio: OpenedFund) -> None:
    cheque = event("investmentMade", "2010-06-01", companyId="acme", amount="56450000.01")
    payload = await portfolio.analyst.record(portfolio.id, cheque)
    message = "56,450,000.01 USD is above the 56,450,000 USD available by then."
    assert payload["errors"] == [
        {"code": "INVALID_STATE", "message": message, "path": ["events", "0", "amount"]},
    ]


async def test_what_is_just_within_every_limit_is_recorded(fund: OpenedFund) -> None:
    exactly = "60000000.00"
    await fund.analyst.recorded(
        fund.id,
        event("capitalCalled", "2006-01-01", amount=exactly),
        event("distributionMade", "2006-01-01", amount=exactly, recallable=True),
        event("feeCharged", "2006-01-01", amount=exactly),
        event("companyAdded", "2006-01-01", companyId="x" * 200, name="y" * 200, sector="z" * 2_000),
        event("investmentMade", "2006-01-01", companyId="x" * 200, amount=exactly, ownershipAfter="1"),
    )
    assert refusals(await fund.analyst.record(fund.id, event("feeCharged", amount="0.01"))) == [
        ("INVALID_STATE", ["events", "0", "amount"])
    ]
