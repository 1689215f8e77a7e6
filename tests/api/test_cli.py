"""The command line, command by command, on a database of its own; what takes processes stands in `tests/system`."""

import asyncio
import gzip
import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID, uuid4

import asyncpg
import pytest

from api.cli import main
from infra.revision import OURS, SERVES
from infra.settings import settings
from tests.conftest import Servers
from tests.system.program import Outcome

COMMANDS = [
    "up", "serve", "worker", "migrate", "token", "revoke", "open", "import", "export", "verify",
    "doctor", "backup", "restore", "reserves", "rebuild", "schema", "funds", "member",
]  # fmt: skip
NOBODY = "00000000-0000-0000-0000-000000000000"
OPENING = ("--size", "60000000.00", "--currency", "USD", "--vintage", "2006", "--opened-at", "2006-01-01T00:00:00Z")
HEADER = "occurred_on,type,company_id,company_name,sector,stage,amount,pre_money,round_size,ownership_after,note"
GOOD_ROWS = f"""{HEADER}
2006-01-02,COMPANY_ADDED,acme,Acme,web,seed,,,,,
2006-01-02,INVESTMENT_MADE,acme,Acme,,seed,250000.00,,,0.05,initial
2006-06-30,VALUATION_UPDATED,acme,Acme,,,6000000.00,,,,
"""

Cli = Callable[..., Outcome]


@contextmanager
def a_database(servers: Servers) -> Iterator[str]:
    """The address of a new, empty database on the server under test."""
    name = f"cli_{uuid4().hex}"
    on_server(servers.database_url, f"CREATE DATABASE {name}")
    try:
        yield urlunsplit(urlsplit(servers.database_url)._replace(path=f"/{name}"))
    finally:
        on_server(servers.database_url, f"DROP DATABASE {name} WITH (FORCE)")


def on_server(url: str, *statements: str) -> None:
    async def execute() -> None:
        connection = await asyncpg.connect(url)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(execute())


@pytest.fixture(scope="module")
def database(servers: Servers) -> Iterator[str]:
    with a_database(servers) as url:
        yield url


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Iterator[Cli]:
    """Runs `drypowder` with these words and variables, in this process; no server is set unless by a variable."""

    def run(*words: str, **variables: str) -> Outcome:
        for name in ("DATABASE_URL", "REDIS_URL", "DASK_SCHEDULER_ADDRESS", "DRYPOWDER_SECRET", "HOST", "PORT"):
            monkeypatch.delenv(name, raising=False)
        for name, text in {"DRYPOWDER_DATA_DIR": str(tmp_path / "data"), **variables}.items():
            monkeypatch.setenv(name, text)
        monkeypatch.setattr(sys, "argv", ["drypowder", *words])
        settings.cache_clear()
        with pytest.raises(SystemExit) as ended:
            main()
        assert isinstance(ended.value.code, int)
        return Outcome(ended.value.code, *capsys.readouterr())

    yield run
    settings.cache_clear()


@pytest.fixture
def migrated(cli: Cli, database: str) -> Cli:
    """`cli` on the module's database, migrated."""

    def run(*words: str, **variables: str) -> Outcome:
        return cli(*words, **{"DATABASE_URL": database, **variables})

    assert run("migrate") == Outcome(0, "", "")
    return run


def complaint(outcome: Outcome) -> str:
    """The one line on standard error of a command that failed with 1."""
    assert outcome.code == 1, outcome
    assert outcome.out == ""
    lines = outcome.err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("drypowder: ")
    return lines[0].removeprefix("drypowder: ")


def misuse(outcome: Outcome) -> str:
    """The last line on standard error of a command that was called wrongly."""
    assert (outcome.code, outcome.out) == (2, ""), outcome
    assert outcome.err.startswith("Usage: drypowder")
    return outcome.err.splitlines()[-1].removeprefix("Error: ")


def opened(run: Cli, name: str = "Test Fund") -> str:
    outcome = run("open", "--name", name, *OPENING)
    assert (outcome.code, outcome.err) == (0, "")
    return str(UUID(outcome.out.strip()))


