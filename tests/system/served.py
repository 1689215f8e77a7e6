"""Leaves out tests that ask nothing of the session's servers: `pytest -p tests.system.served`.

Of one that is run with several inputs the first will do, unless for long: another server runs the same statements.
"""

import pytest

from tests.depth import LONG


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keeps those that use the servers, through whichever fixture."""
    asking: list[pytest.Item] = []
    others: list[pytest.Item] = []
    seen = set[tuple[object, str]]()
    for item in items:
        asks = isinstance(item, pytest.Function) and "servers" in item.fixturenames
        name = (item.parent, getattr(item, "originalname", item.name))
        (asking if asks and (LONG or name not in seen) else others).append(item)
        seen.add(name)
    config.hook.pytest_deselected(items=others)
    items[:] = asking
