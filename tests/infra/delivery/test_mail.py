"""E-mail on real sockets: what arrives, who is refused, and servers that misbehave."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from ssl import SSLContext

import pytest

from domain.refusal import Invalid
from infra.delivery.mail import MAX_RECIPIENTS, check_recipients, send
from infra.delivery.mail_server import Security, SmtpServer
from infra.delivery.message import DeliveryError, Message, html, plain
from tests.infra.delivery.receivers import HOST, MESSAGE, Inbox, certificate, mail_server, scripted, until_left
from tests.infra.delivery.test_mail_server import NOT_ADDRESSES

NOW = datetime(2024, 7, 1, 12, 0, 0, tzinfo=UTC)
PATIENCE = 30.0
"""Seconds on a busy machine; whoever waits for the server waits forever."""
JANE, JOE, JIM = "jane@example.org", "joe@example.org", "jim@example.org"
LARGE = replace(MESSAGE, sections=(replace(MESSAGE.sections[0], sentences=("x" * 5_000_000,)),))


def at(port: int, security: Security = Security.NONE, login: tuple[str, str] = ("", "")) -> SmtpServer:
    """A server on this machine."""
    username, password = login
    return SmtpServer(
        HOST, port, security, username or None, password or None, "alerts@fund.example", "Drypowder, Inc."
    )


async def failed(
    server: SmtpServer,
    *recipients: str,
    message: Message = MESSAGE,
    ssl_context: SSLContext | None = None,
    whole: float = 5,
) -> DeliveryError:
    """The failure of sending."""
    with pytest.raises(DeliveryError) as failure:
        await send(
            server,
            recipients or (JANE,),
            message,
            now=NOW,
            ssl_context=ssl_context,
            connect_seconds=0.5,
            whole_seconds=whole,
        )
    assert "hidden" not in str(failure.value)
    return failure.value


async def arrived(message: Message, *recipients: str) -> EmailMessage:
    """The message as its recipients get it."""
    inbox = Inbox()
    async with mail_server(inbox) as port:
        await send(at(port), recipients or (JANE,), message, now=NOW)
    return inbox.mail()


async def test_a_message_arrives_as_text_and_as_a_page_in_one_transaction() -> None:
    inbox = Inbox()
    async with mail_server(inbox) as port:
        await send(at(port), (JANE, JOE, JANE), MESSAGE, now=NOW)
    assert inbox.recipients == [[JANE, JOE]]
    mail = inbox.mail()
    text, page = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert page is not None
    assert mail.get_content_type() == "multipart/alternative"
    assert text.get_content().replace("\r\n", "\n") == plain(MESSAGE)
    assert page.get_content().replace("\r\n", "\n") == html(MESSAGE)
    assert mail["From"] == '"Drypowder, Inc." <alerts@fund.example>'
    assert mail["To"] == f"{JANE}, {JOE}"
    assert mail["Subject"] == MESSAGE.subject
    assert mail["Date"] == "Mon, 01 Jul 2024 12:00:00 +0000"
    assert mail["Auto-Submitted"] == "auto-generated"


async def test_a_repeat_has_the_same_id_and_another_message_another() -> None:
    first, again = await arrived(MESSAGE), await arrived(replace(MESSAGE, subject="Otherwise"))
    other = await arrived(replace(MESSAGE, key="6f1c:3"))
    assert first["Message-ID"] == again["Message-ID"]
    assert first["Message-ID"] != other["Message-ID"]
    assert first["Message-ID"].endswith("@fund.example>")


async def test_letters_of_every_script_and_lines_with_a_dot_arrive_as_they_were() -> None:
    sentences = ("Ünïcode – 日本語 🎉", ".", "..", ". at the start", "From here", "x" * 2_000)
    message = replace(
        MESSAGE, subject="Fonds Édouard: 日本語 " * 20, sections=(replace(MESSAGE.sections[0], sentences=sentences),)
    )
    mail = await arrived(message)
    text = mail.get_body(("plain",))
    assert text is not None
    assert text.get_content().replace("\r\n", "\n") == plain(message)
    assert mail["Subject"] == message.subject.strip()


@pytest.mark.parametrize("ending", ["\r\n", "\n", "\r", "\r\n\r\n", "\x0b", "\x0c", "\x85", "\u2028", "\0"])
async def test_a_subject_cannot_become_a_header(ending: str) -> None:
    mail = await arrived(replace(MESSAGE, subject=f"Acme{ending}Bcc: {JIM}", key=f"k{ending}Bcc: {JIM}"))
    assert mail["Subject"] == f"Acme Bcc: {JIM}"
    assert mail["Bcc"] is None
    assert not mail.defects
    assert set(mail.keys()) == {
        "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type",
    }  # fmt: skip


@pytest.mark.parametrize("address", NOT_ADDRESSES)
async def test_a_recipient_that_is_no_bare_address_is_refused_and_nothing_sent(address: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_recipients([JANE, address])
    assert refused.value.path == ("recipients", "1")
    async with scripted(until_left) as receiver:
        assert (await failed(at(receiver.port), JANE, address)).permanent
    assert receiver.connections == 0


@pytest.mark.parametrize("count", [0, MAX_RECIPIENTS + 1])
def test_none_or_too_many_recipients_are_refused(count: int) -> None:
    with pytest.raises(Invalid) as refused:
        check_recipients([JANE] * count)
    assert refused.value.path == ("recipients",)


async def test_as_many_recipients_as_allowed_get_a_message() -> None:
    everybody = [f"{'n' * 50}{place}@{'example.' * 22}org" for place in range(MAX_RECIPIENTS)]
    check_recipients(everybody)
    mail = await arrived(MESSAGE, *everybody)
    assert [one.addr_spec for one in mail["To"].addresses] == everybody


async def test_a_password_travels_over_a_connection_made_private_first(tmp_path: Path) -> None:
    made, inbox, login = certificate(tmp_path), Inbox(), ("üser", "hidden, and not ASCII: ü")
    async with mail_server(inbox, starttls=made.serving, login=login) as port:
        await send(at(port, Security.STARTTLS, login), (JANE,), MESSAGE, now=NOW, ssl_context=made.trusting)
    assert inbox.recipients == [[JANE]]


async def test_a_connection_may_be_private_from_the_start(tmp_path: Path) -> None:
    made, inbox = certificate(tmp_path), Inbox()
    async with mail_server(inbox, tls=made.serving) as port:
        await send(at(port, Security.TLS), (JANE,), MESSAGE, now=NOW, ssl_context=made.trusting)
    assert inbox.recipients == [[JANE]]


async def test_a_wrong_password_is_a_failure_that_passes_when_it_is_put_right(tmp_path: Path) -> None:
    made, inbox = certificate(tmp_path), Inbox()
    async with mail_server(inbox, starttls=made.serving, login=("user", "right")) as port:
        server = at(port, Security.STARTTLS, ("user", "hidden"))
        failure = await failed(server, ssl_context=made.trusting)
    assert failure.reason == "The mail server refused this installation's user name or password (535)."
    assert not failure.permanent
    assert inbox.contents == []


async def test_a_certificate_nobody_vouches_for_is_refused_before_the_password_is_sent(tmp_path: Path) -> None:
    made, inbox = certificate(tmp_path), Inbox()
    async with mail_server(inbox, starttls=made.serving, login=("user", "hidden")) as port:
        on_demand = await failed(at(port, Security.STARTTLS, ("user", "hidden")))
    async with mail_server(inbox, tls=made.serving) as port:
        from_the_start = await failed(at(port, Security.TLS))
    assert not on_demand.permanent
    assert not from_the_start.permanent
    assert inbox.contents == []


async def test_a_server_that_offers_no_encryption_gets_neither_password_nor_message() -> None:
    inbox = Inbox()
    async with mail_server(inbox) as port:
        failure = await failed(at(port, Security.STARTTLS, ("user", "hidden")))
    assert failure.reason == "The mail server doesn't offer the encryption or sign-in that is set for it."
    assert not failure.permanent
    assert inbox.contents == []


async def test_a_recipient_refused_for_good_is_named_and_the_others_get_the_message() -> None:
    inbox = Inbox(refusing={JOE: "550 No such user"})
    async with mail_server(inbox) as port:
        failure = await failed(at(port), JANE, JOE, JIM)
    assert inbox.recipients == [[JANE, JIM]]
    assert (failure.reason, failure.permanent, failure.pending) == (f"The mail server refused {JOE} (550).", True, ())


async def test_a_recipient_refused_for_now_is_the_only_one_another_try_is_for() -> None:
    inbox = Inbox(refusing={JOE: "450 Greylisted", JIM: "550 No such user"})
    async with mail_server(inbox) as port:
        failure = await failed(at(port), JANE, JOE, JIM)
    assert inbox.recipients == [[JANE]]
    assert failure.reason == f"The mail server refused {JOE} (450), {JIM} (550)."
    assert (failure.permanent, failure.pending) == (False, (JOE,))


@pytest.mark.parametrize(
    ("replies", "pending"), [(("550", "551"), ()), (("450", "550"), (JANE,)), (("451", "452"), (JANE, JOE))]
)
async def test_where_everybody_is_refused_nothing_is_sent(replies: tuple[str, str], pending: tuple[str, ...]) -> None:
    inbox = Inbox(refusing={JANE: f"{replies[0]} No", JOE: f"{replies[1]} No"})
    async with mail_server(inbox) as port:
        failure = await failed(at(port), JANE, JOE)
    assert inbox.contents == []
    assert failure.reason == f"The mail server refused {JANE} ({replies[0]}), {JOE} ({replies[1]})."
    assert (failure.permanent, failure.pending) == (not pending, pending)


@pytest.mark.parametrize(("reply", "permanent"), [("554 Spam", True), ("451 Later", False), ("421 Closing", False)])
async def test_a_message_refused_is_a_failure_as_lasting_as_the_reply_says(reply: str, permanent: bool) -> None:
    async with mail_server(Inbox(reply=reply)) as port:
        failure = await failed(at(port))
    assert failure.reason == f"The mail server refused the message ({reply[:3]})."
    assert (failure.permanent, failure.pending) == (permanent, ())


def talking(
    *replies: str, then: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]] = until_left
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    """A mail server that greets with the first reply, answers each line with the next, and then does as told."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for place, reply in enumerate(replies):
            if place:
                await reader.readline()
            writer.write(f"{reply}\r\n".encode())
        await then(reader, writer)

    return talk


