"""The real Chromium that pages are looked at in: where it is, and how Playwright starts it."""

import os
import shutil

# Playwright talks to it by a pipe, and chooses how it hides.
PIPED_FLAGS = [
    "--no-sandbox",  # it refuses to run as root otherwise
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",  # small in containers
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Nothing but this machine can be reached, even by a request that escaped our notice.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--window-size=1600,1000",
]

NO_BROWSER = "no browser: neither DRYPOWDER_TEST_BROWSER nor /usr/bin/chromium"
"""Why a test of pages is skipped."""


def browser_path() -> str | None:
    """DRYPOWDER_TEST_BROWSER, or a Chromium where Debian puts it."""
    return os.environ.get("DRYPOWDER_TEST_BROWSER") or shutil.which("/usr/bin/chromium")
