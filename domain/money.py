"""Money in whole cents and fractions as Decimal: exact from the wire to the ledger."""

import re
from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import NewType

Money = NewType("Money", int)
"""An amount in whole cents of the fund's currency."""

Fraction = NewType("Fraction", Decimal)
"""A share of a whole, 0 to 1."""

CENTS = 100
MAX_MONEY = Money(10**17)
"""Largest amount taken, in cents: a quadrillion of currency; beyond it an amount is a typing error."""

# Every digit of an amount times a fraction, and of sums of figures of 38 digits; the usual 28 would round twice.
EXACT = Context(prec=100)

# ASCII digits only: `\d` and Decimal() would also take Arabic digits, underscores and exponents.
_MONEY = re.compile(r"(-?)(0|[1-9][0-9]{0,17})(?:\.([0-9]{1,2}))?")


def money_from_text(text: str) -> Money:
    """Cents of an exact decimal such as `1250000.00`; at most two decimals.

    Raises:
        ValueError: If it isn't such a number, or is beyond `MAX_MONEY` either way.
    """
    match = _MONEY.fullmatch(text)
    if match is None:
        message = "not an amount of money: expected digits with at most two decimals, such as 1250000.00"
        raise ValueError(message)
    sign, whole, cents = match.groups()
    amount = int(whole) * CENTS + int((cents or "0").ljust(2, "0"))
    if amount > MAX_MONEY:
        message = "amount of money beyond 1000000000000000.00"
        raise ValueError(message)
    return Money(-amount if sign else amount)


def money_text(amount: int) -> str:
    """The amount with two decimals, such as `1250000.00`."""
    whole, cents = divmod(abs(amount), CENTS)
    return f"{'-' if amount < 0 else ''}{whole}.{cents:02d}"


def money_for_people(amount: int, currency: str) -> str:
    """The amount with thousands separated and its currency, cents only where there are any."""
    whole, cents = divmod(abs(amount), CENTS)
    return f"{'-' if amount < 0 else ''}{whole:,}{f'.{cents:02d}' if cents else ''} {currency}"


def share_of(amount: int, fraction: Decimal) -> Money:
    """`fraction` of `amount`, in whole cents, half to even."""
    return Money(int(EXACT.multiply(Decimal(amount), fraction).to_integral_value(ROUND_HALF_EVEN)))


def total(figures: Iterable[Decimal]) -> Decimal:
    """Their sum, to the last digit."""
    found = Decimal(0)
    for figure in figures:
        found = EXACT.add(found, figure)
    return found


def cents_of(figure: Decimal) -> Money:
    """A figure in the fund's currency as whole cents, half to even."""
    return Money(int(EXACT.multiply(figure, Decimal(CENTS)).to_integral_value(ROUND_HALF_EVEN)))
