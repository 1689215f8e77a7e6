"""Examining the issuer of tokens: whether its keys can be had from here."""

from infra.examining.finding import Finding, good, wrong
from infra.keys import Keys
from infra.postgres import UnavailableError
from infra.settings import Settings

REMEDY = (
    "Nobody with the issuer's token is let in by a process that starts now: see whether OIDC_ISSUER is the address "
    "that its discovery document names, and can be reached from here."
)


async def examine_issuer(chosen: Settings) -> list[Finding]:
    """What is found of the issuer, if there is one."""
    if not chosen.oidc_issuer:
        return []
    keys = Keys(chosen.oidc_issuer, allow_private=chosen.allow_private_issuer)
    try:
        # A key that no issuer has: it makes the others be fetched.
        await keys.find("", "")
    except UnavailableError:
        return [wrong("issuer", f"has no keys for us at {chosen.oidc_issuer}", REMEDY)]
    finally:
        await keys.stop()
    return [good("issuer", "tells its keys")]
