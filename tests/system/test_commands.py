"""The commands as processes: exit codes, pipes, signals, and what they leave behind."""

import asyncio
import json
import re
import signal
import subprocess
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import asyncpg
import httpx
import jwt
import pytest

from api import security
from infra.instance import signing_secret
from infra.people import Person
from tests.depth import variants
from tests.system.program import (
    COMMAND,
    PROJECT,
    Up,
    drypowder,
    environment,
    interrupt,
    open_fund,
    processes_of,
    succeeded,
    until,
)

RECORD = """mutation ($fundId: ID!) {
  recordEvents(input: {fundId: $fundId, events: [{event: {capitalCalled: {amount: "1.00"}}}]}) {
    events { version } errors { code }
  }
}"""
FUND = "query ($fundId: ID!) { fund(id: $fundId) { version } }"


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def ask(up: Up, token: str, query: str, **variables: object) -> dict[str, Any]:
    answer = httpx.post(
        f"{up.url}/graphql",
        json={"query": query, "variables": variables},
        headers={"authorization": f"Bearer {token}"},
        timeout=30,
    )
    told: dict[str, Any] = answer.json()
    # What it cost is another test's.
    told.pop("extensions", None)
    return told


def test_starting_shows_progress_and_then_where_everything_is(demo: Up) -> None:
    told = [line for line in demo.err.splitlines() if line.startswith("· ")]
    for part in ("PostgreSQL", "Redis", "database schema", "sample fund", "api", "worker"):
        assert f"· {part}: starting" in told
    assert any(line.startswith("· Recording its ") for line in told)
    assert "Drypowder is running." in demo.out
    assert demo.link("GraphiQL").startswith(f"{demo.url}/graphiql#token={demo.token}")
    assert demo.link("hub").startswith(f"{demo.url}/#token={demo.token}")
    assert demo.link("GraphQL") == f"{demo.url}/graphql"
    assert demo.link("token") == str(demo.data_dir / "admin.token")
    assert "\x1b" not in demo.out + demo.err


def test_the_links_answer(demo: Up) -> None:
    for name in ("hub", "GraphiQL", "health"):
        answer = httpx.get(demo.link(name).split("#")[0].rstrip(","))
        assert answer.status_code == 200, name
    assert httpx.get(f"{demo.url}/readyz").json() == {"status": "ready", "database": True, "redis": True}


def test_the_administrators_token_is_good_and_only_its_owner_reads_it(demo: Up) -> None:
    assert mode(demo.data_dir / "admin.token") == 0o600
    assert mode(demo.data_dir / "signing.secret") == 0o600
    assert mode(demo.data_dir / "instance.json") == 0o600
    assert ask(demo, demo.token, "{ viewer { email } }") == {"data": {"viewer": {"email": "admin@localhost"}}}


def test_a_token_opens_what_its_role_allows_and_no_more(demo: Up) -> None:
    fund, other = open_fund(demo.data_dir), open_fund(demo.data_dir)

    def token(role: str) -> str:
        subject = ("--subject", f"{role}-{fund}@example.org")
        return succeeded("token", *subject, "--role", role, "--fund", fund, data_dir=demo.data_dir).strip()

    viewer, analyst = token("VIEWER"), token("ANALYST")
    assert ask(demo, viewer, FUND, fundId=fund) == {"data": {"fund": {"version": 1}}}
    assert ask(demo, viewer, FUND, fundId=other) == {"data": {"fund": None}}
    refused = {"recordEvents": {"events": [], "errors": [{"code": "FORBIDDEN"}]}}
    assert ask(demo, viewer, RECORD, fundId=fund)["data"] == refused
    recorded = {"recordEvents": {"events": [{"version": 2}], "errors": []}}
    assert ask(demo, analyst, RECORD, fundId=fund)["data"] == recorded
    admin = succeeded("token", "--subject", f"{fund}@example.org", "--admin", data_dir=demo.data_dir).strip()
    assert ask(demo, admin, FUND, fundId=other) == {"data": {"fund": {"version": 1}}}


def test_a_token_lives_as_long_as_asked(demo: Up) -> None:
    told = succeeded("token", "--subject", "ann@example.org", "--expires", "12h", data_dir=demo.data_dir)
    claims = jwt.decode(told.strip(), options={"verify_signature": False})
    assert claims["exp"] - int(claims["iat"]) == 12 * 3600


def test_an_expired_token_is_refused(demo: Up) -> None:
    subject = jwt.decode(demo.token, options={"verify_signature": False})["sub"]
    person = Person(UUID(subject), "admin@localhost", None, administrator=True)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    expired = security.issue(signing_secret(demo.data_dir), person, yesterday, timedelta(hours=1))
    (error,) = ask(demo, expired, "{ viewer { email } }")["errors"]
    assert error["message"] == "The token has expired."
    assert error["extensions"]["code"] == "UNAUTHENTICATED"


