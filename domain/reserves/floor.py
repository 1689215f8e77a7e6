"""A floor on the mean of the worst paths, kept by cuts: exact on the paths simulated. A numeric module.

The mean of the worst paths is concave in the cheques, and no more than the mean over any other choice of as many
paths. So the paths that are worst under one plan give all plans a bound that is linear in their cheques, and a few such
bounds are enough. Source: Rockafellar and Uryasev's linear form of conditional value at risk, in the cuts of Künzi-Bay
and Mayer, which need no row for each path.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from domain.reserves.exits import Floats
from domain.reserves.simulation import WORST

MARGIN: Final = 1.0
"""Dollars above the floor that a cut asks for, so that plans in whole cents keep it."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A bound on the cheques: the mean over some of the paths.

    Attributes:
        constant: Dollars that those paths bring without any further cheque, on average.
        slope: Dollars that a dollar in each cheque adds to that, shape (cheques,).
    """

    constant: float
    slope: Floats

    def mean(self, cheques: Floats) -> float:
        """Of these paths' proceeds with such cheques, in dollars."""
        return self.constant + float(self.slope @ cheques)


@dataclass(frozen=True, slots=True)
class Floor:
    """The least that the worst 5% of the paths may bring, on average.

    Attributes:
        least: Dollars.
        base: Proceeds of each path without any further cheque, shape (paths,).
        added: What a dollar in each cheque adds on each path, shape (cheques, paths).
        cuts: Found so far; they hold for every plan.
    """

    least: float
    base: Floats
    added: Floats
    cuts: list[Cut] = field(default_factory=list)

    def worst(self, cheques: Floats) -> Cut:
        """The mean of the worst paths under these cheques, as the bound that it is on all others. Dollars."""
        proceeds = self.base + cheques @ self.added
        count = max(int(WORST * proceeds.size), 1)
        worst = np.argpartition(proceeds, count - 1)[:count]
        return Cut(float(self.base[worst].mean()), self.added[:, worst].mean(axis=1))

    def kept(self, cheques: Floats) -> bool:
        """Whether these cheques, in dollars, keep the floor."""
        return self.worst(cheques).mean(cheques) >= self.least
