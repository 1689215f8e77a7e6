"""Clients that others wrote, as docs/clients.md sets them up: each asks, records, follows, and goes on after a cut."""

import asyncio
import importlib.util
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from infra.people import Role
from tests.clients import node
from tests.clients.conftest import ChargeFees
from tests.clients.line import Line, line_to
from tests.conftest import Live, OpenFund

Json = dict[str, Any]

CLIENTS = ("graphql-ws", "graphql-sse", "urql", "urql-fetch", "apollo", "graphql-request")
QUERY = "query ($fundId: ID!) { fund(id: $fundId) { version availableCapital } }"
RECORD = """
mutation ($input: RecordEventsInput!) {
  recordEvents(input: $input) { events { version } errors { code message path } }
}
"""
FOLLOW = """
subscription ($fundId: ID!, $afterVersion: Int) {
  fundEvents(fundId: $fundId, afterVersion: $afterVersion) { version }
}
"""
FEE = {"event": {"feeCharged": {"amount": "12.50", "kind": "audit"}}}
LAST = 6


@dataclass(slots=True)
class Told:
    """What a client was told."""

    answers: list[Json] = field(default_factory=list)
    facts: list[Json] = field(default_factory=list)

    async def hear(self, fact: Json, fund: UUID, line: Line, charge_fees: ChargeFees) -> None:
        """Notes a fact; the third is followed by a cut, during which there are two more, and the sixth comes live."""
        self.facts.append(fact)
        if fact["version"] == 3:
            line.cut()
            await charge_fees(fund, 2)
            line.mend()
        elif fact["version"] == LAST - 1:
            await charge_fees(fund, 1)

    def is_whole(self) -> bool:
        """Whether each fact came, once, in order."""
        return [fact["version"] for fact in self.facts] == list(range(1, LAST + 1))


Runs = dict[str, asyncio.Task[Told]]


@pytest_asyncio.fixture(scope="session")
async def runs(live: Live, scripts: Path, open_fund: OpenFund, charge_fees: ChargeFees) -> AsyncIterator[Runs]:
    """Every client at work, all at once: before they reconnect, they wait a while."""

    async def run(client: str) -> Told:
        fund = await open_fund()
        await charge_fees(fund, 1)
        token, told = await live.token(Role.ANALYST, fund), Told()
        async with line_to(f"{live.url}/graphql") as line:
            task = {"client": client, "url": line.url, "token": token, "fundId": str(fund), "until": LAST}
            async with node.started("driver.js", cwd=scripts, TASK=json.dumps(task)) as process:
                assert process.stdout is not None
                async for text in process.stdout:
                    said = json.loads(text)
                    if "fact" in said:
                        await told.hear(said["fact"], fund, line, charge_fees)
                    else:
                        told.answers.append(said)
        return told

    made = {client: asyncio.ensure_future(run(client)) for client in CLIENTS}
    yield made
    await asyncio.gather(*made.values(), return_exceptions=True)


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_client_asks_records_follows_and_goes_on_after_a_cut(runs: Runs, client: str) -> None:
    told = await runs[client]
    asked, recorded, refused = told.answers
    assert (asked["fund"]["version"], asked["fund"]["availableCapital"]) == (2, "59999987.50")
    assert recorded["recordEvents"]["errors"] == []
    assert [event["version"] for event in recorded["recordEvents"]["events"]] == [3]
    assert refused == {"refused": ["GRAPHQL_VALIDATION_FAILED"]}
    assert told.is_whole(), told.facts
    assert [(fact["amount"], fact["kind"]) for fact in told.facts[1:]] == [("12.50", "audit")] * 5


@pytest.fixture
def gql_client(scripts: Path) -> ModuleType:
    """The page's snippet for Python."""
    spec = importlib.util.spec_from_file_location("gql_client", scripts / "gql_client.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


async def test_gql_asks_records_follows_and_goes_on_after_a_cut(
    live: Live, fund: UUID, gql_client: ModuleType, charge_fees: ChargeFees
) -> None:
    token, told = await live.token(Role.ANALYST, fund), Told()
    async with line_to(f"{live.url}/graphql") as line:
        server = line.url, lambda: token
        asked = await gql_client.ask(*server, QUERY, {"fundId": str(fund)})
        recorded = await gql_client.ask(*server, RECORD, {"input": {"fundId": str(fund), "events": [FEE]}})
        start = {"fundId": str(fund), "afterVersion": 0}
        facts: AsyncGenerator[Json, None] = gql_client.follow(*server, FOLLOW, start)
        async with aclosing(facts):
            async for fact in facts:
                await told.hear(fact, fund, line, charge_fees)
                if fact["version"] == LAST:
                    break
    assert asked == {"fund": {"version": 2, "availableCapital": "59999987.50"}}
    assert recorded == {"recordEvents": {"events": [{"version": 3}], "errors": []}}
    assert told.is_whole(), told.facts


def test_the_pages_are_made_with_the_versions_that_are_tested_here() -> None:
    ours, pages = (
        json.loads((folder / "package.json").read_text(encoding="utf-8"))
        for folder in (node.HERE, node.HERE.parents[1] / "web")
    )
    made_with = pages["dependencies"] | pages["devDependencies"]
    for name in ("graphql", "graphql-ws", "typescript", "@urql/core", "@urql/exchange-graphcache"):
        assert ours["dependencies"][name] == made_with[name], name
