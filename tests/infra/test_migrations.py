"""Migrations: what would break the release before, which works beside them while an upgrade rolls, is found.

Expand first, contract a release later. What is found takes something away, or holds a lock for as long as a table is.
Where it is right nevertheless, a comment within the statement says why, as `-- upgrade: nobody reads it since 0007`,
and the migration says from which schema on programs can do without.
"""

import re
from collections.abc import Callable
from importlib import import_module
from io import StringIO
from types import ModuleType

import pytest
from alembic import op
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext

from infra.revision import OURS, SERVES, VERSIONS

BASELINE = "0006"
"""Nothing has been released: a database of the first release begins with all migrations up to this one."""

NAME = r'(?P<table>(?:IF\s+(?:NOT\s+)?EXISTS\s+)?(?:ONLY\s+)?[\w."]+)'
BREAKING = {
    "dropped while the release before uses it": r"\bDROP\s+(?!NOT\s+NULL|DEFAULT|CONSTRAINT|IDENTITY|EXPRESSION)",
    "renamed under the release before": r"\bRENAME\b",
    "of another type, which rewrites the table": r"\bALTER\s+(COLUMN\s+)?\S+\s+(SET\s+DATA\s+)?TYPE\b",
    "refused when the release before leaves it out": r"\bSET\s+NOT\s+NULL|\bADD\s+(COLUMN\s+)?(IF\s+NOT\s+EXISTS\s+)?"
    r"(?!CONSTRAINT)\w+\s+(?:(?!\bDEFAULT\b|\bGENERATED\b|,).)*\bNOT\s+NULL(?!(?:(?!,).)*\b(DEFAULT|GENERATED)\b)",
    "checked row by row under a lock": r"\bADD\s+(CONSTRAINT\s+\S+\s+)?(CHECK|FOREIGN\s+KEY|EXCLUDE)"
    r"(?!.*\bNOT\s+VALID\b)",
    "made unique row by row under a lock": r"\bADD\s+(CONSTRAINT\s+\S+\s+)?(UNIQUE|PRIMARY\s+KEY)(?!\s+USING\s+INDEX)",
    "kept from the release before": r"\bREVOKE\b|\bROW\s+LEVEL\s+SECURITY\b|\bCREATE\s+POLICY\b",
    "locked": r"^\s*(LOCK|TRUNCATE|CLUSTER|VACUUM|REINDEX(?!.*CONCURRENTLY))\b",
    "rewritten at once, a long transaction": r"^\s*(UPDATE|DELETE)\b",
}
# Indexes are made under a lock, but those that were made CONCURRENTLY before: then IF NOT EXISTS finds them.
INDEX = re.compile(
    r"^\s*CREATE\s+(UNIQUE\s+)?INDEX\s+(?!CONCURRENTLY|IF\s+NOT\s+EXISTS).*?\bON\s+" + NAME, re.IGNORECASE | re.DOTALL
)
ALTERED = re.compile(r"^\s*ALTER\s+TABLE\s+" + NAME, re.IGNORECASE)
CREATED = re.compile(r"^\s*CREATE\s+TABLE\s+" + NAME, re.IGNORECASE)
REPLACED = re.compile(r"^\s*CREATE\s+OR\s+REPLACE\s+(?!VIEW)", re.IGNORECASE)
REASON = re.compile(r"--\s*upgrade:\s*(?P<reason>.*)")
FEWEST_WORDS = 4


def statements(upgrade: Callable[[], None]) -> list[str]:
    """The SQL that a migration would execute, without what its functions hold."""
    written = StringIO()
    context = MigrationContext.configure(
        dialect_name="postgresql", opts={"as_sql": True, "output_buffer": written, "literal_binds": True}
    )
    with Operations.context(context):
        upgrade()
    bodies = re.sub(r"(\$\w*\$).*?\1", "''", written.getvalue(), flags=re.DOTALL)
    return [one for one in re.split(r";[ \t]*(?:\n|$)", bodies) if one.strip()]


def faults(upgrade: Callable[[], None]) -> list[str]:
    """What of a migration would break the release before, or hold it up."""
    found, created, reasoned, serves = [], set[str](), False, False
    for statement in statements(upgrade):
        reason = REASON.search(statement)
        bare = re.sub(r"--[^\n]*", "", statement)
        serves = serves or SERVES in bare
        if made := CREATED.match(bare):
            created.add(_name(made["table"]))
            continue
        about = INDEX.match(bare) or ALTERED.match(bare)
        if about is not None and _name(about["table"]) in created:
            continue
        why = [what for what, pattern in BREAKING.items() if re.search(pattern, bare, re.IGNORECASE | re.DOTALL)]
        why += ["indexed under a lock"] if INDEX.match(bare) else []
        why += ["another function under the release before"] if REPLACED.match(bare) else []
        if why and reason is None:
            found.append(f"{why[0]}: {' '.join(bare.split())}")
        elif why and reason is not None:
            reasoned = True
            if len(reason["reason"].split()) < FEWEST_WORDS:
                found.append(f"a reason is a sentence: {' '.join(statement.split())}")
    if reasoned and not serves:
        found.append(f"which programs can do without? COMMENT ON TABLE alembic_version IS '{SERVES}…'")
    return found


