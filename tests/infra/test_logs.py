"""Logs: what a line holds, and what never gets into one."""

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
import pytest

from domain.refusal import CorruptionError
from infra.logs import Json, Text, clean, configure
from infra.settings import LogFormat
from infra.trail import Trail, about_fund, followed, request_id_from
from tests.conftest import Servers

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbmEifQ.c2lnbmF0dXJl"
FORGED = 'Ana\n{"level": "ERROR", "message": "forged"}\r\x1b[2J\x00\u2028\u0085\ud800'


def record(message: str, *arguments: object, fault: BaseException | None = None) -> logging.LogRecord:
    told = None if fault is None else (type(fault), fault, fault.__traceback__)
    return logging.LogRecord("api.endpoint", logging.ERROR, __file__, 1, message, arguments, told)


def raised(fault: Exception) -> Exception:
    try:
        raise fault
    except Exception as caught:  # noqa: BLE001 - to have its traceback
        return caught


def test_a_json_line_says_when_what_where_and_of_whom() -> None:
    one = record("request %s failed", "r-1")
    one.created = 1_136_073_600.25
    with followed(Trail("0123456789abcdef", "Save", person_id="7")):
        about_fund("42")
        line = Json().format(one)
    assert json.loads(line) == {
        "time": "2006-01-01T00:00:00.250Z",
        "level": "ERROR",
        "logger": "api.endpoint",
        "message": "request r-1 failed",
        "request": "0123456789abcdef",
        "operation": "Save",
        "person": "7",
        "fund": "42",
    }


def test_a_line_for_people_says_the_same() -> None:
    one = record("request %s failed", "r-1")
    one.created = 1_136_073_600.25
    assert Text().format(one) == "2006-01-01T00:00:00.250Z ERROR api.endpoint: request r-1 failed"
    with followed(Trail("0123456789abcdef")):
        assert Text().format(one).endswith(": request r-1 failed [request=0123456789abcdef]")


@pytest.mark.parametrize("form", [Json(), Text()])
def test_input_makes_no_line_of_its_own(form: logging.Formatter) -> None:
    with followed(Trail("0123456789abcdef", FORGED)):
        line = form.format(record("hello %s", FORGED, fault=raised(CorruptionError(FORGED))))
    first, *others = line.splitlines()
    assert "forged" in first
    # Those of a traceback for people are indented, and input can't begin one.
    assert all(other.startswith("  ") for other in others)
    assert not any(letter in line for letter in "\r\x1b\x00\u2028\u0085\ud800")
    assert "forged" not in "".join(other for other in others if "CorruptionError" not in other)


@pytest.mark.parametrize(
    "secret",
    [
        "postgresql://ana:hunter2@db/x",
        "hunter2@fund.example",
        "<ana.hunter2+x@localhost>,",
        f"Bearer {TOKEN}",
        f"token={TOKEN}",
        "whsec_hunter2hunter2",
        "bearer hunter2",
    ],
)
@pytest.mark.parametrize("form", [Json(), Text()])
def test_a_credential_is_left_out_wherever_it_stands(form: logging.Formatter, secret: str) -> None:
    line = form.format(record("can't use %s", secret, fault=raised(OSError(secret))))
    assert "hunter2" not in line
    assert "eyJ" not in line
    assert "can't use" in line


def test_a_very_long_text_is_cut() -> None:
    assert clean("a" * 8_192) == "a" * 8_192
    assert clean("a" * 1_000_000) == "a" * 8_192 + "…"


async def test_what_the_database_quotes_of_a_row_is_left_out(servers: Servers) -> None:
    connection = await asyncpg.connect(servers.database_url)
    try:
        with pytest.raises(asyncpg.PostgresError) as refused:
            await connection.fetch("SELECT $1::text::numeric", "12,345.67 for Acme")
    finally:
        await connection.close()
    assert "12,345.67" in str(refused.value)
    line = json.loads(Json().format(record("failed", fault=refused.value)))
    assert line["fault"] == "asyncpg.exceptions.InvalidTextRepresentationError 22P02"
    assert "12,345.67" not in json.dumps(line)
    assert line["where"][0].endswith("test_what_the_database_quotes_of_a_row_is_left_out")


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (ValueError("12.50"), "builtins.ValueError"),
        (CorruptionError("version 7 is missing"), "domain.refusal.CorruptionError: version 7 is missing"),
        (ConnectionRefusedError(111, "refused"), "builtins.ConnectionRefusedError: [Errno 111] refused"),
    ],
)
def test_only_our_own_words_about_a_fault_are_told(fault: Exception, told: str) -> None:
    assert json.loads(Json().format(record("failed", fault=raised(fault))))["fault"] == told


@pytest.mark.parametrize("given", ["a1b2c3d4", "0af7651916cd43dd8448eb211c80319c", "Order_7.retry-2", "x" * 64])
def test_a_well_formed_request_id_is_kept(given: str) -> None:
    assert request_id_from(given) == given


@pytest.mark.parametrize(
    "given",
    [None, "", "short", "x" * 65, "two words", "line\nbreak", "-leading", "ünïcode1", "a1b2c3d4\n", "{json: 1}"],
)
def test_another_request_id_is_replaced(given: str | None) -> None:
    made = request_id_from(given)
    assert len(made) == 32
    assert made != request_id_from(given)


@contextmanager
def configured(level: str, form: LogFormat | None) -> Iterator[logging.Handler]:
    """The handler of a process that has just begun; all is as before afterwards."""
    names = (None, "api", "domain", "infra", "jobs", "uvicorn.error", "arq.worker")
    before = [(one, one.level, list(one.filters)) for one in map(logging.getLogger, names)]
    root = logging.getLogger()
    handlers, root.handlers = root.handlers, []
    try:
        configure(level, form)
        (handler,) = root.handlers
        yield handler
    finally:
        root.handlers = handlers
        for one, level_before, filters in before:
            one.setLevel(level_before)
            one.filters = filters


@pytest.mark.parametrize(
    ("form", "watched", "is_json"),
    [(None, False, True), (None, True, False), (LogFormat.TEXT, False, False), (LogFormat.JSON, True, True)],
)
def test_people_at_a_terminal_get_text_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch, form: LogFormat | None, watched: bool, is_json: bool
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: watched, raising=False)
    with configured("INFO", form) as handler:
        assert isinstance(handler.formatter, Json) is is_json


def test_the_level_is_that_of_our_own_lines_and_others_only_warn(capsys: pytest.CaptureFixture[str]) -> None:
    with configured("DEBUG", LogFormat.JSON):
        logging.getLogger("infra.ledger").debug("ours")
        logging.getLogger("httpcore.http11").info("theirs, with every header")
        logging.getLogger("httpcore.http11").warning("their warning")
        server = logging.getLogger("uvicorn.error")
        server.info("Uvicorn running on %s", "http://127.0.0.1")
        server.info('%s - "WebSocket %s" [accepted]', ("127.0.0.1", 1), "/graphql?token=hunter2")
        jobs = logging.getLogger("arq.worker")
        jobs.error("%6.2fs ! %s failed, %s: %s", 0.1, "job", "ValueError", "12.50")
        jobs.warning("job %s expired", "evaluate:1")
    told = [json.loads(line)["message"] for line in capsys.readouterr().err.splitlines()]
    assert told == ["ours", "their warning", "Uvicorn running on http://127.0.0.1", "job evaluate:1 expired"]
