"""The language labels of groups: those of documents that none was found for.

Where labels come from is an option (`fasttok.options`), what they mean `fasttok._util.languages`'.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fasttok.options import LANGUAGE

UNDETERMINED = "und"


def undetermined(keys: Sequence[Mapping[str, str | None]], documents: Sequence[int]) -> int:
    """How many of the documents of groups with these `keys` have no language."""
    return sum(count for key, count in zip(keys, documents, strict=True) if key[LANGUAGE] == UNDETERMINED)
