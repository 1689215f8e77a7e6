"""Correction: a void names the fact that was wrong; what was known before stays answerable."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from domain.event import Telling, event
from domain.fund import FundBuilder
from domain.text import check_text

VOID = "EVENT_VOIDED"


@event(VOID, folds=False)
@dataclass(frozen=True, slots=True)
class EventVoided:
    """A fact recorded earlier was wrong and no longer counts, for its whole validity."""

    version: Annotated[int, "The wrong fact's place in the ledger."]
    reason: Annotated[str, "Why it was wrong."]

    def check(self, fund: FundBuilder) -> None:
        """Refuse a void without a reason. Whether its target can be voided, `projector.admit` tells."""
        check_text(self.reason, "reason", most=2_000)

    def evolve(self, fund: FundBuilder, at: datetime) -> None:
        """Its target is left out of the fold; the void itself changes nothing."""

    def summary(self, told: Telling) -> str:
        """One sentence a partner would say."""
        return f"Voided version {self.version}: {self.reason}"