def _name(written: str) -> str:
    return written.rsplit(maxsplit=1)[-1].strip('"').lower()


def migrations() -> list[ModuleType]:
    """All of them, in order."""
    names = sorted(path.stem for path in VERSIONS.glob("[0-9]*.py"))
    return [import_module(f"infra.migrations.versions.{name}") for name in names]


def test_migrations_are_one_chain_in_the_order_of_their_files() -> None:
    before = None
    for number, module in enumerate(migrations(), start=1):
        assert module.__name__.rsplit(".", 1)[1].startswith(f"{module.revision}_")
        assert (module.revision, module.down_revision) == (f"{number:04d}", before)
        before = module.revision
    assert before == OURS


@pytest.mark.parametrize("module", [one for one in migrations() if one.revision > BASELINE] or [None])
def test_a_migration_breaks_nothing_of_the_release_before(module: ModuleType | None) -> None:
    # Until the first one after the baseline there is nothing to break.
    assert faults(module.upgrade if module else lambda: None) == []


def executing(*given: str) -> Callable[[], None]:
    """A migration of these statements."""

    def upgrade() -> None:
        for statement in given:
            op.execute(statement)

    return upgrade


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("DROP TABLE alert", "dropped while the release before uses it"),
        ("ALTER TABLE alert DROP COLUMN body", "dropped while the release before uses it"),
        ("ALTER TABLE alert DROP body", "dropped while the release before uses it"),
        ("DROP FUNCTION refuse_change()", "dropped while the release before uses it"),
        ("ALTER TABLE alert RENAME COLUMN body TO text", "renamed under the release before"),
        ("ALTER TABLE alert RENAME TO notice", "renamed under the release before"),
        ("ALTER TABLE alert ALTER COLUMN body TYPE jsonb USING body::jsonb", "of another type"),
        ("ALTER TABLE alert ALTER COLUMN body SET NOT NULL", "refused when the release before leaves it out"),
        ("ALTER TABLE alert ADD COLUMN kind text NOT NULL", "refused when the release before leaves it out"),
        ("ALTER TABLE alert ADD kind text NOT NULL, ADD n int NOT NULL DEFAULT 0", "refused when the release before"),
        ("ALTER TABLE alert ADD CONSTRAINT c CHECK (n > 0)", "checked row by row under a lock"),
        ("ALTER TABLE alert ADD FOREIGN KEY (n) REFERENCES fund (id)", "checked row by row under a lock"),
        ("ALTER TABLE alert ADD CONSTRAINT c UNIQUE (n)", "made unique row by row under a lock"),
        ("CREATE INDEX i ON fact (n)", "indexed under a lock"),
        ("CREATE UNIQUE INDEX i ON ONLY fact (n)", "indexed under a lock"),
        ("REVOKE UPDATE ON fact FROM drypowder_app", "kept from the release before"),
        ("ALTER TABLE fact ENABLE ROW LEVEL SECURITY", "kept from the release before"),
        ("LOCK TABLE fact", "locked"),
        ("UPDATE fact SET n = 0", "rewritten at once"),
        ("CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$", "another function"),
    ],
)
def test_what_would_break_it_is_found(statement: str, why: str) -> None:
    (fault,) = faults(executing(statement))
    assert fault.startswith(why)


@pytest.mark.parametrize(
    "given",
    [
        ("ALTER TABLE alert ADD COLUMN kind text",),
        ("ALTER TABLE alert ADD COLUMN n int NOT NULL DEFAULT 0, ADD COLUMN m int DEFAULT 0 NOT NULL",),
        ("ALTER TABLE alert ALTER COLUMN body DROP NOT NULL",),
        ("ALTER TABLE alert ADD CONSTRAINT c CHECK (n > 0) NOT VALID",),
        ("ALTER TABLE alert ADD CONSTRAINT c UNIQUE USING INDEX made_before",),
        ("CREATE INDEX IF NOT EXISTS i ON fact (n)",),
        # Of a table that nobody knows yet.
        (
            'CREATE TABLE "later" (id uuid PRIMARY KEY, n int NOT NULL)',
            "CREATE INDEX i ON later (n)",
            "ALTER TABLE later ENABLE ROW LEVEL SECURITY",
        ),
        # What a function does when it is called.
        ("CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM fact; DROP TABLE x; END $$",),
        (
            "-- upgrade: nobody reads it since 0007\nALTER TABLE alert DROP COLUMN body",
            f"COMMENT ON TABLE alembic_version IS '{SERVES}0007'",
        ),
    ],
)
def test_what_only_adds_is_let_through(given: tuple[str, ...]) -> None:
    assert faults(executing(*given)) == []


def test_taking_away_takes_a_reason_and_the_schema_from_which_on_it_is_right() -> None:
    short, comment = faults(executing("-- upgrade: cleanup\nDROP TABLE alert"))
    assert short.startswith("a reason is a sentence")
    assert comment.startswith("which programs can do without?")


def test_alembics_own_operations_are_seen_too() -> None:
    (fault,) = faults(lambda: op.drop_column("alert", "body"))
    assert fault.startswith("dropped")
