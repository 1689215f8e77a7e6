"""Every area's events, registered: import this before reading or writing a ledger."""

from domain import capital, correction, forecasting, investing
from domain.event import KINDS

__all__ = ["KINDS", "capital", "correction", "forecasting", "investing"]
