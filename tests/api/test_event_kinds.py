"""Each kind of fact: recorded through its input, read back through its own type's fields, payload and summary."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.events import KINDS
from domain.shape import FieldShape, body_name, is_part, pascal_of_stored, shape
from infra import names
from infra.runtime import Runtime
from infra.wire import RECORDABLE
from tests.api.asking import Json, OpenedFund, event
from tests.conftest import Live

# What is recorded, what its typed fields then hold beside what was given, and its sentence.
CASES: dict[str, list[tuple[Json, Json, str]]] = {
    "capitalCalled": [
        (
            {"amount": "1234567.89", "dueOn": "2010-02-28"},
            {},
            "Called 1,234,567.89 USD from the investors, due 28 Feb 2010",
        ),
        ({"amount": "1"}, {"amount": "1.00", "dueOn": None}, "Called 1 USD from the investors"),
    ],
    "distributionMade": [
        ({"amount": "0.01", "recallable": True}, {}, "Distributed 0.01 USD to the investors, recallable"),
        ({"amount": "5.5"}, {"amount": "5.50", "recallable": False}, "Distributed 5.50 USD to the investors"),
        ({"amount": "7.00", "recallable": None}, {"recallable": False}, "Distributed 7 USD to the investors"),
    ],
    "feeCharged": [
        ({"amount": "1000.00", "kind": "audit"}, {}, "Charged 1,000 USD of fees (audit)"),
        ({"amount": "0.10"}, {"kind": None}, "Charged 0.10 USD of fees"),
    ],
    "companyAdded": [
        (
            {"companyId": "new/1", "name": "Näw & Co", "sector": "Bio", "stage": "Seed"},
            {},
            "Näw & Co joined the portfolio",
        ),
        ({"companyId": "2", "name": "Two"}, {"sector": None, "stage": None}, "Two joined the portfolio"),
    ],
    "investmentMade": [
        (
            {
                "companyId": "acme",
                "amount": "250000.00",
                "ownershipAfter": "0.123456789012345678",
                "fromReserves": True,
                "round": "Series B",
            },
            {},
            "Invested 250,000 USD from reserves in Acme in its Series B round",
        ),
        (
            {"companyId": "acme", "amount": "1.00"},
            {"ownershipAfter": None, "fromReserves": False, "round": None},
            "Invested 1 USD in Acme",
        ),
        (
            {"companyId": "acme", "amount": "1.00", "fromReserves": None, "ownershipAfter": "0"},
            {"fromReserves": False, "round": None},
            "Invested 1 USD in Acme",
        ),
    ],
    "roundPriced": [
        (
            {
                "companyId": "acme",
                "stage": "Series B",
                "preMoney": "40000000.00",
                "roundSize": "9999999.99",
                "ownershipAfter": "1",
            },
            {},
            "Acme raised 9,999,999.99 USD (Series B) at 40,000,000 USD pre-money",
        ),
        (
            {"companyId": "acme", "stage": "C", "preMoney": "0.01", "roundSize": "0.01"},
            {"ownershipAfter": None},
            "Acme raised 0.01 USD (C) at 0.01 USD pre-money",
        ),
    ],
    "valuationUpdated": [
        (
            {"companyId": "acme", "newValue": "30000000.00", "fairValue": "4500000.50", "note": "audited"},
            {},
            "Valued Acme at 30,000,000 USD: audited",
        ),
        (
            {"companyId": "acme", "newValue": "0"},
            {"newValue": "0.00", "fairValue": None, "note": None},
            "Valued Acme at 0 USD",
        ),
    ],
    "proceedsReceived": [
        ({"companyId": "acme", "amount": "12.34", "kind": "dividend"}, {}, "Received 12.34 USD from Acme (dividend)"),
        ({"companyId": "acme", "amount": "1.00"}, {"kind": None}, "Received 1 USD from Acme"),
    ],
    "companyStatusChanged": [
        ({"companyId": "acme", "status": "EXITED", "note": "merged"}, {}, "Acme was exited"),
        ({"companyId": "acme", "status": "WRITTEN_OFF"}, {"note": None}, "Acme was written off"),
    ],
    "reserveAllocated": [
        (
            {"companyId": "acme", "amount": "2000000.00", "reason": "pro rata of the B"},
            {},
            "Planned 2,000,000 USD of reserves for Acme",
        ),
        ({"companyId": "acme", "amount": "0.00"}, {"reason": None}, "Planned 0 USD of reserves for Acme"),
    ],
    "forecastCreated": [
        (
            {
                "companyId": "acme",
                "metricType": "ARR",
                "kind": "UNDERWRITE",
                "periods": [
                    {
                        "start": "2010-01-01",
                        "end": "2010-12-31",
                        "projectedValue": "12345678901234567890123456.123456789012",
                    },
                    {"start": "2011-01-01", "end": "2011-12-31", "projectedValue": "-0.5"},
                ],
            },
            {},
            "Underwrite of ARR for Acme, 01 Jan 2010 to 31 Dec 2011",
        ),
        (
            {
                "companyId": "acme",
                "metricType": "CASH_BURN",
                "kind": None,
                "periods": {"start": "2010-01-01", "end": "2010-01-01", "projectedValue": "0"},
            },
            {"kind": "REFORECAST", "periods": [{"start": "2010-01-01", "end": "2010-01-01", "projectedValue": "0"}]},
            "Reforecast of cash burn for Acme, 01 Jan 2010 to 01 Jan 2010",
        ),
    ],
    "reserveModelSet": [
        (
            {
                "stages": [
                    {
                        "name": "Seed",
                        "graduate": "0.5",
                        "exit": "0.3",
                        "dilution": "0.2",
                        "optionPool": "0.05",
                        "stepUp": "2.1",
                        "exitMultiple": "0.5",
                        "monthsToGraduate": "22",
                        "monthsToExit": "36",
                        "reserveMultiple": "3",
                        "weight": "0.5",
                        "exitAlpha": "1.8",
                    },
                    {
                        "name": "Later",
                        "graduate": "0",
                        "exit": "0.75",
                        "dilution": "0",
                        "optionPool": "0",
                        "stepUp": "1",
                        "exitMultiple": "1.25",
                        "monthsToGraduate": "20",
                        "monthsToExit": "24",
                        "reserveMultiple": "1",
                        "weight": "1",
                        "exitAlpha": None,
                    },
                ],
                "source": "our own 40 companies",
                "stepUpSigma": "0.4",
                "exitSigma": "1",
                "monthsSigma": "0.7",
            },
            {},
            "Set the odds of companies without a deal forecast, for the stages Seed, Later: our own 40 companies",
        ),
    ],
    "dealForecastCreated": [
        (
            {
                "companyId": "acme",
                "exitScenarios": [
                    {
                        "name": "sale",
                        "afterRound": 1,
                        "probability": "0.25",
                        "exitValue": "90000000.00",
                        "months": "12.5",
                        "sigma": "0.75",
                    }
                ],
                "futureRounds": [
                    {
                        "stage": "B",
                        "probability": "0.5",
                        "months": "18",
                        "preMoney": "30000000.00",
                        "roundSize": "5000000.00",
                        "optionPool": "0.1",
                    }
                ],
                "preference": {"kind": "PARTICIPATING", "multiple": "1.5", "cap": "3"},
                "superProRata": "0.25",
            },
            {},
            "Forecast Acme: 1 way to exit, 1 round to come",
        ),
        (
            {
                "companyId": "acme",
                "exitScenarios": [{"name": "x", "probability": "1", "exitValue": "0.00", "months": "0", "sigma": None}],
                "futureRounds": [],
                "preference": {"kind": "COMMON", "multiple": None},
                "superProRata": None,
            },
            {
                "exitScenarios": [
                    {
                        "name": "x",
                        "afterRound": None,
                        "probability": "1",
                        "exitValue": "0.00",
                        "months": "0",
                        "sigma": "0",
                    }
                ],
                "preference": {"kind": "COMMON", "multiple": "1", "cap": None},
                "superProRata": "0",
            },
            "Forecast Acme: 1 way to exit, 0 rounds to come",
        ),
        (
            {
                "companyId": "acme",
                "exitScenarios": [
                    {"name": "x", "probability": "0.5", "exitValue": "1.00", "months": "1"},
                    {"name": "y", "probability": "0.5", "exitValue": "1.00", "months": "1", "afterRound": 1},
                ],
                "futureRounds": [
                    {
                        "stage": "B",
                        "probability": "0.5",
                        "months": "1",
                        "preMoney": "1.00",
                        "roundSize": "1.00",
                        "optionPool": None,
                    }
                ],
            },
            {
                "exitScenarios": [
                    {
                        "name": name,
                        "afterRound": after,
                        "probability": "0.5",
                        "exitValue": "1.00",
                        "months": "1",
                        "sigma": "0",
                    }
                    for name, after in (("x", None), ("y", 1))
                ],
                "futureRounds": [
                    {
                        "stage": "B",
                        "probability": "0.5",
                        "months": "1",
                        "preMoney": "1.00",
                        "roundSize": "1.00",
                        "optionPool": "0",
                    }
                ],
                "preference": None,
                "superProRata": "0",
            },
            "Forecast Acme: 2 ways to exit, 1 round to come",
        ),
    ],
    "actualRecorded": [
        (
            {
                "companyId": "acme",
                "metricType": "REVENUE",
                "value": "1250000.5",
                "periodStart": "2010-04-01",
                "periodEnd": "2010-06-30",
                "source": "IMPORT",
                "supersedesVersion": 4,
            },
            {},
            "Acme reported revenue of 1,250,000.5 for 01 Apr 2010 to 30 Jun 2010, restating version 4",
        ),
        (
            {
                "companyId": "acme",
                "metricType": "HEADCOUNT",
                "value": "42",
                "periodStart": "2010-01-31",
                "periodEnd": "2010-01-31",
                "source": None,
            },
            {"source": "API", "supersedesVersion": None},
            "Acme reported headcount of 42 for 31 Jan 2010 to 31 Jan 2010",
        ),
    ],
    "eventVoided": [({"version": 3, "reason": "of another fund"}, {}, "Voided version 3: of another fund")],
}

BASE = (
    event("companyAdded", "2010-01-01", companyId="acme", name="Acme"),  # version 2
    event("feeCharged", "2010-01-01", amount="1.00"),
    event(
        "actualRecorded", "2010-07-01", companyId="acme", metricType="REVENUE", value="1", periodStart="2010-04-01",
        periodEnd="2010-06-30",
    ),
    event("capitalCalled", "2010-01-01", amount="1000.00"),  # version 5
)  # fmt: skip

# The envelope has a field `version` of its own.
RENAMED = {("eventVoided", "version"): "targetVersion"}
STORED = {body_name(name): name for name in KINDS}
GIVEN = [(name, *case) for name, cases in CASES.items() for case in cases]


def test_every_kind_that_can_be_recorded_is_tried() -> None:
    assert CASES.keys() == RECORDABLE.keys()


def selection(field: FieldShape) -> str:
    """How a field of an event is asked for, its parts included."""
    if not is_part(field.kind):
        return ""
    return " { " + " ".join(inner.public_name + selection(inner) for inner in shape(field.kind).values()) + " }"


def asked(name: str) -> str:
    """A query for a fact's envelope and typed fields, each under the name it is given by."""
    kind = KINDS[STORED[name]]
    fields = []
    for field in shape(kind.cls).values():
        shown = RENAMED.get((name, field.public_name), field.public_name)
        # Aliased, because two kinds may have a field of one name and different types.
        fields.append(f"given_{field.public_name}: {shown}{selection(field)}")
    return f"""
    query ($id: ID!) {{
      node(id: $id) {{
        __typename id
        ... on FundEvent {{
          fundId version type occurredAt recordedAt recordedBy summary payload metadata hash
        }}
        ... on {pascal_of_stored(kind.name)} {{ {" ".join(fields)} }}
      }}
    }}
    """


