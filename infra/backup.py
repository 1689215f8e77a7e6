"""Backups: a whole database into one file and back, by PostgreSQL's own programs out of the wheel."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
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
            _run("pg_dump", database_url, [*_OPTIONS, "--format=custom"], stdout=part.fileno())
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
    with file.open("rb") as backup:
        options = [*_OPTIONS, "--clean", "--if-exists", "--single-transaction", "--exit-on-error"]
        name = _environment(database_url).get("PGDATABASE", "")
        _run("pg_restore", database_url, [*options, f"--dbname={name}"], stdin=backup.fileno())


def _run(
    program: str,
    database_url: str,
    options: Sequence[str],
    *,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.DEVNULL,
) -> None:
    done = subprocess.run(
        [programs() / program, *options],
        env={**os.environ, **_environment(database_url), **_FOR_EVERYONE},
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        # The first says what failed, those after it what was going on.
        raise BackupError(lines[0] if lines else f"{program} failed")


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
