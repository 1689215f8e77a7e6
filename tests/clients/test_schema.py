"""Other people's compilers and linters take schema.graphql as it is."""

import json
import shutil
from pathlib import Path

import pytest
from graphql import OperationDefinitionNode, parse, validate

from api.schema import schema
from tests.clients import node

SCHEMA = node.HERE.parents[1] / "schema.graphql"


@pytest.fixture
def project(packages: Path, tmp_path: Path) -> Path:
    """A folder with the schema, beside the packages."""
    shutil.copy(SCHEMA, tmp_path)
    (tmp_path / "package.json").write_text('{ "type": "module" }', encoding="utf-8")
    (tmp_path / "node_modules").symlink_to(packages)
    return tmp_path


async def test_relay_compiler_accepts_the_schema(project: Path) -> None:
    shutil.copytree(node.HERE / "relay", project / "src")
    scalars = dict.fromkeys(("Date", "DateTime", "Decimal", "Money"), "string") | {"JSON": "mixed"}
    settings = {
        "src": "src", "schema": "schema.graphql", "language": "typescript", "customScalarTypes": scalars,
        "persistConfig": {"file": "documents.json"},
    }  # fmt: skip
    (project / "documents.json").write_text("{}", encoding="utf-8")
    (project / "relay.config.json").write_text(json.dumps(settings), encoding="utf-8")
    await node.printed("node_modules/relay-compiler/cli.js", "relay.config.json", cwd=project)
    # What it would send, it made itself: refetches ask for `node`, each object is asked for its id.
    sent = [parse(text) for text in json.loads((project / "documents.json").read_text(encoding="utf-8")).values()]
    operations = [one for document in sent for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    assert {one.name.value for one in operations if one.name} == {
        "feedQuery", "feedStateRefetchQuery", "feedTimelinePageQuery", "feedRecordMutation", "feedFollowSubscription",
    }  # fmt: skip
    assert [validate(schema._schema, document) for document in sent] == [[]] * 5


async def test_the_codegen_client_preset_accepts_the_schema_and_its_types_hold(project: Path) -> None:
    shutil.copytree(node.HERE / "codegen", project, dirs_exist_ok=True)
    await node.printed("generate.js", cwd=project)
    await node.printed("node_modules/typescript/bin/tsc", cwd=project)


async def test_graphql_schema_linter_finds_nothing_but_its_alphabetical_orders(project: Path) -> None:
    linter = project / "node_modules" / "graphql-schema-linter" / "lib"
    rules = [path.stem.replace("_", "-") for path in (linter / "rules").glob("*.js")]
    # What belongs together stands side by side.
    chosen = ",".join(rule for rule in rules if not rule.endswith("-sorted-alphabetically"))
    found = await node.printed(linter / "cli.js", "-f", "json", "-r", chosen, "schema.graphql", cwd=project)
    assert json.loads(found) == {"errors": []}
