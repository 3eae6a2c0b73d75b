"""The inputs of a run: what the user wrote, checked before any work is done."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from fasttok.errors import NotFoundError

PathLike: TypeAlias = "str | os.PathLike[str]"

STDIN = "-"
_GLOB = frozenset("*?[{")


def as_names(value: str | Iterable[str]) -> list[str]:
    """One name or several, as a list without repetitions, in the order given."""
    return list(dict.fromkeys([value] if isinstance(value, str) else value))


def as_paths(paths: PathLike | Iterable[PathLike]) -> list[str]:
    """One path or several, as a list of strings, in the order given.

    Raises ``TypeError`` for a table of pandas, polars or Arrow: that is what is counted, not where it lies.
    """
    if isinstance(paths, (str, os.PathLike)):
        paths = [paths]
    if hasattr(type(paths), "columns"):
        raise TypeError(
            f"paths must be files or folders, not {type(paths).__name__}: for a column of texts in memory call "
            'Encoding.count_batch(table["text"])'
        )
    return [os.fspath(path) for path in paths]


def require_existing(paths: Sequence[str]) -> None:
    """Refuse a path that does not exist, naming what stands where it should be.

    A path with glob characters is left to the reader, which knows what it matches.
    """
    for path in paths:
        if path == STDIN or os.path.lexists(path) or not _GLOB.isdisjoint(path):
            continue
        raise NotFoundError(describe_missing(path))


def describe_missing(path: str) -> str:
    """Say that `path` does not exist, which part of it is missing, and the nearest existing names."""
    if not path:
        return "an empty path names no file or folder"
    message = f"no such file or folder: {path}"
    folder, missing = _first_missing(path)
    if missing.rstrip(os.sep) != path.rstrip(os.sep):
        message += f" ({missing} does not exist)"
    try:
        names = sorted(os.listdir(folder or "."))
    except OSError:
        return message
    near = nearest(os.path.basename(missing), names)
    if near:
        message += "; did you mean " + _either([os.path.join(folder, name) for name in near]) + "?"
    return message


def nearest(name: str, names: Sequence[str], limit: int = 3) -> list[str]:
    """The `names` closest to `name`, letter case aside, the closest first."""
    folded: dict[str, list[str]] = {}
    for candidate in names:
        folded.setdefault(candidate.casefold(), []).append(candidate)
    close = difflib.get_close_matches(name.casefold(), folded, n=limit, cutoff=0.6)
    return [candidate for key in close for candidate in folded[key]][:limit]


def _first_missing(path: str) -> tuple[str, str]:
    """The deepest existing folder above `path`, and the path of the first part that is missing below it."""
    missing = path.rstrip(os.sep) or path
    while True:
        folder = os.path.dirname(missing)
        if not folder or folder == missing or os.path.lexists(folder):
            return folder, missing
        missing = folder


def _either(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " or " + names[-1]
