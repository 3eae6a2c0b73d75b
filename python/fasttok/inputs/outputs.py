"""What a run gives while it goes on: its files, checked before the run (the ledger is there as far as the run went, the
table of documents whole or not at all), and its progress."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from fasttok._escapes import escaped
from fasttok._util.files import LEDGER, refuse_overwriting, replacing
from fasttok.errors import CancelledError, InputError, TooManySkippedError
from fasttok.options import CorpusOptions
from fasttok.reports.presenters import shown

TABLE_SUFFIX = ".parquet"
"""How the name of a table of documents ends."""

_ENDED = (KeyboardInterrupt, CancelledError, TooManySkippedError)
"""What ends a run before its end and leaves the ledger as far as it went."""


@contextmanager
def watched(progress: bool, options: CorpusOptions) -> Iterator[CorpusOptions]:
    """The options by which a run tells a bar, where `progress` is true, besides who is told by `options`."""
    with shown(progress, options.on_progress) as told:
        yield options if told is options.on_progress else replace(options, on_progress=told)


@contextmanager
def outputs_written(inputs: Sequence[str], options: CorpusOptions) -> Iterator[CorpusOptions]:
    """The options by which a run over `inputs` writes its ledger and its table of documents: see `ledger_written`.

    Raises ``InputError`` where the table is to be anything but Parquet, and ``OverwriteError`` where one of the files
    would take the place of an input, of the other, or of what fasttok has not written.
    """
    table = options.per_document
    if table is None:
        if options.id_field is not None:
            raise InputError("id_field names a column of the table of documents: per_document says where to write that")
        with ledger_written(inputs, options) as run_options:
            yield run_options
        return
    if not os.fspath(table).endswith(TABLE_SUFFIX):
        raise InputError(f"the table of documents is Parquet: {os.fspath(table)!r} must end in {TABLE_SUFFIX}")
    refuse_overwriting({"per_document": table, f"{LEDGER}_path": options.ledger_path}, inputs)
    left_out = replace(options, outputs=[*options.outputs, table])
    with replacing(table) as hidden, ledger_written(inputs, left_out) as run_options:
        yield replace(run_options, per_document=hidden)


@contextmanager
def ledger_written(inputs: Sequence[str], options: CorpusOptions) -> Iterator[CorpusOptions]:
    """The options by which a run over `inputs` writes its ledger: under a hidden name, so that a run over the ledger's
    folder does not meet it. It becomes the file when the block ends.

    Raises ``OverwriteError`` where the ledger would take the place of an input.
    """
    path = options.ledger_path
    refuse_overwriting({f"{LEDGER}_path": path}, inputs)
    outputs = [os.fspath(output) for output in (*options.outputs, path) if output is not None]
    if path is None:
        yield options if outputs == options.outputs else replace(options, outputs=outputs)
        return
    try:
        with replacing(path, kept_after=_ENDED) as hidden:
            yield replace(options, outputs=outputs, ledger_path=hidden)
    except _ENDED as end:
        note = f"the rows skipped until then are in {escaped(os.fspath(path))}"
        end.notes = [*getattr(end, "notes", ()), note]  # type: ignore[union-attr]
        raise
