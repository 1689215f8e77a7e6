"""Progress: words on a run that reach whoever listens, and that nobody needs."""

from uuid import uuid4

from infra.progress import Progress
from infra.runtime import Runtime


async def test_words_on_a_run_are_heard_and_the_last_one_is_remembered(runtime: Runtime) -> None:
    run_id = uuid4().hex
    assert await runtime.words.last(run_id) is None
    words = runtime.words.on(run_id)
    # None says that it listens and has heard nothing yet.
    assert await anext(words) is None
    word = Progress(0.5, "curves", "Half", 1.5)
    await runtime.words.tell(run_id, word)
    while (heard := await anext(words)) is None:
        pass
    assert heard == word
    assert await runtime.words.last(run_id) == word
    await words.aclose()
