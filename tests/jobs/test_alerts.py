"""From a recorded miss to whoever is to hear of it: once where all goes well, and at least once where it doesn't."""

import base64
import hashlib
import hmac
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
import pytest_asyncio
from arq.constants import default_queue_name, in_progress_key_prefix
from pydantic import SecretStr

from domain.alerts import Alert, AlertChange
from domain.handling import resolve
from domain.rules import AlertRuleSet, AlertRung, AlertSeverity, DeliveryChannel
from domain.summaries import VarianceGrouping
from infra import deliveries, evaluation, feed
from infra.channels import Address
from infra.cursors import Cursors
from infra.deliveries import Delivery, DeliveryStatus
from infra.drafts import Draft
from infra.embedded import EmbeddedRedis
from infra.evaluation import CONSUMER
from infra.notices import message
from infra.queue import DELIVER, EVALUATE, Queue, channel_queue
from infra.settings import Settings
from jobs import alerts, follow
from tests.conftest import SECRET, Servers
from tests.histories import own_database, process
from tests.infra.alert_histories import told_before, whole_book
from tests.infra.alerting import Watched, report, rule
from tests.jobs.conftest import Funds, doing_jobs, following, until, working
from tests.jobs.receivers import MailServer, WebServer, mail_server, web_server

IN_APP, EMAIL, SLACK, WEBHOOK = DeliveryChannel
PENDING, DELIVERED, FAILED = DeliveryStatus
OUTWARD = (EMAIL, SLACK, WEBHOOK)
SIGNING = "what signs the webhook"
JANE, JOE, BOSS = "jane@fund.example", "joe@fund.example", "boss@fund.example"


@dataclass(frozen=True, slots=True)
class Outward:
    """A watched fund that delivers by every channel, and the servers at the other end."""

    funds: Funds
    queue: Queue
    watched: Watched
    mail: MailServer
    web: WebServer

    @property
    def fund_id(self) -> UUID:
        return self.watched.fund_id

    def working(self) -> AbstractAsyncContextManager[None]:
        """The worker, in this process."""
        return working(self.funds, self.queue)

    async def another(self) -> Watched:
        """A further fund."""
        return await watched_fund(self.funds, self.web)

    async def miss(self, *companies: str, figure: int = 600_000) -> int:
        """A figure far off is recorded, last month's."""
        return await self.watched.record(*(report(1, figure, company=company) for company in companies or ("acme",)))

    async def raised(self, count: int = 1) -> list[Alert]:
        """So many alerts, once they are raised."""

        async def there() -> bool:
            return len(await self.watched.alerts()) >= count

        await until(there)
        found = await self.watched.alerts()
        assert len(found) == count
        return found

    async def evaluated(self) -> None:
        """Until the newest fact has been evaluated."""

        async def caught_up() -> bool:
            return await Cursors(self.watched.runtime.pool).behind(CONSUMER) == []

        await until(caught_up)

    async def deliveries(self, *channels: DeliveryChannel) -> list[Delivery]:
        """Of all the fund's alerts by these channels, in order."""
        ids = [alert.id for alert in await self.watched.alerts()]
        found = await self.watched.runtime.deliveries.of(self.fund_id, ids)
        every = [one for alert_id in ids for one in found.get(alert_id, ())]
        return sorted((one for one in every if one.channel in channels), key=lambda one: one.version)

    async def delivery(self, channel: DeliveryChannel) -> Delivery:
        """The only one by this channel."""
        (found,) = await self.deliveries(channel)
        return found

    async def comes(
        self, status: DeliveryStatus, *channels: DeliveryChannel, count: int = 1, attempts: int = 1
    ) -> list[Delivery]:
        """Until each of these channels has so many deliveries, all of that status after that many attempts at least."""

        async def there() -> bool:
            for channel in channels:
                found = await self.deliveries(channel)
                if len(found) != count or any(
                    (one.status, one.attempts >= attempts) != (status, True) for one in found
                ):
                    return False
            return True

        await until(there)
        return await self.deliveries(*channels)

    async def rest(self) -> None:
        """Until nothing is left to do."""
        await self.evaluated()

        async def idle() -> bool:
            waiting = [await self.funds.waiting(EVALUATE)]
            waiting += [await self.funds.waiting(DELIVER, channel_queue(channel)) for channel in OUTWARD]
            return not any(waiting) and await self.watched.runtime.deliveries.due() == []

        await until(idle)

    async def pass_time(self) -> None:
        """Until every delivery is due."""
        await self.watched.runtime.pool.execute("UPDATE delivery SET due_at = clock_timestamp()")

    @asynccontextmanager
    async def held(self, table: str) -> AsyncIterator[None]:
        """Keeps whoever writes into a table waiting."""
        async with self.watched.runtime.pool.acquire() as connection, connection.transaction():
            await connection.execute(f"LOCK TABLE {table} IN SHARE MODE")
            yield

    async def waiting_for(self, table: str, writers: int) -> None:
        """Until so many wait to write into that table."""

        async def waits() -> bool:
            found: int = await self.watched.runtime.pool.fetchval(
                "SELECT count(*) FROM pg_locks WHERE relation = $1::text::regclass AND NOT granted", table
            )
            return found >= writers

        await until(waits)


