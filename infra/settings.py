"""Settings from the environment: every switch the product has, with its default."""

from enum import StrEnum
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, StringConstraints
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


def _listed(given: object) -> object:
    """A list as the environment has it."""
    return [one.strip() for one in given.split(",") if one.strip()] if isinstance(given, str) else given


Origin = Annotated[str, StringConstraints(pattern=r"^https?://[^/?#@*]+$")]
"""As a browser tells it, such as https://app.example.org."""


class LogFormat(StrEnum):
    """How a log is written."""

    TEXT = "text"
    JSON = "json"


class Settings(BaseSettings):
    """What can be set from outside; the variable's name is the field's in capitals.

    Raises:
        pydantic.ValidationError: If a variable holds what its field can't.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    database_url: Annotated[str | None, Field(description="PostgreSQL 15 or newer; unset starts the embedded one.")] = (
        None
    )
    database_owner_url: Annotated[
        str | None,
        Field(description="The same database as whoever owns it: migrates, backs up, restores; unset is DATABASE_URL."),
    ] = None
    redis_url: Annotated[str | None, Field(description="Redis 6 or newer; unset starts the embedded one.")] = None
    drypowder_data_dir: Annotated[
        str | None, Field(description="Data directory of the embedded servers; unset is a per-user one.")
    ] = None
    drypowder_secret: Annotated[
        SecretStr | None, Field(description="Signs tokens (HS256); unset uses one the data directory keeps.")
    ] = None
    oidc_issuer: Annotated[
        str | None,
        Field(description="OpenID issuer whose tokens are taken too, such as https://login.example.org/realms/fund."),
    ] = None
    oidc_audience: Annotated[
        str | None, Field(description="What the issuer's tokens for Drypowder are made out to.")
    ] = None
    allow_private_issuer: Annotated[
        bool, Field(description="Whether the issuer may stand in a private network and without TLS.")
    ] = False
    host: Annotated[str, Field(description="Address the API listens on.")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, description="Port the API listens on.")] = 8000
    public_url: Annotated[
        str | None, Field(description="Address people reach the API at, where it isn't the one it listens on.")
    ] = None
    cors_origins: Annotated[
        tuple[Origin, ...],
        NoDecode,
        BeforeValidator(_listed),
        Field(description="Origins of other sites whose pages may ask from a browser, with commas between them."),
    ] = ()
    trusted_documents: Annotated[
        Path | None, Field(description="JSON file of trusted documents, ids to texts, to be asked for by `documentId`.")
    ] = None
    trusted_documents_only: Annotated[bool, Field(description="Whether other documents are refused.")] = False
    drain_notice: Annotated[
        float,
        Field(ge=0, le=600, description="Seconds the API still takes requests once told to stop; /readyz says so."),
    ] = 0.0
    drain_limit: Annotated[
        float, Field(ge=0, le=3_600, description="Seconds that requests and jobs under way get when told to stop.")
    ] = 8.0
    database_pool: Annotated[
        int, Field(ge=2, le=500, description="Connections to PostgreSQL per process, besides those of runs.")
    ] = 10
    snapshot_frequency: Annotated[
        int, Field(ge=1, le=1_000_000, description="Facts between automatic snapshots of a fund.")
    ] = 100
    ff_time_machine: Annotated[
        bool, Field(description="Whether past moments can be asked for; off, `at` and `knownAt` are refused.")
    ] = True
    monte_carlo_iterations: Annotated[
        int, Field(ge=1, le=10_000_000, description="Paths of a reserve simulation when a request names none.")
    ] = 10_000
    reserve_concurrency: Annotated[
        int, Field(ge=1, le=64, description="Reserve runs that a worker computes at once.")
    ] = 2
    reserve_processes: Annotated[
        int | None,
        Field(
            ge=1,
            le=256,
            description="Processes that simulate a long run; unset divides the processors by RESERVE_CONCURRENCY.",
        ),
    ] = None
    dask_scheduler_address: Annotated[
        str | None,
        Field(description="Dask scheduler whose workers simulate, such as tcp://10.0.0.5:8786; unset simulates here."),
    ] = None
    reserve_timeout: Annotated[
        int, Field(ge=1, le=86_400, description="Seconds after which a reserve run has failed.")
    ] = 600
    smtp_url: Annotated[
        SecretStr | None,
        Field(description="Mail server, such as smtp://user:password@mail.example.org:587; unset sends no e-mail."),
    ] = None
    smtp_sender: Annotated[str, Field(description="Who e-mails come from, such as Alerts <alerts@example.org>.")] = (
        "Drypowder <drypowder@localhost>"
    )
    allow_private_webhooks: Annotated[
        bool, Field(description="Whether webhooks may go to private addresses and without TLS.")
    ] = False
    introspection: Annotated[
        Literal["auto", "on", "off"],
        Field(description="Whether the schema tells of itself; auto: unless PUBLIC_URL is another machine's."),
    ] = "auto"
    max_cost: Annotated[int, Field(ge=1, le=10**12, description="Points that one operation may cost.")] = 10_000
    rate_limit: Annotated[
        int,
        Field(ge=0, le=10**12, description="Points a minute of each person, or address without one; 0: any."),
    ] = 600_000
    rate_limit_fails: Annotated[
        Literal["open", "closed"], Field(description="Whether everything or nothing is answered while Redis is away.")
    ] = "open"
    operation_timeout: Annotated[
        float, Field(gt=0, le=3_600, description="Seconds that a query may take; a change may take four times as long.")
    ] = 30
    max_subscriptions: Annotated[
        int, Field(ge=1, description="Subscriptions of a person at one process, however many connections carry them.")
    ] = 1_000
    max_connections: Annotated[int, Field(ge=1, description="WebSockets and event streams that a process holds.")] = (
        10_000
    )
    max_connections_each: Annotated[int, Field(ge=1, description="Of these, for one person.")] = 1_000
    log_level: Annotated[str, Field(description="DEBUG, INFO, WARNING or ERROR.")] = "INFO"
    log_format: Annotated[
        LogFormat | None, Field(description="text or json; unset is text at a terminal, and else json.")
    ] = None
    metrics_port: Annotated[
        int | None, Field(ge=1, le=65535, description="Port of a worker's metrics, at HOST; unset serves none.")
    ] = None
    metrics_token: Annotated[
        SecretStr | None,
        Field(min_length=16, description="Bearer token that reads metrics; unset lets this machine alone read them."),
    ] = None
    otel_exporter_otlp_endpoint: Annotated[
        str | None, Field(description="OpenTelemetry collector (OTLP over HTTP) for traces; unset traces nothing.")
    ] = None

    @property
    def introspects(self) -> bool:
        """Whether the schema tells of itself here."""
        if self.introspection == "auto":
            return self.public_url is None or is_local(self.public_url)
        return self.introspection == "on"


def is_local(url: str) -> bool:
    """Whether an address is this machine's."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


@cache
def settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
