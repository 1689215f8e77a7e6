"""E-mail by SMTP: one transaction for all recipients, and which failures are worth another try."""

import asyncio
import hashlib
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from functools import cache
from typing import cast

import aiosmtplib
import httpcore

from domain.refusal import Invalid
from infra.delivery.mail_server import Security, SmtpServer, is_mail_address
from infra.delivery.message import DeliveryError, Message, html, one_line, plain

MAX_RECIPIENTS = 50
CONNECT_SECONDS = 5.0
"""For connecting, and again for the server's greeting."""
WHOLE_SECONDS = 20.0
_GOODBYE_SECONDS = 1.0

# Reply codes after which the same would be refused again (RFC 5321, 4.2.1).
_FINAL = range(500, 600)

# Bodies that pass any server, also one without 8BITMIME.
_POLICY = SMTP.clone(cte_type="7bit")


def check_recipients(addresses: Sequence[str]) -> None:
    """Refuse what no e-mail can be sent to.

    Raises:
        Invalid: If there is none or too many, or one isn't a bare address.
    """
    if not 1 <= len(addresses) <= MAX_RECIPIENTS:
        raise Invalid(f"An e-mail needs 1 to {MAX_RECIPIENTS} recipients.", "recipients")
    for place, address in enumerate(addresses):
        if not is_mail_address(address):
            raise Invalid(
                "A recipient must be an e-mail address such as jane@example.org, without a name.",
                "recipients",
                str(place),
            )


def composed(message: Message, server: SmtpServer, recipients: Sequence[str], now: datetime) -> EmailMessage:
    """The e-mail, as text and as a page; a message has the same Message-ID at every attempt."""
    mail = EmailMessage(_POLICY)
    mail["From"] = Address(server.sender_name, addr_spec=server.sender)
    mail["To"] = [Address(addr_spec=address) for address in recipients]
    mail["Subject"] = one_line(message.subject)
    mail["Date"] = now
    # A key may hold what an id can't.
    name = hashlib.sha256(message.key.encode()).hexdigest()[:32]
    mail["Message-ID"] = f"<{name}@{server.sender.rpartition('@')[2]}>"
    # No out-of-office reply answers it (RFC 3834).
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(plain(message))
    mail.add_alternative(html(message), subtype="html")
    return mail


async def send(
    server: SmtpServer,
    recipients: Sequence[str],
    message: Message,
    *,
    now: datetime,
    ssl_context: ssl.SSLContext | None = None,
    connect_seconds: float = CONNECT_SECONDS,
    whole_seconds: float = WHOLE_SECONDS,
) -> None:
    """Send the message to all recipients in one transaction.

    Raises:
        DeliveryError: If the server did not take it for all of them. It names those refused, and holds as `pending`
            those refused for now: the others have the message, or never will.
    """
    try:
        check_recipients(recipients)
    except Invalid as refusal:
        raise DeliveryError(refusal.message, permanent=True) from None
    addresses = list(dict.fromkeys(recipients))
    mail = composed(message, server, addresses, now).as_bytes()
    client = aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        username=None if server.username is None else server.username.encode(),
        password=None if server.password is None else server.password.encode(),
        use_tls=server.security is Security.TLS,
        start_tls=server.security is Security.STARTTLS,
        tls_context=ssl_context or _trusted(),
        timeout=whole_seconds,
    )
    try:
        async with asyncio.timeout(whole_seconds):
            await client.connect(timeout=connect_seconds)
            refused = await _transact(client, server.sender, addresses, mail)
        # It is decided: nothing about the goodbye may make it look otherwise.
        with suppress(aiosmtplib.SMTPException, OSError):
            await client.quit(timeout=_GOODBYE_SECONDS)
    except (aiosmtplib.SMTPException, OSError) as fault:
        raise _failure(fault, whole_seconds) from fault
    finally:
        _let_go(client)
    if refused:
        raise _refused(refused)


async def _transact(client: aiosmtplib.SMTP, sender: str, addresses: Sequence[str], mail: bytes) -> dict[str, int]:
    """Send to those of the addresses that the server takes, and give the reply codes of the others."""
    refused = {}
    await client.mail(sender)
    for address in addresses:
        try:
            await client.rcpt(address)
        except aiosmtplib.SMTPRecipientRefused as fault:
            refused[address] = fault.code
    if len(refused) < len(addresses):
        await client.data(mail)
    return refused


@cache
def _trusted() -> ssl.SSLContext:
    # Of its own: httpcore offers HTTP alone in handshakes with the one it is given.
    return httpcore.default_ssl_context()


def _let_go(client: aiosmtplib.SMTP) -> None:
    """Close the connection without waiting for a server that doesn't read."""
    if client.transport is not None:
        cast(asyncio.WriteTransport, client.transport).abort()
    client.close()


def _refused(codes: Mapping[str, int]) -> DeliveryError:
    """What is said of recipients refused, each with the server's reply code."""
    named = ", ".join(f"{address} ({code})" for address, code in codes.items())
    pending = tuple(address for address, code in codes.items() if code not in _FINAL)
    return DeliveryError(f"The mail server refused {named}.", permanent=not pending, pending=pending)


def _failure(fault: Exception, seconds: float) -> DeliveryError:
    """What is said of a failure: of the server's own words nothing, as they may repeat what it was sent."""
    match fault:
        case aiosmtplib.SMTPSenderRefused(code=code):
            return DeliveryError(f"The mail server refused the sender ({code}).", permanent=code in _FINAL)
        case aiosmtplib.SMTPDataError(code=code):
            return DeliveryError(f"The mail server refused the message ({code}).", permanent=code in _FINAL)
        # The rest is between this installation and its mail server, and passes when that is put right.
        case aiosmtplib.SMTPAuthenticationError(code=code):
            said = f"refused this installation's user name or password ({code})"
        case aiosmtplib.SMTPConnectTimeoutError():
            said = "did not answer in time"
        case TimeoutError():
            said = f"did not take the message within {seconds:g} seconds"
        case aiosmtplib.SMTPResponseException(code=code):
            said = f"is not ready for messages ({code})"
        case aiosmtplib.SMTPServerDisconnected():
            said = "broke the connection off"
        case ssl.SSLError():
            said = "made no secure connection"
        case OSError():
            said = "can't be reached"
        case _:
            said = "doesn't offer the encryption or sign-in that is set for it"
    return DeliveryError(f"The mail server {said}.")
