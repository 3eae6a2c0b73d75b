"""Encodings of a file's content: made once in a process, kept compiled for the next one, pickled and saved.

Knows neither folders nor names nor other libraries: `fasttok.tokenizers.load` says which content it is.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary, WeakValueDictionary

from fasttok._fasttok import Encoding, _packed_with
from fasttok._util.files import replacing
from fasttok.errors import FasttokError, FileError, InputError, TokenizerFileError, UnsupportedTokenizerError
from fasttok.tokenizers import cache

MAX_BYTES = 256 << 20
"""The largest file that is read: eight times the largest one known."""


@dataclass(frozen=True)
class Origin:
    """How an encoding was made, so that another process can make it again."""

    name: str
    pattern: str | None
    special_tokens: tuple[tuple[str, int], ...] | None
    path: str | None = None
    digest: str = ""
    """SHA-256, in hex, of the content."""
    stamp: tuple[int, int] | None = None
    """Size and time of the file when it was read."""

    @property
    def key(self) -> tuple[object, ...]:
        """What makes two loads the same."""
        return self.digest, self.name, self.pattern, self.special_tokens


_loaded: WeakValueDictionary[tuple[object, ...], Encoding] = WeakValueDictionary()
"""Encodings in use, by :attr:`Origin.key`."""

_contents: WeakKeyDictionary[Encoding, bytes] = WeakKeyDictionary()
"""The content of those that have neither a file nor a compiled form, for pickling."""


def read_file(path: Path) -> tuple[bytes, tuple[int, int]]:
    """The content of a file, and its size and time. Raises ``FileError`` and ``TokenizerFileError``."""
    try:
        with open(path, "rb") as file:
            status = os.fstat(file.fileno())
            if status.st_size > MAX_BYTES:
                raise TokenizerFileError(f"{path}: {status.st_size:,} bytes are more than any tokenizer has")
            # A pipe has no size.
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        if isinstance(error, FasttokError):
            raise
        failure = FileError(f"cannot read {path}: {error.strerror or error}", filename=str(path))
        failure.errno = error.errno
        raise failure from None
    if len(data) > MAX_BYTES:
        raise TokenizerFileError(f"{path}: more than {MAX_BYTES:,} bytes are more than any tokenizer has")
    return data, (status.st_size, status.st_mtime_ns)


def from_bytes(data: bytes, made: Origin, whose: str) -> Encoding:
    """The tokenizer in the file `data`; `whose`: what messages call it."""
    made = replace(made, digest=hashlib.sha256(data).hexdigest())
    encoding = _loaded.get(made.key)
    if encoding is None:
        encoding = _cached(data, made)
        if encoding is None:
            encoding = _make(data, made, whose)
        encoding = _loaded.setdefault(made.key, encoding)
        if made.path is None and not encoding._has_compiled:
            _contents[encoding] = data
    return encoding


def _cached(data: bytes, made: Origin) -> Encoding | None:
    """The encoding as it was compiled on an earlier load; else it is loaded and kept for the next one."""
    if len(data) < cache.SMALLEST:
        return None
    entry = cache.entry(made.digest, made.pattern, made.special_tokens)
    if entry is None:
        return None
    compiled = cache.read(entry)
    if compiled is not None:
        with contextlib.suppress(FasttokError):
            encoding = Encoding._from_file_bytes(compiled, made.name, origin=made)
            if encoding.hash == made.digest:
                return encoding
    encoding = _make(data, made, made.path or "the bytes")
    cache.write(entry, encoding)
    return encoding


def _make(data: bytes, made: Origin, whose: str) -> Encoding:
    packing = _packed_with(data)
    if packing is not None:
        raise UnsupportedTokenizerError(f"{whose}: packed ({packing}): unpack it first", component=packing)
    tokens = None if made.special_tokens is None else list(made.special_tokens)
    try:
        return Encoding._from_file_bytes(data, made.name, made.pattern, tokens, made)
    except (TokenizerFileError, UnsupportedTokenizerError, InputError) as error:
        attributes = {**vars(error), "file": made.path}
        raise type(error)(f"{whose}: {error}", **attributes) from None


def save(encoding: Encoding, path: str | os.PathLike[str]) -> None:
    """Write `encoding` to a file that :func:`fasttok.load` reads in dozens of milliseconds, whatever it was made from.

    The file belongs to this version of fasttok; other versions may refuse it. It is written whole or not at all.

    Raises ``UnsupportedTokenizerError`` for sentencepiece models: their own file loads as fast.
    """
    compiled = encoding._compiled()
    if compiled is None:
        raise UnsupportedTokenizerError(
            f"{encoding!r} has no compiled form: keep the file that it was loaded from",
            component=encoding.pretokenizer,
        )
    with replacing(path) as new:
        Path(new).write_bytes(compiled)


def reduce(encoding: Encoding) -> tuple[Callable[..., Encoding], tuple[Any, ...]]:
    """How `encoding` is pickled: by its file while that is unchanged, else by content."""
    made: Origin = encoding._origin
    if made.path is not None:
        with contextlib.suppress(OSError):
            status = os.stat(made.path)
            if (status.st_size, status.st_mtime_ns) == made.stamp:
                return restore, (made,)
    return restore, by_content(encoding)


def by_content(encoding: Encoding) -> tuple[Origin, bytes]:
    """What :func:`restore` makes `encoding` of, on a machine that has none of the files of this one.

    Raises ``PicklingError`` where its content is in a file alone, which has changed or is gone.
    """
    made: Origin = encoding._origin
    content = encoding._compiled() or _contents.get(encoding)
    if content is None and made.path is not None:
        with contextlib.suppress(OSError):
            data, _ = read_file(Path(made.path))
            content = data if hashlib.sha256(data).hexdigest() == made.digest else None
    if content is None:
        raise pickle.PicklingError(f"{encoding!r} cannot be pickled: {made.path} has changed or is gone")
    return replace(made, path=None, stamp=None), content


def restore(made: Origin, content: bytes | None = None) -> Encoding:
    """The encoding that :func:`reduce` took apart: the same object, where the process has it."""
    encoding = _loaded.get(made.key)
    if encoding is not None:
        return encoding
    if content is not None:
        encoding = _loaded.setdefault(made.key, Encoding._from_file_bytes(content, made.name, origin=made))
        if not encoding._has_compiled:
            _contents[encoding] = content
        return encoding
    assert made.path is not None
    data, _ = read_file(Path(made.path))
    if hashlib.sha256(data).hexdigest() != made.digest:
        raise pickle.UnpicklingError(f"{made.path} is not the file that the encoding {made.name!r} was loaded from")
    return from_bytes(data, made, made.path)
