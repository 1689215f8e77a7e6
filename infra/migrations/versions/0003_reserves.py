"""Reserves: the facts about runs read apart, and the runs that aren't over.

Revision: 0003
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE INDEX fact_of_runs ON fact (fund_id, version) WHERE type IN ('RESERVE_RUN_REQUESTED', 'RESERVES_RECOMMENDED',
        'RESERVE_RUN_FAILED', 'RESERVE_RUN_CANCELLED', 'RESERVE_SCENARIO_SAVED')
    """,
    """
    CREATE TABLE open_run (
        fund_id uuid NOT NULL,
        run_id text NOT NULL,
        version bigint NOT NULL,
        PRIMARY KEY (fund_id, run_id)
    )
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    message = "migrations aren't reversed"
    raise RuntimeError(message)