async def watched_fund(funds: Funds, web: WebServer, **changes: object) -> Watched:
    """A fund with three companies, their plans, a rule that delivers by every channel, and these channels."""
    person = await funds.runtime.people.enrol("owner@example.org")
    watched = Watched(funds.runtime, await funds.opened(), person)
    await watched.begin("acme", "beta", "gamma", ago=1)
    await watched.set_rule(rule(channels=tuple(DeliveryChannel), cooldown_minutes=0, **changes))
    await watched.evaluate()
    for channel, address in (
        (EMAIL, Address(recipients=(JANE, JOE), escalate_to=(BOSS,))),
        (SLACK, Address(url=web.url(f"/slack/{watched.fund_id}"))),
        (WEBHOOK, Address(url=web.url(f"/hook/{watched.fund_id}"), secret=SIGNING)),
    ):
        await set_channel(watched, channel, address)
    return watched


async def set_channel(
    watched: Watched, channel: DeliveryChannel, address: Address, digest_below: AlertSeverity | None = None
) -> None:
    await watched.runtime.channels.set(
        watched.fund_id, channel, address, digest_below=digest_below, by=watched.owner.id, allow_private=True
    )


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses that a test can wait for, and so many that none gives up."""
    monkeypatch.setattr(deliveries, "PAUSES", (timedelta(milliseconds=50),) * 1_000)
    monkeypatch.setattr(feed, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(follow, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(follow, "ASK_AGAIN_SECONDS", 0.1)
    monkeypatch.setattr(follow, "MOST_ASK_AGAIN_SECONDS", 0.5)


@pytest_asyncio.fixture
async def outward(servers: Servers, own_redis: EmbeddedRedis) -> AsyncIterator[Outward]:
    async with mail_server() as mail, web_server() as web, own_database(servers.database_url) as url:
        settings = Settings(
            smtp_url=SecretStr(mail.url),
            smtp_sender="Drypowder <alerts@drypowder.example>",
            allow_private_webhooks=True,
            drypowder_secret=SecretStr(SECRET),
        )
        async with process(url, own_redis.url, settings) as runtime:
            actor = (await runtime.people.enrol("owner@example.org")).id
            funds = Funds(runtime, url, own_redis, actor)
            queue = await Queue.connected(own_redis.url)
            try:
                yield Outward(funds, queue, await watched_fund(funds, web), mail, web)
            finally:
                await queue.close()


def hooked(outward: Outward, watched: Watched | None = None) -> list[dict[str, object]]:
    """What the webhook's receiver was sent, once it has checked the signature."""
    found = []
    for request in outward.web.asked(f"/hook/{(watched or outward.watched).fund_id}"):
        signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.body
        expected = base64.b64encode(hmac.digest(SIGNING.encode(), signed, hashlib.sha256)).decode()
        assert request.headers["webhook-signature"] == f"v1,{expected}"
        body: dict[str, object] = json.loads(request.body)
        if body["type"] == "alert":
            assert request.headers["webhook-id"] == f"{body['alertId']}:{body['revision']}"
        found.append(body)
    return found