def test_a_second_up_on_the_same_data_directory_is_refused(demo: Up) -> None:
    outcome = drypowder("up", "--port", "0", data_dir=demo.data_dir)
    assert (outcome.code, outcome.out) == (1, "")
    (line,) = outcome.err.splitlines()
    told = "Stop it first, or choose another directory with --data-dir or DRYPOWDER_DATA_DIR."
    assert line == f"drypowder: {demo.data_dir} is in use by process {demo.process.pid}. {told}"
    assert httpx.get(f"{demo.url}/readyz").status_code == 200


@pytest.mark.parametrize("command", ["up", "serve"])
def test_a_port_in_use_is_told_before_anything_starts(demo: Up, tmp_path: Path, command: str) -> None:
    data_dir = tmp_path if command == "up" else demo.data_dir
    outcome = drypowder(command, "--port", str(demo.port), data_dir=data_dir)
    assert (outcome.code, outcome.out) == (1, "")
    told = f"port {demo.port} on 127.0.0.1 is taken; choose another with --port, or PORT in the environment"
    assert outcome.err == f"drypowder: {told}\n"
    assert not processes_of(tmp_path)


def test_an_address_of_another_machine_is_told(tmp_path: Path) -> None:
    outcome = drypowder("up", "--host", "192.0.2.1", "--port", "0", data_dir=tmp_path)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == "drypowder: can't listen on port 0 of 192.0.2.1: Cannot assign requested address\n"


def test_a_database_that_does_not_answer_ends_up_in_one_line(tmp_path: Path) -> None:
    outcome = drypowder("up", "--port", "0", data_dir=tmp_path, DATABASE_URL="postgresql://ann@127.0.0.1:1/funds")
    assert (outcome.code, outcome.out) == (1, "")
    *progress, line = outcome.err.splitlines()
    assert all(told.startswith("· ") for told in progress)
    assert line.startswith("drypowder: the database can't be reached: [Errno 111] Connect call failed")
    assert not processes_of(tmp_path)


def test_commands_find_the_instance_by_option_and_by_environment(demo: Up, tmp_path: Path) -> None:
    by_environment = succeeded("funds", data_dir=demo.data_dir)
    by_option = succeeded("funds", "--data-dir", str(demo.data_dir), data_dir=tmp_path)
    assert "Sample Ventures I (sample data)" in by_environment
    assert by_option.splitlines()[0] == by_environment.splitlines()[0]
    assert drypowder("funds", data_dir=tmp_path).code == 1


def test_piped_output_has_no_colour_even_where_the_terminal_has(demo: Up) -> None:
    for words in (["--help"], ["verify"], ["export", "--fund", "x"], ["fly"]):
        outcome = drypowder(*words, data_dir=demo.data_dir, TERM="xterm-256color", COLORTERM="truecolor")
        assert "\x1b" not in outcome.out + outcome.err


