"""The demo's sample fund: made once, whoever starts the demo again."""

from datetime import UTC, datetime
from uuid import uuid4

from infra.demo import ensure_sample
from infra.runtime import Runtime


async def test_the_sample_is_the_one_that_was_there(runtime: Runtime) -> None:
    somebody = await runtime.people.enrol(f"{uuid4().hex}@example.org", administrator=True)
    told = list[str]()
    made = await ensure_sample(runtime, somebody, datetime.now(UTC), told.append)
    assert [line.split()[0] for line in told] == ["Opening", "Recording"]
    before = await runtime.funds.fund(made.fund_id)
    assert before is not None
    assert before.version > 3_000
    assert await ensure_sample(runtime, somebody, datetime.now(UTC), told.append) == made
    assert (await runtime.funds.fund(made.fund_id), len(told)) == (before, 2)
