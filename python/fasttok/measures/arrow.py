"""Counting an Arrow column by several encodings at once. Which library the column is of is not known here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fasttok._fasttok import ArrowArray, ArrowChunkedArray, _count_arrow
from fasttok._util.types import Errors, Special
from fasttok.tokenizers.resolve import Spec, resolve_all


def count_arrow(
    data: Any,
    encodings: Spec | Iterable[Spec] | Mapping[str, Spec] = ("o200k_base",),
    *,
    special: Special = "text",
    errors: Errors = "strict",
    threads: int | None = None,
) -> ArrowArray | ArrowChunkedArray:
    """The number of tokens of each text of an Arrow column by several encodings: a column of structs, with a field of
    int64 for each encoding.

    data: a column with the Arrow PyCapsule interface, as `Encoding.count_arrow` takes it: read where it is, slice by
        slice for all encodings.
    encodings: as for `count_corpus`; a field has the name that the encoding would have in a report.
    special, errors, threads: see `Encoding`.

    Returns an `ArrowArray` for what has `__arrow_c_array__`, and an `ArrowChunkedArray` with the same chunks for what
    has `__arrow_c_stream__`. Where a text is missing (null), the struct is, and each of its fields.

    Raises what `Encoding.count_arrow` raises.
    """
    loaded = resolve_all(encodings)
    return _count_arrow(data, list(loaded), list(loaded.values()), special=special, errors=errors, threads=threads)
