"""Examining Redis: its version and clock, whether it keeps what it is given, who works, and how long jobs wait."""

from datetime import UTC, datetime
from typing import Any

from arq.constants import health_check_key_suffix
from redis.asyncio import Redis
from redis.exceptions import RedisError

from infra.examining.clocks import examine_clock
from infra.examining.finding import Finding, advice, good, wrong
from infra.waiting import QUEUES, Waiting, waiting

OLDEST_SERVER = 6
"""Major version of Redis."""
PATIENCE_SECONDS = 60.0
"""How long a due job may wait."""
CONNECT_SECONDS = 5.0


async def examine_queues(url: str) -> list[Finding]:
    """What is found of Redis and the worker; only that it can't be asked, where that is so."""
    redis = Redis.from_url(url, socket_connect_timeout=CONNECT_SECONDS, socket_timeout=CONNECT_SECONDS)
    try:
        about = await redis.info()
        return [
            _version(about),
            await examine_clock("redis", lambda: _time(redis)),
            _eviction(about),
            _persistence(about),
            await _worker(redis),
            *(_queue(one) for one in await waiting(redis)),
        ]
    except (RedisError, OSError) as fault:
        remedy = "See whether Redis runs, and whether REDIS_URL names it. Until then, no job is done."
        return [wrong("redis", f"can't be used: {type(fault).__name__}", remedy)]
    finally:
        await redis.aclose()


def _queue(one: Waiting) -> Finding:
    what = f"queue {one.queue}"
    if one.age > PATIENCE_SECONDS:
        told = f"{one.jobs} jobs, the oldest due for {one.age:,.0f} s"
        return wrong(what, told, "See whether a worker runs and what its log says; start another.")
    return good(what, f"{one.jobs} jobs, none due for long")


def _version(about: dict[str, Any]) -> Finding:
    version = str(about["redis_version"])
    if int(version.partition(".")[0]) < OLDEST_SERVER:
        return wrong("redis", f"Redis {version}", f"Drypowder needs Redis {OLDEST_SERVER} or newer.")
    return good("redis", f"Redis {version}")


async def _time(redis: Redis) -> datetime:
    seconds, micros = await redis.time()
    return datetime.fromtimestamp(seconds + micros / 1e6, UTC)


def _eviction(about: dict[str, Any]) -> Finding:
    policy = about.get("maxmemory_policy", "noeviction")
    if policy != "noeviction" and about.get("maxmemory", 0):
        return wrong(
            "redis eviction", f"{policy}: jobs may vanish when memory is short", "Set maxmemory-policy noeviction."
        )
    return good("redis eviction", "nothing is evicted")


def _persistence(about: dict[str, Any]) -> Finding:
    if about.get("aof_last_write_status", "ok") != "ok" or about.get("rdb_last_bgsave_status", "ok") != "ok":
        return wrong("redis persistence", "can't write to its disk", "See Redis' log, and whether the disk is full.")
    if not about.get("aof_enabled"):
        remedy = "Set appendonly yes, so that a restart loses no waiting job; facts are safe without."
        return advice("redis persistence", "the append-only file is off", remedy)
    return good("redis persistence", "the append-only file is on")


async def _worker(redis: Redis) -> Finding:
    found = [await redis.exists(queue + health_check_key_suffix) for queue in QUEUES]
    silent = [queue for queue, there in zip(QUEUES, found, strict=True) if not there]
    if silent:
        return wrong("worker", f"no sign of life for {', '.join(silent)}", "Start one with `drypowder worker`.")
    return good("worker", "gives signs of life")
