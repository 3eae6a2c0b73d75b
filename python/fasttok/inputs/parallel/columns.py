"""Which columns of a file are languages, and what is said where none is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from fasttok._util.languages import is_language
from fasttok.errors import NotParallelError, Remedy

TAG = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*")


def language_columns(names: Iterable[str], named: frozenset[str]) -> tuple[list[str], list[str]]:
    """Of the names of columns, those of languages, and those that look like one and are none unless `named`."""
    looks = [name for name in dict.fromkeys(names) if name in named or TAG.fullmatch(name)]
    # Indonesian, if at all.
    codes = [name for name in looks if name in named or (name != "id" and is_language(name))]
    return codes, [name for name in looks if name not in codes and name != "id"]


def unrecognised(path: str, others: Sequence[str], what: str) -> NotParallelError:
    if not others:
        return NotParallelError(f"{path}: {what}")
    name_one = Remedy(": name a column in {option} if it is one)", "languages")
    return NotParallelError(f"{path}: {what} ({', '.join(others)}", remedy=name_one)
