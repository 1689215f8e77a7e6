"""Deliveries: planned once, tried by one at a time, tried again ever later, and in the end given up."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from domain.alerts import Alert
from domain.rules import AlertSeverity, DeliveryChannel
from infra import deliveries
from infra.channels import Address, Channels
from infra.deliveries import LEASE, PAUSES, Claimed, Delivery, DeliveryStatus, Due, next_digest, plan
from infra.people import Person
from infra.runtime import Runtime
from tests.conftest import OpenFund
from tests.infra.alerting import Watched, report, rule

IN_APP, EMAIL, SLACK, WEBHOOK = DeliveryChannel
PENDING, DELIVERED, FAILED = DeliveryStatus
MAIL = Address(recipients=("jane@fund.example", "joe@fund.example"))
HOOK = Address(url="https://hooks.example.org/", secret="what signs a webhook")
SOON = timedelta(seconds=5)
"""Within that long a statement is over."""


class Owed:
    """A fund with an alert, and what of it is to be delivered."""

    def __init__(self, watched: Watched) -> None:
        self.watched = watched
        self.fund_id = watched.fund_id
        self.runtime = watched.runtime
        self.deliveries = watched.runtime.deliveries

    async def set_channel(
        self, channel: DeliveryChannel, address: Address, digest_below: AlertSeverity | None = None
    ) -> None:
        channels = Channels(self.runtime.pool, lambda: "a secret")
        await channels.set(self.fund_id, channel, address, digest_below=digest_below, by=uuid4(), allow_private=False)

    async def alert(self) -> Alert:
        """The alert of a miss of 40%."""
        await self.watched.record(report(1, 600_000))
        await self.watched.evaluate()
        return await self.watched.alert()

    async def plan(self, alert: Alert, *channels: DeliveryChannel, version: int) -> None:
        async with self.runtime.pool.acquire() as connection, connection.transaction():
            await plan(connection, self.fund_id, [Due(alert, channels, version)])

    async def claim(self, channel: DeliveryChannel, limit: int = 100, *, digest: bool = False) -> list[Claimed]:
        return await self.deliveries.claim(self.fund_id, channel, limit, digest=digest)

    async def one(self, channel: DeliveryChannel) -> Claimed:
        (found,) = await self.claim(channel)
        return found

    async def failed(self, tried: Claimed, *, for_good: bool = False, pending: Sequence[str] = ()) -> None:
        await self.deliveries.failed(self.fund_id, EMAIL, [tried], "It broke off.", for_good=for_good, pending=pending)

    async def found(self, alert: Alert) -> list[Delivery]:
        return (await self.deliveries.of(self.fund_id, [alert.id]))[alert.id]

    async def status_by_mail(self, alert: Alert) -> tuple[DeliveryStatus, int, str | None]:
        """Of the only e-mail: how it stands, after how many attempts, and what was wrong last."""
        (found,) = [one for one in await self.found(alert) if one.channel is EMAIL]
        return found.status, found.attempts, found.last_error

    async def due_in(self, channel: DeliveryChannel) -> timedelta:
        """How long until the channel's only delivery is due."""
        found: timedelta = await self.runtime.pool.fetchval(
            "SELECT due_at - clock_timestamp() FROM delivery WHERE fund_id = $1 AND channel = $2",
            self.fund_id,
            channel.value,
        )
        return found

    async def pass_time(self) -> None:
        """Until everything is due."""
        await self.runtime.pool.execute(
            "UPDATE delivery SET due_at = clock_timestamp() WHERE fund_id = $1", self.fund_id
        )

    async def is_due(self, channel: DeliveryChannel) -> bool:
        return (self.fund_id, channel) in await self.deliveries.due()


@pytest.fixture
async def owed(runtime: Runtime, open_fund: OpenFund, owner: Person) -> Owed:
    """A fund whose rule delivers by every channel, of which it has e-mail and a webhook."""
    watched = Watched(runtime, await open_fund(), owner)
    await watched.begin(ago=1)
    await watched.set_rule(rule(channels=(IN_APP, EMAIL, SLACK, WEBHOOK)))
    await watched.evaluate()
    found = Owed(watched)
    await found.set_channel(EMAIL, MAIL)
    await found.set_channel(WEBHOOK, HOOK)
    return found


async def test_a_notice_is_in_the_app_at_once_and_planned_for_the_channels_there_are(owed: Owed) -> None:
    before = datetime.now(UTC)
    alert = await owed.alert()
    app, mail, slack, hook = sorted(await owed.found(alert), key=lambda one: list(DeliveryChannel).index(one.channel))
    assert app.delivered_at is not None
    assert before < app.delivered_at < datetime.now(UTC)
    version = alert.version
    assert app == Delivery(alert.id, version, IN_APP, DELIVERED, 1, None, app.delivered_at)
    assert mail == Delivery(alert.id, version, EMAIL, PENDING, 0, None, None)
    assert slack == Delivery(alert.id, version, SLACK, FAILED, 0, "The fund has no such channel.", None)
    assert hook == Delivery(alert.id, version, WEBHOOK, PENDING, 0, None, None)
    assert [await owed.is_due(channel) for channel in DeliveryChannel] == [False, True, False, True]


