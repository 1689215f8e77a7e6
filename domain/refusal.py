"""Refusals: expected answers of "no", with the obstacle, a code and the path of the offending value."""

from typing import ClassVar

from domain.wording import Wording


class RefusalCode(Wording):
    """Kind of a refusal, as clients tell them apart."""

    INVALID = "INVALID", "A value that can't be right."
    NOT_FOUND = "NOT_FOUND", "Something named that doesn't exist, or that you have no part in."
    FORBIDDEN = "FORBIDDEN", "Your role doesn't allow it."
    VERSION_CONFLICT = (
        "VERSION_CONFLICT",
        "The ledger isn't at the version expected; read again and decide anew.",
    )
    IDEMPOTENCY_MISMATCH = "IDEMPOTENCY_MISMATCH", "The idempotency key was used before with other input."
    INVALID_STATE = "INVALID_STATE", "It contradicts the fund's state at that moment."
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED", "More than one request may hold."
    UNAVAILABLE = "UNAVAILABLE", "The service can't answer now; try again with the same idempotency key."


class Refusal(Exception):
    """A request that can't be granted, and why.

    Attributes:
        message: One sentence for a person.
        path: Where in the input the offending value stands, outermost first; empty for the whole.
    """

    code: ClassVar[RefusalCode] = RefusalCode.INVALID

    def __init__(self, message: str, *path: str) -> None:
        super().__init__(message)
        self.message = message
        self.path = path

    def under(self, *prefix: str) -> "Refusal":
        """The same refusal with its path placed below `prefix`."""
        self.path = (*prefix, *self.path)
        return self


class Invalid(Refusal):
    """A value that can't be right whatever the fund's state."""


class TooLarge(Refusal):
    """More than one request may hold."""

    code = RefusalCode.LIMIT_EXCEEDED


class NotFound(Refusal):
    """Something named in the input that doesn't exist, or that the caller has no part in."""

    code = RefusalCode.NOT_FOUND


class Forbidden(Refusal):
    """The caller's role doesn't allow it."""

    code = RefusalCode.FORBIDDEN


class InvalidState(Refusal):
    """A value that is fine in itself and contradicts the fund's state at that moment."""

    code = RefusalCode.INVALID_STATE


class UnknownCompany(NotFound):
    """No company with that key in the fund at that moment."""


class CompanyExists(InvalidState):
    """The company key is taken."""


class CompanyNotActive(InvalidState):
    """The company has been exited or written off by then."""


class ExceedsAvailableCapital(InvalidState):
    """A cheque or fee above what the fund still has to invest."""


class ExceedsUncalledCapital(InvalidState):
    """A capital call above what the investors still owe."""


class ExceedsCash(InvalidState):
    """A distribution above the fund's cash."""


class BeforeFundOpened(InvalidState):
    """A fact dated before the fund was opened."""


class ContradictsLaterFact(InvalidState):
    """A backdated fact or a void that would make a fact already recorded impossible.

    Attributes:
        version: The fact it would contradict.
    """

    def __init__(self, message: str, version: int, *path: str) -> None:
        super().__init__(message, *path)
        self.version = version


class VersionConflict(Refusal):
    """The ledger isn't at the version the caller expected."""

    code = RefusalCode.VERSION_CONFLICT

    def __init__(self, expected: int, actual: int) -> None:
        super().__init__(f"The ledger is at version {actual}, not at {expected}.", "expectedVersion")
        self.expected = expected
        self.actual = actual


class IdempotencyMismatch(Refusal):
    """An idempotency key used before with other input."""

    code = RefusalCode.IDEMPOTENCY_MISMATCH

    def __init__(self) -> None:
        super().__init__("This idempotency key was used before with other input.", "idempotencyKey")


class CorruptionError(Exception):
    """What is stored can't be what was written: stop, and tell an operator."""
