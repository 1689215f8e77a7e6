"""Alerts: read models of rules, alerts and compared figures, their summary, what was read, channels and deliveries.

All but channels, deliveries and what was read can be made again from the facts.

Revision: 0002
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = (
    # Few facts are about alerts, and they are read apart from the rest.
    "CREATE INDEX fact_of_alerts ON fact (fund_id, version) WHERE starts_with(type, 'ALERT_')",
    """
    CREATE TABLE alert_rule (
        fund_id uuid NOT NULL,
        id text NOT NULL,
        since bigint NOT NULL,
        enabled boolean NOT NULL,
        retired boolean NOT NULL,
        body text NOT NULL,
        PRIMARY KEY (fund_id, id)
    )
    """,
    """
    CREATE TABLE alert (
        fund_id uuid NOT NULL,
        id text NOT NULL,
        rule_id text NOT NULL,
        company_id text NOT NULL,
        metric text NOT NULL,
        kind text NOT NULL,
        stage text NOT NULL,
        severity smallint NOT NULL,
        snoozed_until timestamptz,
        period_start date NOT NULL,
        period_end date NOT NULL,
        opened_version bigint NOT NULL,
        told_version bigint,
        body text NOT NULL,
        PRIMARY KEY (fund_id, id)
    )
    """,
    "CREATE INDEX alert_newest ON alert (fund_id, opened_version DESC)",
    "CREATE INDEX alert_by_company ON alert (fund_id, company_id, metric, opened_version DESC)",
    """
    CREATE TABLE alert_mark (
        fund_id uuid NOT NULL,
        alert_id text NOT NULL,
        person_id uuid NOT NULL REFERENCES person (id) ON DELETE CASCADE,
        version bigint NOT NULL,
        PRIMARY KEY (fund_id, alert_id, person_id)
    )
    """,
    """
    CREATE TABLE channel (
        fund_id uuid NOT NULL,
        channel text NOT NULL,
        digest_below text,
        hint text NOT NULL,
        sealed bytea NOT NULL,
        set_by uuid NOT NULL,
        set_at timestamptz NOT NULL,
        PRIMARY KEY (fund_id, channel)
    )
    """,
    """
    CREATE TABLE delivery (
        fund_id uuid NOT NULL,
        alert_id text NOT NULL,
        version bigint NOT NULL,
        channel text NOT NULL,
        status text NOT NULL,
        digest boolean NOT NULL,
        attempts integer NOT NULL,
        last_error text,
        pending text[] NOT NULL,
        created_at timestamptz NOT NULL,
        due_at timestamptz NOT NULL,
        delivered_at timestamptz,
        PRIMARY KEY (fund_id, alert_id, version, channel)
    )
    """,
    "CREATE INDEX delivery_due ON delivery (due_at) WHERE status = 'PENDING'",
    """
    CREATE TABLE figure (
        fund_id uuid NOT NULL,
        company_id text NOT NULL,
        metric text NOT NULL,
        period_start date NOT NULL,
        period_end date NOT NULL,
        in_money boolean NOT NULL,
        on_time boolean NOT NULL,
        favourable boolean,
        variance numeric,
        percent numeric,
        body text NOT NULL,
        PRIMARY KEY (fund_id, company_id, metric, period_start, period_end)
    )
    """,
    """
    CREATE TABLE figure_board (
        fund_id uuid PRIMARY KEY,
        version bigint NOT NULL,
        fresh_until timestamptz
    )
    """,
)

# What `domain.summaries` computes for any moment, kept for the present one. `version` is that of the facts it holds;
# whoever reads it asks whether there are newer ones.
SUMMARY = (
    """
    CREATE MATERIALIZED VIEW variance_summary AS
    WITH figures AS (
        SELECT f.fund_id,
            CASE WHEN grouping(f.company_id) = 0 THEN 'COMPANY' WHEN grouping(f.metric) = 0 THEN 'METRIC'
                ELSE 'PERIOD' END AS grouped_by,
            coalesce(f.company_id, f.metric, f.period_start || '/' || f.period_end) AS key,
            count(*) AS figures,
            count(*) FILTER (WHERE f.on_time) AS on_time,
            sum(abs(f.variance)) FILTER (WHERE f.favourable AND f.in_money) AS favourable,
            sum(abs(f.variance)) FILTER (WHERE NOT f.favourable AND f.in_money) AS unfavourable,
            (array_agg(f.body ORDER BY abs(f.percent) DESC NULLS LAST, abs(f.variance) DESC, f.company_id COLLATE "C",
                f.metric COLLATE "C", f.period_start, f.period_end) FILTER (WHERE NOT f.favourable))[1] AS worst
        FROM figure f
        GROUP BY GROUPING SETS ((f.fund_id, f.company_id), (f.fund_id, f.metric),
            (f.fund_id, f.period_start, f.period_end))
    ), counted AS (
        SELECT a.fund_id,
            CASE WHEN grouping(a.company_id) = 0 THEN 'COMPANY' WHEN grouping(a.metric) = 0 THEN 'METRIC'
                ELSE 'PERIOD' END AS grouped_by,
            coalesce(a.company_id, a.metric, a.period_start || '/' || a.period_end) AS key,
            a.severity, count(*) AS alerts
        FROM alert a JOIN alert_rule r ON r.fund_id = a.fund_id AND r.id = a.rule_id
        WHERE a.stage IN ('OPEN', 'ACKNOWLEDGED') AND r.enabled
        GROUP BY GROUPING SETS ((a.fund_id, a.company_id, a.severity), (a.fund_id, a.metric, a.severity),
            (a.fund_id, a.period_start, a.period_end, a.severity))
    ), severities AS (
        SELECT c.fund_id, c.grouped_by, c.key, array_agg(c.severity ORDER BY c.severity) AS severities,
            array_agg(c.alerts ORDER BY c.severity) AS alerts
        FROM counted c GROUP BY c.fund_id, c.grouped_by, c.key
    )
    SELECT g.fund_id, g.grouped_by, g.key, b.version, b.fresh_until, coalesce(g.figures, 0) AS figures,
        coalesce(g.on_time, 0) AS on_time, coalesce(g.favourable, 0) AS favourable,
        coalesce(g.unfavourable, 0) AS unfavourable, g.worst,
        coalesce(g.severities, '{}') AS severities, coalesce(g.alerts, '{}') AS alerts
    FROM (SELECT * FROM figures FULL JOIN severities USING (fund_id, grouped_by, key)) g
    JOIN figure_board b USING (fund_id)
    """,
    # REFRESH ... CONCURRENTLY asks for it.
    "CREATE UNIQUE INDEX variance_summary_row ON variance_summary (fund_id, grouped_by, key)",
)


def upgrade() -> None:
    for statement in (*TABLES, *SUMMARY):
        op.execute(statement)


def downgrade() -> None:
    message = "migrations aren't reversed: channels and deliveries would be lost"
    raise RuntimeError(message)
