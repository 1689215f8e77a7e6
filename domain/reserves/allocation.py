"""The optimal allocation: a mixed-integer program over every company's rounds to come, checked again in cents.

A numeric module. Source: the design's section 5, strategy 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf

import numpy as np

from domain.reserves.exits import Floats
from domain.reserves.floor import Floor
from domain.reserves.limits import SLACK, Candidate, InfeasiblePlan, Limits, check_commitments, round_cap
from domain.reserves.program import CENTS, FLOOR, Program


@dataclass(frozen=True, slots=True)
class Plan:
    """An allocation.

    Attributes:
        cheques: Cents by company and round, in the candidates' order.
        value: Σ value × cheque + what isn't given, in cents.
        bound: No plan has a larger value; infinite where the solver found none.
        shadow_price: What one more dollar in the pool would add.
        limited_by: Why each company got no more.
        note: What went wrong, where something did; empty otherwise.
    """

    cheques: tuple[tuple[int, ...], ...]
    value: float
    bound: float
    shadow_price: float
    limited_by: tuple[str, ...]
    note: str = ""

    @property
    def amounts(self) -> tuple[int, ...]:
        """Cents by company."""
        return tuple(sum(cheques) for cheques in self.cheques)


def optimise(
    candidates: Sequence[Candidate], limits: Limits, *, floor: Floor | None = None, fail: bool = False
) -> Plan:
    """The plan of the largest value; by the marginal greedy, and says so, where the solver finds none.

    Args:
        floor: On the mean of the worst paths; its cheques are the candidates' rounds, in their order.
        fail: Has the solver fail, to see what happens then.

    Raises:
        InfeasiblePlan: If commitments or the floor can't be kept.
    """
    check_commitments(candidates, limits)
    greedy = marginal_greedy(candidates, limits)
    if not any(one.value.size for one in candidates):
        if not _keeps(candidates, floor, greedy):
            assert floor is not None, "without cheques nothing is committed"
            message = f"{FLOOR}; it is {floor.worst(np.zeros(0)).constant:,.0f}"
            raise InfeasiblePlan(message)
        return _told(candidates, limits, greedy, _value(candidates, limits, greedy), 1.0)
    program = Program(candidates, limits, floor)
    solved = None if fail else program.solve()
    # Rounding may cost a cheque its minimum, and a greedy plan may then be better.
    found = [greedy] if solved is None else [_in_cents(candidates, limits, solved[0]), greedy]
    plans = [plan for plan in found if _keeps(candidates, floor, plan)]
    if not plans:
        message = "the solver found no plan, and the marginal greedy's breaks a commitment or the floor"
        raise InfeasiblePlan(message)
    kept = max(plans, key=lambda plan: _value(candidates, limits, plan))
    if solved is None:
        note = "The solver found no plan; this is the marginal greedy's, which may not be the best."
        return replace(_told(candidates, limits, kept, inf, 1.0), note=note)
    return _told(candidates, limits, kept, solved[1], program.shadow_price(kept))


def marginal_greedy(candidates: Sequence[Candidate], limits: Limits) -> tuple[tuple[int, ...], ...]:
    """Cheques in order of their value per dollar, each as large as it may be; what is committed first.

    Exactly the best where there is no minimum cheque and the limits nest.
    """
    written = _Written(candidates, limits)
    for place in range(len(candidates)):
        written.commit(place)
    ordered = _by_value(candidates)
    # A cheque into an early round makes room in a later one, so what was full may have room again.
    for _ in range(max((len(one.value) for one in candidates), default=0)):
        before = written.left
        for place, number in ordered:
            if candidates[place].value[number] > 1.0:
                written.give(place, number, written.left)
        if written.left == before:
            break
    return written.plan()


class _Written:
    """Cheques as they are written: whole cents, every limit kept exactly."""

    def __init__(self, candidates: Sequence[Candidate], limits: Limits) -> None:
        self._candidates = candidates
        self._limits = limits
        self.cheques = [[0] * len(one.value) for one in candidates]
        self._in_stage = dict.fromkeys(limits.stages, 0)
        self.left = limits.pool

    def give(self, place: int, number: int, most: int) -> None:
        """Raises a cheque by as much as it may be, at most by so much; not at all where it would be below the least."""
        one, cheques = self._candidates[place], self.cheques[place]
        room = min(self.left, most, one.room - sum(cheques), round_cap(one, cheques, number) - cheques[number])
        if one.stage in self._in_stage:
            room = min(room, self._limits.stages[one.stage] - self._in_stage[one.stage])
        if room <= 0 or cheques[number] + room < self._limits.min_check:
            return
        cheques[number] += room
        self.left -= room
        if one.stage in self._in_stage:
            self._in_stage[one.stage] += room

    def commit(self, place: int) -> None:
        """Gives a company what it is committed and hasn't got, its next rounds first."""
        for number in range(len(self.cheques[place])):
            missing = self._candidates[place].committed - sum(self.cheques[place])
            if missing > 0:
                least = 0 if self.cheques[place][number] else self._limits.min_check
                self.give(place, number, max(missing, least))

    def plan(self) -> tuple[tuple[int, ...], ...]:
        """The cheques by company and round."""
        return tuple(tuple(each) for each in self.cheques)


