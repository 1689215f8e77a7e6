"""A watched fund that delivers by every channel, and the servers at the other end."""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from domain.alerts import Alert
from domain.rules import AlertSeverity, DeliveryChannel
from infra.channels import Address
from infra.cursors import Cursors
from infra.deliveries import Delivery, DeliveryStatus
from infra.evaluation import CONSUMER
from infra.queue import DELIVER, EVALUATE, Queue, channel_queue
from tests.infra.alerting import Watched, report, rule
from tests.jobs.funds import Funds, until, working
from tests.jobs.receivers import MailServer, WebServer

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
