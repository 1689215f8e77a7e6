"""The audits of npm's `graphql-http`: whether a server keeps to GraphQL over HTTP."""

import json
from pathlib import Path

from tests.clients import node
from tests.conftest import Live


async def test_the_server_passes_every_audit_of_graphql_over_http(live: Live, scripts: Path) -> None:
    task = json.dumps({"url": f"{live.url}/graphql", "token": await live.token()})
    told = json.loads(await node.printed("audit.js", cwd=scripts, TASK=task))
    assert len(told) == 61
    # A warning or a notice is not `ok` either.
    assert [audit for audit in told if audit["status"] != "ok"] == []
