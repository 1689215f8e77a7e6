"""Limits: what a document may be, what it may cost, and how much of it at once."""
