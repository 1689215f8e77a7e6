"""Snapshot jobs: those a fund lacks after new facts, and every night's."""

import logging
from uuid import UUID

from domain.refusal import CorruptionError
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
    """A snapshot of every fund with new facts since the last one; how many.

    A fund that can't be read is logged and passed over until it has newer facts: the others go on.
    """
    cursors, made = Cursors(runtime.pool), 0
    while behind := await cursors.behind(NIGHTLY):
        for one in behind:
            try:
                await runtime.snapshots.take(one.fund_id, SnapshotKind.SCHEDULED, None)
                await keep_up(runtime, one.fund_id)
                made += 1
            except CorruptionError:
                log.exception("no nightly snapshot of fund %s", one.fund_id)
            await cursors.advance(NIGHTLY, one.fund_id, one.version)
    return made
