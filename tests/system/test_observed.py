"""A whole instance watched from outside: one trace through its processes, and no figure or secret in what it tells."""

import asyncio
import json
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import asyncpg
import httpx
import pytest
from redis import Redis

from api.schema import schema
from infra.waiting import QUEUES
from tests.api import places
from tests.api.asking import RECORD, Json, event
from tests.api.watching import ALERTS, CREATE, LADDER, RETIRE, UPDATE, handling, planned, reported
from tests.collector import Collector, Span, collecting
from tests.metering import Reading
from tests.system.program import Up, drypowder, until

AMOUNT, FIGURE, SHARE = "7654321.89", "7654321", "0.7654321"
SECRET, WORDS = "whsec_aHVudGVyMmh1bnRlcjJodW50ZXIyaHVudGVyMg==", "hunter2"
FORGED = f'{WORDS}\n{{"level": "ERROR", "message": "forged"}}\r\x1b[2J'
E_MAIL = "partners-of-hunter2@example.org"
PLANTED = (FIGURE, "7,654,321", SHARE, WORDS, SECRET[6:], "forged", "@example.org")
CALCULATE = (
    "mutation($i: CalculateReservesInput!) { calculateOptimalReserves(input: $i) { run { id } errors { code } } }"
)
FIRST_SET = "{ channel { hint } errors { code } }"


@dataclass(frozen=True, slots=True)
class Instance:
    """A running instance with its collector, and who asks it."""

    up: Up
    collector: Collector
    metrics_port: int
    http: httpx.Client

    def ask(self, query: str, request_id: str | None = None, **variables: object) -> Json:
        """The data of an answer without errors."""
        answer = self.answer(query, request_id, **variables)
        assert "errors" not in answer, answer
        data: Json = answer["data"]
        return data

    def answer(self, query: str, request_id: str | None = None, **variables: object) -> Json:
        """The whole answer."""
        headers = {} if request_id is None else {"x-request-id": request_id}
        answer: Json = self.http.post("/graphql", json={"query": query, "variables": variables}, headers=headers).json()
        return answer

    def record(self, fund: str, *events: Json, request_id: str | None = None) -> None:
        """Records facts, none of which may be refused."""
        payload = self.ask(RECORD, request_id, input={"fundId": fund, "events": list(events)})["recordEvents"]
        assert payload["errors"] == [], payload

    @property
    def logs(self) -> str:
        """What the API and the worker have logged."""
        return "".join(path.read_text() for path in sorted((self.up.data_dir / "logs").iterdir()))


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with (
        collecting() as collector,
        Up(
            tmp_path_factory.mktemp("observed"),
            LOG_LEVEL="DEBUG",
            METRICS_PORT=str(port),
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
            OTEL_BSP_SCHEDULE_DELAY="100",
            ALLOW_PRIVATE_WEBHOOKS="true",
        ) as up,
        httpx.Client(base_url=up.url, headers={"authorization": f"Bearer {up.token}"}, timeout=60) as http,
        Redis.from_url(up.redis_url) as redis,
    ):
        signs = [f"{queue}:health-check" for queue in QUEUES]
        until(lambda: redis.exists(*signs) == len(signs), "the worker's start")
        yield Instance(up, collector, port, http)


@pytest.fixture(scope="module")
def fund(instance: Instance) -> str:
    """A fund with a company, a plan, a webhook and a rule, everything planted."""
    opened = instance.ask(
        "mutation($i: OpenFundInput!) { openFund(input: $i) { fund { id } errors { code message } } }",
        i={
            "name": f"Fund of {WORDS}", "currency": "USD", "vintageYear": 2006, "size": AMOUNT,
            "openedAt": "2006-01-01T00:00:00Z", "idempotencyKey": f"{WORDS}-1",
        },
    )["openFund"]  # fmt: skip
    fund: str = opened["fund"]["id"]
    for company in ("acme", "beta", "gamma"):
        instance.record(
            fund,
            event("companyAdded", "2007-01-01", companyId=company, name=WORDS, sector="Software", stage="Seed"),
            planned(FIGURE, company=company),
        )
    invested = event("investmentMade", "2007-01-01", companyId="acme", amount=AMOUNT, ownershipAfter=SHARE)
    instance.record(fund, invested)
    url = f"{instance.collector.url}/{WORDS}?token={WORDS}"
    for channel, given in (("WEBHOOK", {"url": url, "secret": SECRET}), ("EMAIL", {"recipients": [E_MAIL]})):
        payload = instance.ask(
            f"mutation($i: AlertChannelInput!) {{ setAlertChannel(input: $i) {FIRST_SET} }}",
            i={"fundId": fund, "channel": channel, **given},
        )["setAlertChannel"]
        assert payload["errors"] == []
    rule = {
        "fundId": fund, "name": f"Rule of {WORDS}", "metrics": ["REVENUE"], "ladder": list(LADDER),
        "channels": ["IN_APP", "WEBHOOK", "EMAIL"],
    }  # fmt: skip
    created = instance.ask(CREATE, input=rule)["createAlertRule"]
    assert created["errors"] == []
    return fund


