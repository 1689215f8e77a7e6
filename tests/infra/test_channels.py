"""Channels: sealed at rest, told apart by a hint, refused where they can't be, and gone with what they owed."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from domain.refusal import Invalid
from domain.rules import AlertSeverity, DeliveryChannel
from infra.channels import Address, Channel, Channels, check_address
from infra.deliveries import Claimed, DeliveryStatus, Due, plan
from infra.delivery.mail import MAX_RECIPIENTS
from infra.delivery.message import DeliveryError
from infra.delivery.sealing import SealBroken
from infra.notices import trial
from infra.people import Person
from infra.runtime import Runtime
from infra.sending import Sender
from infra.settings import Settings
from tests.conftest import OpenFund
from tests.infra.alerting import Watched, report, rule

EMAIL, SLACK, WEBHOOK = DeliveryChannel.EMAIL, DeliveryChannel.SLACK, DeliveryChannel.WEBHOOK
SECRET = "the secret of one installation, 32 bytes and more"
ANOTHER = "the secret of another installation, 32 bytes or so"
SIGNING = "what signs a webhook"
MAIL = Address(recipients=("jane@fund.example", "joe@Fund.example", "lp@investor.example"))
HOOK = Address(url="https://hooks.example.org/drypowder/tail?key=hidden", secret=SIGNING)


@pytest.fixture
async def fund_id(open_fund: OpenFund) -> UUID:
    return await open_fund()


@pytest.fixture
def channels(runtime: Runtime) -> Channels:
    return Channels(runtime.pool, lambda: SECRET)


async def set_channel(
    channels: Channels, fund_id: UUID, channel: DeliveryChannel, address: Address, *, by: UUID | None = None
) -> Channel:
    return await channels.set(fund_id, channel, address, digest_below=None, by=by or uuid4(), allow_private=False)


async def test_neither_address_nor_secret_can_be_read_in_the_row(
    channels: Channels, fund_id: UUID, runtime: Runtime
) -> None:
    await set_channel(channels, fund_id, EMAIL, replace_address(MAIL, escalate_to=("boss@fund.example",)))
    await set_channel(channels, fund_id, WEBHOOK, HOOK)
    rows = await runtime.pool.fetch(
        "SELECT c::text AS written, sealed FROM channel c WHERE fund_id = $1 ORDER BY channel", fund_id
    )
    assert len(rows) == 2
    for row in rows:
        stored = row["written"].encode() + row["sealed"]
        for word in (b"jane", b"boss", b"@", b"drypowder", b"hidden", b"https", SIGNING.encode()):
            assert word not in stored
    assert await channels.address(fund_id, EMAIL) == replace_address(MAIL, escalate_to=("boss@fund.example",))
    assert await channels.address(fund_id, WEBHOOK) == HOOK
    assert await channels.address(fund_id, SLACK) is None


def replace_address(address: Address, **changes: object) -> Address:
    """The address with some parts changed."""
    parts = {name: getattr(address, name) for name in address.__struct_fields__}
    return Address(**parts | changes)


async def test_the_same_sealed_again_looks_different(channels: Channels, fund_id: UUID, runtime: Runtime) -> None:
    seen = set()
    for _ in range(3):
        await set_channel(channels, fund_id, WEBHOOK, HOOK)
        seen.add(await runtime.pool.fetchval("SELECT sealed FROM channel WHERE fund_id = $1", fund_id))
    assert len(seen) == 3


async def test_a_sealed_address_moved_to_another_fund_stays_shut(
    channels: Channels, fund_id: UUID, open_fund: OpenFund, runtime: Runtime
) -> None:
    thief = await open_fund()
    await set_channel(channels, fund_id, WEBHOOK, HOOK)
    await runtime.pool.execute(
        """INSERT INTO channel SELECT $2, channel, digest_below, hint, sealed, set_by, set_at FROM channel
        WHERE fund_id = $1""",
        fund_id,
        thief,
    )
    with pytest.raises(SealBroken):
        await channels.address(thief, WEBHOOK)


@pytest.mark.parametrize(
    ("channel", "address", "hint"),
    [
        (EMAIL, Address(recipients=("jane@fund.example",)), "1 recipient at fund.example"),
        (EMAIL, MAIL, "3 recipients at fund.example, investor.example"),
        (SLACK, Address(url="https://Hooks.Slack.com/services/T0/B0/hidden"), "hooks.slack.com"),
        (WEBHOOK, HOOK, "hooks.example.org"),
        (WEBHOOK, Address(url="https://hooks.example.org:8443", secret=SIGNING), "hooks.example.org"),
    ],
)
async def test_the_hint_tells_channels_apart_and_gives_nothing_away(
    channels: Channels, fund_id: UUID, channel: DeliveryChannel, address: Address, hint: str
) -> None:
    made = await set_channel(channels, fund_id, channel, address)
    assert made.hint == hint
    assert await channels.of(fund_id) == [made]


async def test_a_channel_set_again_takes_the_place_of_the_one_before(channels: Channels, fund_id: UUID) -> None:
    first, second = uuid4(), uuid4()
    before = await channels.set(
        fund_id, EMAIL, MAIL, digest_below=AlertSeverity.CRITICAL, by=first, allow_private=False
    )
    assert (before.digest_below, before.set_by) == (AlertSeverity.CRITICAL, str(first))
    other = Address(recipients=("jim@fund.example",))
    after = await set_channel(channels, fund_id, EMAIL, other, by=second)
    await set_channel(channels, fund_id, WEBHOOK, HOOK)
    mail, hook = await channels.of(fund_id)
    assert mail == after
    assert (mail.digest_below, mail.set_by, mail.hint) == (None, str(second), "1 recipient at fund.example")
    assert before.set_at < after.set_at <= datetime.now(UTC)
    assert hook.channel is WEBHOOK
    assert await channels.address(fund_id, EMAIL) == other


@pytest.mark.parametrize(
    ("channel", "address", "path"),
    [
        (DeliveryChannel.IN_APP, Address(), ("channel",)),
        (EMAIL, Address(), ("recipients",)),
        (EMAIL, Address(recipients=("jane@fund.example", "Jane <jane@fund.example>")), ("recipients", "1")),
        (EMAIL, Address(recipients=tuple(f"p{n}@fund.example" for n in range(MAX_RECIPIENTS + 1))), ("recipients",)),
        (EMAIL, Address(recipients=("jane@fund.example",), escalate_to=("nobody",)), ("escalateTo", "0")),
        (EMAIL, Address(recipients=("jane@fund.example",), url="https://example.org/"), ("url",)),
        (EMAIL, Address(recipients=("jane@fund.example",), secret=SIGNING), ("secret",)),
        (SLACK, Address(), ("url",)),
        (SLACK, Address(url="http://hooks.example.org/"), ("url",)),
        (SLACK, Address(url="https://hooks.example.org/", secret=SIGNING), ("secret",)),
        (SLACK, Address(url="https://hooks.example.org/", recipients=("jane@fund.example",)), ("recipients",)),
        (SLACK, Address(url="https://hooks.example.org/", escalate_to=("jane@fund.example",)), ("escalateTo",)),
        (WEBHOOK, Address(url="https://hooks.example.org/"), ("secret",)),
        (WEBHOOK, Address(url="https://hooks.example.org/", secret="short"), ("secret",)),
        (WEBHOOK, Address(secret=SIGNING), ("url",)),
        (WEBHOOK, Address(url="https://127.0.0.1/", secret=SIGNING), ("url",)),
        (WEBHOOK, Address(url="https://10.1.2.3/", secret=SIGNING), ("url",)),
        (WEBHOOK, Address(url="https://jane:hidden@hooks.example.org/", secret=SIGNING), ("url",)),
    ],
)
async def test_an_address_that_cannot_be_is_refused_with_its_path_and_nothing_stored(
    channels: Channels, fund_id: UUID, channel: DeliveryChannel, address: Address, path: tuple[str, ...]
) -> None:
    with pytest.raises(Invalid) as refused:
        await set_channel(channels, fund_id, channel, address)
    assert refused.value.path == path
    assert "hidden" not in refused.value.message
    assert await channels.of(fund_id) == []


def test_those_a_reminder_goes_to_fit_one_e_mail() -> None:
    people = tuple(f"p{n}@fund.example" for n in range(MAX_RECIPIENTS))
    check_address(EMAIL, Address(recipients=people[1:], escalate_to=people[:1]), allow_private=False)
    with pytest.raises(Invalid) as refused:
        check_address(EMAIL, Address(recipients=people, escalate_to=people[:1]), allow_private=False)
    assert refused.value.path == ("escalateTo",)


def test_where_private_addresses_are_allowed_so_are_webhooks_without_tls() -> None:
    address = Address(url="http://127.0.0.1:9000/hook", secret=SIGNING)
    check_address(WEBHOOK, address, allow_private=True)
    with pytest.raises(Invalid):
        check_address(WEBHOOK, address, allow_private=False)


async def test_listing_and_removing_channels_needs_no_secret(
    channels: Channels, fund_id: UUID, runtime: Runtime
) -> None:
    def none() -> str:
        raise AssertionError

    await set_channel(channels, fund_id, WEBHOOK, HOOK)
    without = Channels(runtime.pool, none)
    assert len(await without.of(fund_id)) == 1
    assert await without.remove(fund_id, WEBHOOK)
    assert not await without.remove(fund_id, WEBHOOK)
    assert await without.of(fund_id) == []


async def failure(sender: Sender, fund_id: UUID, channel: DeliveryChannel) -> tuple[str, bool]:
    """Why a message isn't taken, and whether another try is pointless."""
    with pytest.raises(DeliveryError) as failed:
        await sender.send(fund_id, channel, trial("Fund I", "1"))
    return failed.value.reason, failed.value.permanent


