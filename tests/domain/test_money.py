"""Money: exact from text to cents and back."""

from decimal import Decimal
from fractions import Fraction as Rational

import pytest
from hypothesis import given, settings, strategies as st

from domain.money import MAX_MONEY, money_for_people, money_from_text, money_text, share_of
from tests.depth import deep


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        ("0", 0),
        ("0.0", 0),
        ("0.01", 1),
        ("0.1", 10),
        ("7", 700),
        ("12.50", 1_250),
        ("1250000.00", 125_000_000),
        ("-3.07", -307),
        ("-0", 0),
        ("-0.00", 0),
        ("1000000000000000.00", MAX_MONEY),
        ("-1000000000000000", -MAX_MONEY),
    ],
)
def test_an_exact_decimal_becomes_cents(text: str, cents: int) -> None:
    assert money_from_text(text) == cents


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "-",
        ".",
        ".5",
        "5.",
        "1.234",
        "1.000",
        "00",
        "01",
        "-01.00",
        "+1",
        "--1",
        " 1",
        "1 ",
        "1\n",
        "1,000.00",
        "1_000",
        "1e3",
        "1E+2",
        "0x10",
        "NaN",
        "Infinity",
        "½",
        "١٢٣",
        "１２",
        "$1",
        "1.0.0",
        "9" * 19,
        "9" * 1_000,
    ],
)
def test_anything_else_is_no_money(text: str) -> None:
    with pytest.raises(ValueError, match=r"^not an amount of money: .*, such as 1250000\.00$"):
        money_from_text(text)


@pytest.mark.parametrize("text", ["1000000000000000.01", "-1000000000000000.01", "9" * 18])
def test_an_amount_beyond_a_quadrillion_is_taken_for_a_typing_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"^amount of money beyond 1000000000000000\.00$"):
        money_from_text(text)


@pytest.mark.parametrize(
    ("cents", "text"), [(0, "0.00"), (1, "0.01"), (-1, "-0.01"), (125_000_050, "1250000.50"), (-307, "-3.07")]
)
def test_money_is_written_with_two_decimals(cents: int, text: str) -> None:
    assert money_text(cents) == text


@settings(max_examples=deep(100, 300), deadline=None, derandomize=True, database=None)
@given(st.integers(-MAX_MONEY, MAX_MONEY))
def test_money_survives_being_written_and_read(cents: int) -> None:
    assert money_from_text(money_text(cents)) == cents


@pytest.mark.parametrize(
    ("cents", "words"),
    [
        (0, "0 USD"),
        (100_000_000, "1,000,000 USD"),
        (123_456_789, "1,234,567.89 USD"),
        (5, "0.05 USD"),
        (-150, "-1.50 USD"),
        (-100_000, "-1,000 USD"),
    ],
)
def test_people_read_thousands_separated_and_cents_only_where_there_are_any(cents: int, words: str) -> None:
    assert money_for_people(cents, "USD") == words


@pytest.mark.parametrize(
    ("cents", "fraction", "share"),
    [
        (1_000, "0.25", 250),
        (1, "0.5", 0),
        (3, "0.5", 2),
        (5, "0.5", 2),
        (7, "0.5", 4),
        (100, "0.005", 0),
        (100, "0.0050000001", 1),
        (999, "0", 0),
        (999, "1", 999),
    ],
)
def test_a_share_is_rounded_half_to_even_cents(cents: int, fraction: str, share: int) -> None:
    assert share_of(cents, Decimal(fraction)) == share


def test_a_share_is_rounded_once_however_many_digits_it_has() -> None:
    # 50000000000000000.5 and a little: rounded first to 28 digits it would be a tie, and lose its cent.
    assert share_of(99_999_999_999_999_999, Decimal("0.500000000000000010")) == 50_000_000_000_000_000
    assert share_of(1_000_000_000_000_001, Decimal("0.500000000000000001")) == 500_000_000_000_001


@settings(max_examples=deep(100, 300), deadline=None, derandomize=True, database=None)
@given(st.integers(0, 2 * MAX_MONEY), st.integers(0, 10**18))
def test_a_share_is_the_nearest_cent_of_the_exact_product(cents: int, parts: int) -> None:
    share = share_of(cents, Decimal(parts).scaleb(-18))
    assert share == round(Rational(cents) * Rational(parts, 10**18))