def slacked(outward: Outward) -> list[str]:
    """The texts that Slack was sent."""
    return [json.loads(request.body)["text"] for request in outward.web.asked(f"/slack/{outward.fund_id}")]


def subjects(outward: Outward) -> list[str]:
    return [one.message["Subject"] for one in outward.mail.taken]


async def test_a_miss_reaches_every_channel_once_and_each_says_the_same(outward: Outward) -> None:
    async with outward.working():
        await outward.miss()
        (alert,) = await outward.raised()
        sent = await outward.comes(DELIVERED, *OUTWARD, IN_APP)
        await outward.rest()
    assert [(one.attempts, one.last_error) for one in sent] == [(1, None)] * 4
    notice = await outward.watched.runtime.notices.notice(outward.fund_id, alert.version)
    assert notice is not None
    said = message(notice)
    (mail,) = outward.mail.taken
    assert mail.recipients == (JANE, JOE)
    assert mail.message["Subject"] == said.subject == "Urgent: Acme, revenue −40% (F)"
    assert mail.message["From"] == "Drypowder <alerts@drypowder.example>"
    for part in (mail.part("plain"), mail.part("html")):
        assert "Urgent: Acme, revenue" in part
        assert "400,000 USD (40%) below the forecast of 1,000,000 USD" in part
        assert "Revenue misses" in part
    assert "<h1" in mail.part("html")
    assert "<" not in mail.part("plain")
    assert hooked(outward) == [said.data]
    assert slacked(outward) == [f"{said.subject}\nUrgent: Acme, revenue"]


async def test_that_it_is_over_is_told_whoever_ends_it(outward: Outward) -> None:
    async with outward.working():
        await outward.miss("acme", "beta")
        await outward.raised(2)
        await outward.comes(DELIVERED, *OUTWARD, count=2)
        # One by its next figure, and the other by hand: nobody looks at it afterwards.
        await outward.watched.record(report(0, 1_000_000))
        await outward.comes(DELIVERED, *OUTWARD, count=3)
        await outward.evaluated()
        book = await whole_book(outward.watched)
        (other,) = [one.id for one in book.alerts.values() if one.company_id == "beta"]
        version = await outward.watched.runtime.pool.fetchval("SELECT version FROM fund WHERE id = $1", outward.fund_id)
        await outward.watched.runtime.ledger.record_apart(
            outward.fund_id,
            [Draft(resolve(book, other, "sold the company"))],
            actor=outward.watched.owner.id,
            read_at=version,
        )

        async def told() -> bool:
            return len(outward.mail.taken) == 4 and len(hooked(outward)) == 4 and len(slacked(outward)) == 4

        await until(told)
        await outward.comes(DELIVERED, *OUTWARD, count=4)
    assert subjects(outward)[2:] == ["Resolved: Acme, revenue (F)", "Resolved: Beta, revenue (F)"]
    assert [one["change"] for one in hooked(outward)[2:]] == ["RESOLVED", "RESOLVED"]
    assert "Resolved by hand: sold the company" in outward.mail.taken[3].part("plain")


async def test_history_is_rated_and_told_to_nobody(outward: Outward) -> None:
    await outward.watched.begin("delta", ago=60)
    async with outward.working():
        await outward.watched.record(*(report(ago, 500_000, company="delta") for ago in range(59, 1, -1)))
        await outward.raised(1)
        await outward.rest()
    assert outward.mail.taken == []
    assert outward.web.requests == []
    assert await outward.watched.runtime.pool.fetchval("SELECT count(*) FROM delivery") == 0


SEVERAL = 25
"""More than are claimed at once."""


