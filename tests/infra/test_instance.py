"""One holder per data directory, found by everybody else; secrets only their owner reads."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import platformdirs
import pytest

from infra.instance import (
    DataDirectory,
    DataDirectoryInUse,
    Instance,
    default_data_directory,
    find_instance,
    signing_secret,
    write_admin_token,
)

PROJECT = Path(__file__).parents[2]

HOLD = """
import os, sys
from pathlib import Path
from infra.instance import DataDirectory, Instance
held = DataDirectory(Path(sys.argv[1]))
held.acquire()
held.publish(Instance(os.getpid(), "postgresql://database", "unix:///redis", "http://here"))
print("held", flush=True)
sys.stdin.read()
"""


def python(program: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@contextmanager
def another_holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    with python(HOLD, path) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        try:
            yield holder
        finally:
            holder.kill()


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_the_directory_is_chosen_by_the_environment_or_else_per_user(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DRYPOWDER_DATA_DIR", str(tmp_path / "chosen"))
    assert default_data_directory() == DataDirectory().path == tmp_path / "chosen"
    monkeypatch.delenv("DRYPOWDER_DATA_DIR")
    assert default_data_directory() == platformdirs.user_data_path("drypowder")


def test_the_directory_is_made_for_its_owner_only(tmp_path: Path) -> None:
    with DataDirectory(tmp_path / "above" / "data") as data:
        assert mode(data.path) == 0o700
        assert mode(data.path / "lock") == 0o600


def test_a_second_holder_is_refused_and_told_who_holds(tmp_path: Path) -> None:
    with another_holder(tmp_path) as holder:
        with pytest.raises(DataDirectoryInUse, match=f"in use by process {holder.pid}") as refused:
            DataDirectory(tmp_path).acquire()
        assert (refused.value.path, refused.value.pid) == (tmp_path, holder.pid)


def test_the_same_process_is_refused_too(tmp_path: Path) -> None:
    with DataDirectory(tmp_path), pytest.raises(DataDirectoryInUse, match=str(os.getpid())):
        DataDirectory(tmp_path).acquire()


def test_a_link_to_the_directory_is_the_same_directory(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "data")
    with DataDirectory(tmp_path / "data"), pytest.raises(DataDirectoryInUse):
        DataDirectory(tmp_path / "link").acquire()


def test_two_directories_are_held_side_by_side(tmp_path: Path) -> None:
    with another_holder(tmp_path / "one"), DataDirectory(tmp_path / "two"):
        assert find_instance(tmp_path / "one") is not None


def test_the_directory_is_free_after_release_and_after_the_holders_death(tmp_path: Path) -> None:
    with DataDirectory(tmp_path):
        pass
    with another_holder(tmp_path) as holder:
        holder.kill()
        holder.wait()
        with DataDirectory(tmp_path):
            pass


def test_a_child_that_outlives_the_holder_does_not_hold(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    data.acquire()
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE):
        data.release()
        with DataDirectory(tmp_path):
            pass


def test_nothing_runs_where_nobody_ever_was(tmp_path: Path) -> None:
    assert find_instance(tmp_path / "nowhere") is None
    assert find_instance(tmp_path) is None


def test_a_published_instance_is_found_until_its_holder_ends(tmp_path: Path) -> None:
    with another_holder(tmp_path) as holder:
        found = find_instance(tmp_path)
        assert found == Instance(holder.pid, "postgresql://database", "unix:///redis", "http://here")
        assert mode(tmp_path / "instance.json") == 0o600
        holder.kill()
        holder.wait()
        assert (tmp_path / "instance.json").exists()
        assert find_instance(tmp_path) is None


def test_a_new_holder_does_not_pass_for_the_killed_one(tmp_path: Path) -> None:
    with another_holder(tmp_path) as holder:
        holder.kill()
    published = (tmp_path / "instance.json").read_text()
    with DataDirectory(tmp_path) as data:
        assert not (tmp_path / "instance.json").exists()
        (tmp_path / "instance.json").write_text(published)
        assert find_instance(tmp_path) is None
        mine = Instance(os.getpid(), "a", "b", "c")
        data.publish(mine)
        assert find_instance(tmp_path) == mine
        data.withdraw()
        assert find_instance(tmp_path) is None


def test_looking_for_an_instance_never_keeps_one_from_starting(tmp_path: Path) -> None:
    look = "import sys; from pathlib import Path; from infra.instance import find_instance\n"
    look += "print(flush=True)\nwhile True: find_instance(Path(sys.argv[1]))"
    with DataDirectory(tmp_path):
        pass
    with python(look, tmp_path) as onlooker:
        assert onlooker.stdout is not None
        try:
            onlooker.stdout.readline()
            for _ in range(100):
                with DataDirectory(tmp_path):
                    pass
        finally:
            onlooker.kill()


def test_the_signing_secret_is_made_once_and_private(tmp_path: Path) -> None:
    secret = signing_secret(tmp_path)
    assert len(secret) >= 64
    assert signing_secret(tmp_path) == secret
    assert [mode(path) for path in tmp_path.iterdir()] == [0o600]
    (tmp_path / "other").mkdir()
    assert signing_secret(tmp_path / "other") != secret


def test_those_who_start_together_agree_on_the_signing_secret(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        secrets = set(pool.map(signing_secret, [tmp_path] * 64))
    assert len(secrets) == 1


def test_the_admin_token_is_replaced_whole_and_private(tmp_path: Path) -> None:
    write_admin_token(tmp_path, "first")
    path = write_admin_token(tmp_path, "second")
    assert path == tmp_path / "admin.token"
    assert path.read_text() == "second\n"
    assert [(found.name, mode(found)) for found in tmp_path.iterdir()] == [("admin.token", 0o600)]


def test_an_instance_is_published_as_json_others_can_read(tmp_path: Path) -> None:
    with DataDirectory(tmp_path) as data:
        data.publish(Instance(os.getpid(), "a", "b", "c"))
        assert json.loads((tmp_path / "instance.json").read_text()) == {
            "pid": os.getpid(),
            "database_url": "a",
            "redis_url": "b",
            "url": "c",
        }
