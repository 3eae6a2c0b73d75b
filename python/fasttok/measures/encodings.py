"""The encodings that there are to count with: those that ship inside, and those in the cache of the Hugging Face hub.

Each is loaded to tell whether it can be counted exactly. Asks no network.
"""

from __future__ import annotations

from typing import Any

from fasttok._fasttok import Encoding
from fasttok.errors import FasttokError
from fasttok.reports.encodings import EncodingEntry, Encodings
from fasttok.reports.manifest import run_manifest
from fasttok.tokenizers import hub
from fasttok.tokenizers.load import load
from fasttok.tokenizers.resolve import get_encoding, list_encodings


def encodings() -> Encodings:
    """The embedded encodings, then the repositories in the cache of the Hugging Face hub; those that cannot be counted
    exactly with the reason."""
    found = [_entry(get_encoding(name), name=name, source="embedded") for name in list_encodings()]
    for name, file in hub.cached():
        about: dict[str, Any] = {
            "name": str(name), "source": "hub", "bytes": file.stat().st_size, "file": str(file)
        }  # fmt: skip
        try:
            found.append(_entry(load(file.parent, name=str(name)), **about))
        except FasttokError as error:
            found.append(EncodingEntry(**about, error=str(error)))
    return Encodings(found, run_manifest({}))


def _entry(encoding: Encoding, **about: Any) -> EncodingEntry:
    return EncodingEntry(
        pretokenizer=encoding.pretokenizer,
        n_vocab=encoding.n_vocab,
        special_tokens=len(encoding.special_tokens),
        hash=encoding.hash,
        **about,
    )