def test_one_trace_leads_from_a_request_to_the_delivery_of_what_it_brought_about(instance: Instance, fund: str) -> None:
    trace_id = uuid4().hex
    instance.record(fund, reported(1, "100000", "beta"), request_id=trace_id)
    api, worker = "drypowder-api", "drypowder-worker"
    parents = {
        (api, "request"): None,
        (api, "operation"): (api, "request"),
        (api, "Mutation.recordEvents"): (api, "operation"),
        (api, "ledger append"): (api, "Mutation.recordEvents"),
        (worker, "evaluation"): (api, "request"),
        (worker, "ledger append"): (worker, "evaluation"),
        (worker, "delivery"): (api, "request"),
    }
    # A delivery that a busy machine fails is tried again only a minute later.
    until(lambda: parents.keys() <= instance.collector.of(trace_id).keys(), "the trace", 150)
    found = instance.collector.of(trace_id)
    assert found.keys() == parents.keys()
    for name, parent in parents.items():
        above = {""} if parent is None else {one.span_id for one in found[parent]}
        assert {one.parent_id for one in found[name]} <= above, name
    until(lambda: instance.collector.bodies, "the delivery")

    def said(end: str) -> bool:
        return any(trace_id in line and f'{end}"' in line for line in instance.logs.splitlines())

    until(lambda: said("answered") and said("delivered by WEBHOOK"), "the log of it")
    facts = asyncio.run(brought_about(instance.up.database_url, trace_id))
    assert facts == ["ACTUAL_RECORDED", "ALERT_RAISED"]


def test_a_reserve_runs_trace_is_linked_to_the_request_for_it(instance: Instance, fund: str) -> None:
    trace_id = uuid4().hex
    asked = instance.ask(CALCULATE, trace_id, i={"fundId": fund, "options": {"iterations": 100}})
    assert asked["calculateOptimalReserves"]["errors"] == []

    def runs() -> list[Span]:
        return [one for one in instance.collector.spans if one.name == "reserve run" and trace_id in one.links]

    until(runs, "the run's span")
    (run,) = runs()
    computation = ("drypowder-worker", "computation")
    until(lambda: computation in instance.collector.of(run.trace_id), "the computation's span", 60)
    assert {one.parent_id for one in instance.collector.of(run.trace_id)[computation]} == {run.span_id}


async def brought_about(database_url: str, request_id: str) -> list[str]:
    """Kinds of the facts that a request brought about."""
    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch("SELECT type FROM fact WHERE correlation_id = $1 ORDER BY version", request_id)
    finally:
        await connection.close()
    return [row["type"] for row in rows]


def test_the_workers_metrics_count_what_it_did(instance: Instance, fund: str) -> None:
    def shown() -> Reading:
        return Reading(httpx.get(f"http://127.0.0.1:{instance.metrics_port}/metrics").text)

    instance.record(fund, reported(1, "100001", "gamma"))
    until(lambda: shown().of("deliveries_total", channel="WEBHOOK", outcome="delivered"), "a delivery")
    reading = shown()
    assert reading.of("job_seconds_count", name="evaluate", outcome="done") >= 1
    assert reading.of("job_seconds_count", name="evaluate", outcome="failed") == 0
    assert reading.of("facts_appended_total") >= 1
    assert (reading.of("reachable", server="database"), reading.of("reachable", server="redis")) == (1, 1)
    assert reading.of("loop_lag_seconds_count") >= 1


def alerts_of(instance: Instance, fund: str) -> list[Json]:
    """The alerts about acme."""
    nodes = instance.ask(ALERTS, id=fund)["varianceAlerts"]["nodes"]
    return [one for one in nodes if one["company"]["companyId"] == "acme"]


