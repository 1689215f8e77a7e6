"""A fund at a moment: its totals and holdings, and the builder that a fold works on."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from domain.money import Money, share_of
from domain.refusal import UnknownCompany
from domain.returns import Flow, ratio
from domain.wording import Wording


class CompanyStatus(Wording):
    """Where a holding stands."""

    ACTIVE = "ACTIVE", "Held."
    EXITED = "EXITED", "Sold or merged; later proceeds may still come."
    WRITTEN_OFF = "WRITTEN_OFF", "Worth nothing; recoveries may still come."


@dataclass(slots=True)
class Holding:
    """One portfolio company as the fund holds it at a moment.

    Attributes:
        ownership: Fraction 0 to 1, fully diluted; None while it isn't known.
        valuation: The whole company's last value, by a valuation or a priced round.
        stated_fair_value: What the last valuation said the holding is worth, plus cheques since; None where
            the holding is valued by its ownership.
        flows: Cheques (negative) and proceeds (positive), dated.
    """

    company_id: str
    name: str
    sector: str | None = None
    stage: str | None = None
    status: CompanyStatus = CompanyStatus.ACTIVE
    ownership: Decimal | None = None
    invested: int = 0
    initial_investment: int = 0
    proceeds: int = 0
    valuation: int | None = None
    stated_fair_value: int | None = None
    planned_reserves: int = 0
    deployed_reserves: int = 0
    flows: list[Flow] = field(default_factory=list)

    @property
    def fair_value(self) -> Money:
        """As stated, else ownership × valuation, else its cost; 0 once it isn't active."""
        if self.status is not CompanyStatus.ACTIVE:
            return Money(0)
        if self.stated_fair_value is not None:
            return Money(self.stated_fair_value)
        if self.ownership is None or self.valuation is None:
            return Money(self.invested)
        return share_of(self.valuation, self.ownership)

    @property
    def moic(self) -> float | None:
        """(Proceeds + fair value) / invested; None before any cheque."""
        return ratio(self.proceeds + self.fair_value, self.invested)

    def irr(self, at: datetime) -> float | None:
        """Internal rate of return of the holding with its fair value received at `at`."""
        return _irr([*self.flows, (at, self.fair_value)])


@dataclass(frozen=True, slots=True)
class Fund:
    """What was true of a fund at a moment, as far as it was known. Money in cents.

    Treat `companies` and what it holds as frozen: states are shared and cached.

    Attributes:
        version: Version of the last fact that bears on it; 0 before the first.
        distributed: All distributions; `recallable` is the part that can be called again.
        flows: What the investors paid (negative) and got (positive), dated.
    """

    version: int = 0
    name: str = ""
    currency: str = ""
    vintage_year: int = 0
    time_zone: str = "UTC"
    opened_at: datetime | None = None
    committed: int = 0
    called: int = 0
    invested: int = 0
    distributed: int = 0
    recallable: int = 0
    fees: int = 0
    proceeds: int = 0
    flows: list[Flow] = field(default_factory=list)
    companies: Mapping[str, Holding] = field(default_factory=dict)

    @property
    def total_value(self) -> Money:
        """Fair value of the active holdings."""
        return Money(sum(holding.fair_value for holding in self.companies.values()))

    @property
    def cash(self) -> Money:
        """Called + proceeds − invested − fees − distributed; may stand below zero."""
        return Money(self.called + self.proceeds - self.invested - self.fees - self.distributed)

    @property
    def nav(self) -> Money:
        """Fair value + cash; fair value alone where no calls are recorded (read as called just in time)."""
        return Money(self.total_value + self.cash) if self.called else self.total_value

    @property
    def available_capital(self) -> Money:
        """What can still be invested: size − invested − fees + recallable distributions."""
        return Money(self.committed - self.invested - self.fees + self.recallable)

    @property
    def planned_reserves(self) -> Money:
        """Reserves planned for all companies."""
        return Money(sum(holding.planned_reserves for holding in self.companies.values()))

    @property
    def deployed_reserves(self) -> Money:
        """Reserves already invested in all companies."""
        return Money(sum(holding.deployed_reserves for holding in self.companies.values()))

    @property
    def moic(self) -> float | None:
        """Gross multiple: (proceeds + fair value) / invested; None before any cheque."""
        return ratio(self.proceeds + self.total_value, self.invested)

    @property
    def dpi(self) -> float | None:
        """Distributed / called; None without calls."""
        return ratio(self.distributed, self.called)

    @property
    def rvpi(self) -> float | None:
        """Net asset value / called; None without calls."""
        return ratio(self.nav, self.called)

    @property
    def tvpi(self) -> float | None:
        """DPI + RVPI; None without calls."""
        return ratio(self.distributed + self.nav, self.called)

    def irr(self, at: datetime) -> float | None:
        """The investors' rate of return (IRR), the net asset value received at `at`; None without calls."""
        return _irr([*self.flows, (at, self.nav)]) if self.called else None