UP_TO_DATA = ("220 Hello", "250 Hello", "250 Sender", "250 Recipient", "354 Go on")


async def test_a_server_that_refuses_connections_is_a_temporary_failure() -> None:
    async with scripted(until_left) as receiver:
        port = receiver.port
    failure = await failed(at(port))
    assert (failure.reason, failure.permanent) == ("The mail server can't be reached.", False)


async def test_a_server_that_never_greets_is_not_waited_for() -> None:
    async with scripted(until_left) as receiver:
        failure = await failed(at(receiver.port))
        secure = await failed(at(receiver.port, Security.TLS))
    assert (failure.reason, failure.permanent) == ("The mail server did not answer in time.", False)
    assert (secure.reason, secure.permanent) == ("The mail server did not answer in time.", False)


@pytest.mark.parametrize("replies", [("554 Go away",), ("421 Busy",), ("220 Hello", "421 Busy", "421 Busy")])
async def test_a_server_that_is_not_ready_is_a_temporary_failure(replies: tuple[str, ...]) -> None:
    async with scripted(talking(*replies)) as receiver:
        failure = await failed(at(receiver.port))
    assert failure.reason == f"The mail server is not ready for messages ({replies[-1][:3]})."
    assert not failure.permanent


@pytest.mark.parametrize(("reply", "permanent"), [("550 Not you", True), ("451 Later", False)])
async def test_a_sender_refused_is_a_failure_as_lasting_as_the_reply_says(reply: str, permanent: bool) -> None:
    async with scripted(talking("220 Hello", "250 Hello", reply)) as receiver:
        failure = await failed(at(receiver.port))
    assert (failure.reason, failure.permanent) == (f"The mail server refused the sender ({reply[:3]}).", permanent)


