"""Limits: what companies may be given, and what the fund's limits allow. A numeric module."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from domain.reserves.exits import Floats

SLACK: Final = 100
"""Cents by which a limit may be missed and still count as reached: rounding, not room."""
MOTE: Final = 1e-6
"""Of a cent: what floats may lose of a cap of whole cents."""


class InfeasiblePlan(Exception):
    """Limits or commitments that can't all be kept; says which."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A company that may be given reserves. Money in cents.

    Attributes:
        room: Most that it may get, over all rounds.
        value: Of a dollar reserved for each round: `G' + ω (1 − D')`, shape (rounds,).
        sizes: New money of each round, shape (rounds,).
        owned: The pro-rata cap of each round without taking part in those before, shape (rounds,).
        follow: By how many cents a cent in an earlier round raises the cap of a later one, shape (rounds, rounds),
            row = the later round; 0 on and above the diagonal.
        committed: Least that it gets.
    """

    id: str
    stage: str
    room: int
    value: Floats
    sizes: Floats
    owned: Floats
    follow: Floats
    committed: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """The fund's limits, in cents.

    Attributes:
        pool: What is to be split.
        min_check: A cheque is at least as large, or isn't made; 0 for none.
        stages: Most for all companies of a stage; a stage not in it has no limit.
    """

    pool: int
    min_check: int = 0
    stages: Mapping[str, int] = field(default_factory=dict)


def round_cap(one: Candidate, cheques: Sequence[int], number: int) -> int:
    """Cents that the fund may put into a round, given its cheques before it; never more than the round."""
    raised = sum(float(one.follow[number, before]) * cheques[before] for before in range(number))
    return int(min(float(one.owned[number]) + raised, float(one.sizes[number])) + MOTE)


def check_commitments(candidates: Sequence[Candidate], limits: Limits) -> None:
    """Refuse commitments that no plan can keep.

    Raises:
        InfeasiblePlan: If they are more than the pool, a stage's limit, or what a company may get.
    """
    total = sum(one.committed for one in candidates)
    if total > limits.pool:
        message = "what is committed is more than the pool"
        raise InfeasiblePlan(message)
    for one in candidates:
        if one.committed > min(one.room, _takes(one)):
            message = f"{one.id} is committed more than its limits allow"
            raise InfeasiblePlan(message)
    for stage, most in limits.stages.items():
        if sum(one.committed for one in candidates if one.stage == stage) > most:
            message = f"what is committed at the stage {stage} is more than its limit"
            raise InfeasiblePlan(message)


def _takes(one: Candidate) -> int:
    """Cents that all of a company's rounds together can take."""
    cheques: list[int] = []
    for number in range(len(one.value)):
        cheques.append(round_cap(one, cheques, number))
    return sum(cheques)
