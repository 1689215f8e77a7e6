"""Every scalar: exact both ways, and malformed or hostile values refused with their place, nothing written."""

import json

import pytest

from tests.api.asking import RECORD, Json, OpenedFund, event, refusals

# What is no value of the scalar, whether it comes in a variable or stands in the document.
NO_STRINGS: list[object] = [1, 1.5, 0, -1, True, False, [], ["1.00"], {}, {"a": 1}]
NO_TEXT = ["", " ", "null", "x", "\0", "💥", "NaN", "nan", "sNaN", "Infinity", "-Infinity", "inf"]
NO_NUMBER = [
    "1e2", "1E+2", "1_000", "1,000", "1 000", "+1", "--1", "-", ".", "1.", ".5", "01", "00", "0x10", "1/2", "١", "１",
    "1\n", "\n1", "1\0", "$1", "1.0.0", "²",
]  # fmt: skip
BAD_MONEY = [
    *NO_STRINGS,
    *NO_TEXT,
    *NO_NUMBER,
    "1.234",
    "0.001",
    "1.00 USD",
    "1000000000000000.01",
    "9" * 19,
    "9" * 5_000,
]
BAD_DECIMAL = [*NO_STRINGS, *NO_TEXT, *NO_NUMBER, "1" * 39, "0." + "1" * 38, "9" * 5_000]
BAD_DATE = [
    *NO_STRINGS, *NO_TEXT, "2010-02-30", "2010-13-01", "2010-00-01", "2010-01-00", "2009-02-29", "0000-01-01",
    "10000-01-01", "2010-1-1", "20100101", "2010-W01-1", "2010-001", "2010/01/01", "01.01.2010", "2010-01-01Z",
    "2010-01-01T00:00:00Z", " 2010-01-01", "2010-01-01\n", "٢٠١٠-٠١-٠١", "-2010-01-01", "2010-01", "today",
]  # fmt: skip
BAD_DATE_TIME = [
    *NO_STRINGS, *NO_TEXT, "2010-01-01", "2010-01-01T00:00:00", "2010-01-01 00:00:00Z", "2010-01-01T00:00Z",
    "2010-01-01T24:00:00Z", "2010-01-01T25:00:00Z", "2010-01-01T00:60:00Z", "2010-01-01T00:00:60Z",
    "2010-02-30T00:00:00Z", "2010-01-01T00:00:00+24:00", "2010-01-01T00:00:00+00:60", "2010-01-01T00:00:00+0000",
    "2010-01-01T00:00:00 Z", "2010-01-01T00:00:00ZZ", "2010-01-01T00:00:00.Z", "2010-01-01T00:00:00,5Z",
    "2010-01-01T00:00:00.0000001Z", "2010-01-01T00:00:00.0000000000Z", "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-00:01", "10000-01-01T00:00:00Z", "20100101T000000Z", "2010-W01-1T00:00:00Z", "1262304000",
    "٢٠١٠-٠١-٠١T00:00:00Z", "2010-01-01T00:00:00Z\n", "now", "2010-01-01T00:00:00.1" + "0" * 5_000 + "Z",
]  # fmt: skip
BAD_INT: list[object] = [
    "", "1", "x", 1.5, True, False, [], {}, 2_147_483_648, -2_147_483_649, 10**30, 1e300,
]  # fmt: skip
BAD_ID: list[object] = [1.5, True, False, [], {}, ["x"], {"a": "b"}]
BAD_BOOLEAN: list[object] = ["true", "", 0, 1, 1.0, [], {}]
BAD_STRING: list[object] = [0, 1.5, True, [], {}]
BAD_ENUM: list[object] = ["exited", "EXITED ", "", "ABOLISHED", 0, True, [], {}, "__proto__"]

