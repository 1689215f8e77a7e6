"""Text: what people may type."""

import pytest

from domain.refusal import Invalid
from domain.text import MAX_KEY, MAX_TEXT, check_email, check_optional_text, check_text
from tests.spec import refuses


@pytest.mark.parametrize("text", ["a", " Müller & Söhne ", "株式会社", "👩\u200d🔬", "two\nlines", "x" * MAX_KEY])
def test_a_text_may_hold_any_letters_of_any_script(text: str) -> None:
    check_text(text, "name")


@pytest.mark.parametrize(
    "text", ["", " ", "\t\n", "\u3000", "x" * (MAX_KEY + 1), "a\0b", "\ud800", "a\udfff", "\udc00\ud83d"]
)
def test_a_text_that_is_empty_too_long_or_no_text_is_refused(text: str) -> None:
    refuses(lambda: check_text(text, "events", "0", "name"), Invalid, "events", "0", "name")


@pytest.mark.parametrize("text", [None, "", " ", "x" * MAX_TEXT])
def test_an_optional_text_may_be_missing_or_empty(text: str | None) -> None:
    check_optional_text(text, "note")


@pytest.mark.parametrize("text", ["x" * (MAX_TEXT + 1), "\0", "\udead"])
def test_an_optional_text_too_long_or_no_text_is_refused(text: str) -> None:
    refuses(lambda: check_optional_text(text, "note"), Invalid, "note")


def test_the_message_says_how_long_a_text_may_be() -> None:
    with pytest.raises(Invalid, match=r"^At most 3 characters\.$"):
        check_text("four", "name", most=3)


@pytest.mark.parametrize("text", ["a@b", "Ann.O'Hara+fund@example.org", "anna@müller.example", "x" * 252 + "@y"])
def test_an_e_mail_has_one_at_sign_between_two_names(text: str) -> None:
    check_email(text, "email")


@pytest.mark.parametrize(
    "text", ["", "a", "@", "a@", "@b", "a@b@c", "a b@c", " a@b", "a@b\n", "a\0@b", "\ud800@b", "x" * 253 + "@y"]
)
def test_what_is_no_e_mail_is_refused(text: str) -> None:
    refuses(lambda: check_email(text, "email"), Invalid, "email")
