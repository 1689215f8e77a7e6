"""Traces: from a request through its facts to jobs and deliveries, by OpenTelemetry where an endpoint is set.

A trace's ids follow from the request's id, and that stands in its facts as their correlation id. So whoever works on a
fact later, in whichever process, goes on with the trace it came from, and nothing needs to be handed over.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from hashlib import sha256
from string import hexdigits
from typing import TYPE_CHECKING

from infra.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import Tracer
    from opentelemetry.trace import Span, SpanContext

HEX_DIGITS = 32
"""Of a trace's id; W3C Trace Context, section 3.2.2.3."""
MOST_LINKS = 32
"""Of one span: other requests whose facts it deals with."""
_OFF = nullcontext()
"""Shared: it holds nothing."""

_tracer: "Tracer | None" = None
_given: ContextVar[tuple[int, int] | None] = ContextVar("ids of the next span", default=None)


@contextmanager
def traced(settings: Settings, part: str) -> Iterator[None]:
    """Has this process trace while the block runs, if the settings say where to."""
    global _tracer  # noqa: PLW0603 - a process traces or it doesn't, as it logs
    if not settings.otel_exporter_otlp_endpoint:
        yield
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

    class Ids(RandomIdGenerator):  # type: ignore[misc]  # an extra, whose types are not looked at
        def generate_trace_id(self) -> int:
            given = _given.get()
            return super().generate_trace_id() if given is None else given[0]

        def generate_span_id(self) -> int:
            given = _given.get()
            return super().generate_span_id() if given is None else given[1]

    provider = TracerProvider(
        id_generator=Ids(), resource=Resource.create({"service.name": f"drypowder-{part}"}), shutdown_on_exit=False
    )
    endpoint = settings.otel_exporter_otlp_endpoint.rstrip("/") + "/v1/traces"
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint)))
    _tracer = provider.get_tracer("drypowder")
    try:
        yield
    finally:
        _tracer = None
        provider.shutdown()


def ids_of(request_id: str) -> tuple[int, int]:
    """Ids of the trace and of the first span of the request with this id, which may be the trace's own."""
    digest = sha256(request_id.encode()).digest()
    trace_id = int.from_bytes(digest[:16])
    if len(request_id) == HEX_DIGITS and set(request_id) <= set(hexdigits) and request_id.strip("0"):
        trace_id = int(request_id, 16)
    return trace_id, int.from_bytes(digest[16:24])


def span(name: str, **about: str | int) -> AbstractContextManager[None]:
    """A step of what is running. It is never told a figure."""
    return _OFF if _tracer is None else _within(_tracer.start_span(name, attributes=about))


def first_span(
    name: str, request_id: str, traceparent: str | None = None, **about: str | int
) -> AbstractContextManager[None]:
    """The first span of a request's trace, linked to what it came from.

    Args:
        traceparent: The caller's own trace. It isn't gone on with: anybody may ask, and say anything.
    """
    if _tracer is None:
        return _OFF
    from opentelemetry.context import Context
    from opentelemetry.trace import Link, SpanKind, get_current_span
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    callers = [get_current_span().get_span_context()]
    if traceparent is not None:
        told = TraceContextTextMapPropagator().extract({"traceparent": traceparent}, Context())
        callers.append(get_current_span(told).get_span_context())
    links = [Link(one) for one in callers if one.is_valid]
    token = _given.set(ids_of(request_id))
    begun = _tracer.start_span(name, Context(), SpanKind.SERVER, about, links)
    _given.reset(token)
    return _within(begun)


def later_span(name: str, request_ids: Sequence[str], **about: str | int) -> AbstractContextManager[None]:
    """A step that facts of these requests brought about: of the last one's trace, linked to the others'."""
    if _tracer is None or not request_ids:
        return _OFF
    from opentelemetry.context import Context
    from opentelemetry.trace import Link, NonRecordingSpan, SpanKind, set_span_in_context

    links = [Link(_far(one)) for one in request_ids[:-1][-MOST_LINKS:]]
    context = set_span_in_context(NonRecordingSpan(_far(request_ids[-1])), Context())
    return _within(_tracer.start_span(name, context, SpanKind.CONSUMER, about, links))


@contextmanager
def _within(begun: "Span") -> Iterator[None]:
    from opentelemetry.trace import StatusCode, use_span

    with use_span(begun, end_on_exit=True, record_exception=False, set_status_on_exception=False):
        try:
            yield
        except BaseException as fault:
            # Its kind alone: the words may hold figures.
            begun.set_attribute("error.type", type(fault).__qualname__)
            begun.set_status(StatusCode.ERROR)
            raise


def _far(request_id: str) -> "SpanContext":
    """The first span of a request that another process may have answered, sampled as it was there."""
    from opentelemetry.trace import SpanContext, TraceFlags

    assert _tracer is not None, "only asked while tracing"
    trace_id, span_id = ids_of(request_id)
    chosen = _tracer.sampler.should_sample(None, trace_id, "").decision.is_sampled()
    flags = TraceFlags(TraceFlags.SAMPLED if chosen else TraceFlags.DEFAULT)
    return SpanContext(trace_id, span_id, is_remote=True, trace_flags=flags)
