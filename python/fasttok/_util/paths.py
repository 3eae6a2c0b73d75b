"""Paths as users write them, and what is said of one that does not exist. Reads no file."""

from __future__ import annotations

import os
from typing import TypeAlias

from fasttok._util.nearest import either, nearest

PathLike: TypeAlias = str | os.PathLike[str]

STDIN = "-"

_LONGEST = 1000

COUNT_TEXTS = "; paths are read; to count texts call Encoding.count_batch(texts)"
"""What is said where a text may have been given for a path."""


def describe_missing(path: str) -> str:
    """Say that `path` does not exist, which part of it is missing, and the nearest existing names."""
    if not path:
        return "an empty path names no file or folder"
    if len(path) > _LONGEST or "\n" in path:
        # No name of a file: a text that was given for one.
        return f"no such file or folder: {path[:60]}…{COUNT_TEXTS}"
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
        message += "; did you mean " + either([os.path.join(folder, name) for name in near]) + "?"
    return message


def _first_missing(path: str) -> tuple[str, str]:
    """The deepest existing folder above `path`, and the path of the first part that is missing below it."""
    missing = path.rstrip(os.sep) or path
    while True:
        folder = os.path.dirname(missing)
        if not folder or folder == missing or os.path.lexists(folder):
            return folder, missing
        missing = folder
