"""Packed documents and the shapes that are made of them. Standard library only; shared by driver and workers.

A packed text is two files: `NAME.utf8`, the documents one after another, and `NAME.ends`, their end offsets as
little-endian 64-bit integers. A slice is a range of document numbers, so nothing is sent through a pipe.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable
from pathlib import Path

LINE_BYTES = (50, 100)
"""Short lines are cut to this many bytes, where a line end or a space allows it."""


def write(path: Path, texts: Iterable[str]) -> None:
    """Pack `texts` as `path` with suffixes `.utf8` and `.ends`."""
    ends = array("Q")
    end = 0
    with path.with_suffix(".utf8").open("wb") as body:
        for text in texts:
            end += body.write(text.encode("utf-8"))
            ends.append(end)
    if sys.byteorder == "big":
        ends.byteswap()
    path.with_suffix(".ends").write_bytes(ends.tobytes())


def ends(path: Path) -> array[int]:
    """The end offset of every document."""
    values = array("Q")
    values.frombytes(path.with_suffix(".ends").read_bytes())
    if sys.byteorder == "big":
        values.byteswap()
    return values


def read(path: Path, first: int, last: int) -> list[str]:
    """Documents `first` to `last` (excluded), each a new string."""
    offsets = ends(path)
    start = offsets[first - 1] if first else 0
    with path.with_suffix(".utf8").open("rb") as body:
        body.seek(start)
        data = body.read(offsets[last - 1] - start if last else 0)
    texts = []
    begin = 0
    for end in offsets[first:last]:
        texts.append(data[begin : end - start].decode("utf-8"))
        begin = end - start
    return texts


def joined(texts: list[str]) -> str:
    """All documents as one string, an empty line between them."""
    return "\n\n".join(texts)


def lines(texts: list[str]) -> list[str]:
    """All documents as short strings of 50 to 100 bytes.

    Cut after the last line end or space of the window; scripts without spaces are cut at the last whole character.
    Strings of white space only are dropped.
    """
    low, high = LINE_BYTES
    result: list[str] = []
    for text in texts:
        data = text.encode("utf-8")
        begin = 0
        while begin < len(data):
            end = begin + high
            if end >= len(data):
                end = len(data)
            else:
                window = data[begin + low : end]
                cut = max(window.rfind(b"\n"), window.rfind(b" "))
                if cut >= 0:
                    end = begin + low + cut + 1
                else:
                    while data[end] & 0xC0 == 0x80:
                        end -= 1
            line = data[begin:end].decode("utf-8").strip()
            if line:
                result.append(line)
            begin = end
    return result
