"""The optimal allocation: a mixed-integer program over every company's rounds to come, checked again in cents.

A numeric module. Source: the design's section 5, strategy 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any, Final

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csr_array, vstack

from domain.reserves.exits import Floats

SECONDS: Final = 10.0
"""The solver's time; what it has found by then is judged against its bound."""
GAP: Final = 1e-9
"""Relative distance to the bound at which a plan counts as the best."""
UNIT: Final = 100_000.0
"""Cents in the solver's unit: figures near 1 keep its tolerances small in money."""
SLACK: Final = 100
"""Cents by which a limit may be missed and still count as reached: rounding, not room."""
INFEASIBLE: Final = 2
"""What the solver answers where no plan keeps all limits."""
DOLLAR: Final = 100 / UNIT
MOTE: Final = 1e-6
"""Of a cent: what floats may lose of a cap of whole cents."""


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


class InfeasiblePlan(Exception):
    """Limits or commitments that can't all be kept; says which."""


def optimise(candidates: Sequence[Candidate], limits: Limits, *, fail: bool = False) -> Plan:
    """The plan of the largest value; by the marginal greedy, and says so, where the solver finds none.

    Args:
        fail: Has the solver fail, to see what happens then.

    Raises:
        InfeasiblePlan: If commitments can't be kept.
    """
    _check_commitments(candidates, limits)
    greedy = marginal_greedy(candidates, limits)
    if not any(one.value.size for one in candidates):
        return _told(candidates, limits, greedy, _value(candidates, limits, greedy), 1.0)
    program = _Program(candidates, limits)
    solved = None if fail else program.solve()
    if solved is None and not _keeps(candidates, greedy):
        message = "the solver found no plan, and the marginal greedy's doesn't keep what is committed"
        raise InfeasiblePlan(message)
    if solved is None:
        note = "The solver found no plan; this is the marginal greedy's, which may not be the best."
        return replace(_told(candidates, limits, greedy, inf, 1.0), note=note)
    cheques, bound = solved
    kept = _in_cents(candidates, limits, cheques)
    # Rounding may cost a cheque its minimum, and a greedy plan may then be better.
    plans = (kept, greedy) if _keeps(candidates, greedy) else (kept,)
    kept = max(plans, key=lambda plan: _value(candidates, limits, plan))
    return _told(candidates, limits, kept, bound, program.shadow_price(kept))


class _Program:
    """The mixed-integer program, in `UNIT`s."""

    def __init__(self, candidates: Sequence[Candidate], limits: Limits) -> None:
        self._candidates = candidates
        self._limits = limits
        self._starts = np.cumsum([0, *(len(one.value) for one in candidates)])
        self._cheques = int(self._starts[-1])
        self._binary = limits.min_check > 0
        self._value = np.concatenate([one.value for one in candidates])
        # What no cheque is written for stays in the pool and counts 1.
        self._worth = self._value - 1.0
        self._most = np.concatenate([np.minimum(one.sizes, one.room) for one in candidates]) / UNIT
        self._rows, self._lower, self._upper = self._constraints()

    def _constraints(self) -> tuple[Any, Floats, Floats]:
        rows: list[dict[int, float]] = []
        lower: list[float] = []
        upper: list[float] = []

        def add(row: dict[int, float], least: float, most: float) -> None:
            rows.append(row)
            lower.append(least)
            upper.append(most)

        add(dict.fromkeys(range(self._cheques), 1.0), -np.inf, self._limits.pool / UNIT)
        stages: dict[str, dict[int, float]] = {}
        for place, one in enumerate(self._candidates):
            first, last = int(self._starts[place]), int(self._starts[place + 1])
            own = dict.fromkeys(range(first, last), 1.0)
            add(own, one.committed / UNIT, one.room / UNIT)
            if one.stage in self._limits.stages:
                stages.setdefault(one.stage, {}).update(own)
            for number in range(last - first):
                row = {first + number: 1.0}
                row.update({first + before: -float(one.follow[number, before]) for before in range(number)})
                add(row, -np.inf, float(one.owned[number]) / UNIT)
        for stage, row in stages.items():
            add(row, -np.inf, self._limits.stages[stage] / UNIT)
        if self._binary:
            least = self._limits.min_check / UNIT
            for cheque in range(self._cheques):
                # A cheque that is written is neither below the minimum nor above its own most.
                add({cheque: 1.0, self._cheques + cheque: -least}, 0.0, np.inf)
                add({cheque: 1.0, self._cheques + cheque: -float(self._most[cheque])}, -np.inf, 0.0)
        columns = self._cheques * (2 if self._binary else 1)
        places = [(row, column) for row, cells in enumerate(rows) for column in cells]
        cells = [cell for row in rows for cell in row.values()]
        matrix = csr_array((cells, tuple(zip(*places, strict=True))), shape=(len(rows), columns))
        return matrix, np.array(lower), np.array(upper)

    def solve(self) -> tuple[Floats, float] | None:
        """Cents by cheque, and the bound in cents; None where there is no plan to be had in time.

        Raises:
            InfeasiblePlan: If there is none at all: only commitments can forbid giving nothing.
        """
        extra = self._cheques if self._binary else 0
        try:
            found = milp(
                c=np.concatenate((-self._worth, np.zeros(extra))),
                constraints=LinearConstraint(self._rows, self._lower, self._upper),
                bounds=Bounds(0.0, np.concatenate((self._most, np.ones(extra)))),
                integrality=np.concatenate((np.zeros(self._cheques), np.ones(extra))),
                options={"time_limit": SECONDS, "mip_rel_gap": GAP},
            )
        except ValueError:
            return None
        if found.status == INFEASIBLE:
            message = "what is committed can't be kept within the limits"
            raise InfeasiblePlan(message)
        if found.x is None:
            return None
        bound = found.mip_dual_bound if found.mip_dual_bound is not None else found.fun
        return found.x[: self._cheques] * UNIT, -float(bound) * UNIT + self._limits.pool

    def shadow_price(self, cheques: Sequence[Sequence[int]]) -> float:
        """What one more dollar in the pool would add to this plan, the cheques that aren't written left so."""
        written = np.array([cheque > 0 for each in cheques for cheque in each])
        most = np.where(written, self._most, 0.0) if self._binary else self._most
        least = np.minimum(most, self._limits.min_check / UNIT)
        count = self._rows.shape[0] - (2 * self._cheques if self._binary else 0)
        rows, lower, upper = self._rows[:count, : self._cheques], self._lower[:count], self._upper[:count].copy()
        # The price may jump where the pool is just used up: it is asked of the dollar after that.
        upper[0] += DOLLAR / 2
        bound = np.isfinite(lower)
        found = linprog(
            -self._worth,
            A_ub=vstack((rows, -rows[bound])),
            b_ub=np.concatenate((upper, -lower[bound])),
            bounds=np.column_stack((least, most)),
            method="highs",
        )
        return 1.0 - float(found.ineqlin.marginals[0]) if found.status == 0 else 1.0


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


def round_cap(one: Candidate, cheques: Sequence[int], number: int) -> int:
    """Cents that the fund may put into a round, given its cheques before it; never more than the round."""
    raised = sum(float(one.follow[number, before]) * cheques[before] for before in range(number))
    return int(min(float(one.owned[number]) + raised, float(one.sizes[number])) + MOTE)


def _check_commitments(candidates: Sequence[Candidate], limits: Limits) -> None:
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


def _keeps(candidates: Sequence[Candidate], cheques: Sequence[Sequence[int]]) -> bool:
    """Whether every company gets what it is committed."""
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
