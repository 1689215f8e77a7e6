"""An import appended part by part: how far a part goes, what of it is refused, and what is written in its place."""

from collections.abc import Sequence
from dataclasses import replace

from domain.correction import EventVoided
from domain.event import Dated
from domain.moments import EARLIEST
from domain.projector import MAX_BATCH
from domain.refusal import ContradictsLaterFact, Refusal
from infra.appending import Batch
from infra.drafts import Draft, named_version


def next_part(drafts: Sequence[Draft], start: int, version: int) -> Sequence[Draft]:
    """The next drafts to append together: up to a full batch, or up to one that names another among them."""
    for place in range(start, min(start + MAX_BATCH, len(drafts))):
        if place > start and (named_version(drafts[place].event) or 0) > version:
            return drafts[start:place]
    return drafts[start : start + MAX_BATCH]


class Refused:
    """Gathers an import's refusals, their places counted from the first draft of the whole, not of its part.

    Attributes:
        places: Of the refused drafts in the part.
        contradicted: Whether the part leaves a recorded fact impossible.
    """

    def __init__(self, start: int, gathered: list[Refusal]) -> None:
        self._start = start
        self._gathered = gathered
        self.places: set[int] = set()
        self.contradicted = False

    def __call__(self, refusal: Refusal) -> None:
        """Takes one in, and mends its path."""
        head, *rest = refusal.path
        if rest:
            self.places.add(int(rest[0]))
            refusal.path = (head, str(int(rest[0]) + self._start), *rest[1:])
        self.contradicted |= isinstance(refusal, ContradictsLaterFact)
        self._gathered.append(refusal)


def without(batch: Batch, places: set[int]) -> Batch:
    """The batch with facts that change nothing in these places, so that the versions after them stay."""
    if not places:
        return batch
    drafts, new = list(batch.drafts), list(batch.new)
    for place in places:
        nothing = EventVoided(new[place].version, "refused")
        drafts[place] = Draft(nothing, EARLIEST)
        new[place] = Dated(EARLIEST, new[place].version, nothing)
    return replace(batch, drafts=drafts, new=new)
