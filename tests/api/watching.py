"""A fund that is watched: companies, their plans and reports, rules, and what comes of them.

Plans and reports are of months in 2150. Whenever the tests run, such plans were made in time, and nothing is overdue.
"""

import calendar
from dataclasses import dataclass

from infra.runtime import Runtime
from tests.api.asking import Caller, Json, OpenedFund, event

LADDER = (
    {"severity": "WARNING", "percent": "10", "absolute": "50000"},
    {"severity": "CRITICAL", "percent": "25", "absolute": "250000"},
    {"severity": "URGENT", "percent": "40", "absolute": None},
)
RULE = """
fragment Rule on AlertRule {
  id fundId name metrics ladder { severity percent absolute } companyIds stages direction combine persistence
  persistenceWindow clearAt forecastPolicy includeBackdated channels cooldownMinutes enabled retired version createdAt
  updatedAt
}
"""
CREATE = (
    RULE
    + """
mutation ($input: AlertRuleInput!) {
  createAlertRule(input: $input) { rule { ...Rule } errors { code message path } }
}
"""
)
UPDATE = (
    RULE
    + """
mutation ($id: ID!, $input: AlertRuleInput!) {
  updateAlertRule(id: $id, input: $input) { rule { ...Rule } errors { code message path } }
}
"""
)
RETIRE = (
    RULE
    + """
mutation ($id: ID!) { retireAlertRule(id: $id) { rule { ...Rule } errors { code message path } } }
"""
)
RULES = RULE + "query ($id: ID!) { alertRules(fundId: $id) { ...Rule } }"

