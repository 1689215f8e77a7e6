"""Channels: set and removed by managers, tried at will; their addresses and secrets go in and never come out."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from email import message_from_bytes

import pytest
import pytest_asyncio
from graphql import get_introspection_query
from pydantic import SecretStr
from starlette.applications import Starlette

from api.app import application
from domain.rules import DeliveryChannel
from infra.people import Role
from infra.queue import Queue
from infra.settings import Settings
from jobs import alerts as jobs
from tests.api.asking import Caller, Json, OpenedFund, refusals
from tests.api.conftest import MakeCaller, MakeWatched
from tests.api.serving import runtime_of, serving
from tests.api.watching import Watched
from tests.conftest import SECRET, Servers
from tests.infra.delivery.receivers import HOST, Inbox, mail_server, status, web_server

CHANNEL = "fragment Channel on AlertChannel { channel hint digestBelow setAt setBy }"
CHANNELS = CHANNEL + " query ($id: ID!) { alertChannels(fundId: $id) { ...Channel } }"
SET = (
    CHANNEL
    + """
mutation ($input: AlertChannelInput!) {
  setAlertChannel(input: $input) { channel { ...Channel } errors { code message path } }
}
"""
)
REMOVE = (
    CHANNEL
    + """
mutation ($id: ID!, $channel: DeliveryChannel!) {
  removeAlertChannel(fundId: $id, channel: $channel) { channel { ...Channel } errors { code message path } }
}
"""
)
TEST = """
mutation ($id: ID!, $channel: DeliveryChannel!) {
  testChannel(fundId: $id, channel: $channel) { delivered reason errors { code message path } }
}
"""
ABSENT = "00000000-0000-4000-8000-000000000000"
PEOPLE = ["partner.one@example.org", "Partner.Two@EXAMPLE.com"]
BOSS = "boss-of-all@example.net"
SLACK = "https://hooks.slack.example.com/services/T0/B0/unguessable-slack"
HOOK = "https://alerts.example.org:8443/drypowder/unguessable-path?token=unguessable-query"
SIGNING = "whsec_" + base64.b64encode(b"unguessable-signing-key-of-32-by").decode()
EMAIL_INPUT: Json = {"channel": "EMAIL", "recipients": PEOPLE, "escalateTo": [BOSS], "digestBelow": "CRITICAL"}
SLACK_INPUT: Json = {"channel": "SLACK", "url": SLACK}
WEBHOOK_INPUT: Json = {"channel": "WEBHOOK", "url": HOOK, "secret": SIGNING}
SECRETS = [*PEOPLE, "partner", BOSS, "boss-of", "unguessable", SIGNING, SIGNING.removeprefix("whsec_"), "services/T0"]
"""What must come out nowhere, whatever the letters' size."""

Sending = tuple[Starlette, Caller]


async def put(watched: Watched, caller: Caller | None = None, **given: object) -> Json:
    data = await (caller or watched.manager).data(SET, input={"fundId": watched.id, **given})
    payload: Json = data["setAlertChannel"]
    return payload


async def listed(watched: Watched, caller: Caller | None = None) -> list[Json]:
    found: list[Json] = (await (caller or watched.viewer).data(CHANNELS, id=watched.id))["alertChannels"]
    return found


async def remove(watched: Watched, channel: str, caller: Caller | None = None) -> Json:
    data = await (caller or watched.manager).data(REMOVE, id=watched.id, channel=channel)
    payload: Json = data["removeAlertChannel"]
    return payload


async def tried(watched: Watched, channel: str, caller: Caller | None = None) -> Json:
    data = await (caller or watched.manager).data(TEST, id=watched.id, channel=channel)
    payload: Json = data["testChannel"]
    return payload


@pytest_asyncio.fixture(scope="module")
async def quiet(watch: MakeWatched) -> Watched:
    """A watched fund with an e-mail channel, for tests that change nothing in it."""
    watched = await watch()
    assert (await put(watched, **EMAIL_INPUT))["errors"] == []
    return watched


