"""Backups: the running demo's database into a file and back, to the last bit, and what is refused on the way."""

import asyncio
import stat
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from infra.instance import find_instance
from tests.system.program import Outcome, Up, drypowder, open_fund, succeeded

FACT = '{"occurredAt": "2031-01-01T00:00:00Z", "event": {"feeCharged": {"amount": "12.50"}}}\n'


def address(up: Up, database: str) -> str:
    """Of another database on the demo's server."""
    instance = find_instance(up.data_dir)
    assert instance is not None
    return urlunsplit(urlsplit(instance.database_url)._replace(path=f"/{database}"))


async def _made(url: str, database: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(f"CREATE DATABASE {database}")
    await connection.close()


@pytest.fixture
def empty(demo: Up, request: pytest.FixtureRequest) -> str:
    """Address of a new database, named for the test."""
    name = f"of_{abs(hash(request.node.name))}"
    asyncio.run(_made(address(demo, "postgres"), name))
    return address(demo, name)


@pytest.fixture(scope="module")
def fund(demo: Up, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A fund beside the demo's own, in which nothing happens by itself."""
    facts = tmp_path_factory.mktemp("facts") / "facts.jsonl"
    facts.write_text(FACT * 3)
    opened = open_fund(demo.data_dir)
    succeeded("import", str(facts), "--fund", opened, data_dir=demo.data_dir)
    return opened


@pytest.fixture(scope="module")
def backup(demo: Up, fund: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("backup") / "fund.dump"
    told = succeeded("backup", str(file), data_dir=demo.data_dir)
    assert told.startswith(f"{file}: ")
    return file


def verified(demo: Up, fund: str, **more: str) -> str:
    return succeeded("verify", "--fund", fund, data_dir=demo.data_dir, **more)


def restored(demo: Up, backup: Path, url: str) -> Outcome:
    return drypowder("restore", str(backup), data_dir=demo.data_dir, DATABASE_URL=url)


def test_a_backup_comes_back_to_the_last_bit_and_goes_on(
    demo: Up, fund: str, backup: Path, empty: str, tmp_path: Path
) -> None:
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    told = restored(demo, backup, empty)
    assert (told.code, told.err) == (0, "")
    assert f"{fund}  4 facts, chain whole\n" in told.out
    assert all(line.endswith("chain whole") for line in told.out.splitlines())
    facts = succeeded("export", "--fund", fund, data_dir=demo.data_dir)
    assert succeeded("export", "--fund", fund, data_dir=demo.data_dir, DATABASE_URL=empty) == facts
    more = tmp_path / "more.jsonl"
    more.write_text(FACT * 2)
    succeeded("import", str(more), "--fund", fund, data_dir=demo.data_dir, DATABASE_URL=empty)
    assert verified(demo, fund, DATABASE_URL=empty) == f"{fund}  6 facts, chain whole\n"
    assert verified(demo, fund) == f"{fund}  4 facts, chain whole\n"


def test_a_database_that_holds_funds_is_left_alone(demo: Up, fund: str, backup: Path) -> None:
    told = drypowder("restore", str(backup), data_dir=demo.data_dir)
    assert (told.code, told.out) == (1, "")
    assert "this database holds funds; restore into a new one" in told.err
    assert verified(demo, fund) == f"{fund}  4 facts, chain whole\n"


def test_what_is_no_whole_backup_changes_nothing(demo: Up, backup: Path, empty: str, tmp_path: Path) -> None:
    short = tmp_path / "short.dump"
    whole = backup.read_bytes()
    for content in (b"", b"no backup", whole[: len(whole) // 2]):
        short.write_bytes(content)
        told = restored(demo, short, empty)
        assert told.code == 1
        assert told.err.startswith("drypowder: pg_restore: error: ")
        assert len(told.err.splitlines()) == 1
    assert restored(demo, backup, empty).code == 0


def test_a_backup_that_cannot_be_made_leaves_no_file(demo: Up, tmp_path: Path) -> None:
    file = tmp_path / "fund.dump"
    told = drypowder("backup", str(file), data_dir=demo.data_dir, DATABASE_URL=address(demo, "nowhere"))
    assert (told.code, list(tmp_path.iterdir())) == (1, [])
    assert told.err.startswith("drypowder: pg_dump: error: ")
    missing = drypowder("backup", str(tmp_path / "none" / "fund.dump"), data_dir=demo.data_dir)
    assert (missing.code, missing.out) == (1, "")
    assert "No such file or directory" in missing.err
