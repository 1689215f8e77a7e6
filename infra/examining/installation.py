"""Examining this machine and the settings: secrets, files, space, and how the API is reached."""

import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from infra.examining.finding import Finding, advice, good, wrong
from infra.settings import Settings, is_local

LEAST_SECRET_BYTES = 32
"""Of HS256; RFC 7518, section 3.2."""
LEAST_LETTERS = 10
"""Different ones in a secret: fewer are a typed placeholder."""
LEAST_FREE_BYTES, LEAST_FREE_SHARE = 2**30, 0.05
OTHERS = stat.S_IRGRP | stat.S_IWGRP | stat.S_IROTH | stat.S_IWOTH
"""May not; but pass through the directory, as the embedded servers' own account must."""
_PRIVATE = ("signing.secret", "admin.token")


def examine_installation(chosen: Settings, directory: Path) -> Iterator[Finding]:
    """What is found of the settings and of the data directory, if there is one."""
    yield _secret(chosen, directory)
    if directory.is_dir():
        yield _permissions(directory)
        yield _space(directory)
    yield from _reached(chosen)


def _secret(chosen: Settings, directory: Path) -> Finding:
    if chosen.drypowder_secret is None:
        kept = directory / _PRIVATE[0]
        if kept.exists():
            return good("secret", "is the data directory's own")
        remedy = "Set DRYPOWDER_SECRET, the same for every process, or start `drypowder up` once, which makes one."
        return wrong("secret", "isn't there", remedy)
    secret = chosen.drypowder_secret.get_secret_value()
    remedy = (
        "Set one of 32 random bytes or more, such as `openssl rand -base64 48` gives; tokens of before end with it."
    )
    if len(secret.encode()) < LEAST_SECRET_BYTES:
        return wrong("secret", f"has {len(secret.encode())} bytes", remedy)
    if len(set(secret)) < LEAST_LETTERS:
        return wrong("secret", f"has {len(set(secret))} different letters", remedy)
    return good("secret", "is long enough")


def _permissions(directory: Path) -> Finding:
    kept = [directory, *(path for name in _PRIVATE if (path := directory / name).exists())]
    found = [path for path in kept if stat.S_IMODE(path.stat().st_mode) & OTHERS]
    if found:
        paths = " ".join(str(path) for path in found)
        return wrong("data directory", f"others may read or change {paths}", f"chmod go-rw {paths}")
    return good("data directory", "is its owner's alone")


def _space(directory: Path) -> Finding:
    usage = shutil.disk_usage(directory)
    told = f"{usage.free / 2**30:,.1f} GiB free, {usage.free / usage.total:.0%}"
    if usage.free < LEAST_FREE_BYTES or usage.free / usage.total < LEAST_FREE_SHARE:
        return wrong("disk", told, f"Make room where {directory} lies: PostgreSQL stops when there is none.")
    return good("disk", told)


def _reached(chosen: Settings) -> Iterator[Finding]:
    public = chosen.public_url
    if public is None:
        if is_local(f"http://[{chosen.host}]" if ":" in chosen.host else f"http://{chosen.host}"):
            yield good("address", "this machine alone reaches the API")
        else:
            remedy = "Set PUBLIC_URL to the https address of the proxy in front of it."
            yield wrong("address", f"listens on {chosen.host}, and PUBLIC_URL is unset", remedy)
        return
    if is_local(public):
        yield good("address", "this machine alone reaches the API")
        return
    if not public.lower().startswith("https://"):
        yield wrong(
            "address", "PUBLIC_URL isn't https: tokens can be read on the way", "Put a proxy with TLS before it."
        )
    else:
        yield good("address", "people reach the API by https")
    if chosen.introspection == "on":
        yield advice(
            "introspection", "is on for everybody", "Set INTROSPECTION=auto, unless the schema is to be public."
        )
    if not chosen.trusted_documents_only:
        remedy = "If all callers are your own, set TRUSTED_DOCUMENTS and TRUSTED_DOCUMENTS_ONLY."
        yield advice("documents", "any document is executed", remedy)
    if chosen.metrics_token is None:
        remedy = "Set METRICS_TOKEN, so that nothing depends on the proxy's headers."
        yield advice("metrics", "are read by whatever seems to be this machine", remedy)
    if chosen.rate_limit == 0:
        yield advice("rate limit", "is off", "Set RATE_LIMIT.")