# Setting one.


async def test_a_channel_is_set_and_shown_without_its_address(watched: Watched) -> None:
    email = "query { viewer { email } }"
    who = (await watched.manager.data(email))["viewer"]["email"]
    payloads = [await put(watched, **given) for given in (WEBHOOK_INPUT, SLACK_INPUT, EMAIL_INPUT)]
    webhook, slack, mail = (payload["channel"] for payload in payloads)
    assert [payload["errors"] for payload in payloads] == [[], [], []]
    assert mail == {
        "channel": "EMAIL",
        "hint": "2 recipients at example.com, example.org",
        "digestBelow": "CRITICAL",
        "setAt": mail["setAt"],
        "setBy": who,
    }
    assert (slack["hint"], slack["digestBelow"]) == ("hooks.slack.example.com", None)
    assert (webhook["hint"], webhook["digestBelow"]) == ("alerts.example.org", None)
    assert webhook["setAt"] < slack["setAt"] < mail["setAt"]
    assert await listed(watched) == [mail, slack, webhook]
    # It is a setting, no fact of the fund.
    assert await watched.version() == 5


async def test_a_channel_set_again_takes_the_place_of_the_one_there_was(watched: Watched, caller: MakeCaller) -> None:
    first = (await put(watched, **EMAIL_INPUT))["channel"]
    other = await caller(Role.MANAGER, watched.fund.uuid)
    second = (await put(watched, other, channel="EMAIL", recipients=["a@b.example"]))["channel"]
    assert (second["hint"], second["digestBelow"]) == ("1 recipient at b.example", None)
    assert second["setBy"] != first["setBy"]
    assert second["setAt"] > first["setAt"]
    assert await listed(watched) == [second]


async def test_null_is_as_if_left_out(watched: Watched) -> None:
    given: Json = {"recipients": None, "escalateTo": None, "digestBelow": None, **WEBHOOK_INPUT}
    assert (await put(watched, **given))["errors"] == []
    given = {"channel": "EMAIL", "recipients": PEOPLE, "url": None, "secret": None}
    assert (await put(watched, **given))["errors"] == []


async def test_a_rule_can_use_a_channel_once_the_fund_has_it(watched: Watched) -> None:
    assert refusals(await watched.create(channels=["EMAIL"])) == [("INVALID_STATE", ["channels", "0"])]
    await put(watched, **EMAIL_INPUT)
    rule = await watched.set_rule(channels=["EMAIL", "IN_APP"])
    assert rule["channels"] == ["EMAIL", "IN_APP"]
    # A rule that names one removed since stays as it is, and is asked for another once it is set again.
    await remove(watched, "EMAIL")
    assert (await watched.rules())[0]["channels"] == ["EMAIL", "IN_APP"]
    assert refusals(await watched.update(rule["id"], channels=["EMAIL"])) == [("INVALID_STATE", ["channels", "0"])]


