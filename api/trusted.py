"""Trusted documents: known by their ids, from a manifest that was made with the client."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from api.refused import RefusedRequest
from api.requests import Operation


class ManifestError(Exception):
    """A manifest that can't be read, and why."""


class TrustedDocuments:
    """The documents of a manifest.

    Args:
        texts: Each one's text by its id.
        only: Whether no others are executed.
    """

    def __init__(self, texts: Mapping[str, str], *, only: bool) -> None:
        self._texts = texts
        self._known = frozenset(texts.values())
        self._only = only

    @classmethod
    def read(cls, *paths: Path, only: bool) -> "TrustedDocuments":
        """Those of files with one JSON object each, ids to texts.

        Raises:
            ManifestError: If one holds anything else, or can't be read.
        """
        texts: dict[str, str] = {}
        for path in paths:
            texts |= _texts(path)
        return cls(texts, only=only)

    def resolved(self, asked: Operation) -> Operation:
        """The operation with its document's text.

        Raises:
            RefusedRequest: If its document isn't known, or isn't trusted where it must be.
        """
        if asked.document_id is None:
            if self._only and asked.query not in self._known:
                raise RefusedRequest(403, "Only trusted documents are executed here.", "DOCUMENT_NOT_TRUSTED")
            return asked
        text = self._texts.get(asked.document_id)
        if text is None:
            raise RefusedRequest(400, "There is no trusted document of this id.", "DOCUMENT_NOT_FOUND")
        return replace(asked, query=text)


def _texts(path: Path) -> dict[str, str]:
    """The documents of one manifest, by their ids."""
    try:
        texts = json.loads(path.read_bytes())
    except (OSError, ValueError) as fault:
        message = f"the manifest of trusted documents can't be read: {fault}"
        raise ManifestError(message) from fault
    if not isinstance(texts, dict) or not all(isinstance(text, str) and text for text in texts.values()):
        message = "the manifest of trusted documents must be one JSON object of ids and texts"
        raise ManifestError(message)
    return texts
