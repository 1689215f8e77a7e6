"""Reserves in the schema: runs asked for, followed and cancelled, what they recommend, and scenarios kept of them."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime
from uuid import UUID, uuid4

import strawberry

from api import ids
from api.connection import Page, PageInfo, cursor, page, page_info
from api.context import Context
from api.errors import UserError, user_error
from api.events import output_enum, output_part
from api.node import Node
from api.reserve_options import ReserveOptionsInput, ReserveStrategy, asked_of, options_of
from api.standing import while_standing
from domain.money import Money
from domain.refusal import InvalidState, NotFound, Refusal
from domain.reserves import options as domain, results, runs
from domain.reserves.runs import MODEL_VERSION, ReserveRunRequested, ReserveScenarioSaved, Run
from infra.ledger import OvertakenError
from infra.people import Role
from infra.postgres import UnavailableError
from infra.progress import Progress
from infra.scenarios import Scenario

ReserveRecommendation = output_part(results.ReserveRecommendation)
UnavailableCompany = output_part(results.UnavailableCompany)
ReservePlan = output_part(results.ReservePlan)
ReserveBaseline = output_part(results.ReserveBaseline)
RunStatus = output_enum(runs.RunStatus)
WHOLE = 100.0
"""Progress is told in percent."""


@strawberry.type(description="One computation of optimal reserves: what was asked, how it stands, what it came to.")
class ReserveRun(Node):
    context: strawberry.Private[Context]
    found: strawberry.Private[Run]
    fund_id: strawberry.ID = strawberry.field(description="The fund.")
    at: datetime = strawberry.field(description="Of the fund as it was at this moment …")
    known_at: datetime = strawberry.field(description="… as far as it was known at this one.")
    fund_version: int = strawberry.field(description="Version of the last fact that it is computed from.")
    error: str | None = strawberry.field(description="Why it failed.")
    requested_at: datetime = strawberry.field(description="When it was asked for.")
    finished_at: datetime | None = strawberry.field(description="When it was over.")
    elapsed_ms: int | None = strawberry.field(description="Milliseconds of computing.")
    iterations: int = strawberry.field(description="Paths simulated.")
    seed: int = strawberry.field(description="Of all random numbers: the same gives the same figures.")
    model_version: str = strawberry.field(description="Of the mathematics: another one gives other figures.")
    recommendations: list[ReserveRecommendation] = strawberry.field(  # type: ignore[valid-type]
        description="The ranking; empty until it succeeded."
    )
    unavailable: list[UnavailableCompany] = strawberry.field(  # type: ignore[valid-type]
        description="Companies that nothing can be recommended for, and why."
    )
    plans: list[ReservePlan] = strawberry.field(description="One for each strategy, the recommended one first.")  # type: ignore[valid-type]
    baseline: ReserveBaseline | None = strawberry.field(description="The portfolio without any further cheque.")  # type: ignore[valid-type]
    pool: Money | None = strawberry.field(description="What was split.")
    shadow_price: float | None = strawberry.field(
        description="What one more dollar in the pool would add; null without OPTIMAL."
    )

    @strawberry.field(description="How it stands.")
    async def status(self) -> RunStatus:  # type: ignore[valid-type]
        return (await _standing(self.context, self.found))[0]

    @strawberry.field(description="Percent of the work done.")
    async def progress(self) -> float:
        return (await _standing(self.context, self.found))[1]

    @strawberry.field(description="When the first fact was learned that makes it out of date; null while it isn't.")
    async def stale_since(self) -> datetime | None:
        return await self.context.runtime.runs.stale_since(UUID(self.fund_id), self.found)

    @strawberry.field(description="Who asked for it: an e-mail, or an id where that was erased.")
    async def requested_by(self) -> str:
        names = await self.context.runtime.names.of_people([self.found.requested_by])
        return names.get(self.found.requested_by, self.found.requested_by)


@strawberry.type(description="How a run is doing.")
class ReserveProgress:
    run_id: strawberry.ID = strawberry.field(description="The run.")
    status: RunStatus = strawberry.field(description="How it stands.")  # type: ignore[valid-type]
    progress: float = strawberry.field(description="Percent of the work done.")
    stage: str = strawberry.field(description="What is being done, in a word.")
    message: str = strawberry.field(description="The same in a few words, for people.")
    seconds_left: float | None = strawberry.field(description="As far as can be told.")
    run: ReserveRun | None = strawberry.field(description="The run, once it is over.")


@strawberry.type(description="A run's plan under a name, to come back to and compare.")
class ReserveScenario(Node):
    name: str = strawberry.field(description="What people call it.")
    description: str | None = strawberry.field(description="What it is for.")
    run: ReserveRun = strawberry.field(description="The run.")
    plan: ReservePlan = strawberry.field(description="The plan of the strategy it was saved for.")  # type: ignore[valid-type]
    created_at: datetime = strawberry.field(description="When it was saved.")
    created_by: str = strawberry.field(description="Who saved it: an e-mail, or an id where that was erased.")


@strawberry.input(description="A run to compute.")
class CalculateReservesInput:
    fund_id: strawberry.ID = strawberry.field(description="The fund.")
    at: datetime | None = strawberry.field(default=None, description="Of the fund at this moment; now if left out.")
    known_at: datetime | None = strawberry.field(
        default=None, description="As far as it was known at this moment; now if left out."
    )
    options: ReserveOptionsInput | None = strawberry.field(default=None, description="What to compute.")
    idempotency_key: str | None = strawberry.field(
        default=None, description="The same key with the same input gives the first run; with another it is refused."
    )


@strawberry.input(description="A run's plan to keep.")
class SaveScenarioInput:
    fund_id: strawberry.ID = strawberry.field(description="The fund.")
    name: str = strawberry.field(description="What people will call it.")
    run_id: strawberry.ID = strawberry.field(description="The run.")
    description: str | None = strawberry.field(default=None, description="What it is for.")
    strategy: ReserveStrategy | None = strawberry.field(
        default=domain.ReserveStrategy.OPTIMAL, description="Whose plan."
    )


@strawberry.type(description="The run, or why not.")
class ReserveRunPayload:
    run: ReserveRun | None = strawberry.field(description="The run.")
    errors: list[UserError] = strawberry.field(description="Why not; empty when it worked.")


@strawberry.type(description="The scenario saved, or why not.")
class ReserveScenarioPayload:
    scenario: ReserveScenario | None = strawberry.field(description="The scenario.")
    errors: list[UserError] = strawberry.field(description="Why not; empty when it worked.")


@strawberry.type(description="A run and its place in the list.")
class ReserveRunEdge:
    cursor: str = strawberry.field(description="Its place; stays good when runs are added.")
    node: ReserveRun = strawberry.field(description="The run.")


@strawberry.type(description="A page of runs, newest asked first.")
class ReserveRunConnection:
    edges: list[ReserveRunEdge] = strawberry.field(description="The runs with their places.")
    nodes: list[ReserveRun] = strawberry.field(description="The runs.")
    page_info: PageInfo = strawberry.field(description="Where the page stands.")


async def _standing(context: Context, run: Run) -> tuple[runs.RunStatus, float]:
    """How a run stands, and percent of the work done: what isn't over is as the worker last told."""
    if run.ended:
        return run.status, WHOLE if run.status is runs.RunStatus.SUCCEEDED else 0.0
    told = await context.runtime.words.last(run.id)
    if told is None or told.over:
        return runs.RunStatus.QUEUED, 0.0
    return runs.RunStatus.RUNNING, told.share * WHOLE