async def test_milder_alerts_share_a_digest_and_the_worse_ones_do_not_wait_for_it(outward: Outward) -> None:
    watched = outward.watched
    companies = [f"company {number}" for number in range(SEVERAL)]
    await watched.begin(*companies, ago=1)
    ladder = (
        AlertRung(AlertSeverity.INFO, absolute=Decimal(50_000)),
        AlertRung(AlertSeverity.WARNING, absolute=Decimal(150_000)),
        AlertRung(AlertSeverity.CRITICAL, absolute=Decimal(300_000)),
    )
    await change_rule(watched, ladder=ladder, channels=(EMAIL,))
    await set_channel(watched, EMAIL, Address(recipients=(JANE,)), AlertSeverity.CRITICAL)
    async with outward.working():
        mild = (report(1, 900_000 if place % 2 else 800_000, company=one) for place, one in enumerate(companies))
        await watched.record(*mild, report(1, 650_000))
        await outward.raised(SEVERAL + 1)

        async def told(count: int) -> bool:
            return len(outward.mail.taken) == count

        await until(lambda: told(1))
        await outward.rest()
        assert subjects(outward) == ["Critical: Acme, revenue −35% (F)"]
        await outward.pass_time()
        await outward.comes(DELIVERED, EMAIL, count=SEVERAL + 1)
        await outward.rest()
    _, digest = outward.mail.taken
    assert digest.message["Subject"] == f"F: {SEVERAL} alerts today"
    text = digest.part("plain")
    headlines = [line for line in text.splitlines() if line.startswith(("Info: ", "Warning: "))]
    assert [line.split(":")[0] for line in headlines] == ["Warning"] * 13 + ["Info"] * 12
    assert {line.split(": ")[1] for line in headlines} == {f"{one.capitalize()}, revenue" for one in companies}


async def change_rule(watched: Watched, **changes: object) -> AlertRuleSet:
    """The fund's rule, changed."""
    (known,) = (await watched.runtime.alerts.rules(watched.fund_id)).standing().values()
    setting = replace(known.setting, **changes)  # type: ignore[arg-type]
    await watched.set_rule(setting)
    await watched.evaluate()
    return setting


def refuse(mail: MailServer) -> None:
    mail.sender_reply = "451 Not now"


def hang(mail: MailServer) -> None:
    mail.answers.clear()


def die(mail: MailServer) -> None:
    mail.dying = True


@pytest.mark.parametrize(
    ("fail", "reason"),
    [
        (refuse, "The mail server refused the sender (451)."),
        (hang, None),
        (die, "The mail server can't be reached."),
    ],
)
async def test_a_mail_server_that_fails_delays_nobody_else_and_gets_its_mail_once_it_is_back(
    outward: Outward, fail: Callable[[MailServer], None], reason: str | None
) -> None:
    fail(outward.mail)
    async with outward.working():
        await outward.miss()
        await outward.comes(DELIVERED, WEBHOOK, SLACK, IN_APP)
        tries = 3 if reason else 1
        (waiting,) = await outward.comes(PENDING, EMAIL, attempts=tries)
        assert outward.mail.taken == []
        assert (len(hooked(outward)), len(slacked(outward))) == (1, 1)
        # Others' alerts get through meanwhile too.
        await outward.miss("beta")
        await outward.comes(DELIVERED, WEBHOOK, SLACK, count=2)

        async def said() -> bool:
            return (await outward.deliveries(EMAIL))[0].last_error == reason

        await until(said)
        assert waiting.status is PENDING
        outward.mail.sender_reply = None
        outward.mail.answers.set()
        if fail is die:
            await outward.mail.start()
        await outward.comes(DELIVERED, EMAIL, count=2)
        await outward.rest()
    assert sorted(subjects(outward)) == ["Urgent: Acme, revenue −40% (F)", "Urgent: Beta, revenue −40% (F)"]
    assert (len(hooked(outward)), len(slacked(outward))) == (2, 2)


async def test_a_receiver_that_hangs_keeps_only_its_own_fund_waiting(outward: Outward) -> None:
    other = await outward.another()
    async with web_server() as hanging:
        hanging.answers.clear()
        await set_channel(outward.watched, WEBHOOK, Address(url=hanging.url("/hook"), secret=SIGNING))
        async with outward.working():
            await outward.miss()

            async def hangs() -> bool:
                return len(hanging.requests) == 1

            await until(hangs)
            await other.record(report(1, 500_000))

            async def told() -> bool:
                return len(hooked(outward, other)) == 1

            await until(told)
            assert (await outward.delivery(WEBHOOK)).status is PENDING
            hanging.answers.set()
            await outward.comes(DELIVERED, WEBHOOK)


