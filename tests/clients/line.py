"""A line to the server that a test cuts and mends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit


class Line:
    """Passes bytes on, both ways."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._writers: set[asyncio.StreamWriter] = set()
        self._is_whole = True
        self.url = ""

    def cut(self) -> None:
        """Breaks what goes through, and whatever comes until it is mended."""
        self._is_whole = False
        for writer in self._writers:
            writer.transport.abort()

    def mend(self) -> None:
        """Lets everything through again."""
        self._is_whole = True

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carries one connection to its end."""
        if not self._is_whole:
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._port)
        ends = {writer, far_writer}
        self._writers |= ends
        await asyncio.gather(_pass_on(reader, far_writer), _pass_on(far_reader, writer))
        self._writers -= ends


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while some := await reader.read(65_536):
            writer.write(some)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def line_to(url: str) -> AsyncIterator[Line]:
    """A line to the server at an address; `url` of it stands in for that."""
    asked = urlsplit(url)
    assert asked.port is not None
    line = Line(asked.port)
    server = await asyncio.start_server(line.carry, "127.0.0.1", 0)
    line.url = asked._replace(netloc=f"127.0.0.1:{server.sockets[0].getsockname()[1]}").geturl()
    try:
        yield line
    finally:
        line.cut()
        server.close()
        await server.wait_closed()