MANY = [f"person-{place}@example.org" for place in range(51)]
MALFORMED = [
    "", " ", "nobody", "@example.org", "a@", "a@localhost", "a b@example.org", "Jane <jane@example.org>",
    "a@exämple.org", "a@example.org\n", "a@example.org,b@example.org", "a\0@example.org", "a@[127.0.0.1]",
    "x" * 300 + "@example.org",
]  # fmt: skip
NO_URLS = [
    None, "", "example.org", "http://example.org/", "ftp://example.org/", "https://", "https:///path",
    "https://user:password@example.org/", "https://localhost/", "https://127.0.0.1/", "https://10.1.2.3/",
    "https://169.254.169.254/latest/meta-data", "https://[::1]/", "https://[fd00::1]/", "https://2130706433/",
    "https://0x7f000001/", "https://127.1/", "https://example.org:0/", "https://example.org:65536/",
    "https://example .org/", "https://exämple.org/", "https://example.org/\r\nX: y", "https://example.org/\0",
    "https://" + "x" * 2_000 + ".org/",
]  # fmt: skip
REFUSED: list[tuple[Json, str]] = [
    ({"channel": "IN_APP"}, "channel"),
    ({"channel": "IN_APP", "url": HOOK}, "channel"),
    ({"channel": "EMAIL"}, "recipients"),
    ({"channel": "EMAIL", "recipients": []}, "recipients"),
    ({"channel": "EMAIL", "recipients": MANY}, "recipients"),
    ({"channel": "EMAIL", "recipients": MANY[:50], "escalateTo": [BOSS]}, "escalateTo"),
    *[({"channel": "EMAIL", "recipients": [PEOPLE[0], one]}, "recipients 1") for one in MALFORMED],
    *[({"channel": "EMAIL", "recipients": PEOPLE, "escalateTo": [one]}, "escalateTo 0") for one in MALFORMED],
    ({"channel": "EMAIL", "recipients": PEOPLE, "url": HOOK}, "url"),
    ({"channel": "EMAIL", "recipients": PEOPLE, "secret": SIGNING}, "secret"),
    *[({"channel": "SLACK", "url": one}, "url") for one in NO_URLS],
    ({**SLACK_INPUT, "secret": SIGNING}, "secret"),
    ({**SLACK_INPUT, "recipients": PEOPLE}, "recipients"),
    ({**SLACK_INPUT, "escalateTo": [BOSS]}, "escalateTo"),
    *[({**WEBHOOK_INPUT, "url": one}, "url") for one in NO_URLS],
    ({"channel": "WEBHOOK", "url": HOOK}, "secret"),
    *[
        ({**WEBHOOK_INPUT, "secret": one}, "secret")
        for one in (
            "",
            " " * 20,
            "x" * 15,
            "x" * 201,
            "a\0" * 10,
            "whsec_",
            "whsec_x",
            "whsec_" + "A" * 20,
            "whsec_é" * 9,
        )
    ],
    ({**WEBHOOK_INPUT, "recipients": PEOPLE}, "recipients"),
]


@pytest.mark.parametrize(
    ("given", "path"),
    REFUSED,
    ids=[f"{place}-{given['channel']}-{path.replace(' ', '.')}" for place, (given, path) in enumerate(REFUSED)],
)
async def test_what_cant_be_reached_is_refused_and_nothing_is_changed(quiet: Watched, given: Json, path: str) -> None:
    before = await listed(quiet)
    payload = await put(quiet, **given)
    assert (payload["channel"], refusals(payload)) == (None, [("INVALID", path.split())])
    (error,) = payload["errors"]
    # What was given is not told back either: it may be a secret in the wrong place.
    assert not any(secret.lower() in error["message"].lower() for secret in SECRETS)
    assert "\0" not in error["message"]
    assert await listed(quiet) == before


@pytest.mark.parametrize(
    "given",
    [
        {"channel": "PIGEON"},
        {"channel": None},
        {"channel": "EMAIL", "recipients": [None]},
        {"channel": "EMAIL", "recipients": 5},
        {"channel": "EMAIL", "recipients": PEOPLE, "digestBelow": "NEVER"},
        {"channel": "EMAIL", "recipients": PEOPLE, "hint": "x"},
    ],
)
async def test_what_is_no_value_of_its_field_is_bad_input(quiet: Watched, given: Json) -> None:
    assert await quiet.manager.code(SET, input={"fundId": quiet.id, **given}) == "BAD_USER_INPUT"


# Removing it.


async def test_a_removed_channel_is_listed_no_more(watched: Watched) -> None:
    await put(watched, **EMAIL_INPUT)
    await put(watched, **SLACK_INPUT)
    assert await remove(watched, "EMAIL") == {"channel": None, "errors": []}
    assert [one["channel"] for one in await listed(watched)] == ["SLACK"]
    assert await watched.version() == 5


