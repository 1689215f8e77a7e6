"""Logs: one line an event, on standard error."""

import logging


def configure(level: str) -> None:
    """Sends this process's log to standard error from `level` up."""
    logging.basicConfig(
        level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s", datefmt="%Y-%m-%dT%H:%M:%S%z"
    )
    # These tell each connection and request; what matters of them is told elsewhere.
    for name in ("alembic", "uvicorn.access", "websockets", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)
