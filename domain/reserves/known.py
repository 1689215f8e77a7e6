"""Known companies: those that a curve could be made of, as each part of a run sees them. A numeric module."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from domain.money import CENTS
from domain.reserves.curve import Curve
from domain.reserves.limits import Candidate
from domain.reserves.model import ReserveModelSet, stage_key
from domain.reserves.sight import Holding
from domain.reserves.simulation import Stake
from domain.reserves.strategies import Claim

NO_STAGE: Final = "none"


@dataclass(frozen=True, slots=True)
class Known:
    """A company that a curve could be made of. Money in cents.

    Attributes:
        curve: Discounted, as multiples and values are.
        paid: The same in dollars as they are paid.
        room: Most that it may get.
        committed: Least that it gets.
        excluded: Whether it gets nothing because somebody said so.
        moic: Expected, of the increment.
    """

    holding: Holding
    stake: Stake
    curve: Curve
    paid: Curve
    room: int
    committed: int
    excluded: bool
    moic: float

    @property
    def stage(self) -> str:
        """What its stage is told by."""
        return NO_STAGE if self.holding.stage is None else stage_key(self.holding.stage)

    def candidate(self, uncalled: float) -> Candidate:
        """As the optimal allocation sees it, an uncalled dollar being worth so much."""
        tree = self.stake.tree
        more = 1.0 + tree.super_pro_rata
        sizes = np.array([step.size for step in tree.steps]) * CENTS
        owned = np.array([self.holding.ownership * tree.kept(0, number) for number in range(len(tree.steps))])
        follow = np.zeros((len(tree.steps), len(tree.steps)))
        for later, step in enumerate(tree.steps):
            for before in range(later):
                kept = tree.kept(before + 1, later)
                follow[later, before] = more * step.size * kept / tree.steps[before].post
        value = self.curve.gain + uncalled * (1.0 - self.curve.cost)
        return Candidate(
            self.holding.id, self.stage, self.room, value, sizes, more * sizes * owned, follow, self.committed
        )

    def claim(self, model: ReserveModelSet) -> Claim:
        """As the other strategies see it."""
        return Claim(
            self.holding.id,
            self.holding.name,
            self.stage,
            model.place(self.holding.stage),
            self.holding.invested,
            self.room,
            self.committed,
            self.curve.multiple(0.0) or 0.0,
        )
