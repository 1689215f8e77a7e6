"""Capital: opening a fund, calling from and distributing to its investors, and fees."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

from domain.event import Telling, event
from domain.fund import FundBuilder
from domain.moments import day_text, is_reasonable
from domain.money import Money, money_for_people
from domain.refusal import ExceedsAvailableCapital, ExceedsCash, ExceedsUncalledCapital, Invalid, InvalidState
from domain.text import check_optional_text, check_text

CURRENCY_LETTERS = 3
EARLIEST_VINTAGE, LATEST_VINTAGE = 1900, 2199


def check_positive(amount: int, *path: str) -> None:
    """Refuse an amount of nothing or less."""
    if amount <= 0:
        message = "The amount must be above zero."
        raise Invalid(message, *path)


def check_available(fund: FundBuilder, amount: int) -> None:
    """Refuse to spend more than the fund still has to invest."""
    if amount > fund.available_capital:
        available = money_for_people(fund.available_capital, fund.currency)
        message = f"{money_for_people(amount, fund.currency)} is above the {available} available by then."
        raise ExceedsAvailableCapital(message, "amount")


@event("FUND_OPENED", recordable=False)
@dataclass(frozen=True, slots=True)
class FundOpened:
    """A fund began: the first fact of its ledger."""

    name: Annotated[str, "What people call the fund."]
    currency: Annotated[str, "ISO 4217 code of the one currency all its money is in."]
    vintage_year: Annotated[int, "Year of its first investment, as the industry compares funds."]
    size: Annotated[Money, "What its investors committed."]
    time_zone: Annotated[str, "IANA name of the zone its dates are in."] = "UTC"

    def check(self, fund: FundBuilder) -> None:
        """Refuse a second opening, a fund without a name, size, currency or zone, a year beyond reason."""
        if fund.opened_at is not None:
            message = "The fund is open already."
            raise InvalidState(message)
        check_text(self.name, "name")
        letters = self.currency
        if not (len(letters) == CURRENCY_LETTERS and letters.isascii() and letters.isalpha() and letters.isupper()):
            message = "A currency is three capital letters, such as USD."
            raise Invalid(message, "currency")
        if not EARLIEST_VINTAGE <= self.vintage_year <= LATEST_VINTAGE:
            message = f"A vintage year lies from {EARLIEST_VINTAGE} to {LATEST_VINTAGE}."
            raise Invalid(message, "vintageYear")
        check_positive(self.size, "size")
        check_text(self.time_zone, "timeZone")

    def evolve(self, fund: FundBuilder, at: datetime) -> None:
        """The fund exists from here on."""
        fund.name = self.name
        fund.currency = self.currency
        fund.vintage_year = self.vintage_year
        fund.committed = self.size
        fund.time_zone = self.time_zone
        fund.opened_at = at

    def summary(self, told: Telling) -> str:
        """One sentence a partner would say."""
        return f"{self.name} opened with {money_for_people(self.size, told.currency)} committed"


@event("CAPITAL_CALLED")
@dataclass(frozen=True, slots=True)
class CapitalCalled:
    """Investors were asked to pay in."""

    amount: Annotated[Money, "What was called from all investors together."]
    due_on: Annotated[date | None, "Day by which they pay."] = None

    def check(self, fund: FundBuilder) -> None:
        """Refuse nothing, more than is uncalled, and a due date beyond reason."""
        check_positive(self.amount, "amount")
        uncalled = fund.committed + fund.recallable - fund.called
        if self.amount > uncalled:
            message = (
                f"{money_for_people(self.amount, fund.currency)} is above the "
                f"{money_for_people(uncalled, fund.currency)} uncalled by then."
            )
            raise ExceedsUncalledCapital(message, "amount")
        if self.due_on is not None and not is_reasonable(self.due_on):
            message = "A due date lies from 1900 to 2199."
            raise Invalid(message, "dueOn")

    def evolve(self, fund: FundBuilder, at: datetime) -> None:
        """Paid in at the call."""
        fund.called += self.amount
        fund.flows.append((at, -self.amount))

    def summary(self, told: Telling) -> str:
        """One sentence a partner would say."""
        due = f", due {day_text(self.due_on)}" if self.due_on else ""
        return f"Called {money_for_people(self.amount, told.currency)} from the investors{due}"


@event("DISTRIBUTION_MADE")
@dataclass(frozen=True, slots=True)
class DistributionMade:
    """Money went back to the investors."""

    amount: Annotated[Money, "What went to all investors together."]
    recallable: Annotated[bool, "Whether it can be called again; then it counts as available."] = False

    def check(self, fund: FundBuilder) -> None:
        """Refuse nothing, and more than the fund's cash where its calls are recorded."""
        check_positive(self.amount, "amount")
        if fund.called and self.amount > fund.cash:
            message = (
                f"{money_for_people(self.amount, fund.currency)} is above the "
                f"{money_for_people(fund.cash, fund.currency)} in cash by then."
            )
            raise ExceedsCash(message, "amount")

    def evolve(self, fund: FundBuilder, at: datetime) -> None:
        """Paid out."""
        fund.distributed += self.amount
        fund.flows.append((at, self.amount))
        if self.recallable:
            fund.recallable += self.amount

    def summary(self, told: Telling) -> str:
        """One sentence a partner would say."""
        recallable = ", recallable" if self.recallable else ""
        return f"Distributed {money_for_people(self.amount, told.currency)} to the investors{recallable}"


@event("FEE_CHARGED")
@dataclass(frozen=True, slots=True)
class FeeCharged:
    """The fund paid a fee or an expense."""

    amount: Annotated[Money, "What was charged."]
    kind: Annotated[str | None, "What for, such as management or audit."] = None

    def check(self, fund: FundBuilder) -> None:
        """Refuse nothing, and more than is available."""
        check_positive(self.amount, "amount")
        check_available(fund, self.amount)
        check_optional_text(self.kind, "kind")

    def evolve(self, fund: FundBuilder, at: datetime) -> None:
        """Less to invest."""
        fund.fees += self.amount

    def summary(self, told: Telling) -> str:
        """One sentence a partner would say."""
        kind = f" ({self.kind})" if self.kind else ""
        return f"Charged {money_for_people(self.amount, told.currency)} of fees{kind}"