async def test_what_a_removed_channel_had_still_to_deliver_has_failed(watched: Watched) -> None:
    await put(watched, **SLACK_INPUT)
    await watched.set_rule(channels=["IN_APP", "SLACK"])
    alert = await watched.miss()
    in_app, slack = alert["deliveries"]
    assert (in_app["channel"], in_app["status"]) == ("IN_APP", "DELIVERED")
    assert slack == {
        "channel": "SLACK",
        "status": "PENDING",
        "attempts": 0,
        "lastError": None,
        "deliveredAt": None,
        "revision": 8,
    }
    await remove(watched, "SLACK")
    in_app_now, failed = (await watched.alert())["deliveries"]
    assert in_app_now == in_app
    assert failed == {**slack, "status": "FAILED", "lastError": "The channel was removed."}


@pytest.mark.parametrize("channel", ["SLACK", "WEBHOOK", "IN_APP"])
async def test_what_the_fund_hasnt_is_neither_removed_nor_tried(quiet: Watched, channel: str) -> None:
    message = f"The fund has no channel {channel}."
    errors = [{"code": "NOT_FOUND", "message": message, "path": ["channel"]}]
    assert await remove(quiet, channel) == {"channel": None, "errors": errors}
    assert await tried(quiet, channel) == {"delivered": False, "reason": None, "errors": errors}
    assert [one["channel"] for one in await listed(quiet)] == ["EMAIL"]


# Who may.


@pytest.mark.parametrize("role", [Role.MANAGER, Role.ADMIN, None])
async def test_a_manager_and_whoever_is_above_may_set_try_and_remove(
    watched: Watched, caller: MakeCaller, role: Role | None
) -> None:
    someone = await caller(role, watched.fund.uuid, administrator=role is None)
    assert (await put(watched, someone, **EMAIL_INPUT))["errors"] == []
    assert (await tried(watched, "EMAIL", someone))["errors"] == []
    assert (await remove(watched, "EMAIL", someone))["errors"] == []


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ANALYST])
async def test_viewers_and_analysts_see_channels_and_change_nothing(
    quiet: Watched, caller: MakeCaller, role: Role
) -> None:
    someone = await caller(role, quiet.fund.uuid)
    before = await listed(quiet)
    assert await listed(quiet, someone) == before
    message = f"This takes the role MANAGER; yours is {role}."
    errors = [{"code": "FORBIDDEN", "message": message, "path": ["fundId"]}]
    assert await put(quiet, someone, **SLACK_INPUT) == {"channel": None, "errors": errors}
    assert await remove(quiet, "EMAIL", someone) == {"channel": None, "errors": errors}
    assert await tried(quiet, "EMAIL", someone) == {"delivered": False, "reason": None, "errors": errors}
    assert await listed(quiet) == before


async def test_a_stranger_cant_tell_a_foreign_fund_from_none(quiet: Watched, stranger: Caller) -> None:
    errors = [{"code": "NOT_FOUND", "message": "No such fund.", "path": ["fundId"]}]
    for id in (quiet.id, ABSENT, "garbage", "", "\0", "x" * 10_000):
        other = replace(quiet, fund=OpenedFund(quiet.fund.uuid, stranger))
        data = await stranger.data(SET, input={"fundId": id, **SLACK_INPUT})
        assert data["setAlertChannel"] == {"channel": None, "errors": errors}
        data = await stranger.data(REMOVE, id=id, channel="EMAIL")
        assert data["removeAlertChannel"] == {"channel": None, "errors": errors}
        data = await stranger.data(TEST, id=id, channel="EMAIL")
        assert data["testChannel"] == {"delivered": False, "reason": None, "errors": errors}
        error = await stranger.error(CHANNELS, id=id)
        assert error["message"] == "No such fund."
        assert (error["extensions"]["code"], error["extensions"]["argument"]) == ("NOT_FOUND", ["fundId"])
        assert [one["channel"] for one in await listed(other)] == ["EMAIL"]


