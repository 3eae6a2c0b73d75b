"""Compiled tokenizers in the user's cache folder: what was loaded once loads faster from then on.

An entry is named by the SHA-256 of the tokenizer file, the options it was loaded with and the version of the form. It
begins with what it is the entry of, its content holds its own SHA-256, and one that is damaged or of something else
counts as missing. What an entry says is what is counted, so nobody else may write one: links are not followed, and a
folder that others may write to is not used. Nothing here ever fails a load.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

from fasttok._fasttok import Encoding
from fasttok._util.files import replacing

SMALLEST = 100_000
"""Files smaller than this many bytes load fast enough."""

ENTRIES = 64
"""The most that are kept: those written last."""

_ENDING = ".fasttok"

_warned: set[Path] = set()
"""Folders of which it was said that they are not used."""


@dataclass(frozen=True)
class Entry:
    """The path of one compiled tokenizer."""

    path: Path
    key: bytes
    """Of what it is the entry: the file and the options."""


def folder() -> Path | None:
    """``$FASTTOK_CACHE_DIR``, or ``fasttok`` in the user's cache folder; None where ``FASTTOK_CACHE`` is ``0``."""
    if os.environ.get("FASTTOK_CACHE") == "0":
        return None
    if own := os.environ.get("FASTTOK_CACHE_DIR"):
        return Path(own)
    if xdg := os.environ.get("XDG_CACHE_HOME"):
        return Path(xdg, "fasttok")
    try:
        home = Path.home()
    except RuntimeError:
        return None
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "fasttok"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "fasttok" / "Cache"
    return home / ".cache" / "fasttok"


def entry(digest: str, pattern: str | None, special_tokens: tuple[tuple[str, int], ...] | None) -> Entry | None:
    """Where the compiled form of a file belongs; None where there is no folder for it."""
    where = folder()
    if where is None or not _is_private(where):
        return None
    key = hashlib.sha256(repr((digest, pattern, special_tokens)).encode("utf-8", "surrogatepass"))
    name = f"{key.hexdigest()[:40]}.v{Encoding._COMPILED_VERSION}{_ENDING}"
    return Entry(where / name, key.digest())


def _is_private(where: Path) -> bool:
    """Whether nobody but this user (and root) can have written into the folder, also where it is not there yet.

    Says once what is wrong with one that is not.
    """
    if not hasattr(os, "geteuid"):
        # Windows keeps the folders of users apart by other means.
        return True
    try:
        status = os.stat(where)
    except OSError:
        return True
    if status.st_uid not in (os.geteuid(), 0):
        fault, remedy = f"it belongs to another user ({status.st_uid})", "name another one"
    elif status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        fault = f"others may write to it (mode {stat.S_IMODE(status.st_mode):04o})"
        remedy = f"empty it and 'chmod go-w {where}', or name another one"
    else:
        return True
    if where not in _warned:
        _warned.add(where)
        message = f"the cache folder {where} is not used: {fault}; {remedy} with FASTTOK_CACHE_DIR"
        warnings.warn(message, RuntimeWarning, stacklevel=2)
    return False


def read(entry: Entry) -> bytes | None:
    """The content of the entry, if it is there and a regular file."""
    # What is no file must not make the opening wait, as a pipe does.
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        with open(os.open(entry.path, flags), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode) or file.read(len(entry.key)) != entry.key:
                return None
            return file.read()
    except OSError:
        return None


def write(entry: Entry, encoding: Encoding) -> None:
    """Keep `encoding` as the entry, if that can be done."""
    compiled = encoding._compiled()
    if compiled is None:
        return
    where = entry.path.parent
    with contextlib.suppress(OSError):
        where.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            where.mkdir(mode=0o700)
        with contextlib.suppress(FileNotFoundError):
            if not stat.S_ISREG(entry.path.lstat().st_mode):
                # A link is replaced, not what it points to.
                entry.path.unlink()
        with replacing(entry.path) as new:
            Path(new).write_bytes(entry.key + compiled)
        by_age = sorted(where.glob(f"*{_ENDING}"), key=lambda old: old.lstat().st_mtime_ns, reverse=True)
        for old in by_age[ENTRIES:]:
            old.unlink(missing_ok=True)