@pytest.mark.parametrize("length", range(1, len(UP_TO_DATA) + 1))
async def test_a_server_that_breaks_off_anywhere_is_a_temporary_failure(length: int) -> None:
    async def abort(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1_000)
        writer.transport.abort()

    async with scripted(talking(*UP_TO_DATA[:length], then=abort)) as receiver:
        failure = await failed(at(receiver.port), message=LARGE)
    assert (failure.reason, failure.permanent) == ("The mail server broke the connection off.", False)


@pytest.mark.parametrize("length", range(1, len(UP_TO_DATA) + 1))
async def test_a_server_that_hangs_anywhere_is_not_waited_for(length: int) -> None:
    gone = asyncio.Event()

    async def unread(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await gone.wait()

    async with scripted(talking(*UP_TO_DATA[:length], then=unread)) as receiver:
        async with asyncio.timeout(PATIENCE):
            failure = await failed(at(receiver.port), message=LARGE, whole=0.3)
        gone.set()
    assert failure.reason == "The mail server did not take the message within 0.3 seconds."
    assert not failure.permanent


async def test_a_server_that_never_says_whether_it_took_the_message_is_a_temporary_failure() -> None:
    async with mail_server(Inbox(reply=None)) as port:
        failure = await failed(at(port), whole=0.3)
    assert (failure.reason, failure.permanent) == (
        "The mail server did not take the message within 0.3 seconds.",
        False,
    )


async def test_a_server_that_talks_nonsense_is_a_temporary_failure() -> None:
    async with scripted(talking("HTTP/1.1 200 OK")) as receiver:
        failure = await failed(at(receiver.port))
    assert not failure.permanent


@pytest.mark.parametrize("goodbye", ["", "500 What?", "nonsense"])
async def test_a_message_taken_is_sent_whatever_becomes_of_the_goodbye(goodbye: str) -> None:
    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n.\r\n")
        writer.write(b"250 Taken\r\n")
        await reader.readline()
        writer.write(f"{goodbye}\r\n".encode() if goodbye else b"")

    async with scripted(talking(*UP_TO_DATA, then=take)) as receiver:
        await send(at(receiver.port), (JANE,), MESSAGE, now=NOW)
    assert receiver.connections == 1
