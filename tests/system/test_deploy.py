"""docs/deploy: what can be said of the container and compose files without an engine to run them."""

import asyncio
import os
import re
import subprocess
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest
import yaml

from api.app import application
from api.cli import app
from infra.embedded import programs
from infra.migrate import migrate_in_loop
from infra.settings import Settings
from tests.conftest import SECRET, Servers
from tests.system.program import PROJECT

DEPLOY = PROJECT / "docs" / "deploy"
OF_UVICORN = {"FORWARDED_ALLOW_IPS"}
MARGIN_SECONDS = 5
Service = dict[str, Any]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return found


@pytest.fixture(scope="module")
def ours(compose: dict[str, Any]) -> dict[str, Service]:
    """The services that run the image built here."""
    return {name: one for name, one in compose["services"].items() if "build" in one}


def instructions() -> list[tuple[str, str]]:
    """Those of the container file, continued lines joined."""
    lines = re.sub(r"\\\n\s*", "", (DEPLOY / "Containerfile").read_text()).splitlines()
    return [
        (word, rest) for line in lines if line and not line.startswith("#") for word, _, rest in [line.partition(" ")]
    ]


def stages() -> list[list[tuple[str, str]]]:
    found: list[list[tuple[str, str]]] = []
    for word, rest in instructions():
        if word == "FROM":
            found.append([])
        found[-1].append((word, rest))
    return found


def test_the_image_is_built_of_what_is_there_and_of_the_lock() -> None:
    build, final = stages()
    allowed = {line[1:] for line in (DEPLOY / "Containerfile.dockerignore").read_text().splitlines() if line[:1] == "!"}
    copied = [name for word, rest in build if word == "COPY" for name in rest.split()[:-1]]
    assert set(copied) == allowed
    assert all((PROJECT / name).exists() for name in copied)
    wheel = re.search(r"^packages = (\[.*\])$", (PROJECT / "pyproject.toml").read_text(), re.MULTILINE)
    assert wheel is not None
    assert set(yaml.safe_load(wheel[1])) < set(copied)
    installs = [rest for word, rest in build if word == "RUN" and "pip install" in rest]
    assert all("--require-hashes" in one or "--verify-hashes --constraint requirements.lock" in one for one in installs)
    assert len(installs) == 2
    # Neither Node nor a compiler nor anything of the sources goes along.
    assert [rest for word, rest in final if word == "COPY"] == ["--from=build /opt/drypowder /opt/drypowder"]


def test_the_image_runs_a_command_as_somebody_without_rights() -> None:
    final = dict(stages()[-1])
    assert int(final["USER"].split(":")[0]) > 0
    assert yaml.safe_load(final["ENTRYPOINT"]) == ["drypowder"]
    assert yaml.safe_load(final["CMD"])[0] in commands()
    assert final["EXPOSE"] == str(Settings.model_fields["port"].default)


def commands() -> set[str]:
    return {one.name or one.callback.__name__ for one in app.registered_commands if one.callback is not None}


def test_every_service_of_ours_has_a_command_and_settings_that_there_are(ours: dict[str, Service]) -> None:
    assert set(ours) == {"migrate", "api-1", "api-2", "worker"}
    settings = {name.upper() for name in Settings.model_fields}
    for one in ours.values():
        assert one["command"][0] in commands()
        assert set(one["environment"]) <= settings | OF_UVICORN
        assert (one["read_only"], one["cap_drop"]) == (True, ["ALL"])
        assert one["security_opt"] == ["no-new-privileges:true"]


def test_only_the_migrations_hold_the_owners_password(ours: dict[str, Service]) -> None:
    for name, one in ours.items():
        users = {
            word: urlsplit(re.sub(r"\$\{.*?\}", "…", text)).username
            for word, text in one["environment"].items()
            if word.startswith("DATABASE")
        }
        owner = {"DATABASE_OWNER_URL": "drypowder_owner"} if name == "migrate" else {"DATABASE_URL": "drypowder_app"}
        assert users == owner


