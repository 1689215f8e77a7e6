"""The ledger: facts with two clocks, their heads, idempotency keys, snapshots, cursors, people and roles.

Revision: 0001
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    """
    CREATE TABLE fund (
        id uuid PRIMARY KEY,
        name text NOT NULL,
        currency text NOT NULL,
        vintage_year integer NOT NULL,
        size_cents bigint NOT NULL,
        time_zone text NOT NULL,
        opened_at timestamptz NOT NULL,
        version bigint NOT NULL,
        hash bytea NOT NULL,
        recorded_at timestamptz NOT NULL,
        touched_until timestamptz NOT NULL
    ) WITH (fillfactor = 70)
    """,
    """
    CREATE TABLE fact (
        fund_id uuid NOT NULL,
        version bigint NOT NULL,
        schema_version smallint NOT NULL,
        type text NOT NULL,
        occurred_at timestamptz NOT NULL,
        touches_at timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL,
        actor uuid NOT NULL,
        company_id text,
        correlation_id text,
        idempotency_key text,
        metadata text,
        payload text NOT NULL,
        hash bytea NOT NULL,
        PRIMARY KEY (fund_id, version)
    )
    """,
    "CREATE INDEX fact_by_valid_time ON fact (fund_id, touches_at, version)",
    "CREATE INDEX fact_by_company ON fact (fund_id, company_id, version) WHERE company_id IS NOT NULL",
    """
    CREATE TABLE ledger_key (
        fund_id uuid NOT NULL,
        key text NOT NULL,
        input bytea NOT NULL,
        first_version bigint NOT NULL,
        last_version bigint NOT NULL,
        PRIMARY KEY (fund_id, key)
    )
    """,
    """
    CREATE TABLE opening_key (
        actor uuid NOT NULL,
        key text NOT NULL,
        input bytea NOT NULL,
        fund_id uuid NOT NULL,
        PRIMARY KEY (actor, key)
    )
    """,
    """
    CREATE TABLE snapshot (
        fund_id uuid NOT NULL,
        id uuid NOT NULL,
        at timestamptz NOT NULL,
        lo bigint NOT NULL,
        hi bigint,
        kind text NOT NULL,
        description text,
        created_at timestamptz NOT NULL,
        fingerprint bytea NOT NULL,
        checksum bytea NOT NULL,
        state bytea NOT NULL,
        PRIMARY KEY (fund_id, id)
    )
    """,
    "CREATE INDEX snapshot_by_time ON snapshot (fund_id, fingerprint, at DESC)",
    "CREATE INDEX snapshot_open ON snapshot (fund_id, at) WHERE hi IS NULL",
    """
    CREATE TABLE cursor (
        consumer text NOT NULL,
        fund_id uuid NOT NULL,
        version bigint NOT NULL,
        PRIMARY KEY (consumer, fund_id)
    )
    """,
    """
    CREATE TABLE person (
        id uuid PRIMARY KEY,
        email text NOT NULL UNIQUE,
        name text,
        administrator boolean NOT NULL DEFAULT false
    )
    """,
    """
    CREATE TABLE membership (
        fund_id uuid NOT NULL,
        person_id uuid NOT NULL REFERENCES person (id) ON DELETE CASCADE,
        role text NOT NULL,
        PRIMARY KEY (fund_id, person_id)
    )
    """,
    "CREATE INDEX membership_by_person ON membership (person_id, fund_id)",
)

IMMUTABLE = (
    """
    CREATE FUNCTION fact_is_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'facts are immutable: % refused', TG_OP USING ERRCODE = 'DP009';
    END $$
    """,
    """
    CREATE TRIGGER fact_rows_are_immutable BEFORE UPDATE OR DELETE ON fact
    FOR EACH ROW EXECUTE FUNCTION fact_is_immutable()
    """,
    """
    CREATE TRIGGER fact_table_is_immutable BEFORE TRUNCATE ON fact
    FOR EACH STATEMENT EXECUTE FUNCTION fact_is_immutable()
    """,
    # ALWAYS: a session that plays replica would pass ordinary triggers.
    "ALTER TABLE fact ENABLE ALWAYS TRIGGER fact_rows_are_immutable",
    "ALTER TABLE fact ENABLE ALWAYS TRIGGER fact_table_is_immutable",
    "REVOKE UPDATE, DELETE, TRUNCATE ON fact FROM PUBLIC, CURRENT_USER",
)

FUNCTIONS = (
    """
    CREATE FUNCTION ledger_lock(p_fund uuid) RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN hashtextextended(p_fund::text, 0)
    """,
    """
    CREATE FUNCTION micros(p_moment timestamptz) RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN (extract(epoch FROM p_moment) * 1000000)::bigint
    """,
    # A fact's hash covers the hash before it: the running aggregate carries it from row to row.
    """
    CREATE FUNCTION ledger_chain_step(p_hash bytea, p_fact bytea, p_before bytea) RETURNS bytea
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
    BEGIN
        RETURN sha256(coalesce(p_hash, p_before) || p_fact);
    END $$
    """,
    "CREATE AGGREGATE ledger_chain(bytea, bytea) (sfunc = ledger_chain_step, stype = bytea)",
    # One round trip: lock, read the head, look up the key, check the version, insert, close stale snapshots, move
    # the head. DP001 = another version, DP002 = no such fund, DP003 = key used with other input.
    """
    CREATE FUNCTION ledger_append(
        p_fund uuid, p_expected bigint, p_key text, p_input bytea, p_actor uuid, p_correlation text,
        p_types text[], p_schemas smallint[], p_occurred timestamptz[], p_touches timestamptz[],
        p_companies text[], p_prefixes text[], p_metadata text[], p_payloads text[],
        OUT first_version bigint, OUT last_version bigint, OUT repeated boolean,
        OUT recorded_at timestamptz, OUT hashes bytea[]
    ) LANGUAGE plpgsql AS $$
    DECLARE
        head record;
        used record;
        earliest timestamptz;
        latest timestamptz;
    BEGIN
        PERFORM pg_advisory_xact_lock(ledger_lock(p_fund));
        SELECT f.version, f.hash, f.recorded_at, f.touched_until INTO head FROM fund f WHERE f.id = p_fund;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'no such fund' USING ERRCODE = 'DP002';
        END IF;
        IF p_key IS NOT NULL THEN
            SELECT k.input, k.first_version, k.last_version INTO used
            FROM ledger_key k WHERE k.fund_id = p_fund AND k.key = p_key;
            IF FOUND THEN
                IF used.input <> p_input THEN
                    RAISE EXCEPTION 'key used with other input' USING ERRCODE = 'DP003';
                END IF;
                first_version := used.first_version;
                last_version := used.last_version;
                repeated := true;
                RETURN;
            END IF;
        END IF;
        IF head.version <> p_expected THEN
            RAISE EXCEPTION 'ledger at another version' USING ERRCODE = 'DP001', DETAIL = head.version::text;
        END IF;
        repeated := false;
        first_version := head.version + 1;
        last_version := head.version + cardinality(p_types);
        -- The wall clock may step back or stand still; the ledger's clock doesn't.
        recorded_at := greatest(clock_timestamp(), head.recorded_at + interval '1 microsecond');
        WITH given AS (
            SELECT g.*, head.version + g.place AS version,
                recorded_at + (g.place - 1) * interval '1 microsecond' AS recorded
            FROM unnest(p_types, p_schemas, p_occurred, p_touches, p_companies, p_prefixes, p_metadata, p_payloads)
                WITH ORDINALITY AS g(type, schema_version, occurred_at, touches_at, company_id, prefix, metadata,
                    payload, place)
        ), chained AS (
            SELECT g.*, ledger_chain(
                convert_to(concat('[', g.version, ',', micros(g.recorded), ',', g.prefix, ',',
                    coalesce(g.metadata, 'null'), ',', g.payload, ']'), 'UTF8'),
                head.hash
            ) OVER (ORDER BY g.place) AS hash
            FROM given g
        ), written AS (
            INSERT INTO fact (fund_id, version, schema_version, type, occurred_at, touches_at, recorded_at, actor,
                company_id, correlation_id, idempotency_key, metadata, payload, hash)
            SELECT p_fund, c.version, c.schema_version, c.type, c.occurred_at, c.touches_at, c.recorded, p_actor,
                c.company_id, p_correlation, p_key, c.metadata, c.payload, c.hash
            FROM chained c
            RETURNING version, hash
        )
        SELECT array_agg(w.hash ORDER BY w.version) INTO hashes FROM written w;
        IF p_key IS NOT NULL THEN
            INSERT INTO ledger_key VALUES (p_fund, p_key, p_input, first_version, last_version);
        END IF;
        SELECT min(t), max(t) INTO earliest, latest FROM unnest(p_touches) t;
        UPDATE snapshot s SET hi = (
            SELECT head.version + min(u.place) FROM unnest(p_touches) WITH ORDINALITY u(t, place) WHERE u.t <= s.at
        )
        WHERE s.fund_id = p_fund AND s.hi IS NULL AND s.at >= earliest;
        UPDATE fund f SET version = last_version, hash = hashes[cardinality(hashes)],
            recorded_at = ledger_append.recorded_at + (cardinality(p_types) - 1) * interval '1 microsecond',
            touched_until = greatest(head.touched_until, latest)
        WHERE f.id = p_fund;
    END $$
    """,
    # The last version recorded by a moment. An append in flight may carry a recorded_at before a moment at or after the
    # head; its lock is waited for, however long it takes, so that the same question always gets the same answer.
    # DP004 = a moment that the ledger's clock has not reached.
    """
    CREATE FUNCTION ledger_resolve(
        p_fund uuid, p_known timestamptz, OUT version bigint, OUT known_at timestamptz, OUT at_now timestamptz
    ) LANGUAGE plpgsql AS $$
    DECLARE
        head record;
        low bigint := 0;
        high bigint;
        middle bigint;
        recorded timestamptz;
    BEGIN
        SELECT f.version, f.recorded_at INTO head FROM fund f WHERE f.id = p_fund;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'no such fund' USING ERRCODE = 'DP002';
        END IF;
        -- Whatever is in flight will be recorded after the head, so what was known before the head is settled.
        IF p_known IS NULL OR p_known >= head.recorded_at THEN
            PERFORM pg_advisory_xact_lock_shared(ledger_lock(p_fund));
            SELECT f.version, f.recorded_at INTO head FROM fund f WHERE f.id = p_fund;
        END IF;
        at_now := greatest(clock_timestamp(), head.recorded_at);
        known_at := coalesce(p_known, at_now);
        IF known_at > at_now THEN
            RAISE EXCEPTION 'moment not reached' USING ERRCODE = 'DP004';
        END IF;
        IF known_at >= head.recorded_at THEN
            version := head.version;
            RETURN;
        END IF;
        -- Versions rise with recorded_at, so the primary key serves; an index of its own would cost every append.
        high := head.version;
        WHILE high - low > 1 LOOP
            middle := (low + high) / 2;
            SELECT f.recorded_at INTO recorded FROM fact f WHERE f.fund_id = p_fund AND f.version = middle;
            IF recorded <= known_at THEN
                low := middle;
            ELSE
                high := middle;
            END IF;
        END LOOP;
        version := low;
    END $$
    """,
    # Stores a snapshot that was computed at version p_version, its interval closed at once where a later append
    # already touched its past; the shared lock keeps a racing append from slipping between.
    """
    CREATE FUNCTION ledger_keep_snapshot(
        p_fund uuid, p_id uuid, p_at timestamptz, p_lo bigint, p_version bigint, p_kind text, p_description text,
        p_fingerprint bytea, p_checksum bytea, p_state bytea
    ) RETURNS timestamptz LANGUAGE plpgsql AS $$
    DECLARE
        created timestamptz := clock_timestamp();
    BEGIN
        PERFORM pg_advisory_xact_lock_shared(ledger_lock(p_fund));
        INSERT INTO snapshot (fund_id, id, at, lo, hi, kind, description, created_at, fingerprint, checksum, state)
        SELECT p_fund, p_id, p_at, p_lo,
            (SELECT min(f.version) FROM fact f
             WHERE f.fund_id = p_fund AND f.version > p_version AND f.touches_at <= p_at),
            p_kind, p_description, created, p_fingerprint, p_checksum, p_state;
        RETURN created;
    END $$
    """,
)


def upgrade() -> None:
    for statement in (*TABLES, *IMMUTABLE, *FUNCTIONS):
        op.execute(statement)


def downgrade() -> None:
    # A ledger isn't taken back: dropping facts is what this product promises never to do.
    message = "the first migration can't be reversed: it would drop facts"
    raise RuntimeError(message)
