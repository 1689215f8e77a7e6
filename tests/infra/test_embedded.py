"""PostgreSQL and Redis from the wheels: private, durable, and nothing left of them."""

import asyncio
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import asyncpg
import psutil
import pytest
import redis.asyncio
from arq.connections import RedisSettings

from infra.account import ServerDidNotStart
from infra.embedded import EmbeddedPostgres, EmbeddedRedis

PROJECT = Path(__file__).parents[2]
DEBIAN = Path("/usr/lib/postgresql/15/bin")
IS_ROOT = os.geteuid() == 0
NOBODY = 65534
SYSTEM_PYTHON = Path("/usr/bin/python3")  # which others may run, unlike one in root's home


@pytest.fixture(scope="module", params=["wheel", "debian"])
def postgres(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    if request.param == "debian" and not DEBIAN.exists():
        pytest.skip("PostgreSQL 15 is not installed")
    bin_dir = DEBIAN if request.param == "debian" else None
    server = EmbeddedPostgres(tmp_path_factory.mktemp("pg") / "postgres", bin_dir=bin_dir)
    try:
        restart(server)
        yield server
    finally:
        server.stop()


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    server = EmbeddedRedis(tmp_path / "redis")
    try:
        restart(server)
        yield server
    finally:
        server.stop()


def restart(server: EmbeddedPostgres | EmbeddedRedis) -> None:
    server.start()
    server.wait_ready()


def kill(server: EmbeddedPostgres | EmbeddedRedis) -> None:
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    until(lambda: server.exit_status == -signal.SIGKILL)


def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def working_in(directory: Path) -> list[psutil.Process]:
    """Every process that works in a directory or names it, those about to be reaped excepted."""
    found = []
    for process in psutil.process_iter():
        try:
            words = [process.cwd(), *process.cmdline()]
        except psutil.Error:
            continue
        if any(str(directory) in word for word in words) and process.pid != os.getpid():
            found.append(process)
    return found


async def ask(server: EmbeddedPostgres, sql: str) -> object:
    connection = await asyncpg.connect(server.url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def test_postgres_is_set_up_for_the_ledger(postgres: EmbeddedPostgres) -> None:
    async def shown(name: str) -> object:
        return await ask(postgres, f"SHOW {name}")

    version = str(await shown("server_version")).split(".")[0]
    assert version == ("18" if "pginstall18" in str(postgres._bin_dir) else "15")
    assert await shown("listen_addresses") == ""
    assert await shown("data_checksums") == "on"
    assert await shown("fsync") == "on"
    assert await shown("jit") == "off"
    assert await shown("timezone") == "UTC"
    assert await shown("server_encoding") == "UTF8"
    assert await ask(postgres, "SELECT upper('é')") == "É"
    assert await ask(postgres, "SELECT 'Z' < 'a'") is True


async def test_what_was_committed_survives_a_stop_and_a_start(postgres: EmbeddedPostgres) -> None:
    url = postgres.url
    await ask(postgres, "CREATE TABLE kept_by_stop AS SELECT 7 AS seven")
    postgres.stop()
    assert postgres.pid is None
    assert working_in(postgres.directory) == []
    restart(postgres)
    assert postgres.url == url
    assert await ask(postgres, "SELECT seven FROM kept_by_stop") == 7


@pytest.mark.parametrize(
    ("program", "ask"), [("postgres", EmbeddedPostgres._major_version), ("psql", EmbeddedPostgres._make_database)]
)
def test_ctrl_c_reaches_no_program_that_is_only_asked(
    tmp_path: Path, program: str, ask: Callable[[EmbeddedPostgres], object]
) -> None:
    told = tmp_path / "group"
    script = f"import os, pathlib; pathlib.Path({str(told)!r}).write_text(str(os.getpgrp()))"
    (tmp_path / program).write_text(f"#!{sys.executable}\n{script}; print('postgres (PostgreSQL) 18.4')\n")
    (tmp_path / program).chmod(0o755)
    ask(EmbeddedPostgres(tmp_path / "postgres-files", bin_dir=tmp_path))
    assert int(told.read_text()) != os.getpgrp()


async def test_what_was_committed_survives_a_killed_postmaster(postgres: EmbeddedPostgres) -> None:
    await ask(postgres, "CREATE TABLE kept_by_kill (n int)")
    busy = await asyncpg.connect(postgres.url)
    await busy.execute("INSERT INTO kept_by_kill VALUES (1)")
    await busy.execute("BEGIN; INSERT INTO kept_by_kill VALUES (2)")
    before = {process.pid for process in working_in(postgres.directory)}
    kill(postgres)
    restart(postgres)
    assert not before & {process.pid for process in working_in(postgres.directory)}
    assert await ask(postgres, "SELECT array_agg(n) FROM kept_by_kill") == [1]
    busy.terminate()


async def test_backends_that_outlive_their_postmaster_are_ended(
    postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "ending", ((signal.SIGINT, 0.1),))
    busy = await asyncpg.connect(postgres.url)
    backend = psutil.Process(busy.get_server_pid())
    backend.suspend()  # so that it can't notice the death of its postmaster
    kill(postgres)
    postgres.start()
    assert not backend.is_running() or backend.status() == psutil.STATUS_ZOMBIE
    postgres.wait_ready()
    assert await ask(postgres, "SELECT 1") == 1
    busy.terminate()


async def test_a_dropped_database_is_made_again(postgres: EmbeddedPostgres) -> None:
    other = await asyncpg.connect(postgres.url, database="postgres")
    await other.execute("DROP DATABASE drypowder WITH (FORCE)")
    await other.close()
    postgres.stop()
    restart(postgres)
    assert await ask(postgres, "SELECT current_database()") == "drypowder"


def test_a_pid_file_that_names_somebody_elses_process_is_no_obstacle(
    postgres: EmbeddedPostgres,
) -> None:
    pid_file = postgres.directory / "cluster" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    kill(postgres)
    owner = pid_file.stat().st_uid
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, user=owner, cwd="/") as bystander:
        pid_file.write_text("\n".join([str(bystander.pid), *lines[1:], ""]))
        restart(postgres)
        assert bystander.poll() is None


def test_a_server_that_somebody_else_left_running_is_replaced(postgres: EmbeddedPostgres) -> None:
    left = psutil.Process(postgres.pid)
    successor = EmbeddedPostgres(postgres.directory, bin_dir=postgres._bin_dir)
    try:
        restart(successor)
        assert not left.is_running() or left.status() == psutil.STATUS_ZOMBIE
        assert "received fast shutdown request" in postgres.last_words()
    finally:
        successor.stop()
        postgres.stop()
        restart(postgres)


def test_only_the_servers_user_can_reach_its_socket(postgres: EmbeddedPostgres) -> None:
    path = postgres.socket_directory / ".s.PGSQL.5432"
    assert stat.S_IMODE(postgres.socket_directory.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    owner = path.stat().st_uid
    assert owner not in {0, NOBODY} if IS_ROOT else owner == os.geteuid()


@pytest.mark.skipif(not IS_ROOT or not SYSTEM_PYTHON.exists(), reason="needs other users and their Python")
def test_nobody_else_can_connect() -> None:
    everybodys = Path(tempfile.mkdtemp())
    everybodys.chmod(0o755)
    server = EmbeddedRedis(everybodys / "redis")
    try:
        restart(server)
        connect = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"
        argv = [str(SYSTEM_PYTHON), "-c", connect, server.url.removeprefix("unix://")]
        for user, refused in ((server.directory.stat().st_uid, False), (NOBODY, True)):
            tried = subprocess.run(
                argv, capture_output=True, text=True, check=False, user=user, extra_groups=(), cwd="/"
            )
            assert ("PermissionError" in tried.stderr) is refused
            assert (tried.returncode != 0) is refused
    finally:
        server.stop()
        shutil.rmtree(everybodys)


START = """
import sys
from pathlib import Path
from infra.embedded import EmbeddedPostgres, EmbeddedRedis
for kind in sys.argv[2:]:
    server = {"postgres": EmbeddedPostgres, "redis": EmbeddedRedis}[kind](Path(sys.argv[1]) / kind)
    server.start()
    server.wait_ready()
print("ready", flush=True)
sys.stdin.read()
server.stop()
"""


def started_by_another(directory: Path, *kinds: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", START, str(directory), *kinds],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


async def test_a_cluster_whose_making_was_killed_is_made_again(tmp_path: Path) -> None:
    unfinished = tmp_path / "postgres" / "cluster.unfinished"
    with started_by_another(tmp_path, "postgres") as maker:
        until((unfinished / "PG_VERSION").exists)
        maker.kill()
    assert unfinished.exists()
    assert not (tmp_path / "postgres" / "cluster").exists()
    server = EmbeddedPostgres(tmp_path / "postgres")
    try:
        restart(server)
        assert not unfinished.exists()
        assert await ask(server, "SELECT 1") == 1
    finally:
        server.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_the_servers_die_with_the_process_that_started_them(tmp_path: Path) -> None:
    with started_by_another(tmp_path, "postgres", "redis") as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == "ready\n"
        assert len(working_in(tmp_path)) > 2
        starter.kill()
    until(lambda: not working_in(tmp_path))


async def test_a_long_or_odd_path_moves_only_the_sockets(tmp_path: Path) -> None:
    odd = tmp_path / f"a space, a comma and {'much ' * 20}"
    servers = EmbeddedPostgres(odd / "postgres"), EmbeddedRedis(odd / "redis")
    try:
        for server in servers:
            restart(server)
            assert stat.S_IMODE(server.socket_directory.stat().st_mode) == 0o700
            assert tmp_path not in server.socket_directory.parents
        assert await ask(servers[0], "SELECT 1") == 1
        kill(servers[0])
        restart(servers[0])
    finally:
        for server in servers:
            server.stop()
    assert not any(server.socket_directory.exists() for server in servers)
    assert (odd / "postgres" / "cluster").exists()


@pytest.mark.skipif(not IS_ROOT, reason="only root can leave a directory in another's name")
def test_a_socket_directory_of_somebody_else_is_refused(tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path / ("long " * 20) / "redis")
    server.socket_directory.mkdir()
    os.chown(server.socket_directory, NOBODY, NOBODY)
    try:
        with pytest.raises(ServerDidNotStart, match="belongs to somebody else"):
            server.start()
    finally:
        server.socket_directory.rmdir()


def test_a_server_that_does_not_start_shows_the_end_of_its_log(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "postgres")
    try:
        restart(server)
        server.stop()
        (server.directory / "cluster" / "PG_VERSION").write_text("9\n")
        server.start()
        with pytest.raises(ServerDidNotStart, match="PostgreSQL ended with status 1") as refused:
            server.wait_ready()
        assert "database files are incompatible with server" in refused.value.log_tail
        assert "shut down" not in refused.value.log_tail
    finally:
        server.stop()


def test_a_server_that_takes_too_long_is_reported(tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path / "redis")
    try:
        server.start()
        assert server.pid is not None
        os.kill(server.pid, signal.SIGSTOP)
        with pytest.raises(ServerDidNotStart, match="did not answer within 0 s"):
            server.wait_ready(timeout=0.2)
        os.kill(server.pid, signal.SIGCONT)
    finally:
        server.stop()


@pytest.mark.skipif(not IS_ROOT, reason="needs another system user")
def test_root_opens_the_way_for_the_servers_user_alone(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    server = EmbeddedRedis(closed / "data" / "redis")
    try:
        restart(server)
        assert psutil.Process(server.pid).uids().real == server.directory.stat().st_uid != 0
        assert stat.S_IMODE(closed.stat().st_mode) & stat.S_IRWXO == 0
    finally:
        server.stop()


@pytest.mark.skipif(not IS_ROOT, reason="needs another system user")
def test_without_access_lists_root_opens_the_way_but_not_the_view(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "setxattr")  # as on macOS
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    server = EmbeddedRedis(closed / "redis")
    try:
        restart(server)
        assert stat.S_IMODE(closed.stat().st_mode) == 0o701
    finally:
        server.stop()


def as_nobody(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv,
        input="",
        capture_output=True,
        text=True,
        check=False,
        user=NOBODY,
        group=NOBODY,
        extra_groups=(),
        cwd=PROJECT,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
    )


@pytest.mark.skipif(not IS_ROOT, reason="only root can become somebody else")
def test_the_servers_run_for_an_ordinary_user_too() -> None:
    directory = Path(tempfile.mkdtemp())
    os.chown(directory, NOBODY, NOBODY)
    try:
        for python in (sys.executable, str(SYSTEM_PYTHON)):
            with suppress(PermissionError, FileNotFoundError):
                if as_nobody(python, "-c", "import infra.embedded").returncode == 0:
                    break
        else:
            pytest.skip("nobody may not read this project or its interpreter")
        told = as_nobody(python, "-c", START, str(directory), "postgres", "redis")
        assert told.stdout == "ready\n", told.stderr
        until(lambda: not working_in(directory))
        assert {path.stat().st_uid for path in directory.rglob("*")} == {NOBODY}
    finally:
        shutil.rmtree(directory)


async def test_redis_listens_on_its_socket_only(redis_server: EmbeddedRedis) -> None:
    async with redis.asyncio.Redis.from_url(redis_server.url) as client:
        shown = {
            name: (await client.config_get(name))[name]
            for name in ("port", "unixsocketperm", "appendonly", "appendfsync")
        }
    assert shown == {
        "port": "0",
        "unixsocketperm": "700",
        "appendonly": "yes",
        "appendfsync": "everysec",
    }
    assert not psutil.Process(redis_server.pid).net_connections("inet")
    settings = RedisSettings.from_dsn(redis_server.url)
    assert settings.unix_socket_path == str(redis_server.directory / "redis.sock")


@pytest.mark.parametrize("end", [EmbeddedRedis.stop, kill])
async def test_what_redis_acknowledged_survives(
    redis_server: EmbeddedRedis, end: Callable[[EmbeddedRedis], None]
) -> None:
    async with redis.asyncio.Redis.from_url(redis_server.url) as client:
        acknowledged = [await client.incr("counter") for _ in range(500)]
        # While the disk is busy with what came before, Redis holds on to what is new for up to two seconds.
        while (await client.info("persistence"))["aof_buffer_length"]:
            await asyncio.sleep(0.01)
        end(redis_server)
    restart(redis_server)
    async with redis.asyncio.Redis.from_url(redis_server.url) as client:
        assert await client.get("counter") == str(acknowledged[-1]).encode()


async def test_a_torn_end_of_the_append_only_file_is_forgiven(redis_server: EmbeddedRedis) -> None:
    async with redis.asyncio.Redis.from_url(redis_server.url) as client:
        await client.set("kept", "whole")
    kill(redis_server)
    with (redis_server.directory / "appendonly.aof").open("ab") as file:
        file.write(b"*3\r\n$3\r\nSET\r\n$4\r\ntor")
    restart(redis_server)
    async with redis.asyncio.Redis.from_url(redis_server.url) as client:
        assert await client.get("kept") == b"whole"


def test_a_damaged_append_only_file_is_reported(redis_server: EmbeddedRedis) -> None:
    redis_server.stop()
    (redis_server.directory / "appendonly.aof").write_bytes(b"no such thing\r\n" * 100)
    redis_server.start()
    with pytest.raises(ServerDidNotStart, match="Bad file format reading the append only file"):
        redis_server.wait_ready()


def test_a_stale_socket_is_no_obstacle(redis_server: EmbeddedRedis) -> None:
    kill(redis_server)
    path = redis_server.directory / "redis.sock"
    assert path.is_socket()
    with socket.socket(socket.AF_UNIX) as client, pytest.raises(ConnectionRefusedError):
        client.connect(str(path))
    restart(redis_server)


async def test_two_run_side_by_side(tmp_path: Path, redis_server: EmbeddedRedis) -> None:
    other = EmbeddedRedis(tmp_path / "other")
    try:
        restart(other)
        async with (
            redis.asyncio.Redis.from_url(redis_server.url) as client,
            redis.asyncio.Redis.from_url(other.url) as others_client,
        ):
            await client.set("name", "one")
            await others_client.set("name", "other")
            assert await client.get("name") == b"one"
    finally:
        other.stop()
    assert redis_server.exit_status is None
