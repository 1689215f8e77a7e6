"""The snippets of docs/clients.md, as files."""

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "clients.md"
SNIPPET = re.compile(r"^```(?:js|python)\n(?://|#) (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def snippets() -> dict[str, str]:
    """Each snippet by its file's name, which its first line says."""
    found = SNIPPET.findall(PAGE.read_text(encoding="utf-8"))
    assert len(found) == len(dict(found)), "two snippets of one name"
    return dict(found)


def write_into(folder: Path) -> None:
    """Writes them all."""
    for name, text in snippets().items():
        (folder / name).write_text(text, encoding="utf-8")
