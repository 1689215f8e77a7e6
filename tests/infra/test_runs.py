"""Runs: asked for once however often, ended once, and told of while they go on."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis

from domain.capital import FeeCharged
from domain.money import Money
from domain.refusal import IdempotencyMismatch, Invalid, InvalidState, NotFound
from domain.reserves.options import ReserveStrategy, RunOptions
from domain.reserves.results import ReserveAdvice, ReserveBaseline
from domain.reserves.runs import (
    ReserveRunCancelled,
    ReserveRunFailed,
    ReserveRunRequested,
    ReserveScenarioSaved,
    ReservesRecommended,
    Run,
    RunStatus,
)
from infra import runs
from infra.drafts import Draft
from infra.people import Person
from infra.progress import LOOK_SECONDS, REPEAT_SECONDS, Progress, Words
from infra.runs import Runs
from infra.runtime import Runtime
from tests.conftest import OPENED_AT, OpenFund

OPTIONS = RunOptions(iterations=100)
ADVICE = ReserveAdvice(Money(0), (), (), (), ReserveBaseline(Money(0), Money(0), Money(0), Money(0), Money(0)))


class Asked:
    """A fund, and someone who asks for runs."""

    def __init__(self, runtime: Runtime, fund_id: UUID, owner: Person) -> None:
        self.runtime, self.fund_id, self.owner = runtime, fund_id, owner

    @property
    def runs(self) -> Runs:
        return self.runtime.runs

    async def run(
        self,
        options: RunOptions = OPTIONS,
        at: datetime | None = None,
        known_at: datetime | None = None,
        key: str | None = None,
    ) -> Run:
        return await self.runs.request(self.fund_id, options, at, known_at, actor=self.owner.id, key=key)

    async def recommend(self, run: Run) -> Run:
        return await self.runs.end(self.fund_id, run.id, ReservesRecommended(run.id, 5, ADVICE), actor=self.owner.id)

    async def version(self) -> int:
        found: int = await self.runtime.pool.fetchval("SELECT version FROM fund WHERE id = $1", self.fund_id)
        return found

    async def fact(self, at: datetime = OPENED_AT) -> None:
        await self.runtime.ledger.record(self.fund_id, [Draft(FeeCharged(Money(1)), at)], actor=self.owner.id)

    def deaf(self) -> Runs:
        """Runs of which no word is told or heard."""
        pool, words = self.runtime.pool, Words(Redis.from_url("unix:///nowhere"))
        return Runs(pool, pool, self.runtime.ledger, words)

    async def open(self) -> set[str]:
        await self.runs.notice(self.fund_id)
        return {run_id for fund_id, run_id in await self.runs.open() if fund_id == self.fund_id}


@pytest.fixture
async def asked(runtime: Runtime, open_fund: OpenFund, owner: Person) -> Asked:
    return Asked(runtime, await open_fund(), owner)


async def test_a_run_asked_for_is_queued_with_what_was_asked(asked: Asked) -> None:
    run = await asked.run()
    assert (run.status, run.requested_version, run.requested_by) == (RunStatus.QUEUED, 2, str(asked.owner.id))
    assert (run.request.options, run.request.fund_version, run.request.present) == (OPTIONS, 1, True)
    assert await asked.runs.run(asked.fund_id, run.id) == run
    assert await asked.runs.run(asked.fund_id, "other") is None
    assert await asked.open() == {run.id}


async def test_the_same_question_joins_the_run_that_goes_on(asked: Asked) -> None:
    first = await asked.run()
    assert (await asked.run()).id == first.id
    assert (await asked.run(replace(OPTIONS, seed=2))).id != first.id
    assert (await asked.run(at=datetime(2007, 1, 1, tzinfo=UTC))).id != first.id
    assert await asked.version() == 4
    # Another fact of the fund makes it another question; one about runs or alerts doesn't.
    await asked.fact()
    assert (await asked.run()).id != first.id


async def test_many_who_ask_the_same_at_once_share_one_run(asked: Asked) -> None:
    found = await asyncio.gather(*(asked.run() for _ in range(8)))
    assert len({run.id for run in found}) == 1
    assert await asked.version() == 2


async def test_once_over_the_same_question_is_a_new_run(asked: Asked) -> None:
    first = await asked.recommend(await asked.run())
    assert (await asked.run()).id != first.id


async def test_a_key_names_one_run_however_it_stands(asked: Asked) -> None:
    first = await asked.run(key="k")
    await asked.recommend(first)
    again = await asked.run(key="k")
    assert (again.id, again.status) == (first.id, RunStatus.SUCCEEDED)
    with pytest.raises(IdempotencyMismatch):
        await asked.run(replace(OPTIONS, seed=2), key="k")
    together = await asyncio.gather(*(asked.run(key="other") for _ in range(4)))
    assert len({run.id for run in together}) == 1


async def test_options_and_funds_that_cannot_be_are_refused(asked: Asked) -> None:
    before = await asked.version()
    with pytest.raises(Invalid):
        await asked.run(replace(OPTIONS, iterations=0))
    assert await asked.version() == before


async def test_a_run_ends_once_whoever_ends_it(asked: Asked) -> None:
    run = await asked.run()
    ends = (
        ReservesRecommended(run.id, 5, ADVICE),
        ReserveRunFailed(run.id, "because"),
        ReserveRunCancelled(run.id),
        ReservesRecommended(run.id, 6, ADVICE),
    )
    found = await asyncio.gather(*(asked.runs.end(asked.fund_id, run.id, one, actor=asked.owner.id) for one in ends))
    assert len(set(map(str, found))) == 1
    assert await asked.version() == 3
    assert await asked.open() == set()
    with pytest.raises(NotFound):
        await asked.runs.end(asked.fund_id, "other", ReserveRunCancelled("other"), actor=asked.owner.id)


async def test_each_end_shows_in_the_run(asked: Asked) -> None:
    good = await asked.recommend(await asked.run())
    assert (good.status, good.elapsed_ms, good.advice) == (RunStatus.SUCCEEDED, 5, ADVICE)
    run = await asked.run()
    bad = await asked.runs.end(asked.fund_id, run.id, ReserveRunFailed(run.id, "because"), actor=asked.owner.id)
    assert (bad.status, bad.error, bad.advice) == (RunStatus.FAILED, "because", None)


async def test_a_run_is_cancelled_unless_it_is_over(asked: Asked) -> None:
    run = await asked.run()
    gone = await asked.runs.cancel(asked.fund_id, run.id, actor=asked.owner.id)
    assert gone.status is RunStatus.CANCELLED
    assert gone.finished_at is not None
    with pytest.raises(InvalidState):
        await asked.runs.cancel(asked.fund_id, run.id, actor=asked.owner.id)
    with pytest.raises(NotFound):
        await asked.runs.cancel(asked.fund_id, uuid4().hex, actor=asked.owner.id)


async def test_pages_go_from_the_newest_to_the_oldest(asked: Asked) -> None:
    made = [await asked.run(replace(OPTIONS, seed=seed)) for seed in range(4)]
    await asked.recommend(made[1])
    newest = [run.id for run in reversed(made)]
    first = await asked.runs.page(asked.fund_id, below=None, limit=3)
    assert [run.id for run in first] == newest[:3]
    rest = await asked.runs.page(asked.fund_id, below=first[-1].requested_version, limit=3)
    assert [run.id for run in rest] == newest[3:]
    assert await asked.runs.page(asked.fund_id, below=0, limit=3) == []


async def test_the_newest_finished_run_that_asks_the_same_is_found(asked: Asked) -> None:
    moment = datetime(2007, 1, 1, tzinfo=UTC)

    def wanted(options: RunOptions = OPTIONS, at: datetime | None = None) -> ReserveRunRequested:
        now = datetime.now(UTC)
        return ReserveRunRequested("", at or now, now, 0, "1", options, at_present=at is None)

    async def newest(of: ReserveRunRequested, version: int = 2**60) -> str | None:
        run = await asked.runs.newest(asked.fund_id, of, version=version)
        return None if run is None else run.id

    async def of_present(version: int = 2**60, at: datetime | None = None) -> str | None:
        run = await asked.runs.latest(asked.fund_id, version=version, at=at, of_present=True)
        return None if run is None else run.id

    assert await newest(wanted()) is None
    first = await asked.recommend(await asked.run())
    second = await asked.recommend(await asked.run())
    then = await asked.recommend(await asked.run(at=moment))
    going_on = await asked.run()
    assert not going_on.ended
    assert await newest(wanted()) == second.id
    assert await newest(wanted(at=moment)) == then.id
    assert await newest(wanted(at=moment + timedelta(days=1))) is None
    assert await newest(wanted(replace(OPTIONS, seed=2))) is None
    assert await newest(replace(wanted(), model_version="0")) is None
    # What one would have said earlier is no recommendation of the present, though it came last.
    assert await of_present() == second.id
    # As known before the second was recommended, and as of a moment before any.
    assert second.ended_version is not None
    assert await newest(wanted(), version=second.ended_version - 1) == first.id
    assert await of_present(version=second.ended_version - 1) == first.id
    assert await of_present(at=OPENED_AT) is None
    assert await of_present(at=second.finished_at) == second.id


async def test_a_run_behind_many_others_is_found(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = datetime(2007, 1, 1, tzinfo=UTC)
    then = await asked.recommend(await asked.run(at=moment))
    for _ in range(3):
        await asked.recommend(await asked.run())
    monkeypatch.setattr("infra.runs.LOOKED_AT", 1)
    wanted = ReserveRunRequested("", moment, datetime.now(UTC), 0, "1", OPTIONS, at_present=False)
    found = await asked.runs.newest(asked.fund_id, wanted, version=2**60)
    assert found is not None
    assert found.id == then.id
    none = replace(wanted, options=replace(OPTIONS, seed=2))
    assert await asked.runs.newest(asked.fund_id, none, version=2**60) is None


async def test_a_run_is_out_of_date_from_the_first_fact_that_touches_its_moment(asked: Asked) -> None:
    present, then = await asked.run(), await asked.run(at=datetime(2007, 1, 1, tzinfo=UTC))
    known = await asked.run(known_at=datetime.now(UTC))
    for run in (present, then, known):
        await asked.recommend(run)
        assert await asked.runs.stale_since(asked.fund_id, run) is None
    await asked.fact(datetime(2008, 1, 1, tzinfo=UTC))
    stale = await asked.runs.stale_since(asked.fund_id, present)
    assert stale is not None
    assert await asked.runs.stale_since(asked.fund_id, then) is None
    await asked.fact(datetime(2006, 6, 1, tzinfo=UTC))
    assert await asked.runs.stale_since(asked.fund_id, present) == stale
    later = await asked.runs.stale_since(asked.fund_id, then)
    assert later is not None
    assert later > stale
    # What was known at a moment stays as it was.
    assert await asked.runs.stale_since(asked.fund_id, known) is None


async def test_scenarios_are_kept_newest_first(asked: Asked) -> None:
    run = await asked.recommend(await asked.run())
    for name in ("one", "two"):
        saved = ReserveScenarioSaved(uuid4().hex, name, run.id, ReserveStrategy.OPTIMAL, None)
        kept = await asked.runtime.scenarios.save(asked.fund_id, saved, actor=asked.owner.id)
        assert (kept.saved, kept.saved_by) == (saved, str(asked.owner.id))
    assert [one.saved.name for one in await asked.runtime.scenarios.of(asked.fund_id)] == ["two", "one"]
    with pytest.raises(Invalid):
        await asked.runtime.scenarios.save(
            asked.fund_id, ReserveScenarioSaved(uuid4().hex, " ", run.id), actor=asked.owner.id
        )


async def test_a_run_is_followed_from_where_it_stands_to_its_end(asked: Asked) -> None:
    run = await asked.run()
    followed = asked.runs.follow(asked.fund_id, run)
    assert await anext(followed) == (run, None)
    word = Progress(0.5, "curves", "Half", 1.5)
    telling = asyncio.ensure_future(again_and_again(asked, run, word))
    assert await anext(followed) == (run, word)
    # Whoever comes late is told how it stands.
    late = asked.runs.follow(asked.fund_id, run)
    assert await anext(late) == (run, word)
    telling.cancel()
    over = await asked.recommend(run)
    for each in (followed, late):
        rest = [told async for told in each]
        assert rest.pop() == (over, None)
        assert all(told == (run, word) for told in rest)
    assert [told async for told in asked.runs.follow(asked.fund_id, over)] == [(over, None)]


async def again_and_again(asked: Asked, run: Run, word: Progress) -> None:
    """Tells it until cancelled: whoever listens may begin to in a moment."""
    while True:
        await asked.runtime.words.tell(run.id, word)
        await asyncio.sleep(REPEAT_SECONDS)


async def test_where_words_are_lost_the_last_one_is_good_for_a_while(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "KEPT_SECONDS", 3 * LOOK_SECONDS)
    run = await asked.run()
    word = Progress(0.5, "curves", "Half", 1.5)
    await asked.runtime.words.tell(run.id, word)
    followed = asked.runs.follow(asked.fund_id, run)
    told = [await anext(followed) for _ in range(2)]
    while told[-1][1] is not None:
        told.append(await anext(followed))
    assert told == [(run, word)] * (len(told) - 1) + [(run, None)]
    assert len(told) >= 3
    # It waits now, and its end is found even where the word of it was lost.
    deaf = asked.deaf()
    over = await deaf.end(asked.fund_id, run.id, ReserveRunCancelled(run.id), actor=asked.owner.id)
    assert [one async for one in followed] == [(over, None)]


async def test_followers_are_told_on_while_the_database_hangs(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    run, asking, back = await asked.run(), Runs.run, asyncio.Event()

    async def hanging(self: Runs, fund_id: UUID, run_id: str) -> Run | None:
        await back.wait()
        return await asking(self, fund_id, run_id)

    monkeypatch.setattr(Runs, "run", hanging)
    word = Progress(0.5, "curves", "Half", 1.5)
    await asked.runtime.words.tell(run.id, word)
    followed = asked.runs.follow(asked.fund_id, run)
    assert [await anext(followed) for _ in range(3)] == [(run, word)] * 3
    # The look that was hanging is answered.
    back.set()
    over = await asked.deaf().end(asked.fund_id, run.id, ReserveRunCancelled(run.id), actor=asked.owner.id)
    assert [told async for told in followed][-1] == (over, None)


async def test_a_run_is_followed_without_redis(asked: Asked) -> None:
    run = await asked.run()
    deaf = asked.deaf()
    followed = deaf.follow(asked.fund_id, run)
    assert await anext(followed) == (run, None)
    over = await asked.recommend(run)
    assert [one async for one in followed] == [(over, None)]


async def test_one_at_a_time_is_alone_with_a_run(asked: Asked) -> None:
    run_id = uuid4().hex
    async with asked.runs.alone(run_id) as first, asked.runs.alone(run_id) as second:
        assert (first, second) == (True, False)
    async with asked.runs.alone(run_id) as again:
        assert again