async def test_a_webhook_that_redirects_is_not_followed_and_that_is_recorded(outward: Outward) -> None:
    async with web_server() as inside:
        path = f"/hook/{outward.fund_id}"
        outward.web.statuses[path] = f"302 Found\r\nlocation: {inside.url('/admin')}"
        async with outward.working():
            await outward.miss()
            (found,) = await outward.comes(PENDING, WEBHOOK, attempts=2)
            assert found.last_error == "127.0.0.1 answered with a redirect (302), and redirects aren't followed."
            assert inside.requests == []
            del outward.web.statuses[path]
            await outward.comes(DELIVERED, WEBHOOK)


async def test_where_private_addresses_are_no_longer_allowed_nothing_goes_there(outward: Outward) -> None:
    settings = outward.funds.runtime.settings.model_copy(update={"allow_private_webhooks": False})
    async with process(outward.funds.database_url, outward.funds.redis.url, settings) as strict:
        await outward.miss()
        await outward.watched.evaluate()
        assert await alerts.deliver(strict, outward.fund_id, WEBHOOK) == 0
    found = await outward.delivery(WEBHOOK)
    assert (found.status, found.last_error) == (FAILED, "The address must start with https://.")
    assert outward.web.requests == []


async def test_a_refusal_for_good_is_not_tried_again_and_keeps_its_reason(outward: Outward) -> None:
    outward.web.statuses[f"/hook/{outward.fund_id}"] = "404 Not Found"
    outward.mail.replies = {JANE: "550 No such mailbox", JOE: "550 No such mailbox"}
    async with outward.working():
        await outward.miss()
        await outward.comes(DELIVERED, SLACK)
        await outward.comes(FAILED, WEBHOOK, EMAIL)
        await outward.rest()
    mail, hook = await outward.delivery(EMAIL), await outward.delivery(WEBHOOK)
    assert (mail.attempts, mail.last_error) == (1, f"The mail server refused {JANE} (550), {JOE} (550).")
    assert (hook.attempts, hook.last_error) == (1, "127.0.0.1 answered with status 404.")
    assert len(hooked(outward)) == 1
    assert outward.mail.tried == 2


async def test_what_goes_on_failing_is_given_up_in_the_end(outward: Outward, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "PAUSES", (timedelta(milliseconds=1),) * 3)
    outward.web.statuses[f"/hook/{outward.fund_id}"] = "503 Later"
    async with outward.working():
        await outward.miss()
        (found,) = await outward.comes(FAILED, WEBHOOK, attempts=4)
    assert (found.attempts, found.last_error) == (4, "127.0.0.1 answered with status 503.")
    assert len(hooked(outward)) == 4
    assert len({one["revision"] for one in hooked(outward)}) == 1


async def test_a_recipient_refused_for_now_is_tried_again_alone(outward: Outward) -> None:
    outward.mail.replies[JOE] = "451 Mailbox busy"
    async with outward.working():
        await outward.miss("acme", "beta")
        found = await outward.comes(PENDING, EMAIL, count=2, attempts=2)
        assert {one.last_error for one in found} == {f"The mail server refused {JOE} (451)."}
        # One for each, though each was refused one: the second didn't wait for the first one's end.
        assert [one.recipients for one in outward.mail.taken] == [(JANE,), (JANE,)]
        # What fails wholly in between changes nothing in who is left.
        outward.mail.stop()

        async def unreachable() -> bool:
            reasons = [one.last_error for one in await outward.deliveries(EMAIL)]
            return "The mail server can't be reached." in reasons

        await until(unreachable)
        outward.mail.replies.clear()
        await outward.mail.start()
        await outward.comes(DELIVERED, EMAIL, count=2)
        await outward.rest()
    assert [one.recipients for one in outward.mail.taken] == [(JANE,), (JANE,), (JOE,), (JOE,)]
    assert sorted(subjects(outward)[:2]) == sorted(subjects(outward)[2:])


