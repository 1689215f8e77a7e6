"""Hands: what computes a reserve run's blocks, as the settings have it."""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from infra.settings import Settings

if TYPE_CHECKING:
    from domain.reserves.simulation import Blocks


@dataclass(frozen=True, slots=True)
class Hands:
    """What a process has to compute blocks with.

    Attributes:
        processes: So many compute long runs; 1 has none but itself.
        scheduler: Address of the Dask scheduler whose workers do it instead.
    """

    processes: int = 1
    scheduler: str | None = None

    def blocks(self) -> "Blocks":
        """Computes blocks with them."""
        # What chooses hands, and hands them on, needn't load NumPy.
        from domain.reserves.simulation import one_by_one
        from infra.blocks import in_processes
        from infra.cluster import clustered

        here = one_by_one if self.processes == 1 else in_processes(self.processes)
        return here if self.scheduler is None else clustered(self.scheduler, here)


def chosen(settings: Settings) -> Hands:
    """Those of the settings; the runs that a worker computes at once share its processors."""
    own = settings.reserve_processes or max(_processors() // settings.reserve_concurrency, 1)
    return Hands(own, settings.dask_scheduler_address or None)


def _processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
