"""Forking: processes forked from one that has loaded what they need, so that each is there at once.

The process they are forked from is started when the first of them is asked for, loads NumPy and the solver, and does
nothing else. It ends with the thread that asked, however that ends, and they end with it.
"""

import multiprocessing
from multiprocessing.context import ForkServerContext
from multiprocessing.forkserver import ensure_running

from infra.part import die_with_parent

_LOADED = (
    "infra.loaded",
    "infra.computing",
    "infra.blocks",
    "infra.cluster",
    "domain.reserves.advice",
    "domain.reserves.limits",
)


def forking() -> ForkServerContext:
    """Makes processes, each of which is to begin with `begin`; the first waits until what it needs is loaded."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(_LOADED))
    # Not by whichever thread starts the first.
    ensure_running()
    return context


def begin() -> None:
    """To be called first in a process that was forked."""
    from infra.loaded import PROCESS

    die_with_parent(PROCESS)
