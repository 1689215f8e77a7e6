"""Confidence: how a plan holds up where the odds themselves are drawn, since nobody knows them. A numeric module.

Simulation error says nothing of it. Every company has its own stream of draws, so that one more company changes no
other's. Source: the design's section 4.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from domain.reserves.exits import Floats
from domain.reserves.limits import MOTE, Candidate, Limits
from domain.reserves.simulation import stream
from domain.reserves.stages import STEP_UP_SIGMA
from domain.reserves.tree import Odds, Tree

DRAWS: Final = 200
PRIOR_COMPANIES: Final = 30
"""How many companies' worth of evidence the odds are."""
LEAST_WEIGHT: Final = 1e-9
"""Of an outcome that is taken to be impossible: the distribution needs one above 0."""
NO_LIMIT: Final = 2**62
"""Cents: more than any sum of money here."""
_KEY: Final = "\0confidence"
"""Before a company's: no company has such a key."""
Cents = NDArray[np.int64]


def drawn_odds(tree: Tree, seed: int, key: str) -> Odds:
    """`DRAWS` draws of a company's odds, the evidence being that of `PRIOR_COMPANIES`.

    What becomes of a node's companies is drawn from a Dirichlet distribution, step-ups from a lognormal one.
    """
    numbers = stream(seed, _KEY + key, 0)
    onward, ended, grown = [], [], [np.ones(DRAWS)]
    for node, ends in enumerate(tree.endings):
        step = tree.steps[node].probability if node < len(tree.steps) else 0.0
        chances = [step, *(ending.probability for ending in ends)]
        weights = PRIOR_COMPANIES * np.array([*chances, 1.0 - sum(chances)])
        shares = numbers.standard_gamma(np.maximum(weights, LEAST_WEIGHT), (DRAWS, weights.size)).T
        shares /= shares.sum(axis=0)
        ended.append(shares[1:-1])
        if node < len(tree.steps):
            onward.append(shares[0])
            spread = STEP_UP_SIGMA / np.sqrt(PRIOR_COMPANIES)
            grown.append(grown[-1] * np.exp(spread * numbers.standard_normal(DRAWS)))
    return Odds(np.array(onward).reshape(-1, DRAWS), tuple(ended), np.array(grown))


def funded(candidates: Sequence[Candidate], limits: Limits, values: Sequence[Floats]) -> NDArray[np.bool_]:
    """Whether each company is given anything by the marginal greedy in each draw, shape (draws, companies).

    All draws take the same step at once: a cheque into the cell, a company's round, that comes next in theirs.

    Args:
        values: Of a dollar reserved for each round, for each company, shape (rounds, draws).
    """
    cells = _Cells.of(candidates, limits)
    value = np.concatenate(values)
    draws = np.arange(value.shape[1])
    order = np.argsort(-value, axis=0, kind="stable")
    left = np.full(draws.size, limits.pool)
    rooms = np.tile([one.room for one in candidates], (draws.size, 1))
    stages = np.tile(cells.stage_rooms, (draws.size, 1))
    cheques = np.zeros((draws.size, len(candidates), cells.rounds), np.int64)
    # Once round is enough: only a cheque makes room for a further one, and whoever has one is funded.
    for cell in order:
        company, number, stage = cells.company[cell], cells.number[cell], cells.stage[cell]
        raised = np.einsum("dr,dr->d", cells.follow[cell], cheques[draws, company])
        cap = (np.minimum(cells.owned[cell] + raised, cells.sizes[cell]) + MOTE).astype(np.int64)
        room = np.minimum(np.minimum(left, cap), np.minimum(rooms[draws, company], stages[draws, stage]))
        given = (room >= max(limits.min_check, 1)) & (value[cell, draws] > 1.0)
        cheque = np.where(given, room, 0)
        cheques[draws, company, number] = cheque
        rooms[draws, company] -= cheque
        stages[draws, stage] -= cheque
        left -= cheque
    found: NDArray[np.bool_] = cheques.sum(axis=2) > 0
    return found


@dataclass(frozen=True, slots=True)
class _Cells:
    """The rounds of all companies side by side, cell by cell.

    Attributes:
        rounds: Most of any company.
        company: Place of the cell's company.
        number: Of the round, from 0.
        stage: Place of the company's stage in `stage_rooms`.
        owned: See `Candidate`, as are `sizes` and `follow`, the latter of shape (cells, rounds).
        stage_rooms: Cents by stage, the last for those without a limit.
    """

    rounds: int
    company: NDArray[np.intp]
    number: NDArray[np.intp]
    stage: NDArray[np.intp]
    owned: Floats
    sizes: Floats
    follow: Floats
    stage_rooms: Cents

    @classmethod
    def of(cls, candidates: Sequence[Candidate], limits: Limits) -> "_Cells":
        counts = [one.value.size for one in candidates]
        rounds, limited = max(counts), list(limits.stages)
        follow = np.zeros((sum(counts), rounds))
        start = 0
        for one, count in zip(candidates, counts, strict=True):
            follow[start : start + count, :count] = one.follow
            start += count
        places = [limited.index(one.stage) if one.stage in limits.stages else len(limited) for one in candidates]
        return cls(
            rounds,
            np.repeat(np.arange(len(candidates)), counts),
            np.concatenate([np.arange(count) for count in counts]),
            np.repeat(places, counts),
            np.concatenate([one.owned for one in candidates]),
            np.concatenate([one.sizes for one in candidates]),
            follow,
            np.array([*limits.stages.values(), NO_LIMIT]),
        )
