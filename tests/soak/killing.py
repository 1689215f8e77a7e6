"""kill -9 of one part after another, how long each took to come back, and how much memory the parts take meanwhile."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from time import monotonic, time

import httpx
import psutil

from tests.system.twins import APIS, PARTS, WORKERS, Twins

LOOK_SECONDS = 0.1
SAMPLE_SECONDS = 2.0
WARM_SECONDS = 20.0
"""Of a process's life, after which it has loaded what it needs."""
GROWTH, SLACK_MIB = 1.25, 32.0
"""How much of its memory as warm a process may take at its end, and what is added for caches that fill."""


@dataclass(frozen=True, slots=True)
class Kill:
    """One kill, and the seconds until the part ran again and both APIs were ready."""

    part: str
    recovered: float


@dataclass(slots=True)
class Memory:
    """What one process took, in MiB: once it was warm, and last."""

    part: str
    warm: float | None = None
    last: float = 0.0

    @property
    def flat(self) -> bool:
        """Whether it has stayed within bounds; one that was never warm says nothing."""
        return self.warm is None or self.last <= self.warm * GROWTH + SLACK_MIB


@dataclass
class Killer:
    """Kills parts of the twins, and watches them.

    Args:
        seed: Of the order of the victims.
    """

    twins: Twins
    seed: int
    kills: list[Kill] = field(default_factory=list)
    memory: dict[int, Memory] = field(default_factory=dict)

    async def run(self, every: float, seconds: float) -> None:
        """Kills one part each `every` seconds, for so long; returns when all is well again."""
        chosen, ends = Random(self.seed), monotonic() + seconds
        while (left := ends - monotonic()) > 0:
            await asyncio.sleep(min(every, left))
            if ends - monotonic() >= every / 2:
                await self._kill(chosen.choice(PARTS))
        await self._all_well()

    async def watch(self) -> None:
        """Notes memory, for ever."""
        while True:
            await asyncio.to_thread(self._look)
            await asyncio.sleep(SAMPLE_SECONDS)

    async def _kill(self, part: str) -> None:
        victim = await asyncio.to_thread(self.twins.part, part)
        assert victim is not None, f"{part} does not run"
        print(f"· kill -9 {part}", flush=True)
        victim.kill()
        at = monotonic()
        while (now := await asyncio.to_thread(self.twins.part, part)) is None or now == victim:
            await asyncio.sleep(LOOK_SECONDS)
        await self._all_well()
        self.kills.append(Kill(part, monotonic() - at))

    async def _all_well(self) -> None:
        async with httpx.AsyncClient(timeout=5) as http:
            for url in self.twins.urls:
                ready = False
                while not ready:
                    with suppress(httpx.TransportError):
                        ready = (await http.get(f"{url}/readyz")).status_code == httpx.codes.OK
                    await asyncio.sleep(LOOK_SECONDS)

    def _look(self) -> None:
        for part in (*APIS, *WORKERS):
            with suppress(psutil.Error):
                process = self.twins.part(part)
                if process is None:
                    continue
                self._note(part, process)
                for child in process.children(recursive=True):
                    self._note(f"{part}'s computing", child)

    def _note(self, part: str, process: psutil.Process) -> None:
        known = self.memory.setdefault(process.pid, Memory(part))
        known.last = process.memory_info().rss / 2**20
        if known.warm is None and time() - process.create_time() > WARM_SECONDS:
            known.warm = known.last
