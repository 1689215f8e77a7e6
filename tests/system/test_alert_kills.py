"""kill -9 of two parts at once while misses are recorded: every alert is raised once, and reaches every channel.

One instance lives through it all, pair after pair, each with a fund of its own. What a killed worker has in hand waits
for its lease: nobody waits for that before the next pair is killed, only at the end, for all of them together.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from itertools import combinations
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from domain.capital import FundOpened
from domain.event import CompanyKey, Event
from domain.forecasting import MetricType
from domain.investing import CompanyAdded
from domain.money import Money
from domain.refusal import VersionConflict
from domain.rules import DeliveryChannel
from infra.channels import Address
from infra.drafts import Draft
from infra.people import Person
from infra.postgres import UnavailableError
from infra.runtime import Runtime
from tests.depth import deep, variants
from tests.infra.alerting import plan, report, rule
from tests.jobs.receivers import WebServer, web_server
from tests.system.mortal import Mailbox, Mortal
from tests.system.program import Up, succeeded
from tests.system.test_kills import PARTS, RETRY_SECONDS, eventually

MAIL_SERVER = "the mail server"
_ALL = list(combinations(("the worker", "PostgreSQL", "Redis", MAIL_SERVER), 2))
PAIRS = tuple(variants([_ALL[0]], _ALL[1:]))
METRICS = (MetricType.REVENUE, MetricType.EBITDA, MetricType.ARR, MetricType.CASH, MetricType.VALUATION)
MISSES = tuple((f"company {number}", metric) for number in range(deep(20, 100)) for metric in METRICS)
TOGETHER = 25
"""Misses in one append."""
RECEIVING_SECONDS = 150.0
"""Within which everything has arrived: a lease alone takes 30."""
CHANNELS = (DeliveryChannel.EMAIL, DeliveryChannel.WEBHOOK)
OPENED_AT = datetime(2006, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Kills:
    """An instance, what stands at the other end of its channels, and a fund for each pair."""

    up: Up
    runtime: Runtime
    owner: Person
    mailbox: Mailbox
    web: WebServer
    funds: dict[tuple[str, str], UUID] = field(default_factory=dict)

    async def record(self, fund_id: UUID, events: Sequence[Event], key: str, at: datetime | None = None) -> None:
        """Appends them, never giving up."""
        drafts = [Draft(event, at) for event in events]
        while True:
            # The worker's own facts may come between, too.
            with suppress(UnavailableError, VersionConflict):
                await self.runtime.ledger.record(fund_id, drafts, actor=self.owner.id, key=key, correlation_id=key)
                return
            await asyncio.sleep(RETRY_SECONDS)

    async def watched_fund(self) -> UUID:
        """A fund with companies, their plans, a rule and two channels."""
        fund_id, _ = await self.runtime.ledger.open_fund(
            FundOpened("F", "USD", 2006, Money(10**9)), OPENED_AT, actor=self.owner.id
        )
        companies = dict.fromkeys(company for company, _ in MISSES)
        added = [CompanyAdded(CompanyKey(company), company) for company in companies]
        plans = [plan(1, 1_000_000, company=company, metric=metric) for company, metric in MISSES]
        await self.record(fund_id, [*added, *plans], "plans", OPENED_AT)
        await self.runtime.ledger.record_apart(
            fund_id,
            [Draft(rule(metrics=METRICS, channels=(DeliveryChannel.IN_APP, *CHANNELS)))],
            actor=self.owner.id,
            read_at=0,
        )
        for channel, address in (
            (DeliveryChannel.EMAIL, Address(recipients=("jane@fund.example",))),
            (DeliveryChannel.WEBHOOK, Address(url=self.web.url(f"/{fund_id}"), secret="what signs the webhook")),
        ):
            await self.runtime.channels.set(
                fund_id, channel, address, digest_below=None, by=self.owner.id, allow_private=True
            )
        return fund_id

    async def record_misses(self, fund_id: UUID, start: int) -> None:
        """Some of the misses, in one append."""
        batch = MISSES[start : start + TOGETHER]
        reports = [report(1, 600_000, company=company, metric=metric) for company, metric in batch]
        await self.record(fund_id, reports, f"misses {start}")

    async def go_through(self, pair: tuple[str, str]) -> None:
        """Records the misses, and kills the pair while half of them are recorded and the first are being told."""
        fund_id = self.funds[pair] = await self.watched_fund()
        starts = range(0, len(MISSES), TOGETHER)
        for start in starts[: len(starts) // 2]:
            await self.record_misses(fund_id, start)
        await eventually(lambda: self.web.asked(f"/{fund_id}"), "the first alert's webhook")
        victims = [self.kill(name) for name in pair]
        for start in starts[len(starts) // 2 :]:
            await self.record_misses(fund_id, start)
        for name, victim in zip(pair, victims, strict=True):
            await eventually(partial(self.is_back, name, victim), f"{name} started again")

    def kill(self, name: str) -> int:
        """Ends a part without warning; the id of its process."""
        if name == MAIL_SERVER:
            self.mailbox.kill()
            gone = self.mailbox.process.pid
            self.mailbox.start()
            return gone
        victim = self.up.part(*PARTS[name])
        assert victim is not None, name
        victim.kill()
        return victim.pid

    def is_back(self, name: str, victim: int) -> bool:
        """Whether the part lives again."""
        if name == MAIL_SERVER:
            return True
        found = self.up.part(*PARTS[name])
        return found is not None and found.pid != victim

    async def is_done(self) -> bool:
        """Whether everything is raised, and nothing of it waits to be delivered."""
        done: bool = await self.runtime.pool.fetchval(
            """SELECT count(*) >= $2 AND count(*) FILTER (WHERE status = 'PENDING') = 0
            FROM delivery WHERE fund_id = ANY ($1)""",
            [*self.funds.values()],
            # In the app, too.
            (len(CHANNELS) + 1) * len(MISSES) * len(PAIRS),
        )
        return done


@pytest_asyncio.fixture(scope="module")
async def kills(mortal: Mortal) -> AsyncIterator[Kills]:
    """Every pair killed, and everything done that was left to do."""
    async with web_server() as web:
        found = Kills(mortal.up, mortal.runtime, mortal.owner, mortal.mailbox, web)
        for pair in PAIRS:
            await found.go_through(pair)
        await eventually(found.is_done, "the last delivery", RECEIVING_SECONDS)
        yield found


async def raised(kills: Kills, fund_id: UUID) -> list[dict[str, Any]]:
    """Every fact that raised an alert, with its version."""
    rows = await kills.runtime.pool.fetch(
        "SELECT version, payload FROM fact WHERE fund_id = $1 AND type = 'ALERT_RAISED' ORDER BY version", fund_id
    )
    return [{**json.loads(row["payload"]), "version": row["version"]} for row in rows]


@pytest.mark.parametrize("pair", PAIRS, ids=" and ".join)
async def test_every_miss_raises_one_alert_and_reaches_every_channel_whatever_two_parts_die(
    kills: Kills, pair: tuple[str, str]
) -> None:
    fund_id = kills.funds[pair]
    facts = await raised(kills, fund_id)
    assert Counter((fact["company_id"], fact["metric_type"]) for fact in facts) == Counter(
        (company, metric.value) for company, metric in MISSES
    )
    assert {fact["change"] for fact in facts} == {"OPENED"}
    statuses = await kills.runtime.pool.fetch(
        "SELECT channel, status, count(*) FROM delivery WHERE fund_id = $1 GROUP BY 1, 2 ORDER BY 1", fund_id
    )
    assert [tuple(row) for row in statuses] == [
        (channel, "DELIVERED", len(MISSES)) for channel in ("EMAIL", "IN_APP", "WEBHOOK")
    ]
    keys = {f"{fact['alert_id']}:{fact['version']}" for fact in facts}
    assert {request.headers["webhook-id"] for request in kills.web.asked(f"/{fund_id}")} == keys
    # An e-mail's id is made of the same key.
    assert {f"<{sha256(key.encode()).hexdigest()[:32]}@fund.example>" for key in keys} <= kills.mailbox.taken()


async def test_every_chain_is_whole_after_all_of_it(kills: Kills) -> None:
    verified = succeeded("verify", data_dir=kills.up.data_dir).splitlines()
    whole = {line.split()[0] for line in verified if line.endswith(" facts, chain whole")}
    assert {str(kills.funds[pair]) for pair in PAIRS} <= whole
    assert all(line.endswith("chain whole") for line in verified)