ALERT = """
fragment Alert on VarianceAlert {
  id kind metricType severity peakSeverity status occurrences triggeringEventVersion revision createdAt updatedAt
  resolvedAt resolution snoozedUntil follows why isRead
  rule { id name version }
  company { id companyId name }
  details {
    periodStart periodEnd forecast actual variance variancePercent favourable status flags forecastVersion actualVersion
  }
  deliveries { channel status attempts lastError deliveredAt revision }
}
"""
ALERTS = (
    ALERT
    + """
query ($id: ID!, $filter: AlertFilter, $first: Int, $after: String) {
  varianceAlerts(fundId: $id, filter: $filter, first: $first, after: $after) {
    edges { cursor node { id } }
    nodes { ...Alert }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""
)
ALERTS_THEN = (
    ALERT
    + """
query ($id: ID!, $at: DateTime, $knownAt: DateTime, $filter: AlertFilter) {
  fund(id: $id, at: $at, knownAt: $knownAt) { at knownAt varianceAlerts(filter: $filter) { ...Alert } }
}
"""
)

_HANDLING = {
    "acknowledgeAlert": "",
    "snoozeAlert": ", until: $until",
    "resolveAlert": ", reason: $reason",
    "markAlertRead": ", read: $read",
}
_HANDLED = {"until": "DateTime!", "reason": "String!", "read": "Boolean"}


def month(number: int) -> tuple[str, str]:
    """First and last day of a month of 2150, counted from 1."""
    return f"2150-{number:02d}-01", f"2150-{number:02d}-{calendar.monthrange(2150, number)[1]}"


def planned(
    *figures: int | str, company: str = "acme", metric: str = "REVENUE", kind: str = "BUDGET", first: int = 1
) -> Json:
    """A forecast of these figures, a month each, from the month counted `first` on."""
    periods = []
    for number, figure in enumerate(figures, start=first):
        start, end = month(number)
        periods.append({"start": start, "end": end, "projectedValue": str(figure)})
    return event("forecastCreated", companyId=company, metricType=metric, kind=kind, periods=periods)


def reported(
    number: int, figure: int | str, company: str = "acme", metric: str = "REVENUE", restates: int | None = None
) -> Json:
    """A report of one month."""
    start, end = month(number)
    given: Json = {
        "companyId": company,
        "metricType": metric,
        "value": str(figure),
        "periodStart": start,
        "periodEnd": end,
    }
    if restates is not None:
        given["supersedesVersion"] = restates
    return event("actualRecorded", **given)


def handling(mutation: str, fields: str = "alert { ...Alert }") -> str:
    """A mutation of one alert."""
    fragment = ALERT if "...Alert" in fields else ""
    argument = _HANDLING[mutation]
    names = [name for name in _HANDLED if f"${name}" in argument]
    declared = "".join(f", ${name}: {_HANDLED[name]}" for name in names)
    return f"""{fragment}
mutation ($id: ID!{declared}) {{ {mutation}(id: $id{argument}) {{ {fields} errors {{ code message path }} }} }}"""


async def handled(caller: Caller, mutation: str, id: str, **given: object) -> Json:
    """What a mutation of one alert answered."""
    payload: Json = (await caller.data(handling(mutation), id=id, **given))[mutation]
    return payload


async def done(caller: Caller, mutation: str, id: str, **given: object) -> Json:
    """The alert after a mutation that must not be refused."""
    payload = await handled(caller, mutation, id, **given)
    assert payload["errors"] == [], payload["errors"]
    alert: Json = payload["alert"]
    return alert


@dataclass(frozen=True, slots=True)
class Watched:
    """A fund with companies and plans, and those who look after it."""

    fund: OpenedFund
    manager: Caller
    viewer: Caller
    runtime: Runtime

    @property
    def id(self) -> str:
        """As the API has it."""
        return self.fund.id

    @property
    def analyst(self) -> Caller:
        """Who records."""
        return self.fund.analyst

    def rule(self, **changes: object) -> Json:
        """The input of a rule on revenue."""
        return {"fundId": self.id, "name": "Sales", "metrics": ["REVENUE"], "ladder": list(LADDER), **changes}

    async def create(self, **changes: object) -> Json:
        """What `createAlertRule` answered the manager."""
        payload: Json = (await self.manager.data(CREATE, input=self.rule(**changes)))["createAlertRule"]
        return payload

    async def update(self, rule: str, **changes: object) -> Json:
        """What `updateAlertRule` answered the manager."""
        data = await self.manager.data(UPDATE, id=rule, input=self.rule(**changes))
        payload: Json = data["updateAlertRule"]
        return payload

    async def set_rule(self, **changes: object) -> Json:
        """A new rule, which must not be refused."""
        payload = await self.create(**changes)
        assert payload["errors"] == [], payload["errors"]
        rule: Json = payload["rule"]
        return rule

    async def rules(self) -> list[Json]:
        """The rules that aren't retired."""
        rules: list[Json] = (await self.viewer.data(RULES, id=self.id))["alertRules"]
        return rules

    async def record(self, *facts: Json) -> int:
        """Version of the last of these facts, once they were evaluated."""
        versions = await self.analyst.recorded(self.id, *facts)
        await self.evaluate()
        return versions[-1]

    async def report(self, number: int, figure: int | str, **rest: object) -> int:
        """Version of a month's report, once it was evaluated."""
        return await self.record(reported(number, figure, **rest))  # type: ignore[arg-type]

    async def evaluate(self) -> int:
        """Has the fund's news evaluated; how many facts that recorded."""
        return await self.runtime.evaluator.evaluate(self.fund.uuid)

    async def version(self) -> int:
        """Version of the fund's newest fact."""
        return await self.viewer.version(self.id)

    async def moment(self, version: int | None = None) -> str:
        """When a fact was learned, the newest if none is named: as known then, it is there."""
        asked = "query ($id: ID!) { timeline(fundId: $id, first: 200) { nodes { version recordedAt } } }"
        nodes = (await self.viewer.data(asked, id=self.id))["timeline"]["nodes"]
        moments: dict[int, str] = {node["version"]: node["recordedAt"] for node in nodes}
        return moments[max(moments) if version is None else version]

    async def page(self, caller: Caller | None = None, **asked: object) -> Json:
        """One page of the alerts."""
        found: Json = (await (caller or self.viewer).data(ALERTS, id=self.id, **asked))["varianceAlerts"]
        return found

    async def alerts(self, caller: Caller | None = None, **chosen: object) -> list[Json]:
        """The alerts that a filter lets through."""
        nodes: list[Json] = (await self.page(caller, filter=chosen, first=200))["nodes"]
        return nodes

    async def alert(self) -> Json:
        """The only alert."""
        (alert,) = await self.alerts()
        return alert

    async def miss(self, number: int = 1, figure: int | str = 600_000, **rest: object) -> Json:
        """The only alert, after a report that misses its plan by 40%."""
        await self.report(number, figure, **rest)
        return await self.alert()

    async def then(self, at: str | None = None, known_at: str | None = None, **chosen: object) -> list[Json]:
        """The alerts as they stood at a moment."""
        data = await self.viewer.data(ALERTS_THEN, id=self.id, at=at, knownAt=known_at, filter=chosen or None)
        alerts: list[Json] = data["fund"]["varianceAlerts"]
        return alerts