async def test_without_a_token_nobody_sees_or_changes_one(quiet: Watched) -> None:
    nobody = Caller(quiet.manager.http)
    assert await nobody.code(CHANNELS, id=quiet.id) == "UNAUTHENTICATED"
    assert await nobody.code(SET, input={"fundId": quiet.id, **SLACK_INPUT}) == "UNAUTHENTICATED"
    for query in (REMOVE, TEST):
        assert await nobody.code(query, id=quiet.id, channel="EMAIL") == "UNAUTHENTICATED"
    assert [one["channel"] for one in await listed(quiet)] == ["EMAIL"]


async def test_a_channel_is_its_own_funds(watched: Watched, quiet: Watched) -> None:
    assert await listed(watched) == []
    assert [one["channel"] for one in await listed(quiet)] == ["EMAIL"]


# Trying it, and what is delivered.


@pytest_asyncio.fixture(scope="module")
async def inbox() -> AsyncIterator[tuple[Inbox, int]]:
    """A mail server's inbox and port."""
    box = Inbox()
    async with mail_server(box) as port:
        yield box, port


@pytest_asyncio.fixture(scope="module")
async def sending(servers: Servers, inbox: tuple[Inbox, int]) -> AsyncIterator[Sending]:
    """An application that sends e-mail, and webhooks to private addresses too, and somebody at its door."""
    settings = Settings(allow_private_webhooks=True, smtp_url=SecretStr(f"smtp://{HOST}:{inbox[1]}?starttls=never"))
    app = application(settings, servers.database_url, servers.redis_url, SECRET)
    async with serving(app) as http:
        yield app, Caller(http)


def through(watched: Watched, sending: Sending) -> Watched:
    """The fund as asked about where messages are sent."""
    app, door = sending
    return replace(
        watched,
        fund=OpenedFund(watched.fund.uuid, Caller(door.http, watched.analyst.token)),
        manager=Caller(door.http, watched.manager.token),
        viewer=Caller(door.http, watched.viewer.token),
        runtime=runtime_of(app),
    )


def signed(secret: str, headers: Json, body: bytes) -> str:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()


async def test_a_test_of_a_webhook_sends_a_signed_message_at_once(watched: Watched, sending: Sending) -> None:
    asked = through(watched, sending)
    async with web_server(status(204)) as receiver:
        url = f"http://{HOST}:{receiver.port}/unguessable?a=b"
        assert (await put(asked, channel="WEBHOOK", url=url, secret=SIGNING))["channel"]["hint"] == HOST
        assert await tried(asked, "WEBHOOK") == {"delivered": True, "reason": None, "errors": []}
        (request,) = receiver.requests
    assert request.line == "POST /unguessable?a=b HTTP/1.1"
    assert request.headers["webhook-signature"] == signed(SIGNING, dict(request.headers), request.body)
    assert json.loads(request.body)["type"] == "test"
    assert await watched.version() == 5


async def test_a_test_of_e_mail_reaches_its_recipients(
    watched: Watched, sending: Sending, inbox: tuple[Inbox, int]
) -> None:
    asked, (box, _) = through(watched, sending), inbox
    box.contents.clear()
    box.recipients.clear()
    await put(asked, **EMAIL_INPUT)
    assert await tried(asked, "EMAIL") == {"delivered": True, "reason": None, "errors": []}
    assert [sorted(one) for one in box.recipients] == [sorted(PEOPLE)]
    assert message_from_bytes(box.contents[0])["subject"] == "Test Fund: test of alerts"


async def test_a_test_that_fails_says_why_and_nothing_of_the_address(watched: Watched, sending: Sending) -> None:
    asked = through(watched, sending)
    async with web_server(status(500)) as receiver:
        await put(asked, channel="SLACK", url=f"http://{HOST}:{receiver.port}/unguessable")
        failed = await tried(asked, "SLACK")
    gone = await tried(asked, "SLACK")
    for payload in (failed, gone):
        assert (payload["delivered"], payload["errors"]) == (False, [])
        assert "unguessable" not in payload["reason"]
    # The host is the channel's hint.
    assert failed["reason"] == f"{HOST} answered with status 500."
    assert gone["reason"] != failed["reason"]


