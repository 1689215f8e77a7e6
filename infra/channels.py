"""Channels: where a fund's alerts go. Addresses and secrets are sealed at rest and never read back by anyone."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import msgspec

from domain.refusal import Invalid
from domain.rules import AlertSeverity, DeliveryChannel
from infra.delivery.address import check_url
from infra.delivery.mail import MAX_RECIPIENTS, check_recipients
from infra.delivery.sealing import Sealed
from infra.delivery.webhook import check_secret
from infra.postgres import translated


class Address(msgspec.Struct, frozen=True):
    """What a channel needs to be reached.

    Attributes:
        recipients: Of e-mails.
        escalate_to: Who gets an e-mail too when a bad alert goes unacknowledged.
        url: Of a webhook.
        secret: What signs a webhook's requests.
    """

    recipients: tuple[str, ...] = ()
    escalate_to: tuple[str, ...] = ()
    url: str = ""
    secret: str = ""


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel as its fund may see it.

    Attributes:
        hint: Enough to tell it apart, such as the host; no address, no secret.
        digest_below: Milder alerts wait for the daily digest; None where none do.
    """

    fund_id: UUID
    channel: DeliveryChannel
    hint: str
    digest_below: AlertSeverity | None
    set_by: str
    set_at: datetime


def check_address(channel: DeliveryChannel, address: Address, *, allow_private: bool) -> None:
    """Refuse what a channel can't be reached by, and what isn't for it.

    Raises:
        Invalid: With the field's path.
    """
    mail, hook = channel is DeliveryChannel.EMAIL, channel is DeliveryChannel.WEBHOOK
    if channel is DeliveryChannel.IN_APP:
        message = "Alerts are in the app by themselves."
        raise Invalid(message, "channel")
    for given, wanted, field in (
        (address.recipients or address.escalate_to, mail, "recipients" if address.recipients else "escalateTo"),
        (address.url, not mail, "url"),
        (address.secret, hook, "secret"),
    ):
        if given and not wanted:
            message = f"{channel} takes no {field}."
            raise Invalid(message, field)
    if mail:
        check_recipients(address.recipients)
        if address.escalate_to:
            # Together, since both get the same message when it escalates.
            _check_escalation(tuple(dict.fromkeys((*address.escalate_to, *address.recipients))))
        if len(address.recipients) + len(address.escalate_to) > MAX_RECIPIENTS:
            message = f"A reminder goes to both, and an e-mail has at most {MAX_RECIPIENTS} recipients."
            raise Invalid(message, "escalateTo")
        return
    check_url(address.url, allow_private=allow_private)
    if hook:
        check_secret(address.secret)


def _check_escalation(addresses: tuple[str, ...]) -> None:
    try:
        check_recipients(addresses)
    except Invalid as refusal:
        refusal.path = ("escalateTo", *refusal.path[1:])
        raise


def _hint(channel: DeliveryChannel, address: Address) -> str:
    if channel is DeliveryChannel.EMAIL:
        hosts = sorted({one.rpartition("@")[2].lower() for one in address.recipients})
        count = len(address.recipients)
        return f"{count} recipient{'' if count == 1 else 's'} at {', '.join(hosts)}"
    return urlsplit(address.url).hostname or ""


class Channels:
    """The channels of every fund.

    Args:
        secret: What seals them, asked for at first use: reading alerts needs no secret.
    """

    def __init__(self, pool: asyncpg.Pool, secret: Callable[[], str]) -> None:
        self._pool = pool
        self._secret = secret

    @cached_property
    def _sealed(self) -> Sealed:
        return Sealed(self._secret())

    async def set(
        self,
        fund_id: UUID,
        channel: DeliveryChannel,
        address: Address,
        *,
        digest_below: AlertSeverity | None,
        by: UUID,
        allow_private: bool,
    ) -> Channel:
        """The channel, in place of any the fund had of its kind.

        Raises:
            Invalid: If it can't be reached so.
        """
        check_address(channel, address, allow_private=allow_private)
        sealed = self._sealed.seal(msgspec.json.encode(address).decode(), _place(fund_id, channel))
        with translated():
            set_at = await self._pool.fetchval(
                """INSERT INTO channel VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp())
                ON CONFLICT (fund_id, channel) DO UPDATE SET digest_below = excluded.digest_below,
                    hint = excluded.hint, sealed = excluded.sealed, set_by = excluded.set_by, set_at = excluded.set_at
                RETURNING set_at""",
                fund_id,
                channel.value,
                digest_below,
                _hint(channel, address),
                sealed.encode(),
                by,
            )
        return Channel(fund_id, channel, _hint(channel, address), digest_below, str(by), set_at)

    async def remove(self, fund_id: UUID, channel: DeliveryChannel) -> bool:
        """Whether there was one. What it had still to deliver has failed."""
        with translated():
            async with self._pool.acquire() as connection, connection.transaction():
                found = await connection.fetchval(
                    "DELETE FROM channel WHERE fund_id = $1 AND channel = $2 RETURNING true", fund_id, channel.value
                )
                await connection.execute(
                    """UPDATE delivery SET status = 'FAILED', last_error = 'The channel was removed.'
                    WHERE fund_id = $1 AND channel = $2 AND status = 'PENDING'""",
                    fund_id,
                    channel.value,
                )
        return bool(found)

    async def of(self, fund_id: UUID) -> list[Channel]:
        """The fund's channels."""
        with translated():
            rows = await self._pool.fetch("SELECT * FROM channel WHERE fund_id = $1 ORDER BY channel", fund_id)
        return [
            Channel(
                fund_id,
                DeliveryChannel(row["channel"]),
                row["hint"],
                None if row["digest_below"] is None else AlertSeverity(row["digest_below"]),
                str(row["set_by"]),
                row["set_at"],
            )
            for row in rows
        ]

    async def address(self, fund_id: UUID, channel: DeliveryChannel) -> Address | None:
        """How to reach the channel; None where the fund has none.

        Raises:
            SealBroken: If it was sealed with another secret.
        """
        with translated():
            sealed = await self._pool.fetchval(
                "SELECT sealed FROM channel WHERE fund_id = $1 AND channel = $2", fund_id, channel.value
            )
        if sealed is None:
            return None
        opened = self._sealed.open(sealed.decode(), _place(fund_id, channel))
        return msgspec.json.decode(opened, type=Address)


def _place(fund_id: UUID, channel: DeliveryChannel) -> str:
    return f"{fund_id}/{channel}"
