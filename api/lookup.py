"""Anything by its id."""

import re
from uuid import UUID

from api import ids
from api.alerts import alerts_then, one as one_alert
from api.companies import portfolio_company, see
from api.context import Context
from api.funds import fund_of, state_of
from api.node import Node
from api.reserves import one as one_run, one_scenario
from api.rules import one_rule, rule_then
from api.snapshots import snapshot_of
from api.timeline import shown
from infra.funds import FundHead


async def find(context: Context, given: str) -> Node | None:  # noqa: PLR0911 - one for each kind
    """The thing with this id, for whoever has a part in its fund; None where there is none.

    Raises:
        UnauthenticatedError: If nobody known asks.
        Refusal: If the id's moment can't be asked for.
    """
    _ = context.someone
    found = ids.parse(given)
    row = None if found is None else await context.fund(str(found.fund_id))
    if found is None or row is None:
        return None
    match found.kind:
        case "fund":
            return fund_of(row)
        case "fact":
            return await _fact(context, row, found.parts[0])
        case "snapshot":
            return await _snapshot(context, row, found.parts[0])
        case "run":
            return await one_run(context, row.id, found.parts[0])
        case "scenario":
            return await one_scenario(context, row.id, found.parts[0])
        case "rule":
            return await one_rule(context, row.id, found.parts[0])
        case "alert":
            return await one_alert(context, row.id, found.parts[0])
    return await _seen(context, row, found)


async def _fact(context: Context, row: FundHead, version: str) -> Node | None:
    # Fits a bigint, and is written as our ids are.
    if re.fullmatch("[1-9][0-9]{0,17}", version) is None:
        return None
    fact = await context.runtime.history.fact(row.id, int(version))
    return None if fact is None else (await shown(context, row.id, row.currency, [fact]))[0]


async def _snapshot(context: Context, row: FundHead, snapshot: str) -> Node | None:
    try:
        found = await context.runtime.snapshots.one(row.id, UUID(snapshot))
    except ValueError:
        return None
    return None if found is None else snapshot_of(found)


async def _seen(context: Context, row: FundHead, found: ids.NodeId) -> Node | None:
    at, known_at = ids.moment_of(found.parts[0]), ids.moment_of(found.parts[1])
    if at is None or known_at is None:
        return None
    seen = await see(context, row, at, known_at)
    if found.kind == "state":
        return state_of(seen)
    if found.kind == "alertthen":
        return next((alert for alert in await alerts_then(seen, None) if alert.alert.id == found.parts[2]), None)
    if found.kind == "rulethen":
        return await rule_then(seen, found.parts[2])
    holding = seen.folded.state.companies.get(found.parts[2])
    return None if holding is None else portfolio_company(seen, holding)
