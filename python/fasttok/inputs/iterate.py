"""`documents`: what a count would count, one text after the other.

The same reader, rows, limits and reasons as `count_corpus` has: see `fasttok.inputs.documents`.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from itertools import chain
from types import TracebackType
from typing import TYPE_CHECKING

from fasttok._fasttok import Document
from fasttok._util.paths import PathLike
from fasttok.inputs.documents import Reader
from fasttok.inputs.outputs import ledger_written
from fasttok.inputs.paths import as_names, given_paths
from fasttok.options import CorpusOptions, PathsKeywords, documented, given
from fasttok.reports.ledger import Ledger

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack


class DocumentIterator:
    """The documents of files, in the order of the files, each once. Made by `documents`.

    A few are read ahead. What is left before the end is closed by `close`, by leaving a `with` block, or when nobody
    holds the iterator.
    """

    def __init__(self, inputs: Sequence[str], by: Sequence[str], options: CorpusOptions) -> None:
        self._reader: Reader | None = None
        self._batches = self._read(inputs, by, options)
        self._documents = chain.from_iterable(self._batches)

    def _read(self, inputs: Sequence[str], by: Sequence[str], options: CorpusOptions) -> Generator[list[Document]]:
        with ledger_written(inputs, options) as run_options:
            self._reader = Reader(inputs, by, run_options)
            yield from self._reader.batches()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Document:
        return next(self._documents)

    def close(self) -> None:
        """End reading. Nothing more comes."""
        self._batches.close()
        self._documents = chain()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def ledger(self) -> Ledger:
        """What became of every row: known at the end. Raises ``RuntimeError`` before."""
        if self._reader is None or not self._reader.is_read:
            raise RuntimeError("the ledger is known when the last document was taken")
        return self._reader.ledger


@documented(PathsKeywords)
def documents(
    paths: PathLike | Iterable[PathLike] = (), *, by: str | Iterable[str] = (), **options: Unpack[PathsKeywords]
) -> DocumentIterator:
    """The documents of files, folders, globs and standard input (`"-"`), one after the other: those that `count_corpus`
    counts, in every format and compression that it reads.

    Each has `text`, `file`, `line` (from 1; None where it is none), `position` (a dict that says where it is), and
    `key`, with a value for each of `by`, or None. Rows that are no documents are in the `ledger` of the iterator at the
    end.

    by: what is wanted besides the text: as for `count_corpus`, without language labels.
    {options}
    """
    reading = given("documents", options, PathsKeywords)
    return DocumentIterator(given_paths(paths, reading), as_names(by), reading)