def test_the_reader_of_an_export_may_leave_early(demo: Up) -> None:
    fund = sample_fund(demo)
    exporting = subprocess.Popen(
        [*COMMAND, "export", "--fund", fund],
        cwd=PROJECT,
        env=environment(demo.data_dir),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert exporting.stdout is not None
    assert exporting.stderr is not None
    with exporting, exporting.stderr:
        assert json.loads(exporting.stdout.readline())["event"]
        exporting.stdout.close()
        assert exporting.stderr.read() == b""
    assert exporting.returncode == 1


def test_an_export_can_be_piped_into_an_import(demo: Up) -> None:
    fund, copy = sample_fund(demo), open_sample_like(demo)
    export = [*COMMAND, "export", "--fund", fund]
    import_ = [*COMMAND, "import", "-", "--fund", copy]
    variables = environment(demo.data_dir)
    with subprocess.Popen(export, cwd=PROJECT, env=variables, stdout=subprocess.PIPE) as exporting:
        imported = subprocess.run(
            import_, cwd=PROJECT, env=variables, stdin=exporting.stdout, capture_output=True, text=True, check=True
        )
    assert exporting.returncode == 0
    first = succeeded("export", "--fund", fund, data_dir=demo.data_dir)
    count = len(first.splitlines())
    assert imported.stdout == f"{count} facts imported, versions 2 to {count + 1}.\n"
    assert succeeded("export", "--fund", copy, data_dir=demo.data_dir) == first
    assert succeeded("verify", "--fund", copy, data_dir=demo.data_dir) == f"{copy}  {count + 1} facts, chain whole\n"


@pytest.mark.parametrize(("sent", "status"), variants([(signal.SIGTERM, -signal.SIGTERM)], [(signal.SIGINT, 0)]))
def test_the_api_runs_alone_beside_an_instance(demo: Up, tmp_path: Path, sent: signal.Signals, status: int) -> None:
    log = tmp_path / "log"
    with (
        log.open("w") as err,
        subprocess.Popen(
            [*COMMAND, "serve", "--port", "0"], cwd=PROJECT, env=environment(demo.data_dir), stderr=err
        ) as serving,
    ):
        until(lambda: "Uvicorn running on" in log.read_text() or serving.poll() is not None, "serving")
        found = re.search(r"Uvicorn running on (http://127.0.0.1:\d+)", log.read_text())
        assert found, log.read_text()
        assert httpx.get(f"{found[1]}/readyz").status_code == 200
        serving.send_signal(sent)
        assert serving.wait(20) == status


@pytest.mark.parametrize("sent", variants([signal.SIGTERM], [signal.SIGINT]))
def test_a_worker_runs_alone_beside_an_instance(demo: Up, tmp_path: Path, sent: signal.Signals) -> None:
    log = tmp_path / "log"
    with (
        log.open("w") as err,
        subprocess.Popen([*COMMAND, "worker"], cwd=PROJECT, env=environment(demo.data_dir), stderr=err) as working,
    ):
        until(lambda: "the worker takes up jobs" in log.read_text() or working.poll() is not None, "working")
        assert working.poll() is None, log.read_text()
        working.send_signal(sent)
        assert working.wait(20) == 0


def test_up_on_servers_of_the_environment_starts_none_of_its_own(demo: Up, tmp_path: Path) -> None:
    asyncio.run(create_database(demo.database_url, "elsewhere"))
    database_url = urlunsplit(urlsplit(demo.database_url)._replace(path="/elsewhere"))
    redis_url = f"{demo.redis_url}?db=1"
    with Up(tmp_path, DATABASE_URL=database_url, REDIS_URL=redis_url) as up:
        assert "PostgreSQL" not in up.err
        assert "Redis" not in up.err
        assert not (up.data_dir / "postgres").exists()
        fund = open_fund(up.data_dir)
        # With the addresses alone, and with the data directory alone.
        elsewhere = succeeded("funds", data_dir=tmp_path / "none", DATABASE_URL=database_url)
        assert succeeded("funds", data_dir=up.data_dir) == elsewhere
        assert fund in elsewhere
        assert fund not in succeeded("funds", data_dir=demo.data_dir)
        assert ask(up, up.token, FUND, fundId=fund) == {"data": {"fund": {"version": 1}}}
        interrupt(up)
        assert up.wait_stopped() == 0
    assert httpx.get(f"{demo.url}/readyz").status_code == 200


def test_ctrl_c_and_termination_leave_no_process_and_all_the_facts(demo: Up, tmp_path: Path) -> None:
    with Up(tmp_path) as up:
        assert up.port != demo.port
        fund = open_fund(up.data_dir)
        interrupt(up)
        assert up.wait_stopped() == 0
        assert up.err.splitlines()[-1] == "Stopped."
        until(lambda: not processes_of(up.data_dir), "the end of every process")
        assert not (up.data_dir / "instance.json").exists()
    with Up(tmp_path) as again:
        assert ask(again, again.token, FUND, fundId=fund) == {"data": {"fund": {"version": 1}}}
        again.process.terminate()
        assert again.wait_stopped() == 0
        until(lambda: not processes_of(up.data_dir), "the end of every process")
    assert httpx.get(f"{demo.url}/readyz").status_code == 200


@pytest.mark.parametrize("moment", variants(["sample fund: starting"], ["PostgreSQL: starting", "api: starting"]))
def test_ctrl_c_while_starting_leaves_no_process(tmp_path: Path, moment: str) -> None:
    with ExitStack() as ending:
        up = Up(tmp_path, "--demo")
        ending.callback(up.stop)
        until(lambda: moment in up.err, moment)
        interrupt(up)
        assert up.wait_stopped() == 0, up.err
        assert up.out == ""
        assert up.err.splitlines()[-1] == "Stopped."
        until(lambda: not processes_of(up.data_dir), "the end of every process")


def sample_fund(up: Up) -> str:
    """The id of the demo's fund, from the link."""
    return up.link("GraphiQL").split("&fund=")[1]


def open_sample_like(up: Up) -> str:
    """A new fund that the sample's facts fit into."""
    found = ask(
        up, up.token, "query ($id: ID!) { node(id: $id) { ... on Fund { size vintageYear } } }", id=sample_fund(up)
    )
    fund = found["data"]["node"]
    options = ("--currency", "USD", "--vintage", str(fund["vintageYear"]), "--size", fund["size"])
    opened_at = ("--opened-at", f"{fund['vintageYear']}-10-01T00:00:00Z")
    return succeeded("open", "--name", "Copy", *options, *opened_at, data_dir=up.data_dir).strip()


async def create_database(url: str, name: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
