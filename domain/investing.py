"""Investing: companies, cheques, priced rounds, valuations, proceeds, status and planned reserves."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated

from domain.capital import check_available, check_positive
from domain.event import CompanyKey, Telling, event
from domain.fund import CompanyStatus, FundBuilder, Holding
from domain.money import Fraction, Money, money_for_people
from domain.refusal import CompanyExists, CompanyNotActive, Invalid, InvalidState
from domain.text import check_optional_text, check_text

MAX_FRACTION_DECIMALS = 18
"""More digits than any cap table keeps; bounds the size of a payload."""

CompanyId = Annotated[CompanyKey, "The caller's own key of the company."]


def check_fraction(fraction: Decimal | None, *path: str) -> None:
    """Refuse a share outside 0 to 1, or with more decimals than a cap table has."""
    if fraction is None:
        return
    # NaN first: comparing it is an error, not False.
    if fraction.is_nan() or not 0 <= fraction <= 1:
        message = "A fraction lies from 0 to 1."
        raise Invalid(message, *path)
    exponent = fraction.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > MAX_FRACTION_DECIMALS:
        message = f"At most {MAX_FRACTION_DECIMALS} decimals."
        raise Invalid(message, *path)


def status_words(status: CompanyStatus) -> str:
    """The status as it stands in a sentence, such as `written off`."""
    return status.value.lower().replace("_", " ")


def check_active(fund: FundBuilder, company_id: str) -> Holding:
    """The holding, refused when it is unknown, exited or written off by then."""
    holding = fund.holding(company_id)
    if holding.status is not CompanyStatus.ACTIVE:
        message = f"{holding.name} is {status_words(holding.status)} by then."
        raise CompanyNotActive(message, "companyId")
    return holding


@event("COMPANY_ADDED")
@dataclass(frozen=True, slots=True)
class CompanyAdded:
    """A company joined the portfolio."""

    company_id: CompanyId
    name: Annotated[str, "What people call the company."]
    sector: Annotated[str | None, "Industry, in the fund's own words."] = None
    stage: Annotated[str | None, "Stage of its last round, in the fund's own words."] = None

    def check(self, fund: FundBuilder) -> None:
        """Refuse a key that is taken, empty or too long, and a nameless company."""
        check_text(self.company_id, "companyId")
        check_text(self.name, "name")
        check_optional_text(self.sector, "sector")
        check_optional_text(self.stage, "stage")
        if self.company_id in fund:
            message = f"The fund has a company {self.company_id!r} already."
            raise CompanyExists(message, "companyId")

    def evolve(self, fund: FundBuilder, at: datetime) -> None:
        """A holding without a cheque yet."""
        fund.add(Holding(self.company_id, self.name, self.sector, self.stage))

    def summary(self, told: Telling) -> str:
        """One sentence a partner would say."""
        return f"{self.name} joined the portfolio"


@event("INVESTMENT_MADE")
@dataclass(frozen=True, slots=True)
class InvestmentMade:
    """The fund wrote a cheque."""

    company_id: CompanyId
    amount: Annotated[Money, "The fund's cheque."]
    ownership_after: Annotated[Fraction | None, "The fund's fully diluted share once the round closed."] = None
    from_reserves: Annotated[bool, "Whether it is a follow-on paid from reserves."] = False
    round: Annotated[str | None, "The round it was part of, in the fund's own words."] = None

    def check(self, fund: FundBuilder) -> None:
        """Refuse a cheque to a company not held, of nothing, or above what is available."""
        check_active(fund, self.company_id)
        check_positive(self.amount, "amount")
        check_available(fund, self.amount)
        check_fraction(self.ownership_after, "ownershipAfter")
        check_optional_text(self.round, "round")

    def evolve(self, fund: FundBuilder, at: datetime) -> None:
        """Cost rises; a stated fair value rises by the cheque until the next valuation."""
        fund.invested += self.amount
        holding = fund.change(self.company_id)
        holding.invested += self.amount
        holding.flows.append((at, -self.amount))
        if self.from_reserves:
            holding.deployed_reserves += self.amount
        else:
            holding.initial_investment += self.amount
        if self.ownership_after is not None:
            holding.ownership = self.ownership_after
        if holding.stated_fair_value is not None:
            holding.stated_fair_value += self.amount

    def summary(self, told: Telling) -> str:
        """One sentence a partner would say."""
        reserves = " from reserves" if self.from_reserves else ""
        part = f" in its {self.round} round" if self.round else ""
        amount = money_for_people(self.amount, told.currency)
        return f"Invested {amount}{reserves} in {told.name(self.company_id)}{part}"


@event("ROUND_PRICED")
@dataclass(frozen=True, slots=True)
class RoundPriced:
    """A company raised a priced round, with or without the fund."""

    company_id: CompanyId
    stage: Annotated[str, "The round's stage, in the fund's own words."]
    pre_money: Annotated[Money, "The whole company's value before the round's money."]
    round_size: Annotated[Money, "New money from all investors together."]
    ownership_after: Annotated[Fraction | None, "The fund's fully diluted share once the round closed."] = None

    def check(self, fund: FundBuilder) -> None:
        """Refuse a round of a company not held, without a price or without money."""
        check_active(fund, self.company_id)
        check_text(self.stage, "stage")
        check_positive(self.pre_money, "preMoney")
        check_positive(self.round_size, "roundSize")
        check_fraction(self.ownership_after, "ownershipAfter")

    def evolve(self, fund: FundBuilder, at: datetime) -> None:
        """The company is worth its post-money, and the holding its share of that."""
        holding = fund.change(self.company_id)
        holding.stage = self.stage
        holding.valuation = self.pre_money + self.round_size
        holding.stated_fair_value = None
        if self.ownership_after is not None:
            holding.ownership = self.ownership_after

    def summary(self, told: Telling) -> str:
        """One sentence a partner would say."""
        raised = money_for_people(self.round_size, told.currency)
        pre = money_for_people(self.pre_money, told.currency)
        return f"{told.name(self.company_id)} raised {raised} ({self.stage}) at {pre} pre-money"


@event("VALUATION_UPDATED")
@dataclass(frozen=True, slots=True)
class ValuationUpdated:
    """A company was valued anew."""

    company_id: CompanyId
    new_value: Annotated[Money, "The whole company's value."]
    fair_value: Annotated[Money | None, "The holding's, where it isn't ownership × new value."] = None
    note: Annotated[str | None, "Why, or by whom."] = None

    def check(self, fund: FundBuilder) -> None:
        """Refuse a company not held, and values below zero."""
        check_active(fund, self.company_id)
        for amount, field in ((self.new_value, "newValue"), (self.fair_value, "fairValue")):
            if amount is not None and amount < 0:
                message = "A value must not be below zero."
                raise Invalid(message, field)
        check_optional_text(self.note, "note")

    def evolve(self, fund: FundBuilder, at: datetime) -> None:
        """The newest value holds until the next."""
        holding = fund.change(self.company_id)
        holding.valuation = self.new_value
        holding.stated_fair_value = self.fair_value

    def summary(self, told: Telling) -> str:
        """One sentence a partner would say."""
        note = f": {self.note}" if self.note else ""
        return f"Valued {told.name(self.company_id)} at {money_for_people(self.new_value, told.currency)}{note}"


@event("PROCEEDS_RECEIVED")
@dataclass(frozen=True, slots=True)
class ProceedsReceived:
    """Money came back from a company."""

    company_id: CompanyId
    amount: Annotated[Money, "What the fund received."]
    kind: Annotated[str | None, "How, such as acquired, dividend or escrow."] = None

    def check(self, fund: FundBuilder) -> None:
        """Refuse an unknown company and nothing; an exited or written-off one may still pay."""
        fund.holding(self.company_id)
        check_positive(self.amount, "amount")
        check_optional_text(self.kind, "kind")

    def evolve(self, fund: FundBuilder, at: datetime) -> None:
        """Realised."""
        fund.proceeds += self.amount
        holding = fund.change(self.company_id)
        holding.proceeds += self.amount
        holding.flows.append((at, self.amount))

    def summary(self, told: Telling) -> str:
        """One sentence a partner would say."""
        kind = f" ({self.kind})" if self.kind else ""
        return f"Received {money_for_people(self.amount, told.currency)} from {told.name(self.company_id)}{kind}"


@event("COMPANY_STATUS_CHANGED")
@dataclass(frozen=True, slots=True)
class CompanyStatusChanged:
    """A company was exited, written off, or came back."""

    company_id: CompanyId
    status: Annotated[CompanyStatus, "Where it stands from now on."]
    note: Annotated[str | None, "Why."] = None

    def check(self, fund: FundBuilder) -> None:
        """Refuse an unknown company and a change that is none."""
        holding = fund.holding(self.company_id)
        if holding.status is self.status:
            message = f"{holding.name} is {status_words(self.status)} by then already."
            raise InvalidState(message, "status")
        check_optional_text(self.note, "note")

    def evolve(self, fund: FundBuilder, at: datetime) -> None:
        """Exited and written-off holdings are worth nothing from here on."""
        fund.change(self.company_id).status = self.status

    def summary(self, told: Telling) -> str:
        """One sentence a partner would say."""
        became = {CompanyStatus.ACTIVE: "is active again", CompanyStatus.EXITED: "was exited"}
        return f"{told.name(self.company_id)} {became.get(self.status, 'was written off')}"


@event("RESERVE_ALLOCATED")
@dataclass(frozen=True, slots=True)
class ReserveAllocated:
    """The fund planned how much it keeps for a company's later rounds."""

    company_id: CompanyId
    amount: Annotated[Money, "The new planned total; deployed reserves count against it."]
    reason: Annotated[str | None, "Why."] = None

    def check(self, fund: FundBuilder) -> None:
        """Refuse a company not held, and a plan below zero; zero releases what was planned."""
        check_active(fund, self.company_id)
        if self.amount < 0:
            message = "A planned reserve must not be below zero."
            raise Invalid(message, "amount")
        check_optional_text(self.reason, "reason")

    def evolve(self, fund: FundBuilder, at: datetime) -> None:
        """The newest plan holds."""
        fund.change(self.company_id).planned_reserves = self.amount

    def summary(self, told: Telling) -> str:
        """One sentence a partner would say."""
        planned = money_for_people(self.amount, told.currency)
        return f"Planned {planned} of reserves for {told.name(self.company_id)}"