def run_of(context: Context, fund_id: UUID, run: Run) -> ReserveRun:
    """A run as the schema shows it."""
    request, advice = run.request, run.advice
    return ReserveRun(
        id=strawberry.ID(ids.run_id(fund_id, run.id)),
        context=context,
        found=run,
        fund_id=strawberry.ID(str(fund_id)),
        at=request.at,
        known_at=request.known_at,
        fund_version=request.fund_version,
        error=run.error,
        requested_at=run.requested_at,
        finished_at=run.finished_at,
        elapsed_ms=run.elapsed_ms,
        iterations=request.options.iterations,
        seed=request.options.seed,
        model_version=request.model_version,
        recommendations=[] if advice is None else list(advice.recommendations),
        unavailable=[] if advice is None else list(advice.unavailable),
        plans=[] if advice is None else list(advice.plans),
        baseline=None if advice is None else advice.baseline,
        pool=None if advice is None else advice.pool,
        shadow_price=None if advice is None else advice.shadow_price,
    )


async def calculate(context: Context, given: CalculateReservesInput) -> ReserveRunPayload:
    """Asks for a run; answers at once."""
    context.time_machine(given.at, given.known_at)
    try:
        fund_id = await context.allowed(given.fund_id, Role.ANALYST, "fundId")
        try:
            options = await asked_of(context, fund_id, given.options)
        except Refusal as refusal:
            raise refusal.under("options") from None
        run = await context.runtime.runs.request(
            fund_id, options, given.at, given.known_at, actor=context.someone.id, key=given.idempotency_key
        )
    except Refusal as refusal:
        return ReserveRunPayload(run=None, errors=[user_error(refusal)])
    except OvertakenError:
        message = "others kept asking for runs"
        raise UnavailableError(message) from None
    return ReserveRunPayload(run=run_of(context, fund_id, run), errors=[])


