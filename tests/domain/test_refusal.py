"""Refusals: what a caller is told."""

import pytest

from domain import refusal
from domain.refusal import (
    ContradictsLaterFact,
    IdempotencyMismatch,
    Invalid,
    Refusal,
    RefusalCode,
    VersionConflict,
)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Invalid", "INVALID"),
        ("TooLarge", "LIMIT_EXCEEDED"),
        ("NotFound", "NOT_FOUND"),
        ("Forbidden", "FORBIDDEN"),
        ("InvalidState", "INVALID_STATE"),
        ("UnknownCompany", "NOT_FOUND"),
        ("CompanyExists", "INVALID_STATE"),
        ("CompanyNotActive", "INVALID_STATE"),
        ("ExceedsAvailableCapital", "INVALID_STATE"),
        ("ExceedsUncalledCapital", "INVALID_STATE"),
        ("ExceedsCash", "INVALID_STATE"),
        ("BeforeFundOpened", "INVALID_STATE"),
        ("ContradictsLaterFact", "INVALID_STATE"),
        ("VersionConflict", "VERSION_CONFLICT"),
        ("IdempotencyMismatch", "IDEMPOTENCY_MISMATCH"),
    ],
)
def test_each_refusal_has_its_code(name: str, code: str) -> None:
    kind: type[Refusal] = getattr(refusal, name)
    assert kind.code == RefusalCode[code]


def test_a_refusal_carries_a_sentence_and_the_place_in_the_input() -> None:
    refused = Invalid("Too long.", "name")
    assert (str(refused), refused.message, refused.path) == ("Too long.", "Too long.", ("name",))


def test_a_refusal_can_be_placed_deeper() -> None:
    refused = Invalid("Too long.", "name")
    assert refused.under("events", "3") is refused
    assert refused.path == ("events", "3", "name")


def test_a_refusal_of_the_whole_has_no_place() -> None:
    assert Invalid("No.").path == ()


def test_a_contradiction_names_the_version() -> None:
    refused = ContradictsLaterFact("No.", 7, "events", "0")
    assert (refused.version, refused.path, refused.message) == (7, ("events", "0"), "No.")


def test_a_version_conflict_says_both_versions() -> None:
    refused = VersionConflict(expected=3, actual=5)
    assert (refused.expected, refused.actual, refused.path) == (3, 5, ("expectedVersion",))
    assert refused.message == "The ledger is at version 5, not at 3."


def test_a_reused_idempotency_key_is_named() -> None:
    refused = IdempotencyMismatch()
    assert refused.path == ("idempotencyKey",)
    assert refused.message == "This idempotency key was used before with other input."