# Scalar; where a value of it stands in the input; the event around it, VALUE being the value.
PLACES: dict[str, tuple[list[str], Json]] = {
    "Money": (["event", "feeCharged", "amount"], event("feeCharged", amount="VALUE")),
    "Decimal": (
        ["event", "actualRecorded", "value"],
        event("actualRecorded", companyId="x", metricType="ARR", value="VALUE", periodStart="2010-01-01",
              periodEnd="2010-01-01"),
    ),
    "Date": (["event", "capitalCalled", "dueOn"], event("capitalCalled", amount="1.00", dueOn="VALUE")),
    "DateTime": (["occurredAt"], {**event("feeCharged", amount="1.00"), "occurredAt": "VALUE"}),
    "Int": (["event", "eventVoided", "version"], event("eventVoided", version="VALUE", reason="x")),
    "ID": (["event", "proceedsReceived", "companyId"], event("proceedsReceived", companyId="VALUE", amount="1.00")),
    "Boolean": (
        ["event", "distributionMade", "recallable"],
        event("distributionMade", amount="1.00", recallable="VALUE"),
    ),
    "String": (["event", "feeCharged", "kind"], event("feeCharged", amount="1.00", kind="VALUE")),
    "CompanyStatus": (
        ["event", "companyStatusChanged", "status"],
        event("companyStatusChanged", companyId="x", status="VALUE"),
    ),
}  # fmt: skip
BAD: dict[str, list[object]] = {
    "Money": BAD_MONEY,
    "Decimal": BAD_DECIMAL,
    "Date": BAD_DATE,
    "DateTime": BAD_DATE_TIME,
    "Int": BAD_INT,
    "ID": BAD_ID,
    "Boolean": BAD_BOOLEAN,
    "String": BAD_STRING,
    "CompanyStatus": BAD_ENUM,
}
EACH = [(scalar, value) for scalar, values in BAD.items() for value in values]
IDS = [f"{scalar}-{place}" for scalar, values in BAD.items() for place in range(len(values))]
FEE = event("feeCharged", amount="1.00")


