"""The composition root: every long-lived part of a process, opened and closed together."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import asyncpg
from redis.asyncio import Redis

from infra.access_log import AccessLog
from infra.alerts import AlertStore
from infra.channels import Channels
from infra.deliveries import Deliveries
from infra.evaluation import Evaluator
from infra.feed import Feed, Hints
from infra.figure_board import FigureBoard
from infra.figures import Figures
from infra.funds import Funds
from infra.history import History
from infra.ledger import Ledger
from infra.locate import secret as own_secret
from infra.membership import Members
from infra.metrics import Metrics
from infra.names import Names
from infra.notices import Notices
from infra.organisations import Organisations
from infra.people import People
from infra.places import Places
from infra.postgres import close_pool, open_pool
from infra.progress import Words
from infra.rates import Rates
from infra.reserve_inputs import ReserveInputs
from infra.runs import Runs
from infra.scenarios import Scenarios
from infra.sending import Sender
from infra.settings import Settings
from infra.snapshots import Snapshots
from infra.standings import Standings
from infra.states import States


@dataclass(frozen=True, slots=True)
class Runtime:
    """What resolvers, jobs and commands work with."""

    settings: Settings
    metrics: Metrics
    pool: asyncpg.Pool
    redis: Redis
    ledger: Ledger
    states: States
    history: History
    figures: Figures
    snapshots: Snapshots
    feed: Feed
    people: People
    members: Members
    organisations: Organisations
    access_log: AccessLog
    standings: Standings
    names: Names
    funds: Funds
    alerts: AlertStore
    deliveries: Deliveries
    board: FigureBoard
    evaluator: Evaluator
    channels: Channels
    notices: Notices
    sender: Sender
    runs: Runs
    words: Words
    scenarios: Scenarios
    reserve_inputs: ReserveInputs
    rates: Rates
    subscriptions: Places
    connections: Places
    connections_each: Places


@asynccontextmanager
async def opened(
    settings: Settings,
    database_url: str,
    redis_url: str,
    secret: Callable[[], str] | None = None,
    metrics: Metrics | None = None,
) -> AsyncIterator[Runtime]:
    """A runtime on these servers.

    Args:
        secret: What seals the addresses of channels; this installation's own if left out.
        metrics: Where the parts count; their own if left out.

    Raises:
        UnavailableError: If the database can't be reached. Redis may come later: it only carries hints and jobs.
    """
    counted = metrics or Metrics()
    pool = await open_pool(database_url, settings.database_pool)
    # Of their own, since they are held for as long as a run takes: it would be left waiting for a further one.
    locks = await open_pool(database_url, settings.reserve_concurrency, least=0)
    redis = Redis.from_url(redis_url)
    states, history, names = States(pool, counted), History(pool, counted), Names(pool)
    alerts, words = AlertStore(pool), Words(redis)
    feed, hints = Feed(pool, history, names, redis, counted), Hints(redis)

    def moved(fund_id: UUID, version: int) -> None:
        feed.moved(fund_id, version)
        hints.moved(fund_id, version)

    figures = Figures(pool)
    ledger, funds = Ledger(pool, states, moved, counted), Funds(pool, database_url)
    channels = Channels(pool, secret or (lambda: own_secret(settings)))
    standings = Standings(pool)
    try:
        feed.start()
        standings.start()
        yield Runtime(
            settings=settings,
            metrics=counted,
            pool=pool,
            redis=redis,
            ledger=ledger,
            states=states,
            history=history,
            figures=figures,
            snapshots=Snapshots(pool, states),
            feed=feed,
            people=People(pool),
            members=Members(pool),
            organisations=Organisations(pool),
            access_log=AccessLog(pool),
            standings=standings,
            names=names,
            funds=funds,
            alerts=alerts,
            deliveries=Deliveries(pool, counted),
            board=FigureBoard(pool),
            evaluator=Evaluator(pool, ledger, states, alerts),
            channels=channels,
            notices=Notices(history, alerts, names, funds),
            sender=Sender(settings, channels),
            runs=Runs(pool, locks, ledger, words),
            words=words,
            scenarios=Scenarios(pool, ledger),
            reserve_inputs=ReserveInputs(pool, states, figures),
            rates=Rates(redis, settings.rate_limit, fails_open=settings.rate_limit_fails == "open"),
            subscriptions=Places(settings.max_subscriptions),
            connections=Places(settings.max_connections),
            connections_each=Places(settings.max_connections_each),
        )
    finally:
        await standings.stop()
        await feed.stop()
        await hints.stop()
        await funds.close()
        await redis.aclose()
        await close_pool(locks)
        await close_pool(pool)