def written(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("command", [None, *COMMANDS])
@pytest.mark.parametrize("asked", ["--help", "-h"])
def test_every_command_explains_itself(cli: Cli, command: str | None, asked: str) -> None:
    words = [asked] if command is None else [command, asked]
    outcome = cli(*words)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith(f"Usage: drypowder {command or '[OPTIONS] COMMAND'} ")
    assert "\x1b" not in outcome.out
    assert max(map(len, outcome.out.splitlines())) <= 80


def test_help_names_every_command(cli: Cli) -> None:
    listed = cli("--help").out.split("Commands:\n")[1].splitlines()
    assert [line.split()[0] for line in listed] == COMMANDS
    assert not [line for line in listed if line.endswith("...")]


TOKEN = ("token", "--subject", "ann@example.org")
OPEN = ("open", "--name", "F", "--currency", "USD", "--vintage", "2006", "--size")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["fly"], "No such command 'fly'."),
        (["funds", "--colour"], "No such option: --colour"),
        (["up", "--port", "65536"], "Invalid value for '--port': Input should be less than or equal to 65535"),
        (["serve", "--port", "http"], "Invalid value for '--port'"),
        (["token"], "Missing option '--subject'."),
        (["token", "--subject", "ann"], "Invalid value for '--subject': an e-mail address is needed"),
        (["token", "--subject", "ann@ example.org"], "Invalid value for '--subject': an e-mail address is needed"),
        (["token", "--subject", "@"], "Invalid value for '--subject': an e-mail address is needed"),
        (["token", "--subject", f"{'a' * 250}@b.org"], "Invalid value for '--subject': an e-mail address is needed"),
        ([*TOKEN, "--role", "ANALYST"], "Invalid value: --role and --fund go together"),
        ([*TOKEN, "--fund", NOBODY], "Invalid value: --role and --fund go together"),
        ([*TOKEN, "--role", "KING", "--fund", NOBODY], "Invalid value for '--role'"),
        *(
            ([*TOKEN, "--expires", bad], "Invalid value for '--expires': expected a number and m, h or d")
            for bad in ("", "d", "0d", "-1d", "1.5d", "3w", "12", "4000d", "9999999999d", "١d")
        ),
        ([*OPEN, "12.345"], "Invalid value for '--size': not an amount of money"),
        ([*OPEN, "1e6"], "Invalid value for '--size': not an amount of money"),
        ([*OPEN, "1", "--vintage", "MMVI"], "Invalid value for '--vintage'"),
        ([*OPEN, "1", "--opened-at", "2006"], "Invalid value for '--opened-at': not an instant"),
        ([*OPEN, "1", "--time-zone", "Mars/Base"], "Invalid value for '--time-zone': no IANA time zone"),
        ([*OPEN, "1", "--owner", "ann"], "Invalid value for '--owner': an e-mail address is needed"),
        (["import", "facts.csv"], "Missing option '--fund'."),
        (["import", "--fund", NOBODY], "Missing argument 'FILE'."),
        (["export"], "Missing option '--fund'."),
    ],
)
def test_a_wrong_call_is_told_with_status_2(cli: Cli, words: list[str], told: str) -> None:
    assert misuse(cli(*words)).startswith(told)


def test_no_command_at_all_is_a_wrong_call_and_shows_the_commands(cli: Cli) -> None:
    outcome = cli()
    assert (outcome.code, outcome.out) == (2, "")
    assert "Commands:" in outcome.err


NEEDING_SERVERS = {
    "serve": [],
    "worker": [],
    "migrate": [],
    "token": ["--subject", "ann@example.org"],
    "revoke": ["--subject", "ann@example.org"],
    "open": ["--name", "F", *OPENING],
    "import": ["facts.csv", "--fund", NOBODY],
    "export": ["--fund", NOBODY],
    "verify": [],
    "funds": [],
}


@pytest.mark.parametrize("command", NEEDING_SERVERS)
def test_without_an_instance_every_command_says_so(cli: Cli, tmp_path: Path, command: str) -> None:
    assert complaint(cli(command, *NEEDING_SERVERS[command])) == (
        f"No instance is running in {tmp_path / 'data'}. Start one with `drypowder up`, or set DATABASE_URL."
    )
    assert not (tmp_path / "data").exists()


