"""Where the servers are: the environment's addresses, or those of the instance running in the data directory."""

from pathlib import Path

from infra.instance import default_data_directory, find_instance, signing_secret
from infra.settings import Settings, settings


class NotRunningError(Exception):
    """No servers to work with: no address set, no instance running."""


def data_directory() -> Path:
    """The data directory of this process: DRYPOWDER_DATA_DIR, or the user's own."""
    return default_data_directory()


def servers(data_dir: Path | None = None) -> tuple[str, str]:
    """Addresses of PostgreSQL and Redis.

    Raises:
        NotRunningError: If one is set nowhere and no instance runs.
    """
    chosen, directory = settings(), data_dir or data_directory()
    if chosen.database_url and chosen.redis_url:
        return chosen.database_url, chosen.redis_url
    instance = find_instance(directory)
    if instance is None:
        message = f"No instance is running in {directory}. Start one with `drypowder up`, or set DATABASE_URL."
        raise NotRunningError(message)
    return chosen.database_url or instance.database_url, chosen.redis_url or instance.redis_url


def secret(chosen: Settings, data_dir: Path | None = None) -> str:
    """What signs tokens: the environment's, or the data directory's own."""
    if chosen.drypowder_secret is not None:
        return chosen.drypowder_secret.get_secret_value()
    directory = data_dir or data_directory()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return signing_secret(directory)
