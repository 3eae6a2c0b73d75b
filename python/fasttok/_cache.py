"""Compiled tokenizers in the user's cache folder: what was loaded once loads faster from then on.

An entry is named by the SHA-256 of the tokenizer file, the options it was loaded with and the version of the form.
It is checked when it is read, and one that is damaged counts as missing; nothing here ever fails a load.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from pathlib import Path

from ._fasttok import Encoding
from ._files import replacing

SMALLEST = 100_000
"""Files below so many bytes load fast enough."""

ENTRIES = 64
"""The most that are kept: those written last."""

_ENDING = ".fasttok"


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


def entry(digest: str, pattern: str | None, special_tokens: tuple[tuple[str, int], ...] | None) -> Path | None:
    """Where the compiled form of a file belongs."""
    where = folder()
    if where is None:
        return None
    options = hashlib.sha256(repr((digest, pattern, special_tokens)).encode("utf-8", "surrogatepass")).hexdigest()
    return where / f"{options[:40]}.v{Encoding._COMPILED_VERSION}{_ENDING}"


def read(path: Path) -> bytes | None:
    """The entry at `path`, if it is there."""
    try:
        return path.read_bytes()
    except OSError:
        return None


def write(path: Path, encoding: Encoding) -> None:
    """Keep `encoding` at `path`, if that can be done."""
    compiled = encoding._compiled()
    if compiled is None:
        return
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as new:
            Path(new).write_bytes(compiled)
        by_age = sorted(path.parent.glob(f"*{_ENDING}"), key=lambda old: old.stat().st_mtime_ns, reverse=True)
        for old in by_age[ENTRIES:]:
            old.unlink(missing_ok=True)