def literal(value: object) -> str:
    """The value as it would stand in a document."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {literal(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(literal(inner) for inner in value) + "]"
    if isinstance(value, str):
        # GraphQL's escapes are JSON's, but for \\uXXXX of half a pair; and a document may hold all of Unicode.
        return json.dumps(value, ensure_ascii=False)
    return json.dumps(value)


@pytest.mark.parametrize(("scalar", "value"), EACH, ids=IDS)
async def test_a_bad_value_in_a_variable_is_refused_with_its_path(
    portfolio: OpenedFund, scalar: str, value: object
) -> None:
    path, around = PLACES[scalar]
    given = json.loads(json.dumps(around).replace('"VALUE"', json.dumps(value)))
    answer = await portfolio.analyst.ask(RECORD, input={"fundId": portfolio.id, "events": [FEE, given]})
    assert "data" not in answer or answer["data"] is None
    for error in answer["errors"]:
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        assert error["extensions"]["argument"][:3] == ["input", "events", "1"]
        assert error["locations"] == [{"line": 2, "column": 11}]
        assert len(error["message"]) < 1_000
    assert answer["errors"][0]["extensions"]["argument"][: len(path) + 3] == ["input", "events", "1", *path]
    assert f".events[1].{'.'.join(path)}" in answer["errors"][0]["message"]
    assert await portfolio.analyst.version(portfolio.id) == 23


@pytest.mark.parametrize(("scalar", "value"), EACH, ids=IDS)
async def test_a_bad_value_in_the_document_is_refused_with_its_place(
    portfolio: OpenedFund, scalar: str, value: object
) -> None:
    _, around = PLACES[scalar]
    text = literal(value)
    if scalar == "CompanyStatus" and isinstance(value, str):
        text = value if value.isidentifier() else json.dumps(value)
    facts = f"[{literal(FEE)}, {literal(around)}]".replace('"ARR"', "ARR")
    before, after = facts.split('"VALUE"')
    head = f'mutation {{ recordEvents(input: {{fundId: "{portfolio.id}", events: {before}'
    answer = await portfolio.analyst.ask(f"{head}{text}{after}}}) {{ errors {{ code }} }} }}")
    assert "data" not in answer or answer["data"] is None
    error = answer["errors"][0]
    if error["extensions"]["code"] == "GRAPHQL_PARSE_FAILED":
        # Control characters can't stand in a document at all.
        assert any(ord(letter) < 32 for letter in str(value))
    else:
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        # graphql-core loses the place of a list or an object that stands for one of its own scalars.
        if not (isinstance(value, list | dict) and "locations" not in error):
            assert error["locations"][0] == {"line": 1, "column": len(head) + 1}
    assert await portfolio.analyst.version(portfolio.id) == 23


READS = {
    "fund(at)": ("query ($id: ID!, $v: DateTime) { fund(id: $id, at: $v) { version } }", BAD_DATE_TIME),
    "fund(knownAt)": ("query ($id: ID!, $v: DateTime) { fund(id: $id, knownAt: $v) { version } }", BAD_DATE_TIME),
    "funds(first)": ("query ($v: Int) { funds(first: $v) { nodes { id } } }", BAD_INT),
    "timeline(after)": (
        "query ($id: ID!, $v: String) { timeline(fundId: $id, after: $v) { nodes { id } } }",
        BAD_STRING,
    ),
    "node(id)": ("query ($v: ID!) { node(id: $v) { id } }", BAD_ID),
}


@pytest.mark.parametrize("name", READS)
async def test_a_bad_value_of_an_argument_is_refused_under_its_variable(portfolio: OpenedFund, name: str) -> None:
    query, values = READS[name]
    for value in values:
        answer = await portfolio.analyst.ask(query, id=portfolio.id, v=value)
        assert "data" not in answer or answer["data"] is None
        (error,) = answer["errors"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        assert error["extensions"]["argument"] == ["v"]


async def test_null_where_a_value_must_be_is_refused_with_its_path(portfolio: OpenedFund) -> None:
    for path, given in (
        (["events", "0", "event", "feeCharged", "amount"], [event("feeCharged", amount=None)]),
        (["events", "0", "event"], [{"event": None}]),
        (["events", "0", "event"], [{"event": {}}]),
        (
            ["events", "0", "event"],
            [{"event": {"feeCharged": {"amount": "1.00"}, "capitalCalled": {"amount": "1.00"}}}],
        ),
        (["events", "0", "event", "feeCharged"], [{"event": {"feeCharged": None}}]),
        (["events", "0"], [{"occurredAt": "2010-01-01T00:00:00Z"}]),
        (["events", "0"], [None]),
        (["events"], None),
    ):
        answer = await portfolio.analyst.ask(RECORD, input={"fundId": portfolio.id, "events": given})
        (error,) = answer["errors"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        assert error["extensions"]["argument"] == ["input", *path]
    assert await portfolio.analyst.version(portfolio.id) == 23


@pytest.mark.parametrize(
    "body",
    [
        "{}",
        "{feeCharged: null}",
        '{feeCharged: {amount: "1.00"}, capitalCalled: {amount: "1.00"}}',
        '{feeCharged: {amount: "1.00"}, capitalCalled: null}',
        '{feeCharged: {amount: "1.00"}, feeCharged: {amount: "2.00"}}',
    ],
)
async def test_in_a_document_too_an_event_is_exactly_one_kind(portfolio: OpenedFund, body: str) -> None:
    head = f'mutation {{ recordEvents(input: {{fundId: "{portfolio.id}", events: [{{event: '
    answer = await portfolio.analyst.ask(head + body + "}]}) { errors { code } } }")
    codes = {error["extensions"]["code"] for error in answer["errors"]}
    # One name given twice is wrong whatever it names.
    assert codes <= {"BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED"}
    assert await portfolio.analyst.version(portfolio.id) == 23


async def test_unknown_fields_of_an_input_are_refused(portfolio: OpenedFund) -> None:
    for path, given in (
        (["events", "0", "event", "feeCharged"], event("feeCharged", amount="1.00", amuont="2.00")),
        (["events", "0"], {**FEE, "recordedAt": "2010-01-01T00:00:00Z"}),
        (["events", "0", "event"], {"event": {"fundOpened": {"name": "x"}}}),
    ):
        answer = await portfolio.analyst.ask(RECORD, input={"fundId": portfolio.id, "events": [given]})
        assert {error["extensions"]["code"] for error in answer["errors"]} == {"BAD_USER_INPUT"}
        assert answer["errors"][0]["extensions"]["argument"] == ["input", *path]
    assert await portfolio.analyst.version(portfolio.id) == 23


async def test_of_a_thousand_bad_values_a_bounded_number_is_told(portfolio: OpenedFund) -> None:
    bad = [event("feeCharged", amount="x")] * 1_000
    answer = await portfolio.analyst.ask(RECORD, input={"fundId": portfolio.id, "events": bad})
    assert 10 <= len(answer["errors"]) <= 11
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"BAD_USER_INPUT"}


# Values that are fine come back exactly.

EXACT = {
    "Money": [
        ("0.01", "0.01"), ("1", "1.00"), ("1.5", "1.50"), ("1000000000000000.00", "1000000000000000.00"),
        ("90071992547409.93", "90071992547409.93"), ("21474836.48", "21474836.48"),
    ],
    "Decimal": [
        ("0", "0"), ("-0.10", "-0.10"), ("1.50", "1.50"), ("0.1000000000000000055511151231257827021",) * 2,
        ("9" * 38, "9" * 38), ("-" + "9" * 19 + "." + "9" * 19,) * 2,
    ],
    "Date": [("1900-01-01", "1900-01-01"), ("2000-02-29", "2000-02-29"), ("2199-12-31", "2199-12-31")],
    "DateTime": [
        ("2010-01-01T00:00:00Z", "2010-01-01T00:00:00.000000Z"),
        ("2010-01-01t00:00:00z", "2010-01-01T00:00:00.000000Z"),
        ("2010-01-01T00:00:00.1Z", "2010-01-01T00:00:00.100000Z"),
        ("2010-01-01T00:00:00.123456Z", "2010-01-01T00:00:00.123456Z"),
        ("2010-01-01T00:00:00.123456000Z", "2010-01-01T00:00:00.123456Z"),
        ("2010-01-01T00:00:00+14:00", "2009-12-31T10:00:00.000000Z"),
        ("2010-01-01T00:00:00-23:59", "2010-01-01T23:59:00.000000Z"),
        ("2010-01-01T00:00:00-00:00", "2010-01-01T00:00:00.000000Z"),
    ],
}  # fmt: skip
FACT = """
query ($id: ID!) {
  node(id: $id) {
    ... on FundEvent { occurredAt }
    ... on CapitalCalled { amount dueOn }
    ... on ActualRecorded { value }
  }
}
"""


async def test_money_comes_back_exactly(fund: OpenedFund) -> None:
    await fund.analyst.recorded(fund.id, event("companyAdded", "2010-01-01", companyId="x", name="X"))
    for given, expected in EXACT["Money"]:
        valued = event("valuationUpdated", "2010-01-01", companyId="x", newValue=given, fairValue=given)
        (version,) = await fund.analyst.recorded(fund.id, valued)
        asked = "query ($id: ID!) { node(id: $id) { ... on ValuationUpdated { newValue fairValue payload } } }"
        told = (await fund.analyst.data(asked, id=f"fact:{fund.id}:{version}"))["node"]
        assert (told["newValue"], told["fairValue"], told["payload"]["newValue"]) == (expected,) * 3


async def test_decimals_come_back_exactly(fund: OpenedFund) -> None:
    await fund.analyst.recorded(fund.id, event("companyAdded", "2010-01-01", companyId="x", name="X"))
    for given, expected in EXACT["Decimal"]:
        report = event(
            "actualRecorded", "2010-01-01", companyId="x", metricType="ARR", value=given, periodStart="2010-01-01",
            periodEnd="2010-01-01",
        )  # fmt: skip
        (version,) = await fund.analyst.recorded(fund.id, report)
        assert (await fund.analyst.data(FACT, id=f"fact:{fund.id}:{version}"))["node"]["value"] == expected


async def test_dates_and_moments_come_back_exactly(fund: OpenedFund) -> None:
    for given, expected in EXACT["Date"]:
        (version,) = await fund.analyst.recorded(fund.id, event("capitalCalled", amount="0.01", dueOn=given))
        assert (await fund.analyst.data(FACT, id=f"fact:{fund.id}:{version}"))["node"]["dueOn"] == expected
    for given, expected in EXACT["DateTime"]:
        (version,) = await fund.analyst.recorded(fund.id, event("capitalCalled", given, amount="0.01"))
        assert (await fund.analyst.data(FACT, id=f"fact:{fund.id}:{version}"))["node"]["occurredAt"] == expected


async def test_a_literal_is_read_as_a_variable_is(fund: OpenedFund) -> None:
    answer = await fund.analyst.data(
        f"""mutation {{
          recordEvents(input: {{
            fundId: "{fund.id}", expectedVersion: 1, idempotencyKey: null,
            events: {{
              occurredAt: "2010-01-01T00:00:00+01:00",
              event: {{capitalCalled: {{amount: \"\"\"12.30\"\"\", dueOn: "2010-02-28"}}}},
              metadata: {{a: [1, 2.5, "x", null, true], b: {{c: ENUM}}}}
            }}
          }}) {{
            errors {{ code message path }}
            events {{ occurredAt metadata ... on CapitalCalled {{ amount dueOn }} }}
          }}
        }}"""
    )
    assert answer["recordEvents"] == {
        "errors": [],
        "events": [
            {
                "occurredAt": "2009-12-31T23:00:00.000000Z",
                "amount": "12.30",
                "dueOn": "2010-02-28",
                "metadata": {"a": [1, 2.5, "x", None, True], "b": {"c": "ENUM"}},
            }
        ],
    }


async def test_an_id_may_be_given_as_a_whole_number(fund: OpenedFund) -> None:
    await fund.analyst.recorded(fund.id, event("companyAdded", companyId=7, name="Seven"))
    data = await fund.analyst.data("query ($id: ID!) { fund(id: $id) { company(id: 7) { companyId } } }", id=fund.id)
    assert data == {"fund": {"company": {"companyId": "7"}}}


# JSON.


def nested(depth: int) -> object:
    found: object = 1
    for _ in range(depth):
        found = [found]
    return found


async def test_metadata_is_taken_32_levels_deep(fund: OpenedFund) -> None:
    given = {"a": nested(31)}
    await fund.analyst.recorded(fund.id, {**FEE, "metadata": given})
    told = await fund.analyst.data(
        "query ($id: ID!) { node(id: $id) { ... on FundEvent { metadata } } }", id=f"fact:{fund.id}:2"
    )
    assert told["node"]["metadata"] == given


@pytest.mark.parametrize("depth", [32, 63])
async def test_deeper_metadata_is_refused_as_data(portfolio: OpenedFund, depth: int) -> None:
    payload = await portfolio.analyst.record(portfolio.id, {**FEE, "metadata": {"a": nested(depth)}})
    assert refusals(payload) == [("INVALID", ["events", "0", "metadata"])]
    assert await portfolio.analyst.version(portfolio.id) == 23


@pytest.mark.parametrize("depth", [64, 150, 500])
async def test_json_beyond_64_levels_is_refused_with_its_path(portfolio: OpenedFund, depth: int) -> None:
    given = {**FEE, "metadata": {"a": nested(depth)}}
    answer = await portfolio.analyst.ask(RECORD, input={"fundId": portfolio.id, "events": [given]})
    (error,) = answer["errors"]
    assert error["message"].endswith("JSON: deeper than 64 levels.")
    assert error["extensions"]["argument"] == ["input", "events", "0", "metadata"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert await portfolio.analyst.version(portfolio.id) == 23


async def metadata_literal(fund: OpenedFund, text: str, declared: str = "", **variables: object) -> Json:
    return await fund.analyst.ask(
        f'mutation {declared} {{ recordEvents(input: {{fundId: "{fund.id}", events: [{{event: {{feeCharged: '
        f'{{amount: "1.00"}}}}, metadata: {text}}}]}}) {{ errors {{ code path }} events {{ metadata }} }} }}',
        **variables,
    )


@pytest.mark.parametrize(
    "text", ["{a: " + "[" * 80 + "]" * 80 + "}", "{a: 1e400}", "{a: -1e400}", "{a: " + "9" * 5_000 + "}"]
)
async def test_a_json_literal_that_json_readers_cant_take_is_refused(portfolio: OpenedFund, text: str) -> None:
    (error,) = (await metadata_literal(portfolio, text))["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["locations"][0]["column"] > 100
    assert await portfolio.analyst.version(portfolio.id) == 23


async def test_a_json_literal_may_hold_variables(fund: OpenedFund) -> None:
    declared = "($a: String, $b: Int, $c: JSON, $d: String)"
    given = {"a": "x", "b": 7, "c": {"z": [1]}}
    answer = await metadata_literal(fund, "{a: $a, b: [$b, $d], c: $c, d: $d}", declared, **given)
    (fact,) = answer["data"]["recordEvents"]["events"]
    assert fact["metadata"] == {"a": "x", "b": [7, None], "c": {"z": [1]}}


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        ("($v: DateTime)", "2010-01-01T00:00:00Z"),
        ("($v: Date)", "2010-01-01"),
        ("($v: Decimal)", "1.5"),
        ("($v: [DateTime!])", ["2010-01-01T00:00:00Z"]),
    ],
)
async def test_a_variable_of_another_type_cant_stand_in_json(fund: OpenedFund, declared: str, value: object) -> None:
    answer = await metadata_literal(fund, "{a: $v}", declared, v=value)
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert await fund.analyst.version(fund.id) == 1