def _irr(flows: list[Flow]) -> float | None:
    """It alone needs NumPy, which takes longer to load than all else here."""
    from domain.rate_of_return import internal_rate_of_return

    return internal_rate_of_return(flows)


class FundBuilder:
    """A fund while facts are folded into it.

    Starts from a frozen state and copies only the holdings it changes, so that folding a few facts on a large
    snapshot costs little and leaves the snapshot as it was.
    """

    __slots__ = (
        "_companies",
        "_owned",
        "called",
        "committed",
        "currency",
        "distributed",
        "fees",
        "flows",
        "invested",
        "name",
        "opened_at",
        "proceeds",
        "recallable",
        "time_zone",
        "version",
        "vintage_year",
    )

    def __init__(self, base: Fund) -> None:
        self.version = base.version
        self.name = base.name
        self.currency = base.currency
        self.vintage_year = base.vintage_year
        self.time_zone = base.time_zone
        self.opened_at = base.opened_at
        self.committed = base.committed
        self.called = base.called
        self.invested = base.invested
        self.distributed = base.distributed
        self.recallable = base.recallable
        self.fees = base.fees
        self.proceeds = base.proceeds
        self.flows = list(base.flows)
        self._companies = dict(base.companies)
        self._owned: set[str] = set()

    def freeze(self) -> Fund:
        """The state reached. The builder may go on: what it froze stays as it is."""
        self._owned.clear()
        return Fund(
            version=self.version,
            name=self.name,
            currency=self.currency,
            vintage_year=self.vintage_year,
            time_zone=self.time_zone,
            opened_at=self.opened_at,
            committed=self.committed,
            called=self.called,
            invested=self.invested,
            distributed=self.distributed,
            recallable=self.recallable,
            fees=self.fees,
            proceeds=self.proceeds,
            flows=list(self.flows),
            companies=dict(self._companies),
        )

    @property
    def available_capital(self) -> int:
        """What can still be invested."""
        return self.committed - self.invested - self.fees + self.recallable

    @property
    def cash(self) -> int:
        """Cash as `Fund.cash` has it."""
        return self.called + self.proceeds - self.invested - self.fees - self.distributed

    def __contains__(self, company_id: str) -> bool:
        return company_id in self._companies

    def add(self, holding: Holding) -> None:
        """Put a new holding in."""
        self._companies[holding.company_id] = holding
        self._owned.add(holding.company_id)

    def holding(self, company_id: str) -> Holding:
        """A holding to read.

        Raises:
            UnknownCompany: If there is none with that key by then.
        """
        found = self._companies.get(company_id)
        if found is None:
            message = f"No company {company_id!r} in the fund at that moment."
            raise UnknownCompany(message, "companyId")
        return found

    def change(self, company_id: str) -> Holding:
        """A holding to change: the builder's own copy."""
        holding = self._companies[company_id]
        if company_id not in self._owned:
            holding = self._companies[company_id] = replace(holding, flows=list(holding.flows))
            self._owned.add(company_id)
        return holding
