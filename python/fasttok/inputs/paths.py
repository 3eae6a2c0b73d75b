"""The inputs of a run: what the user wrote, checked before any work is done."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Sequence

from fasttok._fasttok import SkippedRow, _is_url
from fasttok._util.nearest import either, nearest
from fasttok._util.paths import COUNT_TEXTS, STDIN, PathLike, describe_missing
from fasttok.errors import NotFoundError, TooManyGroupsError, TooManySkippedError, UnknownFieldError
from fasttok.options import CorpusOptions
from fasttok.reports.ledger import LedgerEntry

_GLOB = frozenset("*?[{")

_NAMED = 20

_OF_TEXTS = ("__arrow_c_stream__", "__arrow_c_array__", "to_numpy", "__array_interface__")
"""What holds texts has one of these."""


def as_names(value: str | Iterable[str]) -> list[str]:
    """One name or several, as a list without repetitions, in the order given."""
    return list(dict.fromkeys([value] if isinstance(value, str) else value))


def as_paths(paths: PathLike | Iterable[PathLike]) -> list[str]:
    """One path or several, as a list of strings, in the order given.

    Raises ``TypeError`` for what holds texts (pandas, polars, Arrow, numpy): that is what is counted, not where it is.
    """
    if isinstance(paths, (str, os.PathLike)):
        paths = [paths]
    kind = f"{type(paths).__module__.partition('.')[0]} {type(paths).__name__}"
    # Asked of the type: of an object it may be work.
    is_frame = hasattr(type(paths), "columns")
    if is_frame or any(hasattr(paths, name) for name in _OF_TEXTS):
        texts = 'frame["text"]' if is_frame or hasattr(paths, "column_names") else "texts"
        raise TypeError(f"paths are files or folders, not a {kind}; to count texts call Encoding.count_batch({texts})")
    try:
        return [os.fspath(path) for path in paths]
    except TypeError:
        raise TypeError(
            f"paths are strings or os.PathLike, not what is in a {kind}; to count texts call "
            "Encoding.count_batch(texts)"
        ) from None


def given_paths(paths: PathLike | Iterable[PathLike], options: CorpusOptions) -> list[str]:
    """The paths that a run was given, checked; those in its list of more are checked by who reads it.

    Raises ``ValueError`` where there are neither, and ``NotFoundError`` for one that does not exist, or where
    `skip_missing` for the first if none does.
    """
    inputs = as_paths(paths)
    if not inputs and options.files_from is None:
        raise ValueError("no paths to count")
    if options.files_from is not None:
        require_existing([os.fspath(options.files_from)])
    # Of a file system that was given, nothing is known here.
    if options.filesystem is None:
        require_existing(inputs, is_one_enough=options.skip_missing)
    return inputs


def require_existing(paths: Sequence[str], *, is_one_enough: bool = False) -> None:
    """Refuse a path that does not exist, naming the nearest that exists. `is_one_enough`: unless another does.

    A path with glob characters, and a URL, is left to the reader, which knows what it matches.
    """
    missing = [path for path in paths if not (path == STDIN or os.path.lexists(path) or _is_left_to_reader(path))]
    if not missing or (is_one_enough and len(missing) < len(paths)):
        return
    message = describe_missing(missing[0])
    may_be_texts = len(missing) == len(paths) and (len(paths) > 1 or " " in missing[0])
    if may_be_texts and "did you mean" not in message and COUNT_TEXTS not in message:
        message += COUNT_TEXTS
    raise NotFoundError(message)


def _is_left_to_reader(path: str) -> bool:
    return not _GLOB.isdisjoint(path) or _is_url(path)


_NO_FIELDS = ("file", "folder", "extension", "script")
"""What documents without fields can be grouped by."""


def unknown_field(name: str, fields: list[str]) -> UnknownFieldError:
    """The error for a field that no record has, where `fields` are those of the first records."""
    near = nearest(name, fields or _NO_FIELDS)
    there_are = f"there are {', '.join(fields[:_NAMED])}{', …' if len(fields) > _NAMED else ''}"
    if not fields:
        message = f"no field {name!r}: plain text has no fields, and no record was read"
        if near:
            message += f"; did you mean {either(near)}?"
    elif near:
        message = f"no record has the field {name!r}; did you mean {either(near)}? ({there_are})"
    else:
        message = f"no record has the field {name!r}; {there_are}"
    return UnknownFieldError(message, name=name, nearest=near, fields=fields)


def too_many_groups(by: Sequence[str], most: int) -> TooManyGroupsError:
    """The error for one group more than `most`."""
    message = f"more than {most:,} groups by {', '.join(by)}; max_groups=N allows more"
    return TooManyGroupsError(message, by=list(by), max_groups=most)


def too_many_skipped(most: int, rows: Sequence[SkippedRow | LedgerEntry]) -> TooManySkippedError:
    """The error for more skipped rows than `most`, of which `rows` are the first."""
    entries = [LedgerEntry.of(row) for row in rows]
    message = f"more than {most:,} rows cannot be counted"
    if entries:
        message += f", the first of them {entries[0]}"
    return TooManySkippedError(f"{message}; max_errors=N allows more", max_errors=most, entries=entries)


def warn_of_unmet_field(name: str, records: int) -> None:
    """Say that none of the records so far has a field, while the run goes on: it is an error only at the end."""
    warnings.warn(f"none of the first {records:,} records has the field {name!r}; the run goes on", stacklevel=2)