@pytest.mark.parametrize(
    ("name", "given", "more", "sentence"), GIVEN, ids=[f"{name}-{place}" for place, (name, *_) in enumerate(GIVEN)]
)
async def test_a_fact_comes_back_through_its_own_type_as_it_was_recorded(
    fund: OpenedFund, live: Live, name: str, given: Json, more: Json, sentence: str
) -> None:
    await fund.analyst.recorded(fund.id, *BASE)
    metadata = {"row": 7}
    recorded = await fund.analyst.record(fund.id, {**event(name, "2010-08-01", **given), "metadata": metadata})
    assert recorded["errors"] == []
    (told,) = recorded["events"]
    fact = (await fund.analyst.data(asked(name), id=f"fact:{fund.id}:6"))["node"]
    typed = {key.removeprefix("given_"): fact.pop(key) for key in list(fact) if key.startswith("given_")}
    assert typed == {**given, **more}
    assert fact.pop("payload") == typed
    viewer = await fund.analyst.data("{ viewer { email } }")
    recorded_at = fact.pop("recordedAt")
    assert abs((datetime.now(UTC) - datetime.fromisoformat(recorded_at)).total_seconds()) < 60
    assert fact == {
        "__typename": pascal_of_stored(STORED[name]),
        "id": f"fact:{fund.id}:6",
        "fundId": fund.id,
        "version": 6,
        "type": STORED[name],
        "occurredAt": "2010-08-01T00:00:00.000000Z",
        "recordedBy": viewer["viewer"]["email"],
        "summary": sentence,
        "metadata": metadata,
        "hash": told["hash"],
    }


