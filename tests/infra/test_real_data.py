"""Real input: dirty companies of the years 2006 to 2013, imported whole and compared to a fold of the plain rows."""

import csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from uuid import UUID

import pytest

from domain.fund import CompanyStatus, Fund
from infra import exchange
from infra.appending import Appended
from infra.people import Person
from infra.runtime import Runtime
from infra.states import States, resolve
from tests.conftest import SHARED_DATA, OpenFund
from tests.spec import instant, usd

SMALL = SHARED_DATA / "fund-2006-import.csv"
LARGE = SHARED_DATA / "all-rounds-import.csv.gz"


def present(path: Path) -> Path:
    if not path.exists():
        pytest.skip(f"{path.name} doesn't lie beside the project")
    return path


def cents(text: str) -> int:
    return int(Decimal(text).scaleb(2))


@dataclass
class Company:
    """One company by its rows, money in cents."""

    invested: int = 0
    proceeds: int = 0
    ownership: Decimal | None = None
    valuation: int | None = None
    status: str = "ACTIVE"

    @property
    def worth(self) -> int:
        if self.status != "ACTIVE":
            return 0
        if self.ownership is None or self.valuation is None:
            return self.invested
        return int((self.ownership * self.valuation).to_integral_value(ROUND_HALF_EVEN))


def rows(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
        yield from csv.DictReader(file)


def plain_fold(path: Path, last_day: str) -> dict[str, Company]:
    """Companies by the rows up to a day, that day included."""
    companies: dict[str, Company] = {}
    for row in rows(path):
        if row["occurred_on"] > last_day:
            continue
        company = companies.setdefault(row["company_id"], Company())
        match row["type"]:
            case "INVESTMENT_MADE":
                company.invested += cents(row["amount"])
            case "PROCEEDS_RECEIVED":
                company.proceeds += cents(row["amount"])
            case "ROUND_PRICED":
                company.valuation = cents(row["pre_money"]) + cents(row["round_size"])
            case "VALUATION_UPDATED":
                company.valuation = cents(row["amount"])
            case "COMPANY_STATUS_CHANGED":
                company.status = row["note"]
        if row["type"] in ("INVESTMENT_MADE", "ROUND_PRICED") and row["ownership_after"]:
            company.ownership = Decimal(row["ownership_after"])
    return companies


def compare(state: Fund, companies: dict[str, Company]) -> None:
    assert set(state.companies) == set(companies)
    assert state.invested == sum(company.invested for company in companies.values())
    assert state.proceeds == sum(company.proceeds for company in companies.values())
    assert state.total_value == sum(company.worth for company in companies.values())
    for key, holding in state.companies.items():
        company = companies[key]
        assert (holding.invested, holding.proceeds, holding.fair_value) == (
            company.invested,
            company.proceeds,
            company.worth,
        )
        assert (holding.ownership, holding.status) == (company.ownership, CompanyStatus(company.status))


async def imported(runtime: Runtime, owner: Person, fund_id: UUID, path: Path) -> Appended:
    batch = exchange.read(path, "UTC")
    return await runtime.ledger.record_all(fund_id, batch.drafts, actor=owner.id, key=batch.key)


@pytest.fixture(scope="module")
async def small(runtime: Runtime, owner: Person, open_fund: OpenFund) -> UUID:
    """The fund of 2006, imported."""
    path = present(SMALL)
    fund_id = await open_fund(usd("60000000.00"), instant("2006-01-01"))
    answer = await imported(runtime, owner, fund_id, path)
    assert (answer.first_version, answer.last_version) == (2, 516)
    return fund_id


async def test_the_fund_of_2006_has_its_facts_companies_cheques_and_proceeds(runtime: Runtime, small: UUID) -> None:
    known = await resolve(runtime.pool, small, None)
    state = (await States(runtime.pool).state(small, known.at_now, known.version)).state
    assert known.version == 1 + 515
    assert len(state.companies) == 60
    assert state.invested == usd("39081503.91")
    assert state.proceeds == usd("7664000.00")
    assert (state.committed, state.called) == (usd("60000000.00"), 0)
    assert state.available_capital == usd("20918496.09")
    assert await runtime.history.first_bad_version(small) == (516, None)


@pytest.mark.parametrize("day", ["2005-12-31", "2006-01-01", "2007-06-30", "2009-12-31", "2013-12-31"])
async def test_the_state_at_the_end_of_a_day_is_a_fold_of_the_plain_rows_up_to_it(
    runtime: Runtime, small: UUID, day: str
) -> None:
    at = instant(day) + timedelta(hours=23, minutes=59, seconds=59)
    state = (await States(runtime.pool).state(small, at, 516)).state
    compare(state, plain_fold(SMALL, day))


async def test_before_the_import_nothing_of_it_was_known(runtime: Runtime, small: UUID) -> None:
    first = await runtime.history.fact(small, 2)
    assert first is not None
    known = await resolve(runtime.pool, small, first.recorded_at - timedelta(microseconds=1))
    assert known.version == 1
    state = (await States(runtime.pool).state(small, datetime(2009, 12, 31, 23, 59, 59, tzinfo=UTC), 1)).state
    assert (state.version, state.companies, state.invested) == (1, {}, 0)
    assert state.committed == usd("60000000.00")


async def test_importing_it_again_changes_nothing(runtime: Runtime, owner: Person, small: UUID) -> None:
    query = "SELECT version, hash, recorded_at FROM fund WHERE id = $1"
    before = await runtime.pool.fetchrow(query, small)
    again = await imported(runtime, owner, small, SMALL)
    assert (again.first_version, again.last_version, again.repeated) == (2, 516, True)
    assert await runtime.pool.fetchrow(query, small) == before
    assert await runtime.pool.fetchval("SELECT count(*) FROM fact WHERE fund_id = $1", small) == 516


async def test_every_round_of_every_company_is_imported_and_the_chain_is_whole(
    runtime: Runtime, owner: Person, open_fund: OpenFund
) -> None:
    path = present(LARGE)
    fund_id = await open_fund(usd("40000000000.00"), instant("1984-01-01"))
    answer = await imported(runtime, owner, fund_id, path)
    assert (answer.first_version, answer.last_version) == (2, 1 + 67_013)
    known = await resolve(runtime.pool, fund_id, None)
    state = (await States(runtime.pool).state(fund_id, known.at_now, known.version)).state
    assert len(state.companies) == 11_352
    assert state.invested == usd("6771797083.22")
    assert state.proceeds == usd("1381256506.55")
    compare(state, plain_fold(path, "9999-12-31"))
    assert await runtime.history.first_bad_version(fund_id) == (67_014, None)
