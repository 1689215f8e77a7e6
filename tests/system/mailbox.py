"""A mail server as a process of its own, so that it can be killed: `python -m tests.system.mailbox PORT FILE`.

Whatever it has answered for stands in the file: the Message-ID of each e-mail on a line.
"""

import asyncio
import os
import sys
from email.parser import BytesHeaderParser

from aiosmtpd.smtp import SMTP, Envelope, Session

HOST = "127.0.0.1"


class Mailbox:
    """Takes everything."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._headers = BytesHeaderParser()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Writes it down, then answers for it."""
        assert isinstance(envelope.content, bytes)
        os.write(self._file, f"{self._headers.parsebytes(envelope.content)['Message-ID'].strip()}\n".encode())
        return "250 Taken"


async def serve(port: int, path: str) -> None:
    """Until it is killed."""
    box, loop = Mailbox(path), asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(box, hostname="mail.example.org", loop=loop), HOST, port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2]))