async def test_a_digest_that_some_have_already_goes_to_the_others_without_what_is_new(outward: Outward) -> None:
    address = Address(recipients=(JANE, JOE))
    await set_channel(outward.watched, EMAIL, address, AlertSeverity.URGENT)
    outward.mail.replies[JOE] = "451 Mailbox busy"
    async with outward.working():
        await outward.miss(figure=700_000)
        await outward.raised()
        await outward.pass_time()
        await outward.comes(PENDING, EMAIL)

        async def taken(count: int) -> bool:
            return len(outward.mail.taken) == count

        await until(lambda: taken(1))
        await outward.miss("beta", figure=700_000)
        await outward.raised(2)
        outward.mail.replies.clear()
        await outward.pass_time()
        await outward.comes(DELIVERED, EMAIL, count=2)
        await outward.rest()
    first, *others = outward.mail.taken
    assert (first.recipients, "Acme" in first.part("plain")) == ((JANE,), True)
    told = {(one.recipients, "Acme" in one.part("plain"), "Beta" in one.part("plain")) for one in others}
    assert told == {((JOE,), True, False), ((JANE, JOE), False, True)}


async def test_a_removed_channel_delivers_nothing_more(outward: Outward) -> None:
    refuse(outward.mail)
    async with outward.working():
        await outward.miss()
        await outward.comes(PENDING, EMAIL, attempts=2)
        assert await outward.watched.runtime.channels.remove(outward.fund_id, EMAIL)
        # Whatever was under way is over before the server would take it.
        await outward.rest()
        outward.mail.sender_reply = None
        found = await outward.delivery(EMAIL)
        assert (found.status, found.last_error) == (FAILED, "The channel was removed.")
        await outward.miss("beta")
        await outward.comes(DELIVERED, WEBHOOK, count=2)
        await outward.rest()
        assert [one.last_error for one in await outward.deliveries(EMAIL)] == [
            "The channel was removed.",
            "The fund has no such channel.",
        ]
        assert outward.mail.taken == []
        # Set again, it delivers what comes from now on.
        await set_channel(outward.watched, EMAIL, Address(recipients=(BOSS,)))
        await outward.miss("gamma")

        async def taken() -> bool:
            return len(outward.mail.taken) == 1

        await until(taken)
    assert subjects(outward) == ["Urgent: Gamma, revenue −40% (F)"]


async def test_a_bad_alert_that_nobody_acknowledges_goes_to_those_above_too(outward: Outward) -> None:
    await told_before(outward.watched, timedelta(days=8))
    async with outward.working():
        await outward.comes(DELIVERED, EMAIL)
        assert await alerts.look_again(outward.watched.runtime, outward.queue) == 1
        assert await alerts.look_again(outward.watched.runtime, outward.queue) == 0
        await outward.comes(DELIVERED, *OUTWARD, count=2)
        await outward.rest()
    first, reminder = outward.mail.taken
    assert (first.recipients, reminder.recipients) == ((JANE, JOE), (JANE, JOE, BOSS))
    assert reminder.message["Subject"] == "Urgent: Acme, revenue, unacknowledged −40% (F)"
    assert "Nobody has acknowledged it for 7 days or more." in reminder.part("plain")
    assert [one["change"] for one in hooked(outward)] == ["OPENED", "REPEATED"]


async def test_nothing_is_lost_with_a_queue_that_was_emptied(outward: Outward) -> None:
    async with following(outward.funds, outward.queue):
        await outward.miss()

        async def asked() -> bool:
            return len(await outward.funds.waiting(EVALUATE)) > 0

        await until(asked)
        await empty(outward)
        async with doing_jobs(outward.funds, outward.queue):
            await outward.comes(DELIVERED, *OUTWARD)
            await outward.rest()
    assert (len(outward.mail.taken), len(hooked(outward)), len(slacked(outward))) == (1, 1, 1)


async def test_a_queue_emptied_between_two_attempts_loses_none(outward: Outward) -> None:
    refuse(outward.mail)
    async with outward.working():
        await outward.miss()
        await outward.comes(PENDING, EMAIL, attempts=2)
        await empty(outward)
        outward.mail.sender_reply = None
        await outward.comes(DELIVERED, *OUTWARD)
    assert len(outward.mail.taken) == 1


