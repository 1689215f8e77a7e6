"""Identity: issuers' subjects, revoked tokens, and a ledger of who was given what for each organisation.

Revision: 0006
"""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from importlib import import_module

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SYSTEM = "00000000-0000-0000-0000-00000000d201"
"""Who records what Drypowder does by itself."""

TABLES = (
    """
    CREATE TABLE identity (
        issuer text NOT NULL,
        subject text NOT NULL,
        person_id uuid NOT NULL REFERENCES person (id) ON DELETE CASCADE,
        linked_at timestamptz NOT NULL,
        PRIMARY KEY (issuer, subject),
        UNIQUE (person_id, issuer)
    )
    """,
    "ALTER TABLE person ADD COLUMN tokens_revoked_at timestamptz",
    # Of this organisation alone: no firm's administrator ends what somebody does for another.
    "ALTER TABLE organisation_person ADD COLUMN tokens_revoked_at timestamptz",
    "ALTER TABLE organisation ADD COLUMN access_version bigint NOT NULL DEFAULT 0",
    "ALTER TABLE organisation ADD COLUMN access_hash bytea NOT NULL DEFAULT ''",
    "ALTER TABLE organisation ADD COLUMN access_recorded_at timestamptz NOT NULL DEFAULT 'epoch'",
    """
    CREATE TABLE access_fact (
        organisation_id uuid NOT NULL REFERENCES organisation (id),
        version bigint NOT NULL,
        schema_version smallint NOT NULL,
        type text NOT NULL,
        recorded_at timestamptz NOT NULL,
        actor uuid NOT NULL,
        payload text NOT NULL,
        hash bytea NOT NULL,
        PRIMARY KEY (organisation_id, version)
    )
    """,
)

IMMUTABLE = (
    """
    CREATE TRIGGER access_fact_rows_are_immutable BEFORE UPDATE OR DELETE ON access_fact
    FOR EACH ROW EXECUTE FUNCTION fact_is_immutable()
    """,
    """
    CREATE TRIGGER access_fact_table_is_immutable BEFORE TRUNCATE ON access_fact
    FOR EACH STATEMENT EXECUTE FUNCTION fact_is_immutable()
    """,
    "ALTER TABLE access_fact ENABLE ALWAYS TRIGGER access_fact_rows_are_immutable",
    "ALTER TABLE access_fact ENABLE ALWAYS TRIGGER access_fact_table_is_immutable",
    "REVOKE UPDATE, DELETE, TRUNCATE ON access_fact FROM PUBLIC, CURRENT_USER",
)

# As person_with_organisations and part_in_fund of 0004, which older programs go on calling, for whoever's token was
# issued at a moment; without one, nothing counts as revoked.
FUNCTIONS = (
    (
        "person_of_token(p_person uuid, p_issued timestamptz)",
        "TABLE (id uuid, email text, name text, administrator boolean, organisations uuid[], revoked boolean)",
        """
        RETURN QUERY
        SELECT p.id, p.email, p.name, p.administrator, ARRAY(
            SELECT k.organisation_id FROM organisation_person k
            WHERE k.person_id = p.id AND (k.tokens_revoked_at >= p_issued) IS NOT TRUE AND (
                EXISTS (
                    SELECT FROM organisation_member o
                    WHERE o.organisation_id = k.organisation_id AND o.person_id = p.id
                ) OR EXISTS (
                    SELECT FROM membership m JOIN fund f ON f.id = m.fund_id
                    WHERE m.person_id = p.id AND f.organisation_id = k.organisation_id
                )
            )
        ), (p.tokens_revoked_at >= p_issued) IS TRUE
        FROM person p WHERE p.id = p_person
        """,
    ),
    (
        "person_of_identity(p_issuer text, p_subject text, p_issued timestamptz)",
        "TABLE (id uuid, email text, name text, administrator boolean, organisations uuid[], revoked boolean)",
        """
        RETURN QUERY
        SELECT t.* FROM identity i CROSS JOIN LATERAL person_of_token(i.person_id, p_issued) t
        WHERE i.issuer = p_issuer AND i.subject = p_subject
        """,
    ),
    (
        "part_by_token(p_person uuid, p_fund uuid, p_issued timestamptz)",
        "TABLE (organisation_id uuid, role text, revoked boolean)",
        """
        RETURN QUERY
        SELECT t.organisation_id, t.role, (p.tokens_revoked_at >= p_issued OR k.tokens_revoked_at >= p_issued) IS TRUE
        FROM part_in_fund(p_person, p_fund) t JOIN person p ON p.id = p_person
        LEFT JOIN organisation_person k ON k.organisation_id = t.organisation_id AND k.person_id = p_person
        """,
    ),
    (
        "part_in_organisation(p_person uuid, p_organisation uuid, p_issued timestamptz)",
        "TABLE (role text, revoked boolean)",
        """
        RETURN QUERY
        SELECT CASE WHEN p.administrator THEN 'ADMIN' ELSE o.role END,
            (p.tokens_revoked_at >= p_issued OR k.tokens_revoked_at >= p_issued) IS TRUE
        FROM organisation f JOIN person p ON p.id = p_person
        LEFT JOIN organisation_member o ON o.organisation_id = f.id AND o.person_id = p.id
        LEFT JOIN organisation_person k ON k.organisation_id = f.id AND k.person_id = p.id
        WHERE f.id = p_organisation AND (p.administrator OR o.role IS NOT NULL)
        """,
    ),
)