async def test_it_is_planned_once_however_often_and_by_however_many(owed: Owed) -> None:
    alert = await owed.alert()
    tried = await owed.one(EMAIL)
    await owed.deliveries.delivered(owed.fund_id, EMAIL, [tried])
    before = await owed.found(alert)
    await asyncio.gather(*(owed.plan(alert, *DeliveryChannel, version=alert.version) for _ in range(4)))
    assert await owed.found(alert) == before
    assert await owed.claim(EMAIL) == []


async def test_who_claims_a_delivery_has_it_alone_until_the_lease_is_over(owed: Owed) -> None:
    alert = await owed.alert()
    assert await owed.one(EMAIL) == Claimed(alert.id, alert.version, digest=False, attempts=1)
    assert LEASE - SOON < await owed.due_in(EMAIL) <= LEASE
    assert await owed.claim(EMAIL) == []
    assert not await owed.is_due(EMAIL)
    assert await owed.is_due(WEBHOOK)
    await owed.pass_time()
    assert await owed.is_due(EMAIL)
    assert (await owed.one(EMAIL)).attempts == 2


async def test_many_who_claim_at_once_share_without_overlap(owed: Owed) -> None:
    alert = await owed.alert()
    for version in range(1, 30):
        await owed.plan(alert, EMAIL, version=alert.version + version)
    shares = await asyncio.gather(*(owed.claim(EMAIL, 5) for _ in range(8)))
    assert sorted(len(share) for share in shares) == [0, 0, 5, 5, 5, 5, 5, 5]
    claimed = [one.version for share in shares for one in share]
    assert sorted(claimed) == list(range(alert.version, alert.version + 30))


async def test_those_tried_least_come_first_and_then_the_oldest(owed: Owed) -> None:
    alert = await owed.alert()
    assert (await owed.one(EMAIL)).version == alert.version
    for version in (9, 3, 7):
        await owed.plan(alert, EMAIL, version=alert.version + version)
    await owed.pass_time()
    first, second = await owed.claim(EMAIL, 2), await owed.claim(EMAIL, 2)
    assert [one.version - alert.version for one in first + second] == [9, 3, 7, 0]


async def test_milder_alerts_wait_for_the_digest_and_the_others_do_not(owed: Owed) -> None:
    await owed.set_channel(EMAIL, MAIL, AlertSeverity.URGENT)
    await owed.watched.record(report(1, 700_000))
    await owed.watched.evaluate()
    alert = await owed.watched.alert()
    assert alert.severity is AlertSeverity.CRITICAL
    assert await owed.claim(EMAIL) == await owed.claim(EMAIL, digest=True) == []
    known = datetime.now(UTC)
    due_in = await owed.due_in(EMAIL)
    expected = next_digest(known, "UTC") - known
    assert abs(due_in - expected) < SOON or abs(due_in - expected) > timedelta(hours=23)
    # Worse: it goes by itself.
    await owed.watched.record(report(0, 500_000))
    await owed.watched.evaluate()
    worse = await owed.watched.alert()
    assert await owed.claim(EMAIL) == [Claimed(alert.id, worse.version, digest=False, attempts=1)]
    await owed.pass_time()
    assert await owed.claim(EMAIL, digest=True) == [Claimed(alert.id, alert.version, digest=True, attempts=1)]
    assert [one.digest for one in await owed.claim(WEBHOOK)] == [False, False]


async def test_put_back_it_was_never_tried_and_waits_for_the_shortest_pause(owed: Owed) -> None:
    alert = await owed.alert()
    tried = await owed.one(EMAIL)
    await owed.deliveries.put_back(owed.fund_id, EMAIL, [tried])
    assert PAUSES[0] - SOON < await owed.due_in(EMAIL) <= PAUSES[0]
    assert await owed.status_by_mail(alert) == (PENDING, 0, None)
    await owed.pass_time()
    assert (await owed.one(EMAIL)).attempts == 1
    await owed.deliveries.put_back(owed.fund_id, EMAIL, [])


async def test_put_back_leaves_what_was_delivered(owed: Owed) -> None:
    alert = await owed.alert()
    tried = await owed.one(EMAIL)
    await owed.deliveries.delivered(owed.fund_id, EMAIL, [tried])
    await owed.deliveries.put_back(owed.fund_id, EMAIL, [tried])
    assert await owed.status_by_mail(alert) == (DELIVERED, 1, None)