def test_a_data_directory_given_by_option_wins_over_the_environments(cli: Cli, tmp_path: Path) -> None:
    assert f"in {tmp_path / 'other'}." in complaint(cli("funds", "--data-dir", str(tmp_path / "other")))
    home = complaint(cli("funds", DRYPOWDER_DATA_DIR="~/drypowder", HOME=str(tmp_path)))
    assert f"in {tmp_path / 'drypowder'}." in home


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_running_a_part_alone_takes_redis_too(cli: Cli, database: str, command: str) -> None:
    assert complaint(cli(command, DATABASE_URL=database)).endswith("or set REDIS_URL.")


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("postgresql://ann@127.0.0.1:1/f", "the database can't be reached: [Errno 111] Connect call failed"),
        ("postgresql+asyncpg://ann@127.0.0.1:1/f", "the database can't be reached: [Errno 111] Connect call failed"),
        ("postgresql:///f?host=/nowhere", "the database can't be reached: [Errno 2] No such file or directory"),
        ("mysql://ann@127.0.0.1/f", "DATABASE_URL must start with postgresql:// or postgres://"),
        ("nonsense", "DATABASE_URL must start with postgresql:// or postgres://"),
    ],
)
@pytest.mark.parametrize("command", [name for name in NEEDING_SERVERS if name != "worker"])
def test_a_wrong_database_address_is_told_in_one_line(cli: Cli, command: str, address: str, told: str) -> None:
    outcome = cli(command, *NEEDING_SERVERS[command], DATABASE_URL=address, REDIS_URL="redis://127.0.0.1:1")
    assert complaint(outcome).startswith(told)


def test_a_database_that_is_not_there_is_told_in_one_line(cli: Cli, servers: Servers) -> None:
    url = urlunsplit(urlsplit(servers.database_url)._replace(path="/nowhere"))
    for command in ("funds", "migrate"):
        assert complaint(cli(command, DATABASE_URL=url)) == ('the database refuses: database "nowhere" does not exist')


def test_a_redis_address_of_another_kind_is_told_in_one_line(cli: Cli, database: str) -> None:
    told = "REDIS_URL must start with redis:// or rediss:// or unix://"
    for command in ("funds", "up", "serve", "worker"):
        assert complaint(cli(command, DATABASE_URL=database, REDIS_URL="http://127.0.0.1")) == told


def test_a_dask_address_of_another_kind_is_told_in_one_line(cli: Cli) -> None:
    told = "DASK_SCHEDULER_ADDRESS must start with tcp:// or tls:// or ws:// or wss://"
    for command in ("up", "worker"):
        assert complaint(cli(command, DASK_SCHEDULER_ADDRESS="http://127.0.0.1:8787")) == told


