"""Traces: ids that follow from a request's, what spans are linked to, and what never gets into one."""

import asyncio
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from uuid import uuid4

import pytest

from infra.exposition import Exposition, PortTakenError, exposed
from infra.locate import MissingExtraError, check_extras, check_tracing
from infra.metrics import Metrics
from infra.settings import Settings
from infra.tracing import first_span, ids_of, later_span, span, traced
from tests.collector import Collector, collecting

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
CALLERS = f"00-{'4' * 32}-{'7' * 16}-01"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as made:
        yield made


@pytest.mark.parametrize("request_id", ["order-7-retry-2", "0" * 32, "x" * 32, TRACE_ID[:31]])
def test_an_id_that_cant_be_a_traces_is_hashed(request_id: str) -> None:
    trace_id, span_id = ids_of(request_id)
    assert (trace_id, span_id) == ids_of(request_id)
    assert trace_id not in (0, int(TRACE_ID, 16))
    assert span_id != 0


def test_an_id_that_can_be_a_traces_is_one() -> None:
    assert ids_of(TRACE_ID)[0] == int(TRACE_ID, 16)


def test_a_callers_trace_is_linked_and_not_gone_on_with(collector: Collector) -> None:
    with traced(Settings(otel_exporter_otlp_endpoint=collector.url), "api"):
        with first_span("request", TRACE_ID, CALLERS):
            pass
        with first_span("request", "another request", "no traceparent"):
            pass
    first, second = collector.spans
    assert (first.trace_id, first.parent_id, first.links) == (TRACE_ID, "", ("4" * 32,))
    assert first.span_id == f"{ids_of(TRACE_ID)[1]:016x}"
    assert (second.links, second.trace_id) == ((), f"{ids_of('another request')[0]:032x}")


def test_what_several_requests_brought_about_goes_on_with_the_last_and_is_linked_to_the_others(
    collector: Collector,
) -> None:
    others = [uuid4().hex for _ in range(40)]
    with (
        traced(Settings(otel_exporter_otlp_endpoint=collector.url), "worker"),
        later_span("evaluation", [*others, TRACE_ID]),
    ):
        pass
    (told,) = collector.spans
    assert (told.trace_id, told.parent_id) == (TRACE_ID, f"{ids_of(TRACE_ID)[1]:016x}")
    assert told.links == tuple(others[-32:])


def test_a_fault_is_told_by_its_kind_alone(collector: Collector) -> None:
    with traced(Settings(otel_exporter_otlp_endpoint=collector.url), "api"), suppress(ValueError), span("step"):
        raise ValueError("12.50 for Acme")
    (told,) = collector.spans
    assert told.failed
    assert "ValueError" in told.about["error.type"]
    assert "Acme" not in collector.raw


@pytest.mark.parametrize(("share", "spans"), [("0", 0), ("1", 2)])
def test_a_later_step_is_sampled_as_its_request_was(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, share: str, spans: int
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", share)
    with traced(Settings(otel_exporter_otlp_endpoint=collector.url), "api"):
        with first_span("request", TRACE_ID):
            pass
        with later_span("evaluation", [TRACE_ID]):
            pass
    assert len(collector.spans) == spans


def test_off_nothing_is_traced_and_nothing_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("opentelemetry")]:
        monkeypatch.setitem(sys.modules, name, None)
    with traced(Settings(), "api"), first_span("request", TRACE_ID), span("step"), later_span("job", [TRACE_ID]):
        pass


def test_a_collector_without_what_sends_to_it_is_told_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = Settings(otel_exporter_otlp_endpoint="http://127.0.0.1:4318")
    check_tracing(chosen)
    monkeypatch.setattr("infra.locate.find_spec", lambda _: None)
    for check in (check_tracing, check_extras):
        with pytest.raises(MissingExtraError, match=r"pip install 'drypowder\[tracing\]'"):
            check(chosen)
    check_extras(Settings())


async def test_a_port_for_metrics_that_is_taken_is_told_in_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTakenError, match=f"can't serve metrics on port {port} of 127.0.0.1: "):
            async with asyncio.timeout(10), exposed(Exposition(Metrics(), None), "127.0.0.1", port):
                pass
