"""Queues emptied and workers that die at the worst moments: what is to be told is told at least once."""

from contextlib import AsyncExitStack

import pytest
from arq.constants import default_queue_name, in_progress_key_prefix

from infra.queue import DELIVER, EVALUATE, Queue, channel_queue
from jobs import follow
from tests.infra.alert_histories import whole_book
from tests.jobs.funds import doing_jobs, following, until, working
from tests.jobs.outward import (
    DELIVERED,
    EMAIL,
    IN_APP,
    OUTWARD,
    PENDING,
    Outward,
    hooked,
    slacked,
)


async def test_nothing_is_lost_with_a_queue_that_was_emptied(outward: Outward) -> None:
    async with following(outward.funds, outward.queue):
        await outward.miss()

        async def asked() -> bool:
            return len(await outward.funds.waiting(EVALUATE)) > 0

        await until(asked)
        await empty(outward)
        async with doing_jobs(outward.funds, outward.queue):
            await outward.comes(DELIVERED, *OUTWARD)
            await outward.rest()
    assert (len(outward.mail.taken), len(hooked(outward)), len(slacked(outward))) == (1, 1, 1)


async def test_a_queue_emptied_between_two_attempts_loses_none(outward: Outward) -> None:
    outward.mail.sender_reply = "451 Not now"
    async with outward.working():
        await outward.miss()
        await outward.comes(PENDING, EMAIL, attempts=2)
        await empty(outward)
        outward.mail.sender_reply = None
        await outward.comes(DELIVERED, *OUTWARD)
    assert len(outward.mail.taken) == 1


async def empty(outward: Outward) -> None:
    """Redis forgets everything."""
    redis = await outward.funds.queue_itself()
    await redis.flushall()
    await redis.aclose()


@pytest.mark.parametrize("job", [EVALUATE, DELIVER])
async def test_what_a_killed_worker_was_at_is_done_by_the_next_though_its_name_is_taken(
    outward: Outward, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if job == DELIVER:
        # Not even asked for again.
        monkeypatch.setattr(follow, "ASK_AGAIN_SECONDS", 1_000.0)
        monkeypatch.setattr(follow, "MOST_ASK_AGAIN_SECONDS", 1_000.0)
    queues = (default_queue_name, *map(channel_queue, OUTWARD))
    await outward.miss()
    if job == DELIVER:
        await outward.watched.evaluate()
    async with following(outward.funds, outward.queue):

        async def asked() -> bool:
            wanted = queues[:1] if job == EVALUATE else queues[1:]
            return all([await outward.funds.waiting(job, one) for one in wanted])

        await until(asked)
    redis = await outward.funds.queue_itself()
    for one in queues:
        for job_id in await outward.funds.waiting(job, one):
            # What arq leaves of a worker that was killed; it believes in that for minutes.
            await redis.psetex(f"{in_progress_key_prefix}{job_id}", 300_000, b"1")
    await redis.aclose()
    queue = await Queue.connected(outward.funds.redis.url)
    async with working(outward.funds, queue):
        await outward.comes(DELIVERED, *OUTWARD)
    await queue.close()
    assert (len(outward.mail.taken), len(hooked(outward)), len(slacked(outward))) == (1, 1, 1)


async def test_a_worker_that_dies_once_the_alert_is_recorded_leaves_its_deliveries_to_the_next(
    outward: Outward,
) -> None:
    async with outward.held("delivery"), outward.working():
        await outward.miss()
        # The alert is in the ledger, and its deliveries are about to be planned.
        await outward.waiting_for("delivery", 1)
    recorded = len(await outward.watched.runtime.history.after(outward.fund_id, 0))
    assert len((await whole_book(outward.watched)).alerts) == 1
    async with outward.working():
        await outward.comes(DELIVERED, *OUTWARD, IN_APP)
        await outward.rest()
    assert (len(outward.mail.taken), len(hooked(outward)), len(slacked(outward))) == (1, 1, 1)
    assert len(await outward.watched.runtime.history.after(outward.fund_id, 0)) == recorded


async def test_a_worker_that_dies_before_it_asks_for_deliveries_leaves_them_to_the_next(outward: Outward) -> None:
    await outward.miss()
    assert await outward.watched.evaluate() == 1
    async with outward.working():
        await outward.comes(DELIVERED, *OUTWARD)
        await outward.rest()
    assert (len(outward.mail.taken), len(hooked(outward)), len(slacked(outward))) == (1, 1, 1)


async def test_a_worker_that_dies_between_sending_and_noting_it_has_the_same_sent_again(outward: Outward) -> None:
    outward.mail.answers.clear()
    outward.web.answers.clear()
    async with AsyncExitStack() as worker:
        await worker.enter_async_context(outward.working())
        await outward.miss()

        async def sent() -> bool:
            return outward.mail.tried == 1 and len(outward.web.requests) == 2

        await until(sent)
        async with outward.held("delivery"):
            outward.mail.answers.set()
            outward.web.answers.set()
            # All three have it, and that is about to be noted.
            await outward.waiting_for("delivery", 3)
            await worker.aclose()
    assert {(one.status, one.attempts) for one in await outward.deliveries(*OUTWARD)} == {(PENDING, 1)}
    await outward.pass_time()
    async with outward.working():
        found = await outward.comes(DELIVERED, *OUTWARD)
        await outward.rest()
    assert [one.attempts for one in found] == [2, 2, 2]
    first, again = outward.mail.taken
    assert first.message["Message-ID"] == again.message["Message-ID"]
    assert first.part("plain") == again.part("plain")
    first_hook, hook_again = hooked(outward)
    assert first_hook == hook_again
    first_text, text_again = slacked(outward)
    assert first_text == text_again