def _keeps(candidates: Sequence[Candidate], floor: Floor | None, cheques: Sequence[Sequence[int]]) -> bool:
    """Whether every company gets what it is committed, and the floor is kept."""
    if floor is not None and not floor.kept(np.array([cheque / CENTS for each in cheques for cheque in each])):
        return False
    return all(sum(each) >= one.committed for one, each in zip(candidates, cheques, strict=True))


def _in_cents(candidates: Sequence[Candidate], limits: Limits, found: Floats) -> tuple[tuple[int, ...], ...]:
    """The solver's point in whole cents, each cheque cut to what is allowed: what is committed before the rest."""
    written, starts = _Written(candidates, limits), np.cumsum([0, *(len(one.value) for one in candidates)])
    for place in sorted(range(len(candidates)), key=lambda place: candidates[place].committed == 0):
        for number, cheque in enumerate(found[starts[place] : starts[place + 1]]):
            written.give(place, number, round(float(cheque)))
        written.commit(place)
    # What rounding left over goes on top of the best cheques that are written.
    for place, number in _by_value(candidates):
        if written.cheques[place][number] > 0 and candidates[place].value[number] > 1.0:
            written.give(place, number, SLACK)
    return written.plan()


def _by_value(candidates: Sequence[Candidate]) -> list[tuple[int, int]]:
    """Every company's rounds, as places of company and round: those of the largest value per dollar first."""
    rounds = ((place, number) for place, one in enumerate(candidates) for number in range(len(one.value)))
    return sorted(rounds, key=lambda at: (-float(candidates[at[0]].value[at[1]]), at))


def _value(candidates: Sequence[Candidate], limits: Limits, cheques: Sequence[Sequence[int]]) -> float:
    given = sum(sum(each) for each in cheques)
    brought = sum(
        float(one.value[number]) * cheque
        for one, each in zip(candidates, cheques, strict=True)
        for number, cheque in enumerate(each)
    )
    return brought + limits.pool - given


def _told(
    candidates: Sequence[Candidate], limits: Limits, cheques: tuple[tuple[int, ...], ...], bound: float, price: float
) -> Plan:
    value = _value(candidates, limits, cheques)
    left = limits.pool - sum(sum(each) for each in cheques)
    in_stage = {
        stage: sum(sum(each) for one, each in zip(candidates, cheques, strict=True) if one.stage == stage)
        for stage in limits.stages
    }
    reasons = tuple(_reason(one, each, limits, left, in_stage) for one, each in zip(candidates, cheques, strict=True))
    return Plan(cheques, value, max(bound, value), price, reasons)


def _reason(one: Candidate, cheques: Sequence[int], limits: Limits, left: int, in_stage: Mapping[str, int]) -> str:
    """Why the company got no more."""
    total = sum(cheques)
    better = [number for number in range(len(one.value)) if one.value[number] > 1.0]
    if not better:
        return "cut-off"
    if total + SLACK >= one.room:
        return "cap"
    if one.stage in limits.stages and in_stage[one.stage] + SLACK >= limits.stages[one.stage]:
        return "stage"
    full = [round_cap(one, cheques, number) - cheques[number] <= SLACK for number in better]
    if all(full):
        return "pro-rata"
    if (
        limits.min_check
        and left
        and any(0 < round_cap(one, cheques, number) < limits.min_check or left < limits.min_check for number in better)
    ):
        return "minimum cheque"
    return "cut-off"