def good_requests(instance: Instance, fund: str) -> dict[str, tuple[str, Json]]:
    """A request of each mutation that goes through, with figures and words that are never to be logged."""
    (alert,) = alerts_of(instance, fund)
    rule: Json = {"fundId": fund, "name": WORDS, "metrics": ["REVENUE"], "ladder": list(LADDER)}
    options = {"minCheck": AMOUNT, "pool": AMOUNT, "iterations": 100}
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    made = instance.ask(CREATE, input=rule)["createAlertRule"]["rule"]["id"]
    asked = instance.ask(CALCULATE, i={"fundId": fund, "options": options})["calculateOptimalReserves"]["run"]["id"]
    return {
        "createSnapshot": (
            "mutation($f: ID!, $d: String) { createSnapshot(fundId: $f, description: $d) { errors { code } } }",
            {"f": fund, "d": WORDS},
        ),
        "updateAlertRule": (UPDATE, {"id": made, "input": {**rule, "name": f"{WORDS} again"}}),
        "retireAlertRule": (RETIRE, {"id": made}),
        "markAlertRead": (handling("markAlertRead"), {"id": alert["id"], "read": True}),
        "acknowledgeAlert": (handling("acknowledgeAlert"), {"id": alert["id"]}),
        "snoozeAlert": (handling("snoozeAlert"), {"id": alert["id"], "until": tomorrow}),
        "resolveAlert": (handling("resolveAlert"), {"id": alert["id"], "reason": WORDS}),
        "testChannel": (
            "mutation($f: ID!) { testChannel(fundId: $f, channel: EMAIL) { __typename } }",
            {"f": fund},
        ),
        "removeAlertChannel": (
            "mutation($f: ID!) { removeAlertChannel(fundId: $f, channel: EMAIL) { errors { code } } }",
            {"f": fund},
        ),
        "cancelReserveRun": (
            "mutation($id: ID!) { cancelReserveRun(id: $id) { errors { code } } }",
            {"id": asked},
        ),
    }


def test_no_figure_word_or_secret_of_any_mutation_gets_into_log_trace_or_metric(
    instance: Instance, fund: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance.record(fund, reported(1, "99999"))
    until(lambda: alerts_of(instance, fund), "an alert")
    asked = set()
    for mutation, (query, variables) in good_requests(instance, fund).items():
        instance.ask(query, **variables)
        asked.add(mutation)
    monkeypatch.setitem(places.VALUES, "Money", AMOUNT)
    monkeypatch.setitem(places.VALUES, "Decimal", SHARE)
    for place in places.all_places():
        if place.operation == "mutation":
            request = place.request(FORGED, fund)
            instance.answer(request["query"], **request["variables"])
            asked.add(place.field)
    assert asked == set(mutations())
    told = instance.logs + instance.collector.raw
    told += instance.http.get("/metrics").text + httpx.get(f"http://127.0.0.1:{instance.metrics_port}/metrics").text
    secret = (instance.up.data_dir / "signing.secret").read_text()
    assert [one for one in (*PLANTED, secret, instance.up.token) if one in told] == []
    lines = [json.loads(line) for line in instance.logs.splitlines()]
    assert {"api.observing", "jobs.doing"} <= {line["logger"] for line in lines}
    assert all(line["level"] in ("DEBUG", "INFO", "WARNING") for line in lines)


def test_the_doctor_finds_a_running_instance_well(instance: Instance, fund: str) -> None:
    outcome = drypowder("doctor", "--json", data_dir=instance.up.data_dir)
    told = json.loads(outcome.out)
    found = {one["what"]: one["state"] for one in told["findings"]}
    # Whether there is room is the machine's affair.
    assert [what for what, state in found.items() if state != "good" and what != "disk"] == []
    assert {"secret", "database", "schema", "hash chain", "redis", "worker", "queue arq:reserves"} <= found.keys()
    assert (outcome.code, told["healthy"]) == ((0, True) if found["disk"] == "good" else (1, False))


def test_the_doctor_says_in_a_line_each_what_is_wrong_and_what_to_do(instance: Instance, tmp_path: Path) -> None:
    gone = {"DATABASE_URL": "postgresql://ana:hunter2@127.0.0.1:1/x", "REDIS_URL": "redis://:hunter2@127.0.0.1:1"}
    outcome = drypowder("doctor", data_dir=tmp_path / "none", DRYPOWDER_SECRET="short", **gone)
    assert (outcome.code, outcome.err) == (1, "")
    lines = [re.split(" {2,}", line, maxsplit=2) for line in outcome.out.splitlines()]
    assert [(state, what) for state, what, _ in lines] == [
        ("WRONG", "secret"), ("ok", "address"), ("WRONG", "database"), ("WRONG", "redis"),
    ]  # fmt: skip
    assert lines[2][2].startswith("can't be used: ConnectionRefusedError. See whether PostgreSQL runs")
    assert "hunter2" not in outcome.out
    nothing = drypowder("doctor", data_dir=tmp_path / "none")
    assert nothing.code == 1
    assert "No instance is running in" in nothing.out


def mutations() -> list[str]:
    """Every mutation that is given anything."""
    kind = schema._schema.mutation_type
    assert kind is not None
    return [name for name, field in kind.fields.items() if field.args]
