"""Documents one at a time, for what needs the tokens of each document and not their sums alone.

Slower than the pipeline behind `count_corpus`, and in the order of the files. Memory is bounded by the longest record.
"""

from __future__ import annotations

import glob
import gzip
import io
import json
import os
import sys
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Literal, cast

from fasttok._extras import need
from fasttok._inputs import STDIN, require_existing
from fasttok.errors import FileError, InputError
from fasttok.report import Ledger, LedgerEntry

RECORD_EXTENSIONS = (".jsonl", ".ndjson")
PACKED_EXTENSIONS = (".gz", ".zst")
LISTED = 10_000


@dataclass(frozen=True)
class Record:
    """A document: its text as UTF-8, its key, and what was answered to it."""

    text: bytes
    chars: int
    key: tuple[str | None, ...]
    answer: bytes | None


class _Refused(Exception):
    """A record that cannot be counted."""

    def __init__(self, reason: str, detail: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


@dataclass
class Reader:
    """Reads documents, and keeps the ledger of what it met."""

    paths: Sequence[str]
    by: Sequence[str] = ()
    text_field: str = "text"
    answer_field: str | None = None
    format: Literal["text", "lines", "jsonl"] | None = None
    on_error: Literal["skip", "fail"] = "skip"
    seen: int = 0
    files: list[str] = field(default_factory=list)
    _entries: list[LedgerEntry] = field(default_factory=list)
    _reasons: Counter[str] = field(default_factory=Counter)

    @property
    def ledger(self) -> Ledger:
        """What was met so far."""
        skipped = self._reasons.total()
        reasons = dict(sorted(self._reasons.items()))
        complete = len(self._entries) == skipped
        return Ledger(self.seen, self.seen - skipped, skipped, reasons, list(self._entries), complete)

    def __iter__(self) -> Iterator[Record]:
        require_existing(self.paths)
        for path in _expand(self.paths):
            self.files.append(path)
            yield from self._read(path)

    def _read(self, path: str) -> Iterator[Record]:
        format = self.format or ("jsonl" if _extension(path) in RECORD_EXTENSIONS or path == STDIN else "text")
        try:
            with _open(path) as file:
                if format == "text":
                    yield from self._plain(path, None, file.read())
                    return
                for number, line in enumerate(file, start=1):
                    data = line.removesuffix(b"\n").removesuffix(b"\r")
                    if format == "lines":
                        yield from self._plain(path, number, data)
                    elif data.strip():
                        yield from self._record(path, number, data)
        except EOFError as error:
            self.seen += 1
            self._skip(path, None, "truncated", str(error))
        except _damage() as error:
            self.seen += 1
            self._skip(path, None, "corrupt", str(error))
        except OSError as error:
            self.seen += 1
            self._skip(path, None, "unreadable", error.strerror or str(error))

    def _plain(self, path: str, line: int | None, data: bytes) -> Iterator[Record]:
        self.seen += 1
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            self._skip(path, line, "invalid_utf8", f"at byte {error.start}")
            return
        key = tuple(_file_key(name, path) for name in self.by)
        yield Record(data, len(text), key, None)

    def _record(self, path: str, line: int, data: bytes) -> Iterator[Record]:
        self.seen += 1
        try:
            yield self._parsed(path, data)
        except _Refused as refused:
            self._skip(path, line, refused.reason, refused.detail)

    def _parsed(self, path: str, data: bytes) -> Record:
        try:
            record = json.loads(data.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise _Refused("invalid_utf8", f"at byte {error.start}") from None
        except ValueError as error:
            raise _Refused("broken_json", str(error)) from None
        if not isinstance(record, dict):
            raise _Refused("not_an_object")
        text, chars = _text(record, self.text_field)
        answer = None if self.answer_field is None else _text(record, self.answer_field)[0]
        return Record(text, chars, tuple(_key(record, name, path) for name in self.by), answer)

    def _skip(self, path: str, line: int | None, reason: str, detail: str | None) -> None:
        entry = LedgerEntry(path, line, reason, detail)
        if self.on_error == "fail":
            raise InputError(str(entry))
        self._reasons[reason] += 1
        if len(self._entries) < LISTED:
            self._entries.append(entry)


def _text(record: dict[str, Any], name: str) -> tuple[bytes, int]:
    """The text in a field as UTF-8, and its characters."""
    found, value = _member(record, name)
    if not found:
        raise _Refused("missing_field", f"no field {name!r}")
    if value is None:
        raise _Refused("null_field", f"{name!r} is null")
    if not isinstance(value, str):
        raise _Refused("not_a_string", f"{name!r} is {type(value).__name__}")
    try:
        return value.encode("utf-8"), len(value)
    except UnicodeEncodeError as error:
        raise _Refused("lone_surrogate", f"{name!r}, at character {error.start}") from None


def _expand(paths: Sequence[str]) -> Iterator[str]:
    """The files that `paths` name, each once: of a folder and of what is below it, the files of records."""
    met: set[str] = set()
    for path in paths:
        found = [path]
        if path != STDIN and not os.path.lexists(path):
            found = sorted(glob.glob(path, recursive=True))
            if not found:
                raise FileError(f"nothing matches {path}")
        for name in found:
            for file in _walk(name) if os.path.isdir(name) else [name]:
                identity = file if file == STDIN else os.path.realpath(file)
                if identity not in met:
                    met.add(identity)
                    yield file


def _walk(folder: str) -> Iterator[str]:
    found = False
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and _extension(name) in RECORD_EXTENSIONS:
                found = True
                yield os.path.join(here, name)
    if not found:
        raise FileError(f"{folder} holds no .jsonl or .ndjson files; name other files themselves")


def _extension(path: str) -> str:
    name = path.lower()
    for packed in PACKED_EXTENSIONS:
        name = name.removesuffix(packed)
    return os.path.splitext(name)[1]


def _open(path: str) -> BinaryIO:
    if path == STDIN:
        return cast(BinaryIO, io.BufferedReader(io.FileIO(sys.stdin.fileno(), closefd=False)))
    if path.lower().endswith(".gz"):
        return cast(BinaryIO, gzip.open(path, "rb"))
    if path.lower().endswith(".zst"):
        zstandard = need("zstandard", "zstd", f"{path}")
        file = open(path, "rb")  # noqa: SIM115
        stream = zstandard.ZstdDecompressor(max_window_size=1 << 31).stream_reader(file, read_across_frames=True)
        return cast(BinaryIO, io.BufferedReader(stream, 1 << 17))
    return open(path, "rb")


def _damage() -> tuple[type[Exception], ...]:
    """What the libraries for compressed files raise where the data are damaged."""
    zstandard = sys.modules.get("zstandard")
    known: tuple[type[Exception], ...] = (gzip.BadGzipFile, zlib.error)
    return known if zstandard is None else (*known, zstandard.ZstdError)


def _member(record: Any, name: str) -> tuple[bool, Any]:
    """The member of that name; in ``a.b``, b inside a. First whether there is one."""
    if isinstance(record, dict) and name in record:
        return True, record[name]
    head, dot, rest = name.partition(".")
    if dot and isinstance(record, dict) and head in record:
        return _member(record[head], rest)
    return False, None


def _key(record: dict[str, Any], name: str, path: str) -> str | None:
    if name in ("file", "extension"):
        return _file_key(name, path)
    _, value = _member(record, name.removeprefix("field:"))
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _file_key(name: str, path: str) -> str | None:
    if name == "file":
        return path
    if name == "extension":
        return _extension(path).removeprefix(".")
    return None
