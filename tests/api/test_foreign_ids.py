"""Ids of a fund one has no part in, wherever an id goes in: nothing is told apart from what doesn't exist."""

import json
import re
from uuid import uuid4

import pytest
import pytest_asyncio

from infra.people import Role
from tests.api.asking import Caller, Json, OpenedFund
from tests.api.conftest import MakeCaller, MakeWatched
from tests.api.places import Place, all_places
from tests.api.test_hostile_text import answer_of

PLACES = all_places(frozenset({"ID"}))
IDS = """
query ($id: ID!) {
  fund(id: $id) { id portfolioCompanies { id } }
  timeline(fundId: $id, first: 1) { nodes { id } }
  alertRules(fundId: $id) { id }
  varianceAlerts(fundId: $id) { nodes { id rule { id } } }
  reserveRuns(fundId: $id) { nodes { id } }
}
"""
THEN = "query ($id: ID!) { fund(id: $id) { varianceAlerts { id rule { id } } } }"
SNAPSHOT = "mutation ($id: ID!) { createSnapshot(fundId: $id) { snapshot { id } } }"
RUN = "mutation ($id: ID!) { calculateOptimalReserves(input: { fundId: $id }) { run { id } errors { message } } }"


@pytest_asyncio.fixture(scope="module")
async def foreign(watch: MakeWatched) -> list[str]:
    """Ids of a fund and of everything in it; the fund's own is the first."""
    watched = await watch()
    await watched.set_rule()
    await watched.miss()
    theirs = watched.fund.id
    found = await watched.manager.data(IDS, id=theirs)
    then = (await watched.manager.data(THEN, id=theirs))["fund"]["varianceAlerts"]
    snapshot = await watched.analyst.data(SNAPSHOT, id=theirs)
    run = await watched.analyst.data(RUN, id=theirs)
    (alert,) = found["varianceAlerts"]["nodes"]
    return [
        theirs,
        found["fund"]["id"],
        found["fund"]["portfolioCompanies"][0]["id"],
        found["timeline"]["nodes"][0]["id"],
        alert["id"],
        alert["rule"]["id"],
        *(one for each in then for one in (each["id"], each["rule"]["id"])),
        snapshot["createSnapshot"]["snapshot"]["id"],
        run["calculateOptimalReserves"]["run"]["id"],
    ]


def absent(id: str, own: str) -> str:
    """An id like this one, of what never was."""
    fresh = iter(uuid4, None)
    kept = id.replace(own, "OWN")
    dashed = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", lambda _: str(next(fresh)), kept)
    plain = re.sub(r"\b[0-9a-f]{32}\b", lambda _: next(fresh).hex, dashed)
    return plain.replace("OWN", own)


async def told(admin: Caller, place: Place, own: str, id: str) -> Json:
    """What is answered of an id at a place, without what differs from request to request."""
    accept = "text/event-stream" if place.operation == "subscription" else "application/json"
    selection = "errors { code message path }" if place.operation == "mutation" else "__typename"
    answer = answer_of(await admin.send(json.dumps(place.request(id, own, selection)), accept=accept))
    for error in answer.get("errors", []):
        del error["extensions"]["requestId"]
    plain: Json = json.loads(json.dumps(answer).replace(json.dumps(id)[1:-1], "the id"))
    return plain


def test_ids_go_in_at_every_root() -> None:
    assert {place.kind for place in PLACES} >= {"Query", "Mutation", "Subscription", "FundState"}
    assert len(PLACES) > 50


@pytest.mark.parametrize("place", PLACES, ids=str)
async def test_a_foreign_id_is_told_of_as_one_that_never_was(
    foreign: list[str], fund: OpenedFund, caller: MakeCaller, place: Place
) -> None:
    admin = await caller(Role.ADMIN, fund.uuid)
    # Also as if what is theirs were of one's own fund. Companies are looked for in that alone, by their keys.
    ids = [*foreign, *(one.replace(foreign[0], fund.id) for one in foreign if ":" in one)]
    for id in ids[:3] if "company" in str(place) else ids:
        gone = absent(id, fund.id)
        # One's own fund has moments and versions too.
        if gone != id:
            assert await told(admin, place, fund.id, id) == await told(admin, place, fund.id, gone), id
