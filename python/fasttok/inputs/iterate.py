"""`documents`: what a count would count, one text after the other.

The same reader, rows, limits and reasons as `count_corpus` has: see `fasttok.inputs.documents`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING

from fasttok._fasttok import Document
from fasttok._util.paths import PathLike
from fasttok.inputs.documents import Reader
from fasttok.inputs.paths import as_names, as_paths
from fasttok.options import ReadingKeywords, documented, given
from fasttok.reports.ledger import Ledger

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack


class DocumentIterator:
    """The documents of files, in the order of the files, each once. Made by `documents`.

    A few are read ahead. What is left before the end is closed by `close`, by leaving a `with` block, or when nobody
    holds the iterator.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._batches = reader.batches()
        self._batch: Iterator[Document] = iter(())

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Document:
        while True:
            for document in self._batch:
                return document
            self._batch = iter(next(self._batches))

    def close(self) -> None:
        """End reading. Nothing more comes."""
        self._batch = iter(())
        self._batches.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def ledger(self) -> Ledger:
        """What became of every row: known at the end. Raises ``RuntimeError`` before."""
        if not self._reader.is_read:
            raise RuntimeError("the ledger is known when the last document was taken")
        return self._reader.ledger


@documented(ReadingKeywords)
def documents(
    paths: PathLike | Iterable[PathLike], *, by: str | Iterable[str] = (), **options: Unpack[ReadingKeywords]
) -> DocumentIterator:
    """The documents of files, folders, globs and standard input (`"-"`), one after the other: those that `count_corpus`
    counts, in every format and compression that it reads.

    Each has `text`, `file`, `line` (from 1; None where it is none), `position` (a dict that says where it is), and
    `key`, with a value for each of `by`, or None. Rows that are no documents are in the `ledger` of the iterator at the
    end.

    by: what is wanted besides the text: `"file"`, `"extension"`, or fields of records.
    {options}
    """
    reading = given("documents", options, ReadingKeywords)
    return DocumentIterator(Reader(as_paths(paths), as_names(by), reading))
