"""What a run gives while it goes on: its ledger file, checked before the run and there as far as the run went, and its
progress."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from fasttok._escapes import escaped
from fasttok._util.files import LEDGER, refuse_overwriting, replacing
from fasttok.errors import CancelledError, TooManySkippedError
from fasttok.options import CorpusOptions
from fasttok.reports.presenters import shown

_ENDED = (KeyboardInterrupt, CancelledError, TooManySkippedError)
"""What ends a run before its end and leaves the ledger as far as it went."""


@contextmanager
def watched(progress: bool, options: CorpusOptions) -> Iterator[CorpusOptions]:
    """The options by which a run tells a bar, where `progress` is true, besides who is told by `options`."""
    with shown(progress, options.on_progress) as told:
        yield replace(options, on_progress=told)


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
        yield replace(options, outputs=outputs)
        return
    try:
        with replacing(path, kept_after=_ENDED) as hidden:
            yield replace(options, outputs=outputs, ledger_path=hidden)
    except _ENDED as end:
        note = f"the rows skipped until then are in {escaped(os.fspath(path))}"
        end.notes = [*getattr(end, "notes", ()), note]  # type: ignore[union-attr]
        raise
