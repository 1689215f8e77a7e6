"""The demo as a newcomer meets it: each query that it prints shows what its title says."""

import asyncio
import json
import re
import subprocess
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from gql import Client, gql
from gql.transport.httpx import HTTPXTransport

from tests.api.asking import Conversation, Json, conversing
from tests.system.program import Up

PATIENCE = 30.0


def tried(demo: Up, operation: str) -> dict[str, str]:
    """What the demo prints to try, by title."""
    return dict(re.findall(rf"^ *(\S.+)\n({operation} \w+ \{{\n(?:.*\n)*?\}}\n)", demo.out, re.MULTILINE))


@pytest.fixture
def queries(demo: Up) -> dict[str, str]:
    """The queries that the demo prints to try, by title."""
    return tried(demo, "query")


def answer(demo: Up, query: str) -> dict[str, Any]:
    """What a client out of the box gets; it raises on any error."""
    headers = {"authorization": f"Bearer {demo.token}"}
    transport = HTTPXTransport(demo.link("GraphQL"), headers=headers, timeout=60)
    with Client(transport=transport, fetch_schema_from_transport=True) as session:
        told: dict[str, Any] = session.execute(gql(query))
        return told


@pytest.fixture
def untouched(tmp_path: Path) -> Iterator[Up]:
    """A demo whose miss nobody has recorded: only the first time does it alert at once."""
    with Up(tmp_path, "--demo") as up:
        yield up


def test_queries_a_subscription_and_a_mutation_are_printed_ready_to_paste(demo: Up) -> None:
    printed = {operation: tried(demo, operation) for operation in ("query", "subscription", "mutation")}
    assert {operation: list(found) for operation, found in printed.items()} == {
        "query": [
            "1. The fund as it was three years ago",
            "2. The second clock: one day as it was first reported, and as it is known since a valuation was restated",
            "3. What was recorded last: the corrections",
            "4. Who is behind plan: the alerts, and why each fired",
            "6. Where the next follow-on dollar earns most: now, and as one would have said three years ago",
        ],
        "subscription": ["5. An alert as it comes: subscribe in one window …"],
        "mutation": ["… and record a miss in another"],
    }
    texts = [text for found in printed.values() for text in found.values()]
    assert all(max(map(len, text.splitlines())) <= 150 for text in texts)


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
    found = answer(demo, query.replace("first: 3", "first: 50"))["timeline"]["nodes"]
    # Other tests have recorded in it since.
    nodes = [node for node in found if datetime.fromisoformat(node["recordedAt"]) < demo.ready_at][:3]
    versions = [node["version"] for node in nodes]
    assert versions == list(range(versions[0], versions[0] - 3, -1))
    summaries = [node["summary"] for node in nodes]
    assert any("restating version" in summary for summary in summaries)
    assert any("Voided version" in summary for summary in summaries)
    assert all(node["occurredAt"] < node["recordedAt"] for node in nodes)


def test_the_fourth_shows_alerts_and_why_each_fired(demo: Up, queries: dict[str, str]) -> None:
    (query,) = [query for title, query in queries.items() if title.startswith("4.")]
    nodes = answer(demo, query)["varianceAlerts"]["nodes"]
    assert len(nodes) == 10
    # Each sentence begins with the company it is about.
    assert all(node["why"].startswith(node["company"]["name"]) for node in nodes)
    every = answer(demo, query.replace("first: 10", "first: 200"))["varianceAlerts"]["nodes"]
    found = {node["status"] for node in every}
    assert found >= {"OPEN", "ACKNOWLEDGED", "SNOOZED", "SUPPRESSED", "RESOLVED"}
    assert {node["severity"] for node in every} >= {"WARNING", "CRITICAL", "URGENT"}


async def test_the_fifth_shows_an_alert_as_soon_as_the_miss_is_recorded(untouched: Up) -> None:
    (watch,), (miss,) = (tried(untouched, operation).values() for operation in ("subscription", "mutation"))
    url = untouched.link("GraphQL").replace("http", "ws", 1)

    async def told(talk: Conversation) -> Json:
        notice: Json = (await talk.next())["varianceAlerts"]
        return notice

    async with asyncio.timeout(PATIENCE), conversing(url, untouched.token) as talk:
        await talk.subscribe(watch)
        first = asyncio.ensure_future(told(talk))
        recorded = (await asyncio.to_thread(answer, untouched, miss))["recordEvents"]
        # The subscription may begin a moment after the mutation; the miss alerts each time it is recorded.
        while not (await asyncio.wait([first], timeout=5))[0]:
            recorded = (await asyncio.to_thread(answer, untouched, miss))["recordEvents"]
        notice = await first
    (event,) = recorded["events"]
    assert recorded["errors"] == []
    assert notice["change"] in ("OPENED", "REPEATED")
    assert notice["alert"]["why"].startswith(notice["alert"]["company"]["name"])
    assert event["summary"].startswith(notice["alert"]["company"]["name"])
    assert notice["alert"]["severity"] == "URGENT"


def test_the_shell_command_answers(demo: Up) -> None:
    (command,) = [line for line in demo.out.splitlines() if line.startswith("curl ")]
    told = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    fund = json.loads(told.stdout)["data"]["fund"]
    assert float(fund["totalInvested"]) > 0
    assert fund["tvpi"] > 1