async def test_without_a_mail_server_a_test_of_e_mail_says_so(quiet: Watched) -> None:
    reason = "No mail server is set up here: SMTP_URL is unset."
    assert await tried(quiet, "EMAIL") == {"delivered": False, "reason": reason, "errors": []}


async def test_an_alert_goes_out_by_the_jobs_that_the_worker_does_and_its_deliveries_say_so(
    servers: Servers, watched: Watched, sending: Sending
) -> None:
    asked = through(watched, sending)
    queue = await Queue.connected(servers.redis_url)
    try:
        async with web_server(status(204)) as receiver, web_server(status(503)) as broken:
            await put(asked, channel="WEBHOOK", url=f"http://{HOST}:{receiver.port}/unguessable", secret=SIGNING)
            await put(asked, channel="SLACK", url=f"http://{HOST}:{broken.port}/unguessable")
            await asked.set_rule(channels=["IN_APP", "WEBHOOK", "SLACK"])
            alert = await asked.miss()
            assert [(one["channel"], one["status"]) for one in alert["deliveries"]] == [
                ("IN_APP", "DELIVERED"), ("SLACK", "PENDING"), ("WEBHOOK", "PENDING"),
            ]  # fmt: skip
            # A dead channel delays no other.
            delivered = await asyncio.gather(
                *[
                    jobs.deliver(asked.runtime, asked.fund.uuid, channel)
                    for channel in (DeliveryChannel.SLACK, DeliveryChannel.WEBHOOK, DeliveryChannel.WEBHOOK)
                ]
            )
            assert (delivered[0], sum(delivered)) == (0, 1)
            (request,) = receiver.requests
    finally:
        await queue.close()
    told = json.loads(request.body)
    assert (told["alertId"], told["revision"], told["change"]) == (alert["id"].rpartition(":")[2], 8, "OPENED")
    assert told["why"] == alert["why"]
    assert request.headers["webhook-signature"] == signed(SIGNING, dict(request.headers), request.body)
    _, slack, webhook = (await asked.alert())["deliveries"]
    assert (webhook["status"], webhook["attempts"], webhook["lastError"]) == ("DELIVERED", 1, None)
    assert webhook["deliveredAt"] is not None
    assert (slack["status"], slack["attempts"], slack["deliveredAt"]) == ("PENDING", 1, None)
    assert slack["lastError"] == f"{HOST} answered with status 503."


# What never comes out.


async def test_no_type_that_comes_out_has_a_place_for_an_address_or_a_secret(stranger: Caller) -> None:
    told = (await stranger.data(get_introspection_query()))["__schema"]["types"]
    outputs = {one["name"]: one["fields"] or [] for one in told if one["kind"] in ("OBJECT", "INTERFACE")}
    del outputs["Mutation"]
    fields = {f"{name}.{field['name']}" for name, of in outputs.items() for field in of if name[:2] != "__"}
    forbidden = ("secret", "url", "recipient", "escalate", "address", "sealed", "token", "password")
    assert [name for name in sorted(fields) if any(word in name.lower() for word in forbidden)] == []
    assert {field["name"] for field in outputs["AlertChannel"]} == {"channel", "hint", "digestBelow", "setAt", "setBy"}


