"""Slow consumers: how long a client may leave unread what it subscribed to, and what it is told then."""

from api.context import Context

STALLED_SECONDS = 10.0
"""How long one message may wait for its client to read those before it."""
PARTING_SECONDS = 30.0
"""How long a client that was too slow is given to read that it was."""
SLOW_CONSUMER = "SLOW_CONSUMER"
_MESSAGE = "You read too slowly: subscribe again, from where you are."


def too_slow(context: Context) -> dict[str, object]:
    """The error that ends a subscription whose client doesn't keep up, and says from where it goes on."""
    context.runtime.metrics.limited.labels(SLOW_CONSUMER).inc()
    extensions = {"code": SLOW_CONSUMER, "requestId": context.request_id, **context.course.reached}
    return {"message": _MESSAGE, "extensions": extensions}
