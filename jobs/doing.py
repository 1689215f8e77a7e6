"""Doing a job: what all have alike, such as a trail, a time and an outcome, and another try without a database."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import wraps
from time import perf_counter
from typing import Any, TypeVar, cast
from uuid import uuid4

from arq import Retry

from infra.postgres import UnavailableError
from infra.runtime import Runtime
from infra.trail import Trail, followed

log = logging.getLogger(__name__)

MAX_PAUSE_SECONDS = 60
"""Pauses between a job's tries double up to this."""

J = TypeVar("J", bound=Callable[..., Coroutine[Any, Any, Any]])


def job(do: J) -> J:
    """The job as arq is to run it."""
    name = do.__name__

    @wraps(do)
    async def done(ctx: dict[str, Any], *given: str) -> object:
        runtime: Runtime = ctx["runtime"]
        outcome, began = "failed", perf_counter()
        # What a job is about comes first, and is a fund.
        with followed(Trail(uuid4().hex, name, fund_id=str(given[0]) if given else "")):
            try:
                answer = await do(ctx, *given)
                outcome = "done"
                return answer
            except UnavailableError as fault:
                outcome = "put off"
                raise Retry(defer=min(2 ** ctx["job_try"], MAX_PAUSE_SECONDS)) from fault
            except asyncio.CancelledError:
                outcome = "interrupted"
                raise
            except Exception:
                log.exception("job %s failed", name)
                raise
            finally:
                seconds = perf_counter() - began
                runtime.metrics.jobs.labels(name, outcome).observe(seconds)
                log.info(
                    "job %s %s", name, outcome, extra={"about": {"seconds": round(seconds, 4), "outcome": outcome}}
                )

    return cast("J", done)
