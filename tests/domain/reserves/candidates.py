"""Candidates in short, and the best plan by trying every corner of every choice of cheques."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations, product

import numpy as np
from hypothesis import strategies as st

from domain.reserves.allocation import Plan
from domain.reserves.limits import Candidate, Limits

M = 100_000_000
"""A million in cents."""
AMPLE = 10**15


def candidate(
    *rounds: tuple[float, float], name: str = "acme", stage: str = "seed", room: float = 1e6, committed: float = 0.0
) -> Candidate:
    """A company of rounds, (value of a dollar, most in millions) each, that don't depend on one another."""
    value, most = np.array([value for value, _ in rounds]), np.array([most * M for _, most in rounds])
    return Candidate(
        name, stage, round(room * M), value, most, most, np.zeros((len(rounds), len(rounds))), round(committed * M)
    )


def limits(pool: float, min_check: float = 0.0, **stages: float) -> Limits:
    """Limits in millions."""
    return Limits(round(pool * M), round(min_check * M), {stage: round(most * M) for stage, most in stages.items()})


def millions(plan: Plan) -> tuple[float, ...]:
    """What each company gets, in millions."""
    return tuple(amount / M for amount in plan.amounts)


def keeps(candidates: Sequence[Candidate], kept: Limits, cheques: Sequence[Sequence[int]]) -> bool:
    """Whether every limit holds to the cent."""
    amounts = [sum(each) for each in cheques]
    by_stage = {
        stage: sum(amount for one, amount in zip(candidates, amounts, strict=True) if one.stage == stage)
        for stage in kept.stages
    }
    return (
        sum(amounts) <= kept.pool
        and all(one.committed <= amount <= one.room for one, amount in zip(candidates, amounts, strict=True))
        and all(by_stage[stage] <= most for stage, most in kept.stages.items())
        and all(isinstance(cheque, int) for each in cheques for cheque in each)
        and all(cheque == 0 or cheque >= max(kept.min_check, 1) for each in cheques for cheque in each)
        and all(
            cheque <= one.sizes[number] + 1e-6
            and cheque <= Fraction(float(one.owned[number])) + _raised(one, each, number) + Fraction(1, 10**5)
            for one, each in zip(candidates, cheques, strict=True)
            for number, cheque in enumerate(each)
        )
    )


def _raised(one: Candidate, cheques: Sequence[int], number: int) -> Fraction:
    return sum((Fraction(float(one.follow[number, n])) * cheques[n] for n in range(number)), Fraction(0))


def best_value(candidates: Sequence[Candidate], kept: Limits) -> float | None:
    """The largest value in cents of any plan, by all corners of what each choice of written cheques allows.

    None where no plan keeps what is committed.
    """
    cells = [(place, number) for place, one in enumerate(candidates) for number in range(len(one.value))]
    choices = product([False, True], repeat=len(cells)) if kept.min_check else [(True,) * len(cells)]
    found = [
        value
        for written in choices
        if (
            value := _best_corner(candidates, kept, [cell for cell, is_in in zip(cells, written, strict=True) if is_in])
        )
        is not None
    ]
    return max(found, default=None)


def _best_corner(candidates: Sequence[Candidate], kept: Limits, cells: Sequence[tuple[int, int]]) -> float | None:
    count = len(cells)
    rows, most = [np.ones(count)], [float(kept.pool)]

    def add(row: Sequence[float], limit: float) -> None:
        rows.append(np.array(row, float))
        most.append(limit)

    for place, one in enumerate(candidates):
        own = [float(at == place) for at, _ in cells]
        add(own, one.room)
        add([-part for part in own], -one.committed)
    for stage, limit in kept.stages.items():
        add([float(candidates[at].stage == stage) for at, _ in cells], limit)
    for place, (at, number) in enumerate(cells):
        unit = [float(n == place) for n in range(count)]
        add(unit, candidates[at].sizes[number])
        add([-part for part in unit], -kept.min_check)
        linked = [
            unit[n] - (candidates[at].follow[number, other] if (owner, other) < (at, number) and owner == at else 0.0)
            for n, (owner, other) in enumerate(cells)
        ]
        add(linked, candidates[at].owned[number])
    matrix, limit_of = np.array(rows).reshape(len(rows), count), np.array(most, float)
    if not count:
        return float(kept.pool) if (limit_of >= 0).all() else None
    picks = np.array(list(combinations(range(len(rows)), count)))
    corners = matrix[picks]
    regular = np.abs(np.linalg.det(corners)) > 1e-9
    points = np.linalg.solve(corners[regular], limit_of[picks[regular]][:, :, None])[:, :, 0]
    allowed = points[(points @ matrix.T <= limit_of + 1e-3).all(axis=1)]
    if not allowed.size:
        return None
    worth = np.array([candidates[at].value[number] - 1 for at, number in cells])
    return float((allowed @ worth).max()) + kept.pool


tenths = st.integers(0, 60).map(lambda number: number * M // 10)
values = st.integers(10, 80).map(lambda number: number / 20)


@st.composite
def companies(draw: st.DrawFn, place: int, rounds: int, *, linked: bool, committed: bool, odd: bool) -> Candidate:
    """A company of so many rounds; amounts in tenths of millions unless `odd`."""
    amounts = st.integers(0, 6 * M) if odd else tenths
    several = st.lists(amounts, min_size=rounds, max_size=rounds)
    follow = np.zeros((rounds, rounds))
    if linked:
        for later, before in combinations(range(rounds), 2):
            follow[before, later] = draw(st.integers(0, 8)) / 10
    room, size = draw(amounts), draw(several)
    owned = [draw(st.integers(0, 15)) / 10 * each for each in size]
    return Candidate(
        f"company {place}",
        draw(st.sampled_from(["seed", "a"])),
        room,
        np.array([draw(values) for _ in range(rounds)]),
        np.array(size, float),
        np.array(owned),
        follow,
        draw(st.integers(0, 3)) * room // 10 if committed else 0,
    )


@st.composite
def instances(
    draw: st.DrawFn,
    most_companies: int = 3,
    most_cells: int = 4,
    *,
    linked: bool = True,
    committed: bool = False,
    minimum: bool = True,
    odd: bool = False,
) -> tuple[list[Candidate], Limits]:
    """Companies and limits, of at most so many rounds in all."""
    found: list[Candidate] = []
    for place in range(draw(st.integers(1, most_companies))):
        left = most_cells - sum(one.value.size for one in found)
        if left:
            rounds = draw(st.integers(1, min(left, 3)))
            found.append(draw(companies(place, rounds, linked=linked, committed=committed, odd=odd)))
    amounts = st.integers(0, 12 * M) if odd else tenths
    stages = draw(st.dictionaries(st.sampled_from(["seed", "a", "b"]), amounts, max_size=2))
    least = draw(st.integers(0, 2 * M) if odd else st.integers(0, 20).map(lambda n: n * M // 10)) if minimum else 0
    return found, Limits(draw(amounts), least, stages)
