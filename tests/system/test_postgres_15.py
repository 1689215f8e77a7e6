"""The oldest PostgreSQL supported passes the tests of `infra` too."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.embedded import EmbeddedPostgres

ROOT = Path(__file__).resolve().parents[2]
DEBIANS = Path("/usr/lib/postgresql/15/bin")
SECONDS = 280
ELSEWHERE = ("codec", "embedded", "golden", "instance", "queue", "real_data", "supervisor", "wire")
"""Tests that start servers of their own, need no PostgreSQL, or ask of it for long what others ask in short."""


@pytest.mark.timeout(SECONDS + 20)
def test_postgresql_15_passes_the_tests_of_infra(tmp_path: Path) -> None:
    programs = Path(os.environ.get("DRYPOWDER_TEST_PG15", DEBIANS))
    if not programs.is_dir():
        pytest.skip("no PostgreSQL 15 is installed (Debian's package postgresql-15)")
    server = EmbeddedPostgres(tmp_path / "postgres", bin_dir=programs)
    server.start()
    try:
        server.wait_ready()
        environment = {**os.environ, "DATABASE_URL": server.url, "DRYPOWDER_HISTORIES": "100"}
        ignored = [f"--ignore=tests/infra/test_{name}.py" for name in ELSEWHERE]
        # With a base of its own: pytest would take from root's servers the passage to their files, as it tightens the
        # folder that this run's temporary files lie in. Planted faults are noticed on any server or on none.
        base = ["-q", "-k", "not fault_in", "-p", "no:cacheprovider", f"--basetemp={tmp_path / 'base'}"]
        command = [sys.executable, "-m", "pytest", "tests/infra", *ignored, *base]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    finally:
        server.stop()
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
