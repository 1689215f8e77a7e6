"""Leaves out tests that ask nothing of the session's servers: `pytest -p tests.system.served`."""

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keeps those that use the servers, through whichever fixture."""
    asking: list[pytest.Item] = []
    others: list[pytest.Item] = []
    for item in items:
        (asking if isinstance(item, pytest.Function) and "servers" in item.fixturenames else others).append(item)
    config.hook.pytest_deselected(items=others)
    items[:] = asking
