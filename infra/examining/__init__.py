"""Examining a deployment: what is wrong with it, and what to do about that."""