@pytest.mark.parametrize("name", CASES)
async def test_a_payload_can_be_recorded_again_as_it_is(fund: OpenedFund, name: str) -> None:
    await fund.analyst.recorded(fund.id, *BASE)
    given, _, _ = CASES[name][0]
    asked_payload = "query ($id: ID!) { node(id: $id) { ... on FundEvent { payload } } }"
    (version,) = await fund.analyst.recorded(fund.id, event(name, "2010-08-01", **given))
    payload = (await fund.analyst.data(asked_payload, id=f"fact:{fund.id}:{version}"))["node"]["payload"]
    # What may happen once only needs another target the second time.
    changes: Json = {
        "companyAdded": {"companyId": "third"},
        "companyStatusChanged": {"status": "ACTIVE"},
        "eventVoided": {"version": 5},
        "actualRecorded": {"supersedesVersion": 6},
        "investmentMade": {"companyId": "acme"},
    }
    again = {**payload, **changes.get(name, {})}
    (second,) = await fund.analyst.recorded(fund.id, event(name, "2010-08-02", **again))
    told = (await fund.analyst.data(asked_payload, id=f"fact:{fund.id}:{second}"))["node"]["payload"]
    assert told == again


async def test_hashes_are_a_chain_that_anyone_can_check(portfolio: OpenedFund, runtime: Runtime) -> None:
    query = "query ($id: ID!) { timeline(fundId: $id, first: 200, newestFirst: false) { nodes { hash recordedAt } } }"
    facts = (await portfolio.analyst.data(query, id=portfolio.id))["timeline"]["nodes"]
    rows: list[Any] = await runtime.pool.fetch("SELECT * FROM fact WHERE fund_id = $1 ORDER BY version", portfolio.uuid)
    before = hashlib.sha256(f"drypowder fund {portfolio.id}".encode()).digest()

    def micros(moment: datetime) -> int:
        gone = moment - datetime(1970, 1, 1, tzinfo=UTC)
        return (gone.days * 86_400 + gone.seconds) * 1_000_000 + gone.microseconds

    for fact, row in zip(facts, rows, strict=True):
        middle = [
            portfolio.id, row["type"], row["schema_version"], micros(row["occurred_at"]), micros(row["touches_at"]),
            str(row["actor"]), row["company_id"], row["correlation_id"], row["idempotency_key"],
        ]  # fmt: skip
        parts = json.dumps(middle, separators=(",", ":"), ensure_ascii=False)[1:-1]
        recorded = micros(datetime.fromisoformat(fact["recordedAt"]))
        canonical = f"[{row['version']},{recorded},{parts},{row['metadata'] or 'null'},{row['payload']}]"
        before = hashlib.sha256(before + canonical.encode()).digest()
        assert fact["hash"] == before.hex()


