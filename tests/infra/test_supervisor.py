"""One command keeps everything running, and leaves nothing behind however it ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import asyncpg
import psutil
import pytest
import redis

from infra.instance import Instance, find_instance
from infra.part import Command, Part, Step
from infra.supervisor import PartKeepsFailing, Supervisor

PROJECT = Path(__file__).parents[2]

# What `drypowder up` does, with a child that only says that it lives in place of the API.
UP = """
import os, sys
from pathlib import Path
from infra.embedded import EmbeddedPostgres, EmbeddedRedis
from infra.instance import DataDirectory, DataDirectoryInUse, Instance
from infra.part import Command, Step
from infra.supervisor import Supervisor

def child(name, **more):
    said = data.path / f"{name}.pid"
    said.unlink(missing_ok=True)
    program = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(600)"
    argv = [sys.executable, "-c", program, str(said)]
    return Command(name, argv, data_dir=data.path, **more)

def api_answers():
    said = data.path / "API.pid"
    return said.exists() and said.read_text() == str(api.pid)

try:
    with DataDirectory(Path(sys.argv[1])) as data:
        postgres, redis = EmbeddedPostgres(data.postgres), EmbeddedRedis(data.redis)
        api, worker = child("API", check=api_answers), child("Worker")
        instance = Instance(os.getpid(), postgres.url, redis.url, "http://here")
        Supervisor(
            [postgres, redis, Step("Schema", lambda: None), api, worker],
            on_progress=lambda message: print(message, flush=True),
            on_ready=lambda: data.publish(instance),
        ).run()
except DataDirectoryInUse as refusal:
    sys.exit(str(refusal))
"""


def until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


@contextmanager
def up(data_dir: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", UP, str(data_dir)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
    ) as supervisor:
        try:
            until(lambda: find_instance(data_dir) or supervisor.poll() is not None)
            yield supervisor
        finally:
            supervisor.terminate()


def found(data_dir: Path) -> Instance:
    instance = find_instance(data_dir)
    assert instance is not None
    return instance


def processes_of(data_dir: Path) -> dict[str, psutil.Process]:
    """Everything that belongs to an instance, its supervisor excepted, by a telling name."""
    processes = {}
    for process in psutil.process_iter():
        try:
            words, cwd = process.cmdline(), process.cwd()
        except psutil.Error:
            continue
        telling = {
            "PostgreSQL": str(data_dir / "postgres" / "cluster"),
            "Redis": str(data_dir / "redis"),
            "API": str(data_dir / "API.pid"),
            "Worker": str(data_dir / "Worker.pid"),
        }
        for name, word in telling.items():
            if word in words:
                processes[name] = process
        if cwd.startswith(str(data_dir)) and process not in processes.values():
            processes[f"{words} {process.pid}"] = process
    return processes


PARTS = ["PostgreSQL", "Redis", "API", "Worker"]


def test_parts_start_in_order_and_stop_in_reverse(tmp_path: Path) -> None:
    with up(tmp_path) as supervisor:
        assert {*PARTS} <= {*processes_of(tmp_path)}
        supervisor.terminate()
        told, _ = supervisor.communicate()
        assert supervisor.returncode == 0
    steps = [line for line in told.splitlines() if "ready" not in line]
    starts = [f"{name}: starting" for name in ["PostgreSQL", "Redis", "Schema", "API", "Worker"]]
    assert steps == [*starts, *(f"{name}: stopping" for name in reversed(PARTS))]
    assert processes_of(tmp_path) == {}
    assert find_instance(tmp_path) is None
    assert not (tmp_path / "instance.json").exists()


def test_ctrl_c_reaches_only_the_supervisor(tmp_path: Path) -> None:
    with up(tmp_path) as supervisor:
        os.killpg(supervisor.pid, signal.SIGINT)
        told, _ = supervisor.communicate()
        assert supervisor.returncode == 0
    assert "again" not in told
    assert told.splitlines()[-4:] == [f"{name}: stopping" for name in reversed(PARTS)]
    assert processes_of(tmp_path) == {}


async def test_each_killed_part_comes_back_with_its_data(tmp_path: Path) -> None:
    with up(tmp_path):
        instance = found(tmp_path)
        for count, name in enumerate(PARTS, start=1):
            connection = await connected(instance)
            await connection.execute(f"CREATE TABLE kept_{count} ()")
            with redis.Redis.from_url(instance.redis_url) as store:
                store.incr("counter")
            before = processes_of(tmp_path)
            before[name].kill()
            until(partial(is_replaced, tmp_path, name, before[name]))
            connection.terminate()
            after = processes_of(tmp_path)
            assert [part for part in PARTS if before[part] != after.get(part)] == [name]
            connection = await connected(instance)
            kept = "SELECT count(*) FROM pg_tables WHERE tablename LIKE 'kept_%'"
            assert await connection.fetchval(kept) == count
            await connection.close()
            until(partial(counts_to, count, instance))


def is_replaced(data_dir: Path, name: str, was: psutil.Process) -> bool:
    return processes_of(data_dir).get(name, was) != was


def counts_to(count: int, instance: Instance) -> bool:
    try:
        with redis.Redis.from_url(instance.redis_url) as store:
            return bool(store.get("counter") == str(count).encode())
    except redis.RedisError:
        return False


async def connected(instance: Instance) -> asyncpg.Connection:
    """A connection as soon as there can be one, as the API's pool gets it."""
    deadline = time.monotonic() + 60.0
    while True:
        try:
            return await asyncpg.connect(instance.database_url)
        except (OSError, asyncpg.CannotConnectNowError, asyncpg.PostgresConnectionError):
            assert time.monotonic() < deadline, "waited in vain"


