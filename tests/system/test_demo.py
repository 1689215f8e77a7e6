"""The demo as a newcomer meets it: each query that it prints shows what its title says."""

import json
import re
import subprocess
from typing import Any

import pytest
from gql import Client, gql
from gql.transport.httpx import HTTPXTransport

from tests.system.program import Up


@pytest.fixture
def queries(demo: Up) -> dict[str, str]:
    """What the demo prints to try, by title."""
    return dict(re.findall(r"^(\d\. .+)\n(query \w+ \{\n(?:.*\n)*?\}\n)", demo.out, re.MULTILINE))


def answer(demo: Up, query: str) -> dict[str, Any]:
    """What a client out of the box gets; it raises on any error."""
    transport = HTTPXTransport(demo.link("GraphQL"), headers={"authorization": f"Bearer {demo.token}"})
    with Client(transport=transport, fetch_schema_from_transport=True) as session:
        told: dict[str, Any] = session.execute(gql(query))
        return told


def test_three_queries_are_printed_ready_to_paste(queries: dict[str, str]) -> None:
    assert list(queries) == [
        "1. The fund as it was three years ago",
        "2. The second clock: one day as it was first reported, and as it is known since a valuation was restated",
        "3. What was recorded last: the corrections",
    ]
    assert all(max(map(len, query.splitlines())) <= 150 for query in queries.values())


def test_the_first_shows_the_fund_of_three_years_ago(demo: Up, queries: dict[str, str]) -> None:
    query = queries["1. The fund as it was three years ago"]
    then = answer(demo, query)["fund"]
    now = answer(demo, re.sub(r', at: "[^"]+"', "", query))["fund"]
    assert 0 < float(then["totalInvested"]) < float(now["totalInvested"])
    assert len(then["portfolioCompanies"]) >= 10
    values = [float(company["fairValue"]) for company in then["portfolioCompanies"]]
    assert values == sorted(values, reverse=True)
    assert then["totalValue"] != now["totalValue"]
    assert then["irr"] is not None


def test_the_second_shows_one_day_at_two_values(demo: Up, queries: dict[str, str]) -> None:
    (query,) = [query for title, query in queries.items() if title.startswith("2.")]
    told = answer(demo, query)
    first, now = told["firstReported"], told["knownNow"]
    assert first["company"]["name"] == now["company"]["name"]
    lower = float(first["company"]["fairValue"]) - float(now["company"]["fairValue"])
    assert lower > 0
    assert float(first["totalValue"]) - float(now["totalValue"]) == pytest.approx(lower)


def test_the_third_shows_the_corrections_that_were_recorded_last(demo: Up, queries: dict[str, str]) -> None:
    (query,) = [query for title, query in queries.items() if title.startswith("3.")]
    nodes = answer(demo, query)["timeline"]["nodes"]
    versions = [node["version"] for node in nodes]
    assert versions == list(range(versions[0], versions[0] - 10, -1))
    summaries = [node["summary"] for node in nodes[:3]]
    assert any("restating version" in summary for summary in summaries)
    assert any("Voided version" in summary for summary in summaries)
    assert all(node["occurredAt"] < node["recordedAt"] for node in nodes)


def test_the_shell_command_answers(demo: Up) -> None:
    (command,) = [line for line in demo.out.splitlines() if line.startswith("curl ")]
    told = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    fund = json.loads(told.stdout)["data"]["fund"]
    assert float(fund["totalInvested"]) > 0
    assert fund["tvpi"] > 1
