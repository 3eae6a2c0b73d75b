"""Writing a file whole or not at all, and never over an input, another output, or a file of somebody else.

This module knows what files that fasttok writes look like, and nothing about what is in them.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from fasttok._util.paths import STDIN, PathLike
from fasttok.errors import OverwriteError

LEDGER = "ledger"
"""The name, in the outputs of a run, of the file that lists the rows that were not counted."""


def write_atomically(path: PathLike, text: str | Iterable[str]) -> None:
    """Write `text`, or its parts one after the other, as UTF-8 to `path`, whole or not at all.

    Lone surrogates, which is how Python holds a file name that is not UTF-8, are written as escapes.
    """
    with replacing(path) as temporary, open(temporary, "wb") as file:
        for part in [text] if isinstance(text, str) else text:
            file.write(part.encode("utf-8", "backslashreplace"))


@contextlib.contextmanager
def replacing(path: PathLike, *, kept_after: tuple[type[BaseException], ...] = ()) -> Iterator[str]:
    """A name to write to; what is written there becomes `path` when the block ends without an exception, or with one
    of `kept_after`.

    Whoever reads `path` finds the old content or the new, never a part. A link is followed and the mode of
    an existing file is kept. What is no regular file (a device, a pipe) is written to directly.
    """
    path = os.fspath(path)
    mode = None
    with contextlib.suppress(FileNotFoundError):
        mode = os.stat(path).st_mode
    if mode is not None and not stat.S_ISREG(mode):
        yield path
        return

    target = os.path.realpath(path)
    folder, name = os.path.split(target)
    # A name may have 255 bytes, whatever its characters take.
    start = os.fsdecode(os.fsencode(name)[:200])
    temporary = os.path.join(folder, f".{start}.{os.urandom(6).hex()}.tmp")

    def finish() -> None:
        descriptor = os.open(temporary, os.O_RDWR)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if mode is not None:
            os.chmod(temporary, stat.S_IMODE(mode))
        os.replace(temporary, target)

    try:
        yield temporary
        finish()
    except kept_after:
        with contextlib.suppress(OSError):
            finish()
        raise
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def refuse_overwriting(outputs: Mapping[str, PathLike | None], inputs: Sequence[str]) -> None:
    """Refuse `outputs`, by what each is called, where one would replace another file than its own kind.

    That is: one of `inputs` (paths as a run takes them), another output, or a file that holds something that fasttok
    has not written. A folder among the inputs is walked by nobody here: who walks it leaves the outputs out.

    Raises ``OverwriteError``. Nothing is opened for writing.
    """
    known: dict[tuple[object, ...], str] = {}
    given = {label: os.fspath(path) for label, path in outputs.items() if path is not None}
    for label, path in given.items():
        same = _identity(path)
        if same is None:
            continue
        if same in known:
            raise OverwriteError(f"{label} and {known[same]} are the same file: {path}; nothing was written")
        known[same] = label
    if not any(os.path.isfile(path) for path in given.values()):
        return
    for name, found in _identities(inputs):
        if found in known:
            label = known[found]
            read = given[label] if name == given[label] else f"{given[label]} ({name})"
            raise OverwriteError(
                f"{label} would replace {read}, which is an input; nothing was written. Where a pattern stands after "
                "an option, the shell gives the option its first file"
            )
    for label, path in given.items():
        refuse_foreign(label, path)


def refuse_foreign(label: str, path: PathLike) -> None:
    """Refuse to write over an existing file that holds something else than fasttok writes there."""
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode) or not status.st_size:
            return
        is_ours = _is_ledger if label.strip("-").startswith(LEDGER) else _is_report
        if is_ours(path, status.st_size):
            return
    except OSError:
        # What cannot be read is found out by who writes.
        return
    kind = "a list of skipped rows" if is_ours is _is_ledger else "a report"
    raise OverwriteError(
        f"{label} would replace {os.fspath(path)}, which holds something else than {kind} of fasttok; nothing was "
        "written. Name another file, or delete that one first"
    )


def refuse_inputs(label: str, path: PathLike, inputs: Sequence[str]) -> None:
    """Refuse to write a result over what it was made of: an input, or another file in a folder that was read."""
    target = os.path.realpath(path)
    folders = [os.path.realpath(each) for each in inputs if os.path.isdir(each)]
    if os.path.exists(target) and any(target.startswith(os.path.join(folder, "")) for folder in folders):
        refuse_foreign(label, path)
    same = _identity(os.fspath(path))
    if same is not None and any(same == found for _, found in _identities(inputs)):
        raise OverwriteError(f"{label} would replace {os.fspath(path)}, which is an input; nothing was written")


def _identity(path: str) -> tuple[object, ...] | None:
    """What two names of one file have in common; None for what is no regular file and may be written to twice."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return (os.path.realpath(path),)
    return (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) else None