# What was given before there was such a ledger, as it stands.
FOUND = "SELECT id, name FROM organisation ORDER BY created_at, id"
GIVEN = """
    SELECT 'MEMBER_ADDED', json_build_object('person_id', person_id, 'role', role), joined_at, 0
    FROM organisation_member WHERE organisation_id = :organisation
    UNION ALL
    SELECT 'FUND_JOINED', json_build_object('fund_id', id), opened_at, 1 FROM fund
    WHERE organisation_id = :organisation
    UNION ALL
    SELECT 'ROLE_GIVEN', json_build_object('fund_id', m.fund_id, 'person_id', m.person_id, 'role', m.role),
        f.opened_at, 2
    FROM membership m JOIN fund f ON f.id = m.fund_id WHERE f.organisation_id = :organisation
    ORDER BY 4, 3
"""
KEEP = """
    INSERT INTO access_fact (organisation_id, version, schema_version, type, recorded_at, actor, payload, hash)
    VALUES (:organisation, :version, 1, :type, :recorded_at, :actor, :payload, :hash)
"""
HEAD = """
    UPDATE organisation SET access_version = :version, access_hash = :hash, access_recorded_at = :recorded_at
    WHERE id = :organisation
"""


def upgrade() -> None:
    organisations = import_module("infra.migrations.versions.0004_organisations")
    visible, for_everyone = organisations.visible, organisations.for_everyone
    for statement in (
        *TABLES,
        *visible("access_fact", "organisation_id IN (SELECT o.id FROM organisation o)"),
        # An identity is seen with its person.
        *visible("identity", "person_id IN (SELECT p.id FROM person p)"),
        *IMMUTABLE,
        *(for_everyone(*function) for function in FUNCTIONS),
    ):
        op.execute(statement)
    _tell_what_was_given()


def _tell_what_was_given() -> None:
    database = op.get_bind()
    now = database.scalar(sa.text("SELECT clock_timestamp()"))
    for organisation, name in database.execute(sa.text(FOUND)).all():
        given = [(kind, told) for kind, told, *_ in database.execute(sa.text(GIVEN), {"organisation": organisation})]
        digest = hashlib.sha256(f"drypowder organisation {organisation}".encode()).digest()
        for version, (kind, told) in enumerate([("ORGANISATION_FOUNDED", {"name": name}), *given], start=1):
            recorded_at = now + timedelta(microseconds=version)
            payload = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            micros = (recorded_at - EPOCH) // timedelta(microseconds=1)
            canonical = f'[{version},{micros},"{organisation}","{kind}",1,"{SYSTEM}",{payload}]'
            digest = hashlib.sha256(digest + canonical.encode()).digest()
            fact = {"organisation": organisation, "version": version, "recorded_at": recorded_at, "hash": digest}
            database.execute(sa.text(KEEP), {**fact, "type": kind, "actor": SYSTEM, "payload": payload})
            database.execute(sa.text(HEAD), fact)


def downgrade() -> None:
    message = "migrations aren't reversed: who was given what would be forgotten"
    raise RuntimeError(message)
