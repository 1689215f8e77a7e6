"""A collector of spans, and what they were delivered to: small servers at the other end of the product."""

import gzip
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Status


@dataclass(frozen=True, slots=True)
class Span:
    """A span as it came."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    about: dict[str, str]
    links: tuple[str, ...]
    failed: bool


@dataclass(slots=True)
class Collector:
    """What came by HTTP: spans, and bodies sent to any other path."""

    url: str
    spans: list[Span] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    raw: str = ""

    def of(self, trace_id: str) -> dict[tuple[str, str], list[Span]]:
        """A trace's spans by service and name, as far as they came: what is tried again has several."""
        found = defaultdict[tuple[str, str], list[Span]](list)
        for one in self.spans:
            if one.trace_id == trace_id:
                found[one.service, one.name].append(one)
        return dict(found)

    def take(self, path: str, body: bytes) -> None:
        """Notes what came."""
        if path != "/v1/traces":
            self.bodies.append(body)
            return
        self.raw += body.decode(errors="replace")
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = next(one.value.string_value for one in resource.resource.attributes if one.key == "service.name")
            for scope in resource.scope_spans:
                self.spans += [
                    Span(
                        service,
                        one.name,
                        one.trace_id.hex(),
                        one.span_id.hex(),
                        one.parent_span_id.hex(),
                        {about.key: str(about.value) for about in one.attributes},
                        tuple(link.trace_id.hex() for link in one.links),
                        one.status.code == Status.STATUS_CODE_ERROR,
                    )
                    for one in scope.spans
                ]


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector that listens on this machine."""

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            packed = self.headers.get("content-encoding") == "gzip"
            collector.take(self.path, gzip.decompress(body) if packed else body)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing: a test's output is its own."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
    collector = Collector(f"http://127.0.0.1:{server.server_address[1]}")
    serving = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    serving.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        serving.join()