async def test_a_channel_sealed_with_another_secret_says_what_to_do_and_waits_for_it(
    channels: Channels, fund_id: UUID, runtime: Runtime
) -> None:
    await set_channel(channels, fund_id, WEBHOOK, HOOK)
    sender = Sender(Settings(), Channels(runtime.pool, lambda: ANOTHER))
    reason, permanent = await failure(sender, fund_id, WEBHOOK)
    assert reason == (
        f"What is stored for {fund_id}/WEBHOOK can't be opened: the secret of this installation (DRYPOWDER_SECRET) "
        "has changed since. Enter it again."
    )
    assert not permanent


async def test_what_is_not_set_up_is_said(channels: Channels, fund_id: UUID) -> None:
    sender = Sender(Settings(), channels)
    assert await failure(sender, fund_id, SLACK) == ("The fund has no such channel.", True)
    await set_channel(channels, fund_id, EMAIL, MAIL)
    assert await failure(sender, fund_id, EMAIL) == ("No mail server is set up here: SMTP_URL is unset.", False)


async def test_a_channel_removed_owes_nothing_and_keeps_what_it_delivered(
    channels: Channels, fund_id: UUID, runtime: Runtime, owner: Person
) -> None:
    watched = Watched(runtime, fund_id, owner)
    await watched.begin(ago=1)
    await watched.set_rule(rule(channels=(EMAIL, WEBHOOK)))
    await set_channel(channels, fund_id, EMAIL, MAIL)
    await set_channel(channels, fund_id, WEBHOOK, HOOK)
    await watched.record(report(1, 600_000))
    await watched.evaluate()
    alert = await watched.alert()
    (tried,) = await runtime.deliveries.claim(fund_id, EMAIL, 10)
    await runtime.deliveries.delivered(fund_id, EMAIL, [tried])
    async with runtime.pool.acquire() as connection:
        await plan(connection, fund_id, [Due(alert, (EMAIL,), alert.version + 1)])
    (under_way,) = await runtime.deliveries.claim(fund_id, EMAIL, 10)
    await channels.remove(fund_id, EMAIL)
    # Whoever was trying it meanwhile doesn't bring it back.
    await runtime.deliveries.failed(fund_id, EMAIL, [under_way], "It broke off.", for_good=False)
    found = (await runtime.deliveries.of(fund_id, [alert.id]))[alert.id]
    assert [(one.channel, one.version - alert.version, one.status, one.last_error) for one in found] == [
        (EMAIL, 0, DeliveryStatus.DELIVERED, None),
        (WEBHOOK, 0, DeliveryStatus.PENDING, None),
        (EMAIL, 1, DeliveryStatus.FAILED, "The channel was removed."),
    ]
    assert under_way == Claimed(alert.id, alert.version + 1, digest=False, attempts=1)