def test_a_worker_with_a_cluster_but_without_dask_says_what_to_install(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What Python itself takes as not installed.
    monkeypatch.setitem(sys.modules, "distributed", None)
    told = "DASK_SCHEDULER_ADDRESS is set, but Dask isn't installed: pip install 'drypowder[dask]'"
    for command in ("up", "worker"):
        assert complaint(cli(command, DASK_SCHEDULER_ADDRESS="tcp://127.0.0.1:8786")) == told
    # Others have no need of it.
    assert complaint(cli("funds", DASK_SCHEDULER_ADDRESS="tcp://127.0.0.1:8786")).startswith("No instance is running")


def test_a_setting_that_cannot_be_is_told_by_its_variable(cli: Cli) -> None:
    for command in ("funds", "up", "serve"):
        assert complaint(cli(command, PORT="http")).startswith("PORT: Input should be a valid integer")
    outcome = cli("up", PORT="http", SNAPSHOT_FREQUENCY="0")
    assert [line.split(": ")[1] for line in outcome.err.splitlines()] == ["PORT", "SNAPSHOT_FREQUENCY"]


def test_a_database_never_migrated_is_told_so_and_can_be(cli: Cli, servers: Servers) -> None:
    with a_database(servers) as url:
        for command in ("funds", "verify", "serve"):
            assert complaint(cli(command, DATABASE_URL=url, REDIS_URL=servers.redis_url)) == (
                "this database isn't Drypowder's yet; prepare it with `drypowder migrate`"
            )
        assert cli("migrate", DATABASE_URL=url) == Outcome(0, "", "")
        assert cli("migrate", DATABASE_URL=url) == Outcome(0, "", "")
        assert cli("verify", DATABASE_URL=url) == Outcome(0, "", "")
        assert cli("funds", DATABASE_URL=url) == Outcome(0, "", "No funds yet: open one with `drypowder open`.\n")


def test_a_database_of_a_newer_program_is_left_alone(cli: Cli, servers: Servers) -> None:
    with a_database(servers) as url:
        assert cli("migrate", DATABASE_URL=url).code == 0
        on_server(url, "UPDATE alembic_version SET version_num = '9999'")
        assert complaint(cli("migrate", DATABASE_URL=url)) == "Can't locate revision identified by '9999'"


def test_a_database_that_lacks_a_migration_is_refused(cli: Cli, servers: Servers) -> None:
    with a_database(servers) as url:
        assert cli("migrate", DATABASE_URL=url).code == 0
        on_server(url, "UPDATE alembic_version SET version_num = '0001'")
        for command in ("funds", "serve"):
            assert complaint(cli(command, DATABASE_URL=url, REDIS_URL=servers.redis_url)) == (
                f"this database's schema is 0001, and this program needs {OURS}; run `drypowder migrate`"
            )


def test_a_newer_schema_serves_older_programs_until_it_says_otherwise(cli: Cli, servers: Servers) -> None:
    with a_database(servers) as url:
        assert cli("migrate", DATABASE_URL=url).code == 0
        # As the next release's migration would: it adds, and takes nothing away.
        on_server(
            url,
            "ALTER TABLE fund ADD COLUMN later text",
            "CREATE TABLE later (id bigint PRIMARY KEY)",
            "UPDATE alembic_version SET version_num = '9998'",
        )
        fund = opened(partial(cli, DATABASE_URL=url), "Fund I")
        assert fund in cli("funds", DATABASE_URL=url).out
        on_server(
            url,
            f"COMMENT ON TABLE alembic_version IS '{SERVES}9998'",
            "UPDATE alembic_version SET version_num = '9999'",
        )
        for command in ("funds", "serve"):
            assert complaint(cli(command, DATABASE_URL=url, REDIS_URL=servers.redis_url)) == (
                f"this database's schema is 9999, which serves programs of 9998 on, and this one is of {OURS}"
            )


def test_a_fund_is_opened_and_listed(migrated: Cli) -> None:
    fund = opened(migrated, "Fund [bold]I[/] of\x1b[31m Ann")
    outcome = migrated("funds")
    assert (outcome.code, outcome.err) == (0, "")
    header, *rows = outcome.out.splitlines()
    assert header.split() == ["id", "opened", "version", "size", "name"]
    (row,) = [row for row in rows if row.startswith(fund)]
    assert row.split(maxsplit=3)[:3] == [fund, "2006-01-01", "1"]
    assert row.split(maxsplit=3)[3] == "60,000,000 USD  Fund [bold]I[/] of [31m Ann"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--currency", "dollars"], "currency: A currency is three capital letters, such as USD."),
        (["--vintage", "1"], "vintageYear: A vintage year lies from 1900 to 2199."),
        (["--name", " "], "name: This must not be empty."),
        (["--opened-at", "2999-01-01T00:00:00Z"], "openedAt: A fund was opened between 1900 and now."),
        (["--size", "0"], "size: "),
    ],
)
def test_a_fund_that_cannot_be_is_refused_with_the_obstacle(migrated: Cli, options: list[str], told: str) -> None:
    assert complaint(migrated("open", "--name", "F", *OPENING, *options)).startswith(told)