async def test_facts_are_learned_at_strictly_rising_moments(fund: OpenedFund) -> None:
    await fund.analyst.recorded(fund.id, *[event("feeCharged", "2010-01-01", amount="1.00")] * 50)
    query = "query ($id: ID!) { timeline(fundId: $id, first: 200, newestFirst: false) { nodes { recordedAt } } }"
    moments = [one["recordedAt"] for one in (await fund.analyst.data(query, id=fund.id))["timeline"]["nodes"]]
    assert moments == sorted(set(moments))
    assert len(moments) == 51


async def test_an_erased_person_is_told_by_their_id(
    fund: OpenedFund, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "FRESH_SECONDS", 0.0)
    await fund.analyst.recorded(fund.id, event("feeCharged", "2010-01-01", amount="1.00"))
    query = "query ($id: ID!) { timeline(fundId: $id, first: 1) { nodes { recordedBy } } }"
    viewer = (await fund.analyst.data("{ viewer { id email } }"))["viewer"]
    assert (await fund.analyst.data(query, id=fund.id))["timeline"]["nodes"] == [{"recordedBy": viewer["email"]}]
    administrator = await live.token(administrator=True)
    await live.runtime.pool.execute("DELETE FROM person WHERE id = $1::uuid", viewer["id"])
    answer = await live.ask(query, {"id": fund.id}, token=administrator)
    assert answer["data"] == {"timeline": {"nodes": [{"recordedBy": viewer["id"]}]}}
