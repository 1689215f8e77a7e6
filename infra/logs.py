"""Logs: one line an event, on standard error, for people or as JSON; nothing a caller sent can forge or fill one."""

import logging
import re
import sys
import traceback
from datetime import UTC, datetime
from types import TracebackType

import msgspec

from infra.settings import LogFormat
from infra.trail import here

OURS = ("api", "domain", "infra", "jobs")
"""Whose lines `LOG_LEVEL` is for. Libraries tell each connection, request and job, with what was sent: warnings do."""
MOST_CHARACTERS = 8_192
"""Of one text in a line."""
_SECRETS = re.compile(
    r"(?<=://)[^/\s@]*@|[\w.+%'-]{1,64}@[\w.-]+|\beyJ[\w-]{8,}(?:\.[\w-]*)*|\bwhsec_[\w+/=-]+|(?i:\bbearer\s+)\S+"
)
"""Credentials within an address, people's own addresses, tokens, and secrets of webhooks."""
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""What would begin a new line, steer a terminal, or isn't text."""


def configure(level: str, form: LogFormat | None) -> None:
    """Sends this process's log to standard error from `level` up.

    Args:
        form: None is text where a person watches, and else JSON.
    """
    chosen = form or (LogFormat.TEXT if sys.stderr.isatty() else LogFormat.JSON)
    handler = logging.StreamHandler()
    handler.setFormatter(Text() if chosen is LogFormat.TEXT else Json())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    for name in OURS:
        logging.getLogger(name).setLevel(level.upper())
    server = logging.getLogger("uvicorn.error")
    server.setLevel(level.upper())
    server.addFilter(_of_the_server)
    logging.getLogger("arq.worker").addFilter(_of_the_queue)


def _of_the_server(record: logging.LogRecord) -> bool:
    """Whether it is about the server, and not about one connection with its address and query."""
    return record.levelno > logging.INFO or not str(record.msg).startswith(("connection ", '%s - "WebSocket'))


def _of_the_queue(record: logging.LogRecord) -> bool:
    """Whether it isn't a job's failure, with the words of what failed: `jobs` tells that without."""
    return "failed, %s: %s" not in str(record.msg)


class Json(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, object] = {
            "time": _moment(record),
            "level": record.levelname,
            "logger": record.name,
            "message": _message(record),
            **_about(record),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line["fault"] = _fault(record.exc_info[1])
            line["where"] = _where(record.exc_info[2])
        return msgspec.json.encode(line).decode()


class Text(logging.Formatter):
    """One line for people, and where something failed, an indented line for each call on the way."""

    def format(self, record: logging.LogRecord) -> str:
        """The line or lines."""
        about = " ".join(f"{name}={value}" for name, value in _about(record).items())
        lines = [f"{_moment(record)} {record.levelname} {record.name}: {_message(record)}{about and f' [{about}]'}"]
        if record.exc_info and record.exc_info[1] is not None:
            lines += [f"  {one}" for one in (_fault(record.exc_info[1]), *_where(record.exc_info[2]))]
        return "\n".join(lines)


def _moment(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _message(record: logging.LogRecord) -> str:
    return clean(record.getMessage())


def _about(record: logging.LogRecord) -> dict[str, object]:
    """What the line is about: of its trail, and of itself."""
    trail = here()
    found: dict[str, object] = {}
    if trail is not None:
        found = {
            "request": trail.request_id,
            "operation": clean(trail.operation),
            "person": trail.person_id,
            "fund": clean(trail.fund_id),
        }
    found |= getattr(record, "about", {})
    return {name: value for name, value in found.items() if value != ""}


def _fault(fault: BaseException) -> str:
    """What failed. Others' words may quote what a caller sent, as PostgreSQL does a whole row: only ours are told."""
    kind = type(fault)
    name = f"{kind.__module__}.{kind.__qualname__}"
    if state := getattr(fault, "sqlstate", None):
        return f"{name} {state}"
    if kind.__module__.partition(".")[0] in OURS or isinstance(fault, OSError):
        return f"{name}: {clean(str(fault))}"
    return name


def _where(trace: TracebackType | None) -> list[str]:
    """The calls on the way to where it failed, the innermost last."""
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)]


def clean(text: str) -> str:
    """The text without secrets, in one line, and cut where it is very long."""
    kept = text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}…"
    shown = _SECRETS.sub("…", kept)
    return _UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode(), shown)
