"""A mail server and a web server on real sockets, which refuse, hang, die and come back as they are told."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

from aiosmtpd.smtp import SMTP, Envelope, Session

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Mail:
    """An e-mail as its recipients have it."""

    recipients: tuple[str, ...]
    message: EmailMessage

    def part(self, kind: str) -> str:
        """Its text: as `plain` or as `html`."""
        body = self.message.get_body((kind,))
        assert body is not None
        found: str = body.get_content()
        return found


@dataclass(slots=True)
class MailServer:
    """A mail server that keeps its port over every death.

    Attributes:
        taken: E-mails it has answered for.
        sender_reply: What it answers to a sender in place of taking one.
        replies: What it answers to recipients in place of taking them.
        answers: Set while it answers for e-mails; else it hangs with them in its hands.
        dying: Whether it dies in the middle of the next e-mail.
        tried: E-mails that reached it, whatever became of them.
    """

    port: int = 0
    taken: list[Mail] = field(default_factory=list)
    sender_reply: str | None = None
    replies: dict[str, str] = field(default_factory=dict)
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    dying: bool = False
    tried: int = 0
    _server: asyncio.Server | None = None
    _connections: list[SMTP] = field(default_factory=list)

    @property
    def url(self) -> str:
        """As SMTP_URL has it."""
        return f"smtp://{HOST}:{self.port}?starttls=never"

    async def start(self) -> None:
        """Listens, where it did before."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connected, HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Ends at once, with whatever was under way."""
        assert self._server is not None
        loop = asyncio.get_running_loop()
        for listening in self._server.sockets:
            loop.remove_reader(listening)
        # What it accepted a moment ago is a connection by then; closed in between, asyncio loses hold of it.
        for _ in range(2):
            await asyncio.sleep(0)
        self._server.close()
        for connection in self._connections:
            if isinstance(connection.transport, asyncio.WriteTransport):
                connection.transport.abort()
        self._connections.clear()

    def _connected(self) -> SMTP:
        connection = SMTP(self, hostname="mail.example.org", loop=asyncio.get_running_loop())
        self._connections.append(connection)
        return connection

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name, as those after it
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Takes a sender, or not."""
        if self.sender_reply is not None:
            self.tried += 1
            return self.sender_reply
        envelope.mail_from = address
        return "250 Taken"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Takes a recipient, or not."""
        if address in self.replies:
            self.tried += 1
            return self.replies[address]
        envelope.rcpt_tos.append(address)
        return "250 Taken"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Takes an e-mail, when it answers at all."""
        self.tried += 1
        if self.dying:
            self.dying = False
            await self.stop()
            # Its end is that of whoever is connected.
            await asyncio.Event().wait()
        await self.answers.wait()
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)
        self.taken.append(Mail(tuple(envelope.rcpt_tos), message))
        return "250 Taken"


@asynccontextmanager
async def mail_server() -> AsyncIterator[MailServer]:
    """A mail server that takes everything."""
    server = MailServer()
    server.answers.set()
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@dataclass(frozen=True, slots=True)
class Request:
    """What a web server was asked."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class WebServer:
    """A web server.

    Attributes:
        requests: What it was asked, answered or not.
        statuses: What it answers by path, with further headers; 204 elsewhere.
        answers: Set while it answers; else it hangs.
    """

    port: int = 0
    requests: list[Request] = field(default_factory=list)
    statuses: dict[str, str] = field(default_factory=dict)
    answers: asyncio.Event = field(default_factory=asyncio.Event)

    def url(self, path: str) -> str:
        """The address of a path."""
        return f"http://{HOST}:{self.port}{path}"

    def asked(self, path: str) -> list[Request]:
        """Requests of that path."""
        return [request for request in self.requests if request.path == path]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request, and its answer."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
            headers = {name.lower(): text for name, _, text in (line.partition(": ") for line in head[1:] if line)}
            path = head[0].split()[1]
            self.requests.append(Request(path, headers, await reader.readexactly(int(headers["content-length"]))))
            await self.answers.wait()
            status = self.statuses.get(path, "204 No Content")
            writer.write(f"HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n".encode())
            await writer.drain()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


@asynccontextmanager
async def web_server() -> AsyncIterator[WebServer]:
    """A web server that answers at once."""
    web = WebServer()
    web.answers.set()
    tasks = set[asyncio.Task[None]]()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(web.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async with await asyncio.start_server(connected, HOST, 0, family=socket.AF_INET) as server:
        web.port = server.sockets[0].getsockname()[1]
        try:
            yield web
        finally:
            web.answers.set()
            await asyncio.gather(*tasks)