async def cancel(context: Context, id: str) -> ReserveRunPayload:
    """Ends a run that isn't over."""
    try:
        fund_id, key = await named(context, id, Role.ANALYST, "id")
        run = await context.runtime.runs.cancel(fund_id, key, actor=context.someone.id)
    except Refusal as refusal:
        return ReserveRunPayload(run=None, errors=[user_error(refusal)])
    except OvertakenError:
        message = "others kept recording facts about runs"
        raise UnavailableError(message) from None
    return ReserveRunPayload(run=run_of(context, fund_id, run), errors=[])


async def named(context: Context, id: str, least: Role, *path: str) -> tuple[UUID, str]:
    """Fund and key of a run, once the person's role was found to reach.

    Raises:
        NotFound: If there is no such run, or no part in its fund.
        Forbidden: If the role is too small.
    """
    fund_id, key = ids.named(id, "run", *path)
    try:
        await context.allowed(str(fund_id), least, *path)
    except NotFound:
        message = "No such run."
        raise NotFound(message, *path) from None
    return fund_id, key


async def one(context: Context, fund_id: UUID, key: str) -> ReserveRun | None:
    """One run."""
    run = await context.runtime.runs.run(fund_id, key)
    return None if run is None else run_of(context, fund_id, run)


async def optimal(
    context: Context, fund_id: str, at: datetime | None, known_at: datetime | None, given: ReserveOptionsInput | None
) -> ReserveRun | None:
    """The newest finished run that asks the same; None where there is none.

    Raises:
        Refusal: If there is no such fund, or the options can't be.
    """
    context.time_machine(at, known_at)
    row = await context.existing_fund(fund_id, "fundId")
    options = options_of(context, given)
    options.check()
    now = datetime.now(UTC)
    wanted = ReserveRunRequested(
        "",
        at or now,
        known_at or now,
        0,
        MODEL_VERSION,
        options,
        at_present=at is None,
        known_at_present=known_at is None,
    )
    run = await context.runtime.runs.newest(row.id, wanted, version=row.version)
    return None if run is None else run_of(context, row.id, run)


async def listed(context: Context, fund_id: str, first: int | None, after: str | None) -> ReserveRunConnection:
    """One page of the fund's runs.

    Raises:
        Refusal: If there is no such fund, or the page's arguments can't be.
    """
    found = await context.allowed(fund_id, Role.VIEWER, "fundId")
    asked: Page[Run] = page(first, after, default=20)
    below = asked.version
    kept, more = asked.cut(await context.runtime.runs.page(found, below=below, limit=asked.limit + 1))
    cursors = [cursor(str(run.requested_version)) for run in kept]
    nodes = [run_of(context, found, run) for run in kept]
    return ReserveRunConnection(
        edges=[ReserveRunEdge(cursor=at, node=node) for at, node in zip(cursors, nodes, strict=True)],
        nodes=nodes,
        page_info=page_info(asked, cursors, more=more),
    )


