"""What grows with the facts is partitioned by fund, so that its indexes stay small and each fund's rows together.

Revision: 0005
"""

from importlib import import_module

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

PARTITIONS = 16
"""Enough for a hundred million facts, at 6 million each; few enough to plan over."""

KEYS = {
    "fact": "fund_id, version",
    "snapshot": "fund_id, id",
    "ledger_key": "fund_id, key",
}
INDEXES = (
    "CREATE INDEX fact_by_valid_time ON fact (fund_id, touches_at, version)",
    "CREATE INDEX fact_by_company ON fact (fund_id, company_id, version) WHERE company_id IS NOT NULL",
    "CREATE INDEX fact_of_alerts ON fact (fund_id, version) WHERE starts_with(type, 'ALERT_')",
    """
    CREATE INDEX fact_of_runs ON fact (fund_id, version) WHERE type IN ('RESERVE_RUN_REQUESTED', 'RESERVES_RECOMMENDED',
        'RESERVE_RUN_FAILED', 'RESERVE_RUN_CANCELLED', 'RESERVE_SCENARIO_SAVED')
    """,
    "CREATE INDEX snapshot_by_time ON snapshot (fund_id, fingerprint, at DESC)",
    "CREATE INDEX snapshot_open ON snapshot (fund_id, at) WHERE hi IS NULL",
)


def partitions(table: str) -> list[str]:
    """The names of a table's partitions."""
    return [f"{table}_{place:02}" for place in range(PARTITIONS)]


def upgrade() -> None:
    for table, key in KEYS.items():
        op.execute(f"ALTER TABLE {table} RENAME TO {table}_before")
        op.execute(f"CREATE TABLE {table} (LIKE {table}_before INCLUDING DEFAULTS) PARTITION BY HASH (fund_id)")
        for place, name in enumerate(partitions(table)):
            op.execute(
                f"CREATE TABLE {name} PARTITION OF {table} FOR VALUES WITH (MODULUS {PARTITIONS}, REMAINDER {place})"
            )
        op.execute(f"INSERT INTO {table} SELECT * FROM {table}_before")  # noqa: S608 - our own names
        op.execute(f"DROP TABLE {table}_before")
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_pkey PRIMARY KEY ({key})")
        visible = import_module("infra.migrations.versions.0004_organisations").visible
        for statement in visible(table, "fund_id IN (SELECT f.id FROM fund f)"):
            op.execute(statement)
    for statement in INDEXES:
        op.execute(statement)
    _keep_immutable()


def _keep_immutable() -> None:
    """Each partition refuses by itself too: it could be asked past its table."""
    op.execute(
        """
        CREATE TRIGGER fact_rows_are_immutable BEFORE UPDATE OR DELETE ON fact
        FOR EACH ROW EXECUTE FUNCTION fact_is_immutable()
        """
    )
    for name in ("fact", *partitions("fact")):
        op.execute(
            f"""
            CREATE TRIGGER fact_table_is_immutable BEFORE TRUNCATE ON {name}
            FOR EACH STATEMENT EXECUTE FUNCTION fact_is_immutable()
            """
        )
        op.execute(f"ALTER TABLE {name} ENABLE ALWAYS TRIGGER fact_rows_are_immutable")
        op.execute(f"ALTER TABLE {name} ENABLE ALWAYS TRIGGER fact_table_is_immutable")
        op.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON {name} FROM PUBLIC, CURRENT_USER")


def downgrade() -> None:
    message = "migrations aren't reversed"
    raise RuntimeError(message)
