"""Progress: words on a run that reach whoever listens, and that nobody needs."""

import asyncio
from pathlib import Path
from uuid import uuid4

from redis.asyncio import Redis

from infra.progress import KEPT_SECONDS, Progress, Words, channel
from infra.runtime import Runtime

WORD = Progress(0.5, "curves", "Half", 1.5)


async def test_words_on_a_run_are_heard_and_the_last_one_is_remembered(runtime: Runtime) -> None:
    run_id = uuid4().hex
    assert await runtime.words.last(run_id) is None
    words = runtime.words.on(run_id)
    # None says that it listens and has heard nothing yet.
    assert await anext(words) is None
    await runtime.words.tell(run_id, WORD)
    while (heard := await anext(words)) is None:
        pass
    assert heard == WORD
    assert await runtime.words.last(run_id) == WORD
    assert 0 < await runtime.redis.ttl(channel(run_id)) <= KEPT_SECONDS
    await words.aclose()


async def test_what_is_no_word_is_as_if_nothing_was_heard(runtime: Runtime) -> None:
    run_id = uuid4().hex
    await runtime.redis.set(channel(run_id), "nonsense", ex=KEPT_SECONDS)
    assert await runtime.words.last(run_id) is None
    words = runtime.words.on(run_id)
    assert await anext(words) is None
    await runtime.redis.publish(channel(run_id), '{"share": "all"}')
    await runtime.words.tell(run_id, WORD)
    assert [await anext(words), await anext(words)] == [None, WORD]
    await words.aclose()


async def test_a_redis_that_never_answers_keeps_nobody(tmp_path: Path) -> None:
    taken = set[asyncio.StreamWriter]()
    path = str(tmp_path / "redis.sock")
    server = await asyncio.start_unix_server(lambda _, writer: taken.add(writer), path)
    redis = Redis.from_url(f"unix://{path}")
    async with server:
        await Words(redis).tell("run", WORD)
        assert await Words(redis).last("run") is None
        assert taken
        for writer in taken:
            writer.close()
    await redis.aclose()
