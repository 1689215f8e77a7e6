"""Backups: a whole database into one file and back, by PostgreSQL's own programs out of the wheel."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryFile
from typing import IO
from urllib.parse import parse_qsl, unquote, urlsplit

from infra import tenancy
from infra.embedded import programs
from infra.postgres import plain_url

_VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
}


# Row-level security holds for the owner too, and shows everything to whoever works for everyone. Privileges are the
# migration's: the server that a backup goes to may not know the roles of the one it came from.
_OPTIONS = ("--no-owner", "--no-privileges", "--enable-row-security")
_FOR_EVERYONE = {"PGOPTIONS": f"-c {tenancy.SETTING}={tenancy.EVERYONE}"}


class BackupError(Exception):
    """A backup that couldn't be made or put back, and why."""


def dump(database_url: str, file: Path) -> None:
    """Writes all that the database holds into a file that only its owner may read; whole, or not at all.

    Raises:
        BackupError: If the database can't be read.
        OSError: If the file can't be written.
    """
    with NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}.", delete=False) as part:
        try:
            _run("pg_dump", database_url, [*_OPTIONS, "--format=custom"], part.fileno())
            os.fsync(part.fileno())
            Path(part.name).replace(file)
        except BaseException:
            with suppress(OSError):
                Path(part.name).unlink()
            raise


def put_back(database_url: str, file: Path) -> None:
    """Makes the database hold what a backup held, in one transaction: all of it or nothing changes.

    Raises:
        BackupError: If the file is no backup, or the database doesn't take it.
        OSError: If the file can't be read.
    """
    # As a script: over a connection of its own, pg_restore makes a setting that servers before 17 don't know.
    options = [*_OPTIONS, "--clean", "--if-exists", "--single-transaction", "--file=-"]
    reading = [str(programs() / "pg_restore"), *options]
    taking = [str(programs() / "psql"), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]
    with (
        file.open("rb") as backup,
        TemporaryFile() as unread,
        TemporaryFile() as refused,
        subprocess.Popen(reading, stdin=backup, stdout=subprocess.PIPE, stderr=unread) as reader,
        subprocess.Popen(
            taking, env=_surroundings(database_url), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=refused
        ) as taker,
    ):
        taken = _pass_on(reader, taker)
        if taken and reader.wait():
            # What it has makes no whole script, whose last line commits.
            taker.kill()
            raise _failed("pg_restore", unread)
        taker.communicate()
        if taker.returncode:
            raise _failed("psql", refused)


def _pass_on(reader: subprocess.Popen[bytes], taker: subprocess.Popen[bytes]) -> bool:
    """Gives one program's output to another but for the setting, and tells whether that one took all of it."""
    assert reader.stdout is not None
    assert taker.stdin is not None
    try:
        for line in reader.stdout:
            if line.startswith(b"SET transaction_timeout"):
                break
            taker.stdin.write(line)
        shutil.copyfileobj(reader.stdout, taker.stdin)
        taker.stdin.flush()
    except BrokenPipeError:
        # A reader that isn't read from would never end.
        reader.kill()
        return False
    return True


def _run(program: str, database_url: str, options: Sequence[str], stdout: int) -> None:
    with TemporaryFile() as told:
        done = subprocess.run(
            [programs() / program, *options],
            env=_surroundings(database_url),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=told,
            check=False,
        )
        if done.returncode:
            raise _failed(program, told)


def _failed(program: str, told: IO[bytes]) -> BackupError:
    told.seek(0)
    lines = told.read().decode(errors="replace").strip().splitlines()
    # The first says what failed, those after it what was going on.
    return BackupError(lines[0] if lines else f"{program} failed")


def _surroundings(database_url: str) -> Mapping[str, str]:
    """What PostgreSQL's programs are started with."""
    return {**os.environ, **_environment(database_url), **_FOR_EVERYONE}


def _environment(database_url: str) -> Mapping[str, str]:
    """The address as libpq's variables: a password on a command line could be read by everybody."""
    parts = urlsplit(plain_url(database_url))
    given = {
        "host": parts.hostname,
        "port": str(parts.port) if parts.port else None,
        "user": unquote(parts.username) if parts.username else None,
        "password": unquote(parts.password) if parts.password else None,
        "dbname": unquote(parts.path.removeprefix("/")) or None,
        **dict(parse_qsl(parts.query)),
    }
    return {_VARIABLES[name]: told for name, told in given.items() if told and name in _VARIABLES}
