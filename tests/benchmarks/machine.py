"""The machine and the versions that figures were measured with."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from statistics import median
from time import perf_counter

import psutil

from tests.benchmarks.ground import ROOT, Ground

_PACKAGES = ("asyncpg", "msgspec", "strawberry-graphql", "uvicorn", "eventsourcing", "psycopg")


async def machine(ground: Ground) -> dict[str, str]:
    """What a reader needs to compare figures with another machine's."""
    server = await ground.runtime.pool.fetchval("SHOW server_version")
    fsync = await ground.runtime.pool.fetchval("SHOW fsync")
    commit = await ground.runtime.pool.fetchval("SHOW synchronous_commit")
    load = os.getloadavg()[0]
    return {
        "cpu": f"{_cpu()}, {os.cpu_count()} cores",
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "disk": f"{_sync_micros(ground.directory):,.0f} µs to sync 8 KiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "postgresql": f"{server}, fsync {fsync}, synchronous_commit {commit}",
        "packages": ", ".join(f"{name} {version(name)}" for name in _PACKAGES),
        "commit": _commit(),
        "load": f"{load:.1f} at the start",
    }


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _sync_micros(directory: Path) -> float:
    """What one commit waits for, at least."""
    block, taken = bytes(8_192), []
    with (directory / "sync").open("wb") as file:
        for _ in range(200):
            begun = perf_counter()
            file.write(block)
            file.flush()
            os.fdatasync(file.fileno())
            taken.append(perf_counter() - begun)
    return median(taken) * 1e6


def _commit() -> str:
    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    return (git("rev-parse", "--short", "HEAD") or "none") + (" with changes" if git("status", "--porcelain") else "")