def test_a_file_is_imported_once_and_exported_the_same_again(migrated: Cli, tmp_path: Path) -> None:
    first, second = opened(migrated), opened(migrated)
    rows = written(tmp_path, "facts.csv", GOOD_ROWS)
    assert migrated("import", rows, "--fund", first) == Outcome(0, "3 facts imported, versions 2 to 4.\n", "")
    assert migrated("import", rows, "--fund", first) == Outcome(
        0, "facts.csv was imported before, as versions 2 to 4; nothing changed.\n", ""
    )
    exported = migrated("export", "--fund", first)
    assert (exported.code, exported.err) == (0, "")
    assert [next(iter(json.loads(line)["event"])) for line in exported.out.splitlines()] == [
        "companyAdded",
        "investmentMade",
        "valuationUpdated",
    ]
    packed = tmp_path / "facts.jsonl.gz"
    packed.write_bytes(gzip.compress(exported.out.encode()))
    assert migrated("import", str(packed), "--fund", second).out == "3 facts imported, versions 2 to 4.\n"
    assert migrated("export", "--fund", second) == exported
    assert migrated("verify", "--fund", first) == Outcome(0, f"{first}  4 facts, chain whole\n", "")
    assert f"{second}  4 facts, chain whole\n" in migrated("verify").out


def test_bad_rows_are_told_by_file_and_line_and_nothing_is_written(migrated: Cli, tmp_path: Path) -> None:
    fund = opened(migrated)
    rows = written(
        tmp_path,
        "bad.csv",
        f"{HEADER}\n2006-01-02,COMPANY_ADDED,acme,Acme,web,seed,,,,,\n2006-13-02,COMPANY_ADDED,beta,Beta,,,,,,,\n"
        "2006-01-02,COMPANY_SOLD,acme,Acme,,,,,,,\n",
    )
    outcome = migrated("import", rows, "--fund", fund)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.splitlines() == [
        "bad.csv:3: occurred_on: month must be in 1..12",
        "bad.csv:4: type: 'COMPANY_SOLD' is no type of event that a CSV row can hold.",
        "drypowder: 2 bad rows; nothing was written.",
    ]
    assert migrated("export", "--fund", fund) == Outcome(0, "", "")


def test_rows_the_fund_refuses_are_told_by_line_too(migrated: Cli, tmp_path: Path) -> None:
    fund = opened(migrated)
    rows = written(
        tmp_path,
        "refused.csv",
        f"{HEADER}\n2006-01-02,COMPANY_ADDED,acme,Acme,web,seed,,,,,\n2006-02-02,INVESTMENT_MADE,beta,,,,5,,,,\n"
        "2006-01-03,INVESTMENT_MADE,acme,,,,99999999999.00,,,,\n",
    )
    outcome = migrated("import", rows, "--fund", fund)
    assert outcome.code == 1
    assert outcome.err.splitlines() == [
        "refused.csv:3: companyId: No company 'beta' in the fund at that moment.",
        "refused.csv:4: amount: 99,999,999,999 USD is above the 60,000,000 USD available by then.",
        "drypowder: 2 bad rows; nothing was written.",
    ]
    assert migrated("export", "--fund", fund) == Outcome(0, "", "")


def test_of_very_many_bad_rows_a_hundred_are_told(migrated: Cli, tmp_path: Path) -> None:
    rows = written(tmp_path, "bad.jsonl", '{"event": {}}\n' * 250)
    lines = migrated("import", rows, "--fund", opened(migrated)).err.splitlines()
    assert len(lines) == 102
    assert lines[99].startswith("bad.jsonl:100: ")
    assert lines[100:] == ["… and 150 more", "drypowder: 250 bad rows; nothing was written."]


@pytest.mark.parametrize(
    ("stored", "told"),
    [
        (b"", "f:1: the header lacks"),
        (b"\xff\xfe\n", "f:1: byte 0 isn't UTF-8"),
        (b"{\n", "f:1: not JSON"),
        (b"\x1f\x8b broken", "drypowder: The file can't be read: "),
        (HEADER.encode(), "drypowder: The file holds no events."),
    ],
)
def test_a_file_of_another_kind_is_told_without_a_traceback(
    migrated: Cli, tmp_path: Path, stored: bytes, told: str
) -> None:
    (tmp_path / "f").write_bytes(stored)
    outcome = migrated("import", str(tmp_path / "f"), "--fund", opened(migrated))
    assert outcome.code == 1
    assert outcome.err.startswith(told)
    assert outcome.err.splitlines()[-1].startswith("drypowder: ")


