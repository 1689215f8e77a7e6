"""The Python client `gql`: each of its transports asks, records and follows, and checks documents by the schema."""

from typing import Any
from uuid import UUID

import pytest
from gql import Client, GraphQLRequest
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.exceptions import TransportQueryError
from gql.transport.httpx import HTTPXAsyncTransport
from gql.transport.websockets import WebsocketsTransport

from infra.people import Role
from tests.conftest import Live

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


def about(fund: UUID, query: str, **variables: Any) -> GraphQLRequest:
    """A request about the fund; a mutation records two fees."""
    given = {"input": {"fundId": str(fund), "events": [FEE, FEE]}} if query == RECORD else {"id": str(fund)}
    return GraphQLRequest(query, variable_values={**given, **variables})


@pytest.mark.parametrize("transport", [AIOHTTPTransport, HTTPXAsyncTransport])
async def test_gql_asks_and_records_over_http(
    live: Live, fund: UUID, transport: type[AIOHTTPTransport | HTTPXAsyncTransport]
) -> None:
    headers = {"Authorization": f"Bearer {await live.token(Role.ANALYST, fund)}"}
    made = transport(url=f"{live.url}/graphql", headers=headers, timeout=60)
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
