"""Alembic migrations of Drypowder's database."""
