"""What a run sees of a fund's companies."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # Trees need NumPy, which whoever only passes a company on needn't load.
    from domain.reserves.tree import Tree


@dataclass(frozen=True, slots=True)
class Holding:
    """A company as a run sees it. Money in cents.

    Attributes:
        tree: None where none can be made, and `unavailable` says why.
    """

    id: str
    name: str
    stage: str | None
    ownership: float
    invested: int
    planned: int
    deployed: int
    tree: "Tree | None"
    unavailable: str = ""