def test_a_file_that_is_not_there_is_told(migrated: Cli, tmp_path: Path) -> None:
    fund = opened(migrated)
    missing = tmp_path / "missing.csv"
    assert complaint(migrated("import", str(missing), "--fund", fund)) == f"{missing}: No such file or directory"
    assert complaint(migrated("import", str(tmp_path), "--fund", fund)) == f"{tmp_path}: Is a directory"


@pytest.mark.parametrize("fund", [NOBODY, "fund", ""])
@pytest.mark.parametrize("command", ["import", "export", "verify", "token"])
def test_a_fund_that_is_not_there_is_told(migrated: Cli, tmp_path: Path, command: str, fund: str) -> None:
    words = {
        "import": [written(tmp_path, "facts.csv", GOOD_ROWS)],
        "token": ["--subject", f"{uuid4().hex}@example.org", "--role", "VIEWER"],
    }.get(command, [])
    assert complaint(migrated(command, *words, "--fund", fund)) == "No such fund."


def test_a_tampered_ledger_is_found_with_the_version(cli: Cli, servers: Servers, tmp_path: Path) -> None:
    with a_database(servers) as url:

        def run(*words: str) -> Outcome:
            return cli(*words, DATABASE_URL=url)

        assert run("migrate").code == 0
        broken, whole = opened(run), opened(run)
        rows = written(tmp_path, "facts.csv", GOOD_ROWS)
        for fund in (broken, whole):
            assert run("import", rows, "--fund", fund).code == 0
        on_server(
            url,
            "GRANT UPDATE ON fact TO CURRENT_USER",
            "ALTER TABLE fact DISABLE TRIGGER ALL",
            f"UPDATE fact SET payload = replace(payload, '25000000', '25000001') "  # noqa: S608 - an id of ours
            f"WHERE fund_id = '{broken}' AND version = 3",
        )
        outcome = run("verify")
        assert (outcome.code, outcome.err) == (1, "")
        *funds, organisation = outcome.out.splitlines()
        assert sorted(funds) == sorted([f"{broken}  BROKEN at version 3", f"{whole}  4 facts, chain whole"])
        assert organisation.endswith("  6 facts of access, chain whole")
        assert run("verify", "--fund", broken).code == 1
        assert run("verify", "--fund", whole).code == 0


def test_a_tampered_ledger_of_access_is_found_too(cli: Cli, servers: Servers) -> None:
    with a_database(servers) as url:

        def run(*words: str) -> Outcome:
            return cli(*words, DATABASE_URL=url)

        assert run("migrate").code == 0
        fund = opened(run)
        on_server(
            url,
            "GRANT UPDATE ON access_fact TO CURRENT_USER",
            "ALTER TABLE access_fact DISABLE TRIGGER ALL",
            "SET drypowder.organisations = '*'",
            "UPDATE access_fact SET actor = gen_random_uuid() WHERE version = 4",
        )
        outcome = run("verify")
        assert (outcome.code, outcome.err) == (1, "")
        assert [line.partition("  ")[2] for line in outcome.out.splitlines()] == [
            "1 facts, chain whole",
            "BROKEN at version 4",
        ]
        assert run("verify", "--fund", fund).code == 0


def test_members_are_added_listed_and_removed(migrated: Cli) -> None:
    fund, ann, ben = opened(migrated), f"ann-{uuid4().hex}@example.org", f"ben-{uuid4().hex}@example.org"
    for email, role in ((ann, "ANALYST"), (ben.upper(), "VIEWER"), (ann, "ADMIN")):
        assert migrated("member", "add", "--fund", fund, "--subject", email, "--role", role) == Outcome(0, "", "")
    listed = f"ADMIN    admin@localhost\nADMIN    {ann}\nVIEWER   {ben}\n"
    assert migrated("member", "list", "--fund", fund) == Outcome(0, listed, "")
    assert migrated("member", "remove", "--fund", fund, "--subject", ben) == Outcome(0, "", "")
    assert migrated("member", "remove", "--fund", fund, "--subject", "admin@localhost") == Outcome(0, "", "")
    assert migrated("member", "list", "--fund", fund) == Outcome(0, f"ADMIN    {ann}\n", "")
    assert complaint(migrated("member", "remove", "--fund", fund, "--subject", ben)) == (
        "Nobody with this e-mail takes part."
    )
    for words in (["remove", "--subject", ann], ["add", "--subject", ann, "--role", "VIEWER"]):
        told = complaint(migrated("member", *words, "--fund", fund))
        assert told.endswith("They are the only ADMIN: give somebody else that role first.")
    for words in (["list"], ["remove", "--subject", ann], ["add", "--subject", "new@example.org", "--role", "ADMIN"]):
        assert complaint(migrated("member", *words, "--fund", NOBODY)) == "No such fund."
    assert "'ann'" not in misuse(migrated("member", "add", "--fund", fund, "--subject", "ann", "--role", "VIEWER"))
    assert complaint(migrated("revoke", "--subject", "new@example.org")) == "Nobody has this e-mail."