async def test_a_killed_supervisor_takes_everything_with_it_and_a_new_one_recovers(
    tmp_path: Path,
) -> None:
    with up(tmp_path) as supervisor:
        instance = found(tmp_path)
        connection = await asyncpg.connect(instance.database_url)
        await connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
        supervisor.kill()
        connection.terminate()
    if sys.platform == "linux":
        until(lambda: processes_of(tmp_path) == {})
    assert find_instance(tmp_path) is None
    with up(tmp_path):
        connection = await asyncpg.connect(found(tmp_path).database_url)
        assert await connection.fetchval("SELECT n FROM kept") == 7
        await connection.close()


def test_an_instance_starts_at_once_after_a_killed_supervisor(tmp_path: Path) -> None:
    with up(tmp_path) as supervisor:
        supervisor.kill()
    with up(tmp_path):
        assert {*PARTS} <= {*processes_of(tmp_path)}


def test_a_second_on_the_same_directory_is_refused_and_another_is_not(tmp_path: Path) -> None:
    with up(tmp_path / "one") as first:
        with up(tmp_path / "one") as refused:
            told, _ = refused.communicate()
            assert refused.returncode == 1
            assert f"in use by process {first.pid}" in told
        with up(tmp_path / "two"):
            assert {*PARTS} <= {*processes_of(tmp_path / "one")}
            assert {*PARTS} <= {*processes_of(tmp_path / "two")}
            assert found(tmp_path / "one").database_url != found(tmp_path / "two").database_url


def stop_here() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def shell(name: str, script: str, tmp_path: Path, check: Callable[[], bool] | None) -> Command:
    log = tmp_path / "logs" / f"{name}.log"
    return Command(name, ["/bin/sh", "-c", script], data_dir=tmp_path, check=check, log=log)


def run(*parts: Part, on_ready: Callable[[], None] = stop_here) -> list[str]:
    told: list[str] = []
    Supervisor(parts, on_progress=told.append, on_ready=on_ready).run()
    return told


def marked(data_dir: Path) -> list[psutil.Process]:
    processes = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("DRYPOWDER_PART", "").startswith(str(data_dir)):
                processes.append(process)
        except psutil.Error:
            continue
    return processes


def test_a_part_that_always_fails_ends_the_run_with_its_last_words(tmp_path: Path) -> None:
    good = shell("Good", "exec sleep 600", tmp_path, check=lambda: True)
    bad = shell("Bad", "echo the port is taken; exit 3", tmp_path, check=lambda: False)
    told: list[str] = []
    with pytest.raises(PartKeepsFailing, match="the port is taken") as failure:
        Supervisor([good, bad], on_progress=told.append).run()
    assert "Bad failed 3 times in a row, at last: ended with status 3." in str(failure.value)
    assert failure.value.last_words == "the port is taken"
    assert [line for line in told if "again" in line] == [
        "Bad: ended with status 3, starting it again in 0.1 s",
        "Bad: ended with status 3, starting it again in 0.2 s",
    ]
    assert marked(tmp_path) == []


def test_a_part_that_seems_ready_but_exits_is_no_endless_loop(tmp_path: Path) -> None:
    bad = shell("Bad", "exit 0", tmp_path, check=lambda: True)
    with pytest.raises(PartKeepsFailing, match="ended with status 0"):
        run(bad, on_ready=lambda: None)


def test_a_part_that_fails_at_first_gets_another_chance(tmp_path: Path) -> None:
    tried = tmp_path / "tried"
    script = f"test -e '{tried}' && exec sleep 600; touch '{tried}'; exit 1"
    part = shell("Late", script, tmp_path, check=lambda: part.exit_status is None and tried.exists())
    assert "Late: stopping" in run(part)


