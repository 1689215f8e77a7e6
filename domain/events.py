"""Every area's events, registered: import this before reading or writing a ledger."""

from domain import alerts, capital, correction, forecasting, investing, rules
from domain.event import KINDS
from domain.reserves import model, runs

__all__ = ["KINDS", "alerts", "capital", "correction", "forecasting", "investing", "model", "rules", "runs"]
