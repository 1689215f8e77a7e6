"""`make soak`: the whole product under clients for `SOAK_MINUTES`, a random part killed each half minute."""

import asyncio
import os
import shutil
import sys
import tempfile
from pathlib import Path
from time import time

from tests.soak.crowd import Crowd
from tests.soak.judging import Line, judged, show
from tests.soak.killing import Killer
from tests.system.program import open_fund, succeeded
from tests.system.twins import Twins

FUNDS = 4
KILL_SECONDS = 30.0
FINISHING_SECONDS = 180.0
"""Within which clients know all once the kills are over."""


async def soak(twins: Twins, crowd: Crowd, seconds: float, every: float, seed: int) -> list[Line]:
    """What there is to say of so many seconds of work, with a kill each `every` seconds."""
    killer, ended = Killer(twins, seed), asyncio.Event()
    working = asyncio.ensure_future(crowd.run(ended))
    watching = asyncio.ensure_future(killer.watch())
    killing = asyncio.ensure_future(killer.run(every, seconds))
    try:
        await asyncio.wait((working, killing), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
        await killing
        ended.set()
        async with asyncio.timeout(FINISHING_SECONDS):
            await working
        return await judged(crowd, killer, twins)
    finally:
        for task in (working, watching, killing):
            task.cancel()
        await asyncio.gather(working, watching, killing, return_exceptions=True)


def main() -> int:
    """Exit status 1 where a promise was broken."""
    minutes, seed = float(os.environ.get("SOAK_MINUTES", "10")), int(os.environ.get("SOAK_SEED", str(int(time()))))
    folder = Path(tempfile.mkdtemp(prefix="drypowder-soak-"))
    print(f"· {minutes:g} minutes, seed {seed}, logs and data in {folder}", flush=True)
    with Twins(folder) as twins:
        token = succeeded("token", "--subject", "soak@example.org", "--admin", data_dir=twins.data_dir, **twins.env)
        funds = [open_fund(twins.data_dir, **twins.env) for _ in range(FUNDS)]
        lines = asyncio.run(soak(twins, Crowd(twins.urls, token.strip(), funds), minutes * 60, KILL_SECONDS, seed))
        left = twins.stop()
    lines.append(Line("processes left running", str(len(left)), not left))
    show(lines)
    if any(line.kept is False for line in lines):
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
