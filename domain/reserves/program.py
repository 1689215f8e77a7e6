"""The mixed-integer program of the optimal allocation, as the solver takes it. A numeric module."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csr_array, hstack, vstack

from domain.reserves.exits import Floats
from domain.reserves.floor import MARGIN, Floor
from domain.reserves.limits import Candidate, InfeasiblePlan, Limits

SECONDS: Final = 10.0
"""The solver's time; what it has found by then is judged against its bound."""
GAP: Final = 1e-9
"""Relative distance to the bound at which a plan counts as the best."""
CENTS: Final = 100
UNIT: Final = 100_000.0
"""Cents in the solver's unit: figures near 1 keep its tolerances small in money."""
DOLLAR: Final = CENTS / UNIT
INFEASIBLE: Final = 2
"""What the solver answers where no plan keeps all limits."""
MOST_CUTS: Final = 200
"""Bounds looked for to keep a floor; a few are enough, unless only rounding tells the solver's point from the floor."""
COMMITTED: Final = "what is committed can't be kept within the limits"
FLOOR: Final = "within the limits, no plan brings the mean of the worst 5% of the paths up to its floor"


class Program:
    """The mixed-integer program, in `UNIT`s."""

    def __init__(self, candidates: Sequence[Candidate], limits: Limits, floor: Floor | None) -> None:
        self._candidates = candidates
        self._limits = limits
        self._floor = floor
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
        return self._matrix(rows, self._cheques), np.array(lower), np.array(upper)

    def _written(self) -> LinearConstraint:
        """A cheque that is written is neither below the minimum nor above its own most."""
        least, count = self._limits.min_check / UNIT, self._cheques
        rows = [{cheque: 1.0, count + cheque: -least} for cheque in range(count)]
        rows += [{cheque: -1.0, count + cheque: float(self._most[cheque])} for cheque in range(count)]
        return LinearConstraint(self._matrix(rows, 2 * count), 0.0, np.inf)

    @staticmethod
    def _matrix(rows: Sequence[Mapping[int, float]], columns: int) -> csr_array:
        places = [(row, column) for row, cells in enumerate(rows) for column in cells]
        cells = [cell for row in rows for cell in row.values()]
        return csr_array((cells, tuple(zip(*places, strict=True))), shape=(len(rows), columns))

    def solve(self) -> tuple[Floats, float] | None:
        """Cents by cheque, and the bound in cents; None where there is no plan to be had in time.

        Raises:
            InfeasiblePlan: If there is none at all: only commitments and the floor can forbid giving nothing.
        """
        if self._floor is None:
            return self._solved()
        for _ in range(MOST_CUTS):
            solved = self._solved()
            if solved is None:
                return None
            cheques = solved[0] / CENTS
            cut = self._floor.worst(cheques)
            if cut.mean(cheques) >= self._floor.least + MARGIN / 2:
                return solved
            self._floor.cuts.append(cut)
        return None

    def _solved(self) -> tuple[Floats, float] | None:
        extra = self._cheques if self._binary else 0
        rows = [LinearConstraint(self._wide(self._rows, extra), self._lower, self._upper)]
        if self._binary:
            rows.append(self._written())
        if self._floor is not None and self._floor.cuts:
            slopes, least = self._cuts(self._floor)
            rows.append(LinearConstraint(self._wide(slopes, extra), least, np.inf))
        try:
            found = milp(
                c=np.concatenate((-self._worth, np.zeros(extra))),
                constraints=rows,
                bounds=Bounds(0.0, np.concatenate((self._most, np.ones(extra)))),
                integrality=np.concatenate((np.zeros(self._cheques), np.ones(extra))),
                options={"time_limit": SECONDS, "mip_rel_gap": GAP},
            )
        except ValueError:
            return None
        if found.status == INFEASIBLE:
            if self._floor is None or not self._floor.cuts:
                raise InfeasiblePlan(COMMITTED)
            message = f"{FLOOR}; the most is about {round(self._highest(self._floor)):,}"
            raise InfeasiblePlan(message)
        if found.x is None:
            return None
        bound = found.mip_dual_bound if found.mip_dual_bound is not None else found.fun
        return found.x[: self._cheques] * UNIT, -float(bound) * UNIT + self._limits.pool

    def _highest(self, floor: Floor) -> float:
        """Dollars above which no plan brings the mean of the worst paths."""
        bound = np.isfinite(self._lower)
        rows = vstack((self._rows, -self._rows[bound]))
        limits = np.concatenate((self._upper, -self._lower[bound]))
        most = np.inf
        for _ in range(MOST_CUTS):
            slopes = np.array([cut.slope for cut in floor.cuts])
            constants = np.array([cut.constant for cut in floor.cuts]) * CENTS / UNIT
            found = linprog(
                np.append(np.zeros(self._cheques), -1.0),
                A_ub=vstack((self._wide(rows, 1), np.column_stack((-slopes, np.ones(len(slopes)))))),
                b_ub=np.concatenate((limits, constants)),
                bounds=[*((0.0, each) for each in self._most), (None, None)],
                method="highs",
            )
            assert found.status == 0, "commitments were checked, so some plan keeps them"
            most = float(found.x[-1]) * UNIT / CENTS
            cheques = found.x[:-1] * UNIT / CENTS
            cut = floor.worst(cheques)
            if cut.mean(cheques) >= most - MARGIN:
                break
            floor.cuts.append(cut)
        return most

    @staticmethod
    def _cuts(floor: Floor) -> tuple[Any, Floats]:
        """What the cheques must add on each cut's paths: rows by cut, and the least of each."""
        slopes = csr_array(np.array([cut.slope for cut in floor.cuts]))
        least = np.array([floor.least + MARGIN - cut.constant for cut in floor.cuts])
        return slopes, least * CENTS / UNIT

    @staticmethod
    def _wide(rows: Any, extra: int) -> Any:  # noqa: ANN401 - SciPy's sparse arrays
        """The rows, with nothing in so many further columns."""
        return hstack((rows, csr_array((rows.shape[0], extra)))) if extra else rows

    def shadow_price(self, cheques: Sequence[Sequence[int]]) -> float:
        """What one more dollar in the pool would add to this plan, the cheques that aren't written left so."""
        written = np.array([cheque > 0 for each in cheques for cheque in each])
        most = np.where(written, self._most, 0.0) if self._binary else self._most
        least = np.minimum(most, self._limits.min_check / UNIT)
        rows, lower, upper = self._rows, self._lower, self._upper.copy()
        # The price may jump where the pool is just used up: it is asked of the dollar after that.
        upper[0] += DOLLAR / 2
        bound = np.isfinite(lower)
        most_of, limit_of = [rows, -rows[bound]], [upper, -lower[bound]]
        if self._floor is not None and self._floor.cuts:
            slopes, floored = self._cuts(self._floor)
            most_of.append(-slopes)
            limit_of.append(-floored)
        found = linprog(
            -self._worth,
            A_ub=vstack(most_of),
            b_ub=np.concatenate(limit_of),
            bounds=np.column_stack((least, most)),
            method="highs",
        )
        return 1.0 - float(found.ineqlin.marginals[0]) if found.status == 0 else 1.0
