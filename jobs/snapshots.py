"""Snapshot jobs: those a fund lacks after new facts, and every night's."""

import logging
from uuid import UUID

from infra.cursors import Cursors
from infra.runtime import Runtime
from infra.snapshots import SnapshotKind

log = logging.getLogger(__name__)

NIGHTLY = "nightly snapshots"
"""The consumer whose cursor tells which funds have changed since their last nightly snapshot."""


async def keep_up(runtime: Runtime, fund_id: UUID) -> int:
    """Fills the gaps between a fund's snapshots; how many that took. Done twice, the second time makes none."""
    made = await runtime.snapshots.keep_up(fund_id, runtime.settings.snapshot_frequency)
    if made:
        log.info("%d snapshots made of fund %s", made, fund_id)
    return made


async def nightly(runtime: Runtime) -> int:
    """A snapshot of every fund with new facts since the last one; how many."""
    cursors, made = Cursors(runtime.pool), 0
    while behind := await cursors.behind(NIGHTLY):
        for one in behind:
            await runtime.snapshots.take(one.fund_id, SnapshotKind.SCHEDULED, None)
            await keep_up(runtime, one.fund_id)
            await cursors.advance(NIGHTLY, one.fund_id, one.version)
            made += 1
    return made