async def empty(outward: Outward) -> None:
    """Redis forgets everything."""
    redis = await outward.funds.queue_itself()
    await redis.flushall()
    await redis.aclose()


@pytest.mark.parametrize("job", [EVALUATE, DELIVER])
async def test_what_a_killed_worker_was_at_is_done_by_the_next_though_its_name_is_taken(
    outward: Outward, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if job == DELIVER:
        # Not even asked for again.
        monkeypatch.setattr(follow, "ASK_AGAIN_SECONDS", 1_000.0)
        monkeypatch.setattr(follow, "MOST_ASK_AGAIN_SECONDS", 1_000.0)
    queues = (default_queue_name, *map(channel_queue, OUTWARD))
    await outward.miss()
    if job == DELIVER:
        await outward.watched.evaluate()
    async with following(outward.funds, outward.queue):

        async def asked() -> bool:
            wanted = queues[:1] if job == EVALUATE else queues[1:]
            return all([await outward.funds.waiting(job, one) for one in wanted])

        await until(asked)
    redis = await outward.funds.queue_itself()
    for one in queues:
        for job_id in await outward.funds.waiting(job, one):
            # What arq leaves of a worker that was killed; it believes in that for minutes.
            await redis.psetex(f"{in_progress_key_prefix}{job_id}", 300_000, b"1")
    await redis.aclose()
    queue = await Queue.connected(outward.funds.redis.url)
    async with working(outward.funds, queue):
        await outward.comes(DELIVERED, *OUTWARD)
    await queue.close()
    assert (len(outward.mail.taken), len(hooked(outward)), len(slacked(outward))) == (1, 1, 1)


async def test_a_worker_that_dies_once_the_alert_is_recorded_leaves_its_deliveries_to_the_next(
    outward: Outward,
) -> None:
    async with outward.held("delivery"), outward.working():
        await outward.miss()
        # The alert is in the ledger, and its deliveries are about to be planned.
        await outward.waiting_for("delivery", 1)
    recorded = len(await outward.watched.runtime.history.after(outward.fund_id, 0))
    assert len((await whole_book(outward.watched)).alerts) == 1
    async with outward.working():
        await outward.comes(DELIVERED, *OUTWARD, IN_APP)
        await outward.rest()
    assert (len(outward.mail.taken), len(hooked(outward)), len(slacked(outward))) == (1, 1, 1)
    assert len(await outward.watched.runtime.history.after(outward.fund_id, 0)) == recorded


async def test_a_worker_that_dies_before_it_asks_for_deliveries_leaves_them_to_the_next(outward: Outward) -> None:
    await outward.miss()
    assert await outward.watched.evaluate() == 1
    async with outward.working():
        await outward.comes(DELIVERED, *OUTWARD)
        await outward.rest()
    assert (len(outward.mail.taken), len(hooked(outward)), len(slacked(outward))) == (1, 1, 1)


async def test_a_worker_that_dies_between_sending_and_noting_it_has_the_same_sent_again(outward: Outward) -> None:
    outward.mail.answers.clear()
    outward.web.answers.clear()
    async with AsyncExitStack() as worker:
        await worker.enter_async_context(outward.working())
        await outward.miss()

        async def sent() -> bool:
            return outward.mail.tried == 1 and len(outward.web.requests) == 2

        await until(sent)
        async with outward.held("delivery"):
            outward.mail.answers.set()
            outward.web.answers.set()
            # All three have it, and that is about to be noted.
            await outward.waiting_for("delivery", 3)
            await worker.aclose()
    assert {(one.status, one.attempts) for one in await outward.deliveries(*OUTWARD)} == {(PENDING, 1)}
    await outward.pass_time()
    async with outward.working():
        found = await outward.comes(DELIVERED, *OUTWARD)
        await outward.rest()
    assert [one.attempts for one in found] == [2, 2, 2]
    first, again = outward.mail.taken
    assert first.message["Message-ID"] == again.message["Message-ID"]
    assert first.part("plain") == again.part("plain")
    first_hook, hook_again = hooked(outward)
    assert first_hook == hook_again
    first_text, text_again = slacked(outward)
    assert first_text == text_again


async def test_a_slow_channel_is_tried_within_its_lease_and_gets_everything_once(
    outward: Outward, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As though each attempt took longest: one after each claim.
    monkeypatch.setattr(alerts, "TRYING_SECONDS", -1.0)
    await outward.miss("acme", "beta", "gamma")
    await outward.watched.evaluate()
    assert await alerts.deliver(outward.watched.runtime, outward.fund_id, WEBHOOK) == 1
    assert [one.attempts for one in await outward.deliveries(WEBHOOK)] == [1, 0, 0]
    async with outward.working():
        found = await outward.comes(DELIVERED, WEBHOOK, count=3)
        await outward.rest()
    assert [one.attempts for one in found] == [1, 1, 1]
    assert len({one["alertId"] for one in hooked(outward)}) == len(hooked(outward)) == 3


async def test_what_was_not_delivered_is_not_counted_as_such(outward: Outward) -> None:
    outward.web.statuses[f"/hook/{outward.fund_id}"] = "404 Not Found"
    await outward.miss("acme", "beta")
    await outward.watched.evaluate()
    assert await alerts.deliver(outward.watched.runtime, outward.fund_id, WEBHOOK) == 0
    assert await alerts.deliver(outward.watched.runtime, outward.fund_id, SLACK) == 2
    assert await alerts.deliver(outward.watched.runtime, outward.fund_id, SLACK) == 0


async def test_a_delivery_of_what_is_no_notice_has_failed(outward: Outward) -> None:
    await outward.watched.runtime.pool.execute(
        """INSERT INTO delivery VALUES ($1, 'none', 1, 'WEBHOOK', 'PENDING', false, 0, NULL, '{}', clock_timestamp(),
            clock_timestamp(), NULL)""",
        outward.fund_id,
    )
    assert await alerts.deliver(outward.watched.runtime, outward.fund_id, WEBHOOK) == 0
    ((found,),) = (await outward.watched.runtime.deliveries.of(outward.fund_id, ["none"])).values()
    assert (found.status, found.last_error) == (FAILED, "The alert is gone.")
    assert outward.web.requests == []


async def test_the_summary_is_brought_up_to_date_by_itself(outward: Outward) -> None:
    async with outward.working():
        await outward.miss()

        async def there() -> bool:
            now = datetime.now(UTC)
            rows = await outward.watched.runtime.board.summary(outward.fund_id, VarianceGrouping.COMPANY, now)
            return rows is not None and [row.by_severity for row in rows] == [{AlertSeverity.URGENT: 1}]

        await until(there)


async def test_an_evaluation_overtaken_again_and_again_is_left_to_the_next(
    outward: Outward, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await outward.miss()
    with caplog.at_level(logging.INFO, "jobs.alerts"), monkeypatch.context() as patch:
        patch.setattr(evaluation, "ATTEMPTS", 0)
        assert await alerts.evaluate(outward.watched.runtime, outward.queue, outward.fund_id) == 0
    assert f"the evaluation of fund {outward.fund_id} was overtaken" in caplog.text
    async with outward.working():
        await outward.comes(DELIVERED, *OUTWARD)


async def test_a_fund_that_cannot_be_read_keeps_no_other_from_being_looked_at(
    outward: Outward, caplog: pytest.LogCaptureFixture
) -> None:
    bad = await outward.another()
    await told_before(outward.watched, timedelta(days=8))
    version = await bad.runtime.alerts.caught_up(bad.fund_id)
    await bad.runtime.pool.fetch(
        "SELECT * FROM ledger_append($1, $2, NULL, NULL, $3, NULL, '{NO_SUCH_EVENT}', '{1}', ARRAY[$4::timestamptz], "
        "ARRAY[$4::timestamptz], '{NULL}', '{x}', '{NULL}', '{\"{}\"}')",
        bad.fund_id,
        version,
        bad.owner.id,
        datetime.now(UTC),
    )
    assert await alerts.look_again(outward.watched.runtime, outward.queue) == 1
    (told,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert told.getMessage() == f"fund {bad.fund_id} is not looked at today"
    assert (await outward.watched.alert()).change is AlertChange.REPEATED