async def test_after_each_failure_the_pause_is_longer_up_to_a_day_and_then_it_has_failed(owed: Owed) -> None:
    alert = await owed.alert()
    assert PAUSES[-1] == timedelta(days=1)
    assert sorted(set(PAUSES)) == list(PAUSES)
    for attempt, pause in enumerate(PAUSES, start=1):
        tried = await owed.one(EMAIL)
        assert tried.attempts == attempt
        await owed.failed(tried)
        assert pause - SOON < await owed.due_in(EMAIL) <= pause
        assert await owed.status_by_mail(alert) == (PENDING, attempt, "It broke off.")
        await owed.pass_time()
    await owed.failed(await owed.one(EMAIL))
    assert await owed.status_by_mail(alert) == (FAILED, len(PAUSES) + 1, "It broke off.")
    await owed.pass_time()
    assert await owed.claim(EMAIL) == []
    assert not await owed.is_due(EMAIL)


async def test_what_can_not_help_is_not_tried_again(owed: Owed) -> None:
    alert = await owed.alert()
    await owed.failed(await owed.one(EMAIL), for_good=True)
    assert await owed.status_by_mail(alert) == (FAILED, 1, "It broke off.")
    await owed.pass_time()
    assert await owed.claim(EMAIL) == []


async def test_a_failure_takes_no_delivery_back(owed: Owed) -> None:
    """As when a lease was over before its holder was done, and somebody else delivered it meanwhile."""
    alert = await owed.alert()
    slow = await owed.one(EMAIL)
    await owed.pass_time()
    faster = await owed.one(EMAIL)
    await owed.deliveries.delivered(owed.fund_id, EMAIL, [faster])
    await owed.failed(slow)
    assert await owed.status_by_mail(alert) == (DELIVERED, 2, None)


async def test_recipients_that_are_left_are_kept_until_it_is_delivered(owed: Owed) -> None:
    alert = await owed.alert()
    await owed.failed(await owed.one(EMAIL), pending=["joe@fund.example"])
    await owed.pass_time()
    tried = await owed.one(EMAIL)
    assert tried.pending == ("joe@fund.example",)
    await owed.deliveries.delivered(owed.fund_id, EMAIL, [tried])
    assert await owed.status_by_mail(alert) == (DELIVERED, 2, None)


async def test_a_shorter_lease_is_over_sooner(owed: Owed, monkeypatch: pytest.MonkeyPatch) -> None:
    await owed.alert()
    monkeypatch.setattr(deliveries, "LEASE", timedelta(0))
    assert [(await owed.one(EMAIL)).attempts for _ in range(3)] == [1, 2, 3]


NIGHT_TO_SUMMER, NIGHT_TO_WINTER = "2026-03-07T13:00:00Z", "2026-10-31T12:00:00Z"


@pytest.mark.parametrize(
    ("zone", "now", "expected"),
    [
        ("UTC", "2026-05-04T00:00:00Z", "2026-05-04T08:00:00Z"),
        ("UTC", "2026-05-04T07:59:59.999999Z", "2026-05-04T08:00:00Z"),
        ("UTC", "2026-05-04T08:00:00Z", "2026-05-05T08:00:00Z"),
        ("UTC", "2026-12-31T23:59:59Z", "2027-01-01T08:00:00Z"),
        # Eight in the morning there, on the day before or after ours.
        ("Pacific/Auckland", "2026-01-01T18:59:59Z", "2026-01-01T19:00:00Z"),
        ("Pacific/Auckland", "2026-01-01T19:00:00Z", "2026-01-02T19:00:00Z"),
        ("Pacific/Pago_Pago", "2026-01-01T18:59:59Z", "2026-01-01T19:00:00Z"),
        ("Asia/Kathmandu", "2026-01-01T02:14:59Z", "2026-01-01T02:15:00Z"),
        ("Asia/Kathmandu", "2026-01-01T02:15:00Z", "2026-01-02T02:15:00Z"),
        # A night of 23 hours, and one of 25.
        ("America/New_York", NIGHT_TO_SUMMER, "2026-03-08T12:00:00Z"),
        ("America/New_York", NIGHT_TO_WINTER, "2026-11-01T13:00:00Z"),
        ("Europe/Berlin", "2026-03-28T07:00:00Z", "2026-03-29T06:00:00Z"),
        ("Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T07:00:00Z"),
        # Samoa had no 30 December that year.
        ("Pacific/Apia", "2011-12-29T20:00:00Z", "2011-12-30T18:00:00Z"),
    ],
)
def test_the_digest_goes_out_at_eight_of_the_funds_own_day(zone: str, now: str, expected: str) -> None:
    found = next_digest(datetime.fromisoformat(now), zone)
    # In UTC: an instant of a day that a zone left out is equal to none of another zone.
    assert found.astimezone(UTC) == datetime.fromisoformat(expected)


async def test_deliveries_are_listed_by_alert(owed: Owed) -> None:
    alert = await owed.alert()
    assert await owed.deliveries.of(owed.fund_id, []) == {}
    assert await owed.deliveries.of(UUID(int=0), [alert.id]) == {}
    assert list(await owed.deliveries.of(owed.fund_id, [alert.id, "none"])) == [alert.id]
