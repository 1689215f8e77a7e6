"""Alert jobs: evaluate a fund's news, look at what time has changed, deliver notices, refresh the summary."""

import logging
from collections import defaultdict
from enum import Enum
from time import monotonic
from typing import TypeAlias
from uuid import UUID

from domain.refusal import CorruptionError
from domain.rules import DeliveryChannel
from infra.deliveries import Claimed
from infra.delivery.message import DeliveryError
from infra.ledger import OvertakenError
from infra.notices import Notice, digest, message
from infra.postgres import translated
from infra.queue import Queue
from infra.runtime import Runtime
from infra.tracing import later_span
from infra.trail import going_on

log = logging.getLogger(__name__)

TURN = 20
"""Notices claimed at once."""
TOGETHER = 500
"""Notices in one digest; what is more makes another."""
TRYING_SECONDS = 8.0
"""From claiming to the start of a further attempt: however long that takes, it is over before the lease."""
JOB_SECONDS = 240.0
"""arq ends a job after 300, in the middle of whatever it does; what is left is asked for again."""

_Parcel: TypeAlias = list[tuple[Claimed, Notice | None]]
"""What one message says."""


class _Outcome(Enum):
    """What came of an attempt."""

    TAKEN = "taken"
    REFUSED = "refused"
    """The channel answers: what was wrong was this message, or some of its recipients."""
    DOWN = "down"


async def evaluate(runtime: Runtime, queue: Queue, fund_id: UUID) -> int:
    """Evaluates what is new in a fund; how many facts that recorded. Done twice, the second time records none."""
    try:
        recorded = await runtime.evaluator.evaluate(fund_id)
    except OvertakenError:
        # Whoever follows the funds sees that this one is still behind, and asks again.
        log.info("the evaluation of fund %s was overtaken", fund_id)
        return 0
    if recorded:
        log.info("%d facts about alerts recorded of fund %s", recorded, fund_id)
        await ask_for_deliveries(runtime, queue, "now")
    await queue.refresh_summary()
    return recorded


async def look_again(runtime: Runtime, queue: Queue) -> int:
    """What the day has made overdue, and reminders; how many facts that recorded.

    A fund that can't be read is logged and passed over: the others go on.
    """
    with translated():
        rows = await runtime.pool.fetch("SELECT DISTINCT fund_id FROM figure_board")
    recorded = 0
    for row in rows:
        try:
            recorded += await runtime.evaluator.look_again(row["fund_id"])
        except (CorruptionError, OvertakenError):
            log.exception("fund %s is not looked at today", row["fund_id"])
    if recorded:
        await ask_for_deliveries(runtime, queue, "now")
    await queue.refresh_summary()
    return recorded


async def ask_for_deliveries(runtime: Runtime, queue: Queue, turn: str) -> None:
    """Asks for a job for each fund and channel with something to deliver."""
    for fund_id, channel in await runtime.deliveries.due():
        await queue.deliver(fund_id, channel, turn)


async def deliver(runtime: Runtime, fund_id: UUID, channel: DeliveryChannel) -> int:
    """Tries what a fund's channel has to deliver; how many were delivered.

    After a failure the rest waits its turn too: a channel that is down isn't asked again and again.
    """
    delivered, begun = 0, monotonic()
    while monotonic() - begun < JOB_SECONDS:
        claimed = monotonic()
        parcels = await _claimed(runtime, fund_id, channel)
        if not parcels:
            break
        for place, parcel in enumerate(parcels):
            if place > 0 and monotonic() - claimed > TRYING_SECONDS:
                await _put_back(runtime, fund_id, channel, parcels[place:])
                return delivered
            outcome = await _tried(runtime, fund_id, channel, parcel)
            delivered += len(parcel) if outcome is _Outcome.TAKEN else 0
            if outcome is _Outcome.DOWN:
                await _put_back(runtime, fund_id, channel, parcels[place + 1 :])
                return delivered
    return delivered


async def _put_back(runtime: Runtime, fund_id: UUID, channel: DeliveryChannel, parcels: list[_Parcel]) -> None:
    await runtime.deliveries.put_back(fund_id, channel, [one for parcel in parcels for one, _ in parcel])


async def _claimed(runtime: Runtime, fund_id: UUID, channel: DeliveryChannel) -> list[_Parcel]:
    """What goes out as one message each: a notice, or where no more of those are due, the digest."""
    claimed = await runtime.deliveries.claim(fund_id, channel, TURN)
    if claimed:
        return [[(one, await runtime.notices.notice(fund_id, one.version))] for one in claimed]
    digests = defaultdict[tuple[str, ...], _Parcel](list)
    for one in await runtime.deliveries.claim(fund_id, channel, TOGETHER, digest=True):
        # Those that some recipients have already go to the others alone.
        digests[one.pending].append((one, await runtime.notices.notice(fund_id, one.version)))
    return list(digests.values())


async def _tried(runtime: Runtime, fund_id: UUID, channel: DeliveryChannel, parcel: _Parcel) -> _Outcome:
    """Tries to send what one message says, and notes what became of it."""
    tried, notices = [one for one, _ in parcel], [notice for _, notice in parcel if notice is not None]
    if not notices:
        await runtime.deliveries.failed(fund_id, channel, tried, "The alert is gone.", for_good=True)
        return _Outcome.REFUSED
    said = digest(notices[0].fund_name, notices) if tried[0].digest else message(notices[0])
    left = tried[0].pending
    causes = [one.request_id for one in notices if one.request_id is not None]
    with going_on(causes):
        try:
            with later_span("delivery", causes, channel=channel.value):
                await runtime.sender.send(
                    fund_id, channel, said, escalates=any(one.escalates for one in notices), only=left
                )
        except DeliveryError as fault:
            log.warning("delivery of %s by %s failed: %s", said.key, channel, fault.reason)
            await runtime.deliveries.failed(
                fund_id, channel, tried, fault.reason, for_good=fault.permanent, pending=fault.pending or left
            )
            return _Outcome.REFUSED if fault.permanent or fault.pending else _Outcome.DOWN
        log.info("%s delivered by %s", said.key, channel)
        await runtime.deliveries.delivered(fund_id, channel, tried)
        return _Outcome.TAKEN