def test_revoked_tokens_are_told_by_their_moment(migrated: Cli) -> None:
    email = f"ann-{uuid4().hex}@example.org"
    assert migrated("token", "--subject", email).code == 0
    outcome = migrated("revoke", "--subject", email.upper())
    assert (outcome.code, outcome.err) == (0, "")
    assert re.fullmatch(rf"tokens of {email.upper()} issued before [0-9T:.-]+Z are refused\n", outcome.out)


def test_an_issuer_that_cannot_be_is_told_in_one_line(cli: Cli) -> None:
    good = {"OIDC_ISSUER": "https://login.example.org", "OIDC_AUDIENCE": "fund-web"}
    for changed, told in (
        ({"OIDC_ISSUER": "login.example.org"}, "OIDC_ISSUER: The address must start with https://."),
        ({"OIDC_ISSUER": "http://login.example.org"}, "OIDC_ISSUER: The address must start with https://."),
        ({"OIDC_ISSUER": "https://10.0.0.5"}, "OIDC_ISSUER: The address must not be one of a private network."),
        ({"OIDC_AUDIENCE": ""}, "OIDC_AUDIENCE must be set where OIDC_ISSUER is"),
    ):
        for command in ("up", "serve"):
            assert complaint(cli(command, **{**good, **changed})) == told
    assert complaint(cli("serve", **good)).startswith("No instance is running")


def test_the_schema_is_printed(cli: Cli) -> None:
    outcome = cli("schema")
    assert (outcome.code, outcome.err) == (0, "")
    assert "\ntype Subscription " in outcome.out
    assert outcome.out.endswith("\n")


def test_alerts_are_made_again_fund_by_fund(migrated: Cli) -> None:
    first, second = opened(migrated), opened(migrated, "Another")
    assert migrated("rebuild", "alerts", "--fund", first).out == f"{first}  0 alerts\n"
    every = migrated("rebuild", "alerts").out.splitlines()
    assert {f"{first}  0 alerts", f"{second}  0 alerts"} <= set(every)
    assert complaint(migrated("rebuild", "alerts", "--fund", NOBODY)).startswith("No such fund")
    assert "'totals'" in misuse(migrated("rebuild", "totals"))


def test_companies_are_ranked_as_a_table_and_as_json(migrated: Cli, tmp_path: Path) -> None:
    fund = opened(migrated)
    assert migrated("import", written(tmp_path, "facts.csv", GOOD_ROWS), "--fund", fund).code == 0
    table = migrated("reserves", "--fund", fund, "--iterations", "100")
    assert table.code == 0, table.err
    assert table.out.split()[:2] == ["rank", "company"]
    assert "Acme" in table.out
    told = migrated("reserves", "--fund", fund, "--iterations", "100", "--json")
    assert [one["company_name"] for one in json.loads(told.out)["recommendations"]] == ["Acme"]
    assert migrated("reserves", "--fund", fund, "--iterations", "100", "--json").out == told.out
    # Nothing was stored.
    assert migrated("verify", "--fund", fund).out == f"{fund}  4 facts, chain whole\n"


def test_a_ranking_of_no_fund_or_too_few_paths_is_told(migrated: Cli) -> None:
    assert migrated("reserves", "--fund", NOBODY).code == 1
    assert migrated("reserves", "--fund", NOBODY, "--iterations", "99").code == 2
