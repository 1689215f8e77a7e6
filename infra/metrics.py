"""Metrics: what a process counts and times, in a registry of its own; no label that a caller could fill."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from domain.refusal import Refusal
from domain.rules import DeliveryChannel

FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
"""Bounds in seconds of what a caller waits for."""
LONG = (0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 900)
"""Bounds in seconds of jobs."""
LAGS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 15)
FACTS = (0, 1, 10, 50, 100, 200, 500, 1_000, 10_000, 100_000)
LOOP_SECONDS = 0.5
"""Between two looks at how late the event loop is."""


class Metrics:
    """Every metric of a process. Durations are in seconds; a name's last word is its unit."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.operations = self._histogram(
            "operation_seconds", "Operations answered, by type and code of outcome.", FAST, "operation", "code"
        )
        self.resolvers = self._histogram("resolver_seconds", "Root fields resolved.", FAST, "field")
        self.appends = self._histogram("append_seconds", "Appends to ledgers, by outcome.", FAST, "outcome")
        self.appended = self._counter("facts_appended", "Facts appended.")
        self.reads = self._histogram("read_seconds", "Reads of ledgers, by what was read.", FAST, "read")
        self.snapshots = self._counter("snapshots_used", "Folds, by whether a snapshot was found.", "found")
        self.replayed = self._histogram("replayed_facts", "Facts folded after the snapshot.", FACTS)
        self.feed_lag = self._histogram("feed_lag_seconds", "From a fact's recording to its sending.", LAGS)
        self.connections = self._gauge("connections", "Connections open, by protocol.", "protocol")
        self.subscriptions = self._gauge("subscriptions", "Subscriptions running.", "field")
        self.jobs = self._histogram("job_seconds", "Jobs done, by name and outcome.", LONG, "name", "outcome")
        self.funds_behind = self._gauge("funds_behind", "Funds with facts a consumer hasn't seen.", "consumer")
        self.deliveries = self._counter("deliveries", "Deliveries tried, by outcome.", "channel", "outcome")
        self.limited = self._counter("limited", "Requests refused by a limit.", "limit")
        self.loop_lag = self._histogram("loop_lag_seconds", "How late the event loop came to a timer.", LAGS)
        self.queued = self._gauge("queue_jobs", "Jobs that wait or run.", "queue")
        self.queue_age = self._gauge("queue_age_seconds", "How long the oldest due job has waited.", "queue")
        self.pool = self._gauge("pool_connections", "Connections to PostgreSQL, by what they do.", "state")
        self.reachable = self._gauge("reachable", "Whether a server answers.", "server")
        # There from the start: an increase from nothing is none to Prometheus.
        for channel in DeliveryChannel:
            if channel is not DeliveryChannel.IN_APP:
                for outcome in ("delivered", "failed", "dead"):
                    self.deliveries.labels(channel.value, outcome)

    def text(self) -> bytes:
        """All of them, as Prometheus reads them."""
        return generate_latest(self.registry)

    @contextmanager
    def appending(self, facts: int) -> Iterator[None]:
        """Times an append of so many facts, by what it comes to."""
        outcome, began = "failed", perf_counter()
        try:
            yield
            outcome = "appended"
            self.appended.inc(facts)
        except Refusal:
            outcome = "refused"
            raise
        finally:
            self.appends.labels(outcome).observe(perf_counter() - began)

    @contextmanager
    def reading(self, read: str) -> Iterator[None]:
        """Times a read."""
        began = perf_counter()
        try:
            yield
        finally:
            self.reads.labels(read).observe(perf_counter() - began)

    def folded(self, facts: int, *, from_snapshot: bool) -> None:
        """Counts a fold of so many facts."""
        self.snapshots.labels("yes" if from_snapshot else "no").inc()
        self.replayed.observe(facts)

    def fed(self, recorded_at: datetime) -> None:
        """Counts a fact as sent to a subscriber."""
        self.feed_lag.observe(max((datetime.now(UTC) - recorded_at).total_seconds(), 0.0))

    @asynccontextmanager
    async def watching_loop(self) -> AsyncIterator[None]:
        """Measures how late the event loop is while the block runs."""
        watching = asyncio.ensure_future(self._watch_loop())
        try:
            yield
        finally:
            watching.cancel()

    async def _watch_loop(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            due = clock() + LOOP_SECONDS
            await asyncio.sleep(LOOP_SECONDS)
            self.loop_lag.observe(max(clock() - due, 0.0))

    def _counter(self, name: str, told: str, *labels: str) -> Counter:
        return Counter(f"drypowder_{name}", told, labels, registry=self.registry)

    def _gauge(self, name: str, told: str, *labels: str) -> Gauge:
        return Gauge(f"drypowder_{name}", told, labels, registry=self.registry)

    def _histogram(self, name: str, told: str, bounds: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"drypowder_{name}", told, labels, buckets=bounds, registry=self.registry)