async def save(context: Context, given: SaveScenarioInput) -> ReserveScenarioPayload:
    """Keeps a finished run's plan under a name."""
    try:
        fund_id = await context.allowed(given.fund_id, Role.MANAGER, "fundId")
        owner, key = ids.named(given.run_id, "run", "runId")
        run = None if owner != fund_id else await context.runtime.runs.run(fund_id, key)
        if run is None:
            message = "No such run."
            raise NotFound(message, "runId")
        strategy: domain.ReserveStrategy = given.strategy or domain.ReserveStrategy.OPTIMAL
        if run.advice is None or all(plan.strategy is not strategy for plan in run.advice.plans):
            message = f"The run has no plan of the strategy {strategy}."
            raise InvalidState(message, "strategy")
        saved = ReserveScenarioSaved(uuid4().hex, given.name, run.id, strategy, given.description)
        scenario = await context.runtime.scenarios.save(fund_id, saved, actor=context.someone.id)
    except Refusal as refusal:
        return ReserveScenarioPayload(scenario=None, errors=[user_error(refusal)])
    return ReserveScenarioPayload(scenario=await scenario_of(context, fund_id, scenario, run), errors=[])


async def scenario_of(context: Context, fund_id: UUID, scenario: Scenario, run: Run) -> ReserveScenario:
    """A scenario as the schema shows it."""
    saved = scenario.saved
    assert run.advice is not None, "a scenario is of a finished run"
    names = await context.runtime.names.of_people([scenario.saved_by])
    return ReserveScenario(
        id=strawberry.ID(ids.scenario_id(fund_id, saved.scenario_id)),
        name=saved.name,
        description=saved.description,
        run=run_of(context, fund_id, run),
        plan=next(plan for plan in run.advice.plans if plan.strategy is saved.strategy),
        created_at=scenario.saved_at,
        created_by=names.get(scenario.saved_by, scenario.saved_by),
    )


async def scenarios(context: Context, fund_id: str) -> list[ReserveScenario]:
    """Saved scenarios, newest first.

    Raises:
        NotFound: If there is no such fund, or no part in it.
    """
    found = await context.allowed(fund_id, Role.VIEWER, "fundId")
    shown = []
    for scenario in await context.runtime.scenarios.of(found):
        run = await context.runtime.runs.run(found, scenario.saved.run_id)
        if run is not None and run.advice is not None:
            shown.append(await scenario_of(context, found, scenario, run))
    return shown


async def one_scenario(context: Context, fund_id: UUID, key: str) -> ReserveScenario | None:
    """One scenario."""
    return next(
        (one for one in await scenarios(context, str(fund_id)) if one.id == ids.scenario_id(fund_id, key)), None
    )


async def follow(context: Context, id: str) -> AsyncGenerator[ReserveProgress, None]:
    """How a run is doing, from now until it is over.

    Raises:
        NotFound: If there is no such run, or no part in its fund any more.
        UnauthenticatedError: Once the person's token was revoked.
    """
    fund_id, key = await named(context, id, Role.VIEWER, "runId")
    store = context.runtime.runs
    run = await store.run(fund_id, key)
    if run is None:
        message = "No such run."
        raise NotFound(message, "runId")
    async with aclosing(while_standing(context, fund_id, store.follow(fund_id, run))) as told:
        async for now, word in told:
            yield _progress(context, fund_id, now, word)


def _progress(context: Context, fund_id: UUID, run: Run, word: Progress | None) -> ReserveProgress:
    status = run.status if run.ended or word is None else runs.RunStatus.RUNNING
    succeeded = status is runs.RunStatus.SUCCEEDED
    return ReserveProgress(
        run_id=strawberry.ID(ids.run_id(fund_id, run.id)),
        status=status,
        progress=WHOLE if succeeded else 0.0 if word is None else word.share * WHOLE,
        stage=status.value.lower() if word is None else word.stage,
        message=(run.error or status.text) if word is None else word.message,
        seconds_left=None if word is None else word.seconds_left,
        run=run_of(context, fund_id, run) if run.ended else None,
    )


async def latest(context: Context, fund_id: UUID, version: int, at: datetime, *, of_present: bool) -> ReserveRun | None:
    """The newest recommendation known at a version and a moment; with `of_present`, of those asked of the present."""
    run = await context.runtime.runs.latest(fund_id, version=version, at=at, of_present=of_present)
    return None if run is None else run_of(context, fund_id, run)
