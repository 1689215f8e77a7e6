"""Runs migrations on the connection that `infra.migrate` hands over."""

from alembic import context

from infra.rows import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()
