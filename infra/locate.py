"""Where the servers are: the environment's addresses, or those of the instance running in the data directory."""

from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from domain.refusal import Invalid
from infra.delivery.address import check_url
from infra.instance import default_data_directory, find_instance, signing_secret
from infra.settings import Settings, settings

NO_REDIS = "unix:///dev/null"
"""For commands without need of Redis: it carries hints alone, and readers look by themselves each second."""

_SCHEMES = {
    "DATABASE_URL": ("postgresql", "postgres"),
    "DATABASE_OWNER_URL": ("postgresql", "postgres"),
    "REDIS_URL": ("redis", "rediss", "unix"),
    "DASK_SCHEDULER_ADDRESS": ("tcp", "tls", "ws", "wss"),
}


class NotRunningError(Exception):
    """No servers to work with: no address set, no instance running."""


class BadAddressError(Exception):
    """An address that can't be one of the server it is for."""


class MissingExtraError(Exception):
    """A setting asks for what isn't installed."""


def data_directory() -> Path:
    """The data directory of this process: DRYPOWDER_DATA_DIR, or the user's own."""
    return default_data_directory()


def check_addresses(chosen: Settings) -> None:
    """Refuse addresses of other kinds of servers before anything is started.

    Raises:
        BadAddressError: Naming the variable.
    """
    addresses = (chosen.database_url, chosen.database_owner_url, chosen.redis_url, chosen.dask_scheduler_address)
    for variable, url in zip(_SCHEMES, addresses, strict=True):
        if url and urlsplit(url).scheme.partition("+")[0] not in _SCHEMES[variable]:
            known = " or ".join(f"{scheme}://" for scheme in _SCHEMES[variable])
            message = f"{variable} must start with {known}"
            raise BadAddressError(message)


def check_issuer(chosen: Settings) -> None:
    """Refuse an issuer of tokens that can't be one before anything is started.

    Raises:
        BadAddressError: Naming the variable.
    """
    if not chosen.oidc_issuer:
        return
    try:
        check_url(chosen.oidc_issuer, allow_private=chosen.allow_private_issuer)
    except Invalid as refusal:
        message = f"OIDC_ISSUER: {refusal.message}"
        raise BadAddressError(message) from None
    if not chosen.oidc_audience:
        message = "OIDC_AUDIENCE must be set where OIDC_ISSUER is"
        raise BadAddressError(message)


def check_extras(chosen: Settings) -> None:
    """Refuse to start what would lack what its settings ask for.

    Raises:
        MissingExtraError: Saying what to install.
    """
    if chosen.dask_scheduler_address and find_spec("distributed") is None:
        message = "DASK_SCHEDULER_ADDRESS is set, but Dask isn't installed: pip install 'drypowder[dask]'"
        raise MissingExtraError(message)
    check_tracing(chosen)


def check_tracing(chosen: Settings) -> None:
    """Refuse to start what is to trace and can't.

    Raises:
        MissingExtraError: Saying what to install.
    """
    if chosen.otel_exporter_otlp_endpoint and find_spec("opentelemetry") is None:
        message = (
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, but OpenTelemetry isn't installed: pip install 'drypowder[tracing]'"
        )
        raise MissingExtraError(message)


def servers(data_dir: Path | None = None, *, redis_needed: bool = True) -> tuple[str, str]:
    """Addresses of PostgreSQL and Redis.

    Args:
        data_dir: Where to look for a running instance; this process's data directory if left out.
        redis_needed: Without it, a database alone will do.

    Raises:
        BadAddressError: If one of the environment's can't be.
        NotRunningError: If one is set nowhere and no instance runs.
    """
    chosen, directory = settings(), data_dir or data_directory()
    check_addresses(chosen)
    if chosen.database_url and chosen.redis_url:
        return chosen.database_url, chosen.redis_url
    instance = find_instance(directory)
    if instance is None:
        if chosen.database_url and not redis_needed:
            return chosen.database_url, NO_REDIS
        missing = "REDIS_URL" if chosen.database_url else "DATABASE_URL"
        message = f"No instance is running in {directory}. Start one with `drypowder up`, or set {missing}."
        raise NotRunningError(message)
    return chosen.database_url or instance.database_url, chosen.redis_url or instance.redis_url


def owner_url(chosen: Settings) -> str | None:
    """The environment's address of the database as its owner, who alone may migrate it and reads all of it."""
    return chosen.database_owner_url or chosen.database_url


def owned_database(data_dir: Path | None = None) -> str:
    """The database's address as its owner.

    Raises:
        BadAddressError: If the environment's can't be one.
        NotRunningError: If it is set nowhere and no instance runs.
    """
    chosen = settings()
    check_addresses(chosen)
    return owner_url(chosen) or servers(data_dir, redis_needed=False)[0]


def secret(chosen: Settings, data_dir: Path | None = None) -> str:
    """What signs tokens: the environment's, or the data directory's own."""
    if chosen.drypowder_secret is not None:
        return chosen.drypowder_secret.get_secret_value()
    directory = data_dir or data_directory()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return signing_secret(directory)