def test_a_part_that_never_gets_ready_is_stopped_and_reported(tmp_path: Path) -> None:
    part = shell("Mute", "exec sleep 600", tmp_path, check=lambda: False)
    part.patience = 0.05
    with pytest.raises(PartKeepsFailing, match="not ready after 0 s"):
        run(part)
    assert marked(tmp_path) == []


def test_later_parts_wait_for_what_they_need(tmp_path: Path) -> None:
    seen: list[bool] = []
    asked = iter([False, False, True])
    first = shell("First", "exec sleep 600", tmp_path, check=lambda: next(asked))
    told = run(first, Step("Look", lambda: seen.append(next(asked, None) is None)))
    assert seen == [True]
    assert told[-3:] == ["Look: starting", "Look: ready (0.0 s)", "First: stopping"]


def test_an_error_in_a_step_stops_what_runs(tmp_path: Path) -> None:
    def fail() -> None:
        raise ValueError("no such migration")

    first = shell("First", "exec sleep 600", tmp_path, check=lambda: True)
    with pytest.raises(ValueError, match="no such migration"):
        run(first, Step("Schema", fail))
    assert first.pid is None
    assert marked(tmp_path) == []


def test_a_child_that_will_not_stop_is_killed_with_all_it_started(tmp_path: Path) -> None:
    script = "trap '' TERM INT; sleep 600 & (setsid sleep 600) & echo ready; wait; sleep 600"
    part = shell("Stubborn", script, tmp_path, check=lambda: "ready" in part.last_words())
    part.ending = ((signal.SIGTERM, 0.1),)
    seen: list[int] = []

    def see_and_stop() -> None:
        until(lambda: len(marked(tmp_path)) >= 3)
        seen.append(len(marked(tmp_path)))
        stop_here()

    run(part, on_ready=see_and_stop)
    assert seen[0] >= 3
    assert marked(tmp_path) == []


def test_what_a_killed_child_had_started_is_ended_before_its_successor_starts(
    tmp_path: Path,
) -> None:
    grandchildren: list[psutil.Process] = []

    def is_up() -> bool:
        if "ready" not in part.last_words():
            return False
        now = [process for process in marked(tmp_path) if process.name() == "sleep"]
        if not grandchildren:
            grandchildren.extend(now)
            os.kill(part.pid or 0, signal.SIGKILL)
            return False
        assert not any(process in grandchildren for process in now)
        return True

    part = shell("Parent", "sleep 600 & echo ready; wait", tmp_path, check=is_up)
    told = run(part)
    assert "Parent: killed by signal 9 (Killed), starting it again in 0.1 s" in told
    assert marked(tmp_path) == []


def test_a_command_left_by_an_earlier_run_is_ended(tmp_path: Path) -> None:
    earlier = shell("API", "exec sleep 600", tmp_path, check=lambda: True)
    earlier.start()
    assert earlier.pid is not None
    later = shell("API", "exec sleep 600", tmp_path, check=lambda: True)
    other = shell("Other API", "exec sleep 600", tmp_path, check=lambda: True)
    other.start()
    try:
        later.start()
        assert earlier.exit_status == -signal.SIGTERM
        assert other.exit_status is None
    finally:
        later.stop()
        other.stop()


def test_children_get_their_variables_and_no_input(tmp_path: Path) -> None:
    part = Command(
        "Echo",
        ["/bin/sh", "-c", 'cat; echo "$GREETING from $PWD"; exec sleep 600'],
        data_dir=tmp_path,
        env={"GREETING": "hello"},
        check=lambda: "hello" in part.last_words(),
        log=tmp_path / "logs" / "echo.log",
    )
    run(part)
    assert part.last_words() == f"hello from {Path.cwd()}"
    assert part.log is not None
    assert part.log.stat().st_mode & 0o777 == 0o600


def test_a_command_nobody_can_ask_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # It will not count as started in the time of this test.
    monkeypatch.setattr("infra.part._STARTED", 3_600.0)
    quiet = shell("Quiet", "exec sleep 600", tmp_path, check=None)
    told = run(quiet, shell("Next", "exec sleep 600", tmp_path, check=lambda: True))
    assert told[:2] == ["Quiet: starting", "Next: starting"]


def test_the_callers_signal_handlers_are_restored(tmp_path: Path) -> None:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)
    before = [signal.getsignal(number) for number in numbers]
    run(Step("Nothing", lambda: None))
    assert [signal.getsignal(number) for number in numbers] == before
