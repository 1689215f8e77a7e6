"""Findings: what an examination says, one sentence each."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How bad a finding is."""

    GOOD = "good"
    ADVICE = "advice"
    """Works, and could be better."""
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing examined.

    Attributes:
        what: Which thing.
        told: How it is.
        remedy: What to do; empty where nothing is to be done.
    """

    state: State
    what: str
    told: str
    remedy: str = ""


def good(what: str, told: str) -> Finding:
    """It is as it should be."""
    return Finding(State.GOOD, what, told)


def advice(what: str, told: str, remedy: str) -> Finding:
    """It works, and could be better."""
    return Finding(State.ADVICE, what, told, remedy)


def wrong(what: str, told: str, remedy: str) -> Finding:
    """It is wrong."""
    return Finding(State.WRONG, what, told, remedy)
