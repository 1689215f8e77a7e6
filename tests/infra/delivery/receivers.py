"""Receivers of what is sent outward: web and mail servers on real sockets, well-behaved and not."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from ipaddress import IPv4Address
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from infra.delivery.message import Message, Section

NAME = "receiver.example.org"
HOST = "127.0.0.1"

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

MESSAGE = Message(
    key="6f1c:2",
    subject="Fund I: Acme is behind plan",
    sections=(
        Section(
            headline="Acme: revenue 40% under forecast",
            sentences=("Revenue of Q2 2024 was 600,000.", "The forecast was 1,000,000."),
            rows=(("Actual", "600,000"), ("Forecast", "1,000,000")),
            link="https://drypowder.example.org/alerts/6f1c?fund=1&tab=2",
        ),
    ),
    data={"severity": "CRITICAL", "alert": "6f1c", "revision": 2},
)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A self-signed certificate of NAME and HOST, as its server holds it and as a client that trusts it does."""

    serving: ssl.SSLContext
    trusting: ssl.SSLContext


def certificate(directory: Path) -> Certificate:
    """A new certificate, its files kept in `directory`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.DNSName(NAME), x509.IPAddress(IPv4Address(HOST))])
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, SHA256())
    )
    file = directory / "certificate.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + signed.public_bytes(Encoding.PEM))
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(file)
    return Certificate(serving, ssl.create_default_context(cadata=signed.public_bytes(Encoding.PEM).decode()))


@dataclass(frozen=True, slots=True)
class Request:
    """What a web server was asked."""

    line: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Receiver:
    """A running server's port, and what reached it."""

    port: int = 0
    connections: int = 0
    requests: list[Request] = field(default_factory=list)


@asynccontextmanager
async def scripted(script: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """A server that does to every connection what the script says."""
    receiver = Receiver()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await script(reader, writer)
        writer.close()
        with suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()

    # Left only when every client has gone.
    async with asyncio.TaskGroup() as serving:

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            receiver.connections += 1
            serving.create_task(serve(reader, writer))

        async with await asyncio.start_server(connected, HOST, 0, ssl=tls) as server:
            receiver.port = server.sockets[0].getsockname()[1]
            yield receiver


@asynccontextmanager
async def web_server(answer: bytes | Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """A web server that reads each request whole and then answers with these bytes, or does as the script says."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        headers = {name.lower(): told for name, _, told in (line.partition(": ") for line in head[1:] if line)}
        receiver.requests.append(Request(head[0], headers, await reader.readexactly(int(headers["content-length"]))))
        if isinstance(answer, bytes):
            writer.write(answer)
            await writer.drain()
        else:
            await answer(reader, writer)

    async with scripted(serve, tls) as receiver:
        yield receiver


def status(code: int, *headers: str) -> bytes:
    """A whole answer without a body."""
    return "\r\n".join((f"HTTP/1.1 {code} Status", "content-length: 0", *headers, "", "")).encode()


async def until_left(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Says nothing more until the client has gone."""
    await reader.read()


@dataclass(slots=True)
class Inbox:
    """What a mail server took, and how it answers: replies by recipient, and one to the message.

    Attributes:
        reply: None never answers.
    """

    refusing: Mapping[str, str] = field(default_factory=dict)
    reply: str | None = "250 Taken"
    recipients: list[Sequence[str]] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)

    def mail(self) -> EmailMessage:
        """The only message taken."""
        (content,) = self.contents
        return message_from_bytes(content, policy=default)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Takes or refuses a recipient."""
        if address in self.refusing:
            return self.refusing[address]
        envelope.rcpt_tos.append(address)
        return "250 Taken"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - as above
        """Takes the message."""
        if self.reply is None:
            await asyncio.Event().wait()
        assert self.reply is not None
        assert isinstance(envelope.content, bytes)
        self.contents.append(envelope.content)
        self.recipients.append(list(envelope.rcpt_tos))
        return self.reply


@asynccontextmanager
async def mail_server(
    inbox: Inbox,
    *,
    tls: ssl.SSLContext | None = None,
    starttls: ssl.SSLContext | None = None,
    login: tuple[str, str] | None = None,
) -> AsyncIterator[int]:
    """A mail server's port: private from the start with `tls`, on demand with `starttls`, for one user with `login`."""
    loop = asyncio.get_running_loop()

    def authenticated(
        server: SMTP, session: Session, envelope: Envelope, mechanism: str, credentials: LoginPassword
    ) -> AuthResult:
        told = (credentials.login.decode(), credentials.password.decode())
        return AuthResult(success=told == login, handled=False)

    def connected() -> SMTP:
        return SMTP(
            inbox,
            hostname="mail.example.org",
            loop=loop,
            tls_context=starttls,
            require_starttls=starttls is not None,
            auth_required=login is not None,
            authenticator=None if login is None else authenticated,
        )

    server = await loop.create_server(connected, HOST, 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]