def _identities(inputs: Sequence[str]) -> Iterator[tuple[str, tuple[object, ...]]]:
    """The names and identities of the files that `inputs` name; folders are not walked."""
    import glob

    for path in inputs:
        if path == STDIN:
            with contextlib.suppress(AttributeError, OSError, ValueError):
                status = os.fstat(sys.stdin.fileno())
                yield "standard input", (status.st_dev, status.st_ino)
            continue
        for name in [path] if os.path.lexists(path) else glob.iglob(path, recursive=True):
            found = _identity(name)
            if found is not None:
                yield name, found


_HEAD = 1 << 16
_LEDGER_KEYS = {"file", "line", "reason", "detail"}
_HEADERS: Sequence[frozenset[str]] = [
    frozenset(columns)
    for columns in (
        ("encoding", "tokens"),
        ("model", "input_tokens"),
        ("claim", "verdict"),
        ("pretokenizer", "n_vocab"),
        ("maker", "tokenizer"),
    )
]
"""Columns by which a CSV or TSV of ours is known."""


def _is_ledger(path: PathLike, size: int) -> bool:
    import json

    with open(path, "rb") as file:
        line = file.readline(_HEAD)
    try:
        entry = json.loads(line)
    except ValueError:
        return False
    return isinstance(entry, dict) and entry.keys() >= _LEDGER_KEYS


def _is_report(path: PathLike, size: int) -> bool:
    with open(path, "rb") as file:
        head = file.read(_HEAD)
        file.seek(max(0, size - _HEAD))
        tail = file.read(_HEAD)
    return any(looks(head, tail) for looks in _LOOKS)


def _is_json(head: bytes, _: bytes) -> bool:
    start = rb'\s*(\{\s*"schema": "fasttok\.|\[?\s*\{\s*"(encoding|name)": ".*",\s*"(source|hash)")'
    return re.match(start, head) is not None


def _has_header(head: bytes, _: bytes) -> bool:
    line = head.partition(b"\n")[0].decode("utf-8", "replace").rstrip("\r")
    return any(columns <= set(line.split(separator)) for separator in ",\t" for columns in _HEADERS)


def _is_table(head: bytes, _: bytes) -> bool:
    lines = head.decode("utf-8", "replace").split("\n")[:8]
    return (
        any("─" in line and not line.strip(" ─") for line in lines)
        or any(" comparisons, " in line for line in lines)
        or not head.strip()
    )


def _is_markdown(head: bytes, _: bytes) -> bool:
    return head.startswith(b"| claim | verdict |")


def _is_picture(head: bytes, _: bytes) -> bool:
    return (
        head.startswith(b"\x89PNG\r\n\x1a\n")
        or (head.startswith(b"<svg ") and b'class="marks"' in head)
        or (head[:15].lower() == b"<!doctype html>" and b"fasttok" in head)
    )


def _is_arrow(head: bytes, tail: bytes) -> bool:
    return head.startswith((b"PAR1", b"ARROW1")) and (b"fasttok" in head or b"fasttok" in tail)


_LOOKS: Sequence[Callable[[bytes, bytes], bool]] = (
    _is_json,
    _has_header,
    _is_table,
    _is_markdown,
    _is_picture,
    _is_arrow,
)