async def everything(caller: Caller, fund_id: str) -> str:
    """All that the API says of a fund, every field of every type asked for, as one text."""
    told = (await caller.data(get_introspection_query()))["__schema"]["types"]
    types = {one["name"]: one for one in told}

    def leaf(kind: Json) -> Json:
        while kind["ofType"] is not None:
            kind = kind["ofType"]
        return kind

    def selection(name: str, above: tuple[str, ...]) -> str:
        kind, chosen = types[name], ["__typename"]
        for field in kind["fields"] or []:
            inner = leaf(field["type"])
            if any(one["type"]["kind"] == "NON_NULL" and one["defaultValue"] is None for one in field["args"]):
                continue
            if inner["kind"] in ("SCALAR", "ENUM"):
                chosen.append(field["name"])
            elif inner["name"] not in above and len(above) < 3:
                chosen.append(f"{field['name']} {selection(inner['name'], (*above, inner['name']))}")
        shared = {field["name"] for field in kind["fields"] or []}
        for possible in kind["possibleTypes"] or []:
            own = [
                f"{possible['name']}_{field['name']}: {field['name']}"
                for field in types[possible["name"]]["fields"]
                if leaf(field["type"])["kind"] in ("SCALAR", "ENUM") and field["name"] not in shared
            ]
            chosen.append(f"... on {possible['name']} {{ {' '.join(own)} }}")
        return f"{{ {' '.join(chosen)} }}"

    answers = []
    for name, argument in (
        ("alertChannels", "fundId"),
        ("alertRules", "fundId"),
        ("varianceAlerts", "first: 20, fundId"),
        ("variances", "first: 20, fundId"),
        ("varianceSummary", "fundId"),
        ("timeline", "first: 20, fundId"),
        ("fund", "id"),
    ):
        (field,) = [one for one in types["Query"]["fields"] if one["name"] == name]
        kind = leaf(field["type"])["name"]
        query = f"query ($id: ID!) {{ {name}({argument}: $id) {selection(kind, (kind,))} }}"
        answers.append(json.dumps(await caller.data(query, id=fund_id)))
    return "\n".join(answers)


async def test_no_answer_holds_an_address_or_a_secret_however_much_goes_wrong(
    watched: Watched, sending: Sending, inbox: tuple[Inbox, int]
) -> None:
    asked, (box, _) = through(watched, sending), inbox
    nowhere = {"url": f"http://{HOST}:1/services/T0/unguessable?unguessable"}
    inputs: list[Json] = [EMAIL_INPUT, {**SLACK_INPUT, **nowhere}, {**WEBHOOK_INPUT, **nowhere}]
    answers = [json.dumps(await put(asked, **given)) for given in inputs]
    every = [channel for channel in DeliveryChannel if channel is not DeliveryChannel.IN_APP]
    await asked.set_rule(channels=["IN_APP", *every], companyIds=["acme"], stages=["Seed"])
    await asked.miss()
    box.refusing = dict.fromkeys(PEOPLE, "550 No such person here")
    try:
        for channel in every:
            assert await jobs.deliver(asked.runtime, asked.fund.uuid, channel) == 0
            answers.append(json.dumps(await tried(asked, channel)))
    finally:
        box.refusing = {}
    answers += [await everything(someone, asked.id) for someone in (asked.viewer, asked.manager)]
    answers += [json.dumps(await remove(asked, channel)) for channel in ("EMAIL", "SLACK", "WEBHOOK")]
    answers.append(await everything(asked.manager, asked.id))
    text = "\n".join(answers).lower()
    assert "2 recipients at example.com, example.org" in text
    assert "the mail server refused a recipient (550), a recipient (550)." in text
    assert "the channel was removed." in text
    assert [secret for secret in SECRETS if secret.lower() in text] == []


async def test_an_address_is_sealed_where_it_is_kept(watched: Watched) -> None:
    for given in (EMAIL_INPUT, SLACK_INPUT, WEBHOOK_INPUT):
        await put(watched, **given)
    rows = await watched.runtime.pool.fetch("SELECT * FROM channel WHERE fund_id = $1", watched.fund.uuid)
    kept = b"\n".join(str(value).encode() if not isinstance(value, bytes) else value for row in rows for value in row)
    assert len(rows) == 3
    assert [secret for secret in SECRETS if secret.lower().encode() in kept.lower()] == []
