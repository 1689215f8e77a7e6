"""Names behind ids: kept for seconds, those that aren't found too."""

from uuid import uuid4

import pytest

from infra import names, tenancy
from infra.names import Names
from infra.people import Person
from infra.runtime import Runtime


async def test_whoever_is_not_found_is_not_looked_for_again_at_once(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, gone = Names(runtime.pool), str(uuid4())
    assert await known.of_people([gone]) == {}
    await runtime.pool.execute("INSERT INTO person (id, email) VALUES ($1, $2)", gone, f"{gone}@example.org")
    assert await known.of_people([gone]) == {}
    monkeypatch.setattr(names, "monotonic", lambda: float("inf"))
    assert await known.of_people([gone]) == {gone: f"{gone}@example.org"}


async def test_whom_one_firm_does_not_find_another_may(runtime: Runtime, owner: Person) -> None:
    known, person = Names(runtime.pool), str(owner.id)
    tenancy.act_for([uuid4()])
    try:
        assert await known.of_people([person]) == {}
    finally:
        tenancy.act_for([], everyone=True)
    assert await known.of_people([person]) == {person: owner.email}
