"""Organisations own funds, and row-level security shows each connection those of its own alone.

Revision: 0004
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES = (
    """
    CREATE TABLE organisation (
        id uuid PRIMARY KEY,
        name text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT clock_timestamp()
    )
    """,
    """
    CREATE TABLE organisation_member (
        organisation_id uuid NOT NULL REFERENCES organisation (id),
        person_id uuid NOT NULL REFERENCES person (id) ON DELETE CASCADE,
        role text NOT NULL,
        joined_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (organisation_id, person_id)
    )
    """,
    "CREATE INDEX organisation_member_by_person ON organisation_member (person_id, organisation_id)",
    # Whoever ever had a part: their names stand behind facts when they have left.
    """
    CREATE TABLE organisation_person (
        organisation_id uuid NOT NULL REFERENCES organisation (id),
        person_id uuid NOT NULL REFERENCES person (id) ON DELETE CASCADE,
        PRIMARY KEY (organisation_id, person_id)
    )
    """,
    "CREATE INDEX organisation_person_by_person ON organisation_person (person_id)",
)

# Funds of before belong to one organisation without members: their own members keep what they may do.
OWNED = (
    "INSERT INTO organisation (id, name) SELECT gen_random_uuid(), 'Funds' WHERE EXISTS (SELECT FROM fund)",
    "ALTER TABLE fund ADD COLUMN organisation_id uuid REFERENCES organisation (id)",
    "UPDATE fund SET organisation_id = (SELECT id FROM organisation)",
    "ALTER TABLE fund ALTER COLUMN organisation_id SET NOT NULL",
    "CREATE INDEX fund_by_organisation ON fund (organisation_id)",
    "ALTER TABLE opening_key ADD COLUMN organisation_id uuid",
    "UPDATE opening_key k SET organisation_id = (SELECT f.organisation_id FROM fund f WHERE f.id = k.fund_id)",
    "ALTER TABLE opening_key ALTER COLUMN organisation_id SET NOT NULL",
    """
    INSERT INTO organisation_person SELECT DISTINCT f.organisation_id, m.person_id
    FROM membership m JOIN fund f ON f.id = m.fund_id
    """,
)

ACQUAINTED = (
    """
    CREATE FUNCTION member_is_known() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO organisation_person VALUES (NEW.organisation_id, NEW.person_id) ON CONFLICT DO NOTHING;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER member_is_known AFTER INSERT ON organisation_member
    FOR EACH ROW EXECUTE FUNCTION member_is_known()
    """,
    """
    CREATE FUNCTION participant_is_known() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO organisation_person SELECT f.organisation_id, NEW.person_id FROM fund f WHERE f.id = NEW.fund_id
        ON CONFLICT DO NOTHING;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER participant_is_known AFTER INSERT ON membership
    FOR EACH ROW EXECUTE FUNCTION participant_is_known()
    """,
)

# A missing setting is null, and nothing is equal to null. Each select is worked out once a query, the second only where
# the first is not true, and the funds of the organisations are hashed, so that a row costs one look.
_EVERYONE = "(SELECT current_setting('drypowder.organisations', true) = '*')"
_OURS = """
    organisation_id = ANY ((
        SELECT string_to_array(nullif(current_setting('drypowder.organisations', true), '*'), ',')::uuid[]
    )::uuid[])
"""
BY_ORGANISATION = ("fund", "opening_key", "organisation_member", "organisation_person")
BY_FUND = (
    "fact", "ledger_key", "snapshot", "cursor", "membership", "alert_rule", "alert", "alert_mark", "channel",
    "delivery", "figure", "figure_board", "open_run",
)  # fmt: skip


def visible(table: str, rows: str) -> tuple[str, ...]:
    """Statements that show and take these rows of a table alone, its owner's included."""
    return (
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY of_the_scope ON {table} USING ({_EVERYONE} OR {rows})",
    )


POLICIES = (
    *visible("organisation", _OURS.replace("organisation_id", "id", 1)),
    *(statement for table in BY_ORGANISATION for statement in visible(table, _OURS)),
    *(
        statement
        for table in BY_FUND
        # Those of the funds that are visible themselves.
        for statement in visible(table, "fund_id IN (SELECT f.id FROM fund f)")
    ),
    *visible("person", "administrator OR id IN (SELECT p.person_id FROM organisation_person p)"),
)


def for_everyone(signature: str, returns: str, body: str) -> str:
    """A function that works for everyone, whoever calls it, and leaves its caller's scope as it was.

    By `set_config`: to tie the setting to the function is for superusers.
    """
    return f"""
    CREATE FUNCTION {signature} RETURNS {returns}
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DECLARE
        before text := coalesce(current_setting('drypowder.organisations', true), '');
    BEGIN
        PERFORM set_config('drypowder.organisations', '*', true);
        {body};
        PERFORM set_config('drypowder.organisations', before, true);
    END $$
    """


# What is asked before it is known for whom a connection works, and what the owner alone may do.
FUNCTIONS = (
    for_everyone(
        "person_with_organisations(p_person uuid)",
        "TABLE (id uuid, email text, name text, administrator boolean, organisations uuid[])",
        """
        RETURN QUERY SELECT p.id, p.email, p.name, p.administrator, ARRAY(
            SELECT o.organisation_id FROM organisation_member o WHERE o.person_id = p.id
            UNION
            SELECT f.organisation_id FROM membership m JOIN fund f ON f.id = m.fund_id WHERE m.person_id = p.id
        )
        FROM person p WHERE p.id = p_person
        """,
    ),
    # An organisation's administrators administer its funds.
    for_everyone(
        "part_in_fund(p_person uuid, p_fund uuid)",
        "TABLE (organisation_id uuid, role text)",
        """
        RETURN QUERY
        SELECT f.organisation_id, CASE WHEN p.administrator OR o.role = 'ADMIN' THEN 'ADMIN' ELSE m.role END
        FROM fund f JOIN person p ON p.id = p_person
        LEFT JOIN organisation_member o ON o.organisation_id = f.organisation_id AND o.person_id = p.id
        LEFT JOIN membership m ON m.fund_id = f.id AND m.person_id = p.id
        WHERE f.id = p_fund AND (p.administrator OR o.role = 'ADMIN' OR m.role IS NOT NULL)
        """,
    ),
    for_everyone("refresh_variance_summary()", "void", "REFRESH MATERIALIZED VIEW CONCURRENTLY variance_summary"),
    for_everyone("analyze_facts()", "void", "ANALYZE fact"),
    # A materialised view knows no policies.
    f"""
    CREATE VIEW visible_variance_summary WITH (security_barrier) AS
    SELECT s.* FROM variance_summary s
    WHERE {_EVERYONE} OR s.fund_id IN (SELECT f.id FROM fund f WHERE {_OURS})
    """,  # noqa: S608 - our own words
)


def upgrade() -> None:
    for statement in (*TABLES, *OWNED, *ACQUAINTED, *POLICIES, *FUNCTIONS):
        op.execute(statement)


def downgrade() -> None:
    message = "migrations aren't reversed: whose a fund is would be lost"
    raise RuntimeError(message)