def test_nothing_secret_is_written_down(compose: dict[str, Any]) -> None:
    asked = set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yaml").read_text())) - {"DRYPOWDER_IMAGE"}
    told = dict(re.findall(r"^(\w+)=(.*)$", (DEPLOY / "env.example").read_text(), re.MULTILINE))
    assert asked == set(told)
    assert {name for name, text in told.items() if text} == {"SITE"}
    for one in compose["services"].values():
        for name, text in one.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|_URL", name):
                assert re.search(r"\$\{\w+:\?\}", str(text)) or "@" not in str(text)
    assert not {"ENV", "ARG"} & {word for word, rest in instructions() if re.search("PASSWORD|SECRET|TOKEN", rest)}


def test_whoever_is_stopped_gets_the_time_to_drain(ours: dict[str, Service]) -> None:
    for name in ("api-1", "api-2", "worker"):
        needed = sum(float(ours[name]["environment"][word]) for word in ("DRAIN_NOTICE", "DRAIN_LIMIT"))
        assert int(ours[name]["stop_grace_period"].removesuffix("s")) >= needed + MARGIN_SECONDS


def test_health_is_asked_for_where_it_is_told(ours: dict[str, Service]) -> None:
    web = application(Settings(), "postgresql:///nowhere", "redis://nowhere", SECRET)
    paths = {getattr(route, "path", None) for route in web.routes}
    caddy = (DEPLOY / "Caddyfile").read_text()
    (asked,) = re.findall(r"health_uri (\S+)", caddy)
    assert asked in paths
    assert re.findall(r"(\S+):(\d+)", re.search(r"reverse_proxy (.*) \{", caddy)[1]) == [  # type: ignore[index]
        (name, "8000") for name in ("api-1", "api-2")
    ]
    for name in ("api-1", "api-2"):
        assert f"http://127.0.0.1:8000{asked}" in ours[name]["healthcheck"]["test"][-1]
    port = ours["worker"]["environment"]["METRICS_PORT"]
    assert f"http://127.0.0.1:{port}/metrics" in ours["worker"]["healthcheck"]["test"][-1]


def test_all_starts_in_order_and_only_the_proxy_is_reached_from_outside(compose: dict[str, Any]) -> None:
    services = compose["services"]
    needs = {name: set(one.get("depends_on", {})) for name, one in services.items()}
    assert needs == {
        "postgres": set(),
        "redis": set(),
        "migrate": {"postgres"},
        "api-1": {"migrate", "redis"},
        "api-2": {"migrate", "redis"},
        "worker": {"migrate", "redis"},
        "proxy": {"api-1", "api-2"},
    }
    assert [name for name, one in services.items() if "ports" in one] == ["proxy"]
    assert compose["networks"]["servers"] == {"internal": True}
    for name in ("postgres", "redis"):
        assert services[name]["networks"] == ["servers"]
    mounted = [text.split(":")[0] for one in services.values() for text in one.get("volumes", [])]
    for source in mounted:
        assert source in compose["volumes"] or (DEPLOY / source).is_file()


def made(env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([DEPLOY / "roles.sh"], env=env, capture_output=True, text=True, check=False)


async def test_the_roles_made_at_the_first_start_can_migrate_and_work(servers: Servers) -> None:
    name = f"deployed_{uuid4().hex[:8]}"
    parts = urlsplit(servers.database_url)

    def address(user: str) -> str:
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit(parts._replace(netloc=f"{user}@{host}", path=f"/{name}"))

    connection = await asyncpg.connect(servers.database_url)
    try:
        await connection.execute(f"CREATE DATABASE {name}")
        host = await connection.fetchval("SELECT split_part(current_setting('unix_socket_directories'), ',', 1)")
        env = {
            "PATH": f"{programs()}:{os.environ['PATH']}",
            "PGHOST": host,
            "POSTGRES_DB": name,
            "OWNER_PASSWORD": "it's 1",
            "APPLICATION_PASSWORD": "it's 2",
        }
        for _ in range(2):
            done = await asyncio.to_thread(made, env)
            assert (done.returncode, done.stderr) == (0, "")
        await migrate_in_loop(address("drypowder_owner"))
        working = await asyncpg.connect(address("drypowder_app"))
        try:
            assert await working.fetchval("SELECT count(*) FROM fund") == 0
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await working.execute("DROP TABLE fund")
        finally:
            await working.close()
    finally:
        await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await connection.execute("DROP ROLE IF EXISTS drypowder_owner")
        await connection.close()
