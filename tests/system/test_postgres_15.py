"""The oldest PostgreSQL supported passes the tests of `infra` too."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.embedded import EmbeddedPostgres
from tests.depth import deep

ROOT = Path(__file__).resolve().parents[2]
DEBIANS = Path("/usr/lib/postgresql/15/bin")
SECONDS = 900
"""Beside whatever else runs."""
ELSEWHERE = " or ".join(
    (
        # What asks of the server for long what others ask in short, and whether planted faults are noticed.
        *("real_data", "fault_in", "without_a_fault", "hold_enough", "agrees_with_the_facts", "near_now"),
        # What is about Redis, or has a server of its own.
        *("fifty_come", "busy_other_funds", "redis_killed", "words_are_lost", "server_is_gone", "cut_off_by_a_kill"),
    )
)
"""Tests that tell no more of this server than of any other."""


@pytest.mark.timeout(SECONDS + 20)
def test_postgresql_15_passes_the_tests_of_infra(tmp_path: Path) -> None:
    programs = Path(os.environ.get("DRYPOWDER_TEST_PG15", DEBIANS))
    if not programs.is_dir():
        pytest.skip("no PostgreSQL 15 is installed (Debian's package postgresql-15)")
    server = EmbeddedPostgres(tmp_path / "postgres", bin_dir=programs)
    server.start()
    try:
        server.wait_ready()
        environment = {**os.environ, "DATABASE_URL": server.url, "DRYPOWDER_HISTORIES": str(deep(30, 200))}
        # With a base of its own: pytest would take from root's servers the passage to their files, as it tightens the
        # folder that this run's temporary files lie in.
        base = ["-q", "-p", "no:cacheprovider", f"--basetemp={tmp_path / 'base'}"]
        chosen = ["tests/infra", "-p", "tests.system.served", "-k", f"not ({ELSEWHERE})"]
        command = [sys.executable, "-m", "pytest", *chosen, *base]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    finally:
        server.stop()
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
