"""Sending: one message by one channel of a fund, whatever the channel takes."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from domain.rules import DeliveryChannel
from infra.channels import Channels
from infra.delivery import mail, slack, webhook
from infra.delivery.mail_server import smtp_server
from infra.delivery.message import DeliveryError, Message
from infra.delivery.sealing import SealBroken
from infra.settings import Settings


class Sender:
    """Sends messages by funds' channels.

    Raises:
        ValueError: If the settings name a mail server that can't be one.
    """

    def __init__(self, settings: Settings, channels: Channels) -> None:
        self._channels = channels
        self._allow_private = settings.allow_private_webhooks
        url = settings.smtp_url
        self._server = None if url is None else smtp_server(url.get_secret_value(), settings.smtp_sender)

    async def send(
        self,
        fund_id: UUID,
        channel: DeliveryChannel,
        message: Message,
        *,
        escalates: bool = False,
        only: Sequence[str] = (),
    ) -> None:
        """Sends it now.

        Args:
            escalates: Whether those get it too who hear of what nobody acknowledges.
            only: Recipients of an e-mail that are left, where others have it already.

        Raises:
            DeliveryError: If it wasn't taken, and why.
        """
        try:
            address = await self._channels.address(fund_id, channel)
        except SealBroken as fault:
            raise DeliveryError(str(fault), permanent=False) from fault
        if address is None:
            raise DeliveryError("The fund has no such channel.", permanent=True)
        now = datetime.now(UTC)
        match channel:
            case DeliveryChannel.EMAIL:
                if self._server is None:
                    raise DeliveryError("No mail server is set up here: SMTP_URL is unset.", permanent=False)
                recipients = [*address.recipients, *(address.escalate_to if escalates else ())]
                await mail.send(self._server, only or recipients, message, now=now)
            case DeliveryChannel.SLACK:
                await slack.send(address.url, message, allow_private=self._allow_private)
            case DeliveryChannel.WEBHOOK:
                await webhook.send(address.url, address.secret, message, now=now, allow_private=self._allow_private)
            case DeliveryChannel.IN_APP:
                raise DeliveryError("Alerts are in the app by themselves.", permanent=True)
