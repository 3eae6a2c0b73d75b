"""Documents one at a time, for what needs the tokens of each document and not their sums alone.

A thin layer on the reader of the compiled part, which `count_corpus` uses too: the same files, rows, limits
and reasons. Memory is bounded by a few batches. What a row is, and what it is skipped for, is not decided here, but
for texts that a tokenizer refuses.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field, replace
from shutil import copyfileobj
from typing import TypeVar

from fasttok._fasttok import Account, Document, Documents
from fasttok.errors import InputError, SpecialTokenError, TextLimitError
from fasttok.inputs.paths import require_existing, too_many_skipped
from fasttok.options import CorpusOptions
from fasttok.reports.ledger import Ledger, LedgerEntry, merged
from fasttok.reports.manifest import LISTED

Counted = TypeVar("Counted")


@dataclass
class Reader:
    """Reads documents, and keeps the ledger of what it found.

    Where `options` name a file for the ledger, skipped rows are added to it: see `fasttok.inputs.outputs`.
    """

    paths: Sequence[str]
    by: Sequence[str] = ()
    options: CorpusOptions = field(default_factory=CorpusOptions)
    answer_field: str | None = None
    whole_records: bool = False
    """Of conversations the records are the documents, as they are written."""
    _account: Account | None = None
    _refused: list[LedgerEntry] = field(default_factory=list)
    _reasons: Counter[str] = field(default_factory=Counter)

    def __iter__(self) -> Iterator[Document]:
        for batch in self.batches():
            yield from batch

    def each(
        self,
        count: Callable[[list[Document]], Counted],
        add: Callable[[list[Document], Counted], object],
    ) -> None:
        """Read all documents: `add` gets those of a batch that `count` does not refuse, and what it gives for them."""
        with closing(self.batches()) as batches:
            for batch in batches:
                kept, counted = self.counted(batch, count)
                if counted is not None:
                    add(kept, counted)

    def batches(self) -> Generator[list[Document]]:
        """The documents, in the order of the files, in batches of a size that is best counted at once.

        What is closed before the end has the rows so far in the ledger's file.
        """
        require_existing(self.paths if self.options.filesystem is None else [])
        # Every command knows this module, and few need a folder.
        from tempfile import TemporaryDirectory

        with TemporaryDirectory() if self.options.ledger_path is not None else nullcontext() as folder:
            rows = None if folder is None else os.path.join(folder, "rows.jsonl")
            options = replace(self.options, ledger_path=rows)
            answer, whole = self.answer_field, self.whole_records
            documents = Documents(self.paths, self.by, options, answer_field=answer, whole_records=whole)
            try:
                for batch in documents:
                    yield batch
                    self._check_skipped(documents.progress().skipped)
                self._account = documents.account()
            finally:
                documents.close()
                self._add_rows(rows)

    def check_skipped(self) -> None:
        """Refuse more skipped rows than are allowed, of those that were skipped after all was read."""
        self._check_skipped(self.account.skipped)

    def _check_skipped(self, by_reader: int) -> None:
        """Refuse more skipped rows than are allowed: those that the reader skipped, and those of the tokenizer."""
        most = self.options.max_errors
        if most is not None and by_reader + self._reasons.total() > most:
            raise too_many_skipped(most, self._refused)

    def _add_rows(self, rows: str | None) -> None:
        """Add the rows in a file to the ledger's file."""
        if rows is not None and self.options.ledger_path is not None and os.path.exists(rows):
            with open(rows, "rb") as source, open(self.options.ledger_path, "ab") as ledger:
                copyfileobj(source, ledger)

    @property
    def is_read(self) -> bool:
        """Whether all was read."""
        return self._account is not None

    @property
    def account(self) -> Account:
        """What became of the files, after the last of them."""
        assert self._account is not None, "not all is read"
        return self._account

    @property
    def ledger(self) -> Ledger:
        """The account of all rows, after the last of them."""
        read = Ledger._from_account(self.account)
        refused = self._reasons.total()
        # They were seen by the reader already.
        by_tokenizer = Ledger(
            0, 0, refused, dict(self._reasons), self._refused, refused == sum(entry.rows for entry in self._refused)
        )
        return merged([replace(read, counted=read.counted - refused), by_tokenizer])

    def counted(
        self, batch: list[Document], count: Callable[[list[Document]], Counted]
    ) -> tuple[list[Document], Counted | None]:
        """What `count` gives for the records of `batch` that it does not refuse, and these; the others are skipped."""
        try:
            return batch, count(batch)
        except (SpecialTokenError, TextLimitError):
            # Each separately, for a batch may hold many.
            kept = [record for record in batch if not self._is_refused(record, count)]
            return kept, count(kept) if kept else None

    def _is_refused(self, record: Document, count: Callable[[list[Document]], Counted]) -> bool:
        try:
            count([record])
        except SpecialTokenError as error:
            token = json.dumps(error.token, ensure_ascii=False)
            at = _byte_offset(record, error)
            self.skip(record, "special_token", f"the text holds the special token {token} at byte {at}")
        except TextLimitError as error:
            self.skip(record, *limit_of(error))
        else:
            return False
        return True

    def skip(self, record: Document, reason: str, detail: str, rows: int = 1) -> None:
        """Say in the ledger why a record that the reader gave, or `rows` from there on, are not counted."""
        entry = LedgerEntry(record.file, record.line, reason, detail, record.position, rows)
        if self.options.on_error == "fail":
            raise InputError(str(entry))
        self._reasons[reason] += rows
        if len(self._refused) < LISTED:
            self._refused.append(entry)
        if self.options.ledger_path is not None:
            with open(self.options.ledger_path, "a", encoding="utf-8") as ledger:
                ledger.write(json.dumps(entry.to_dict(), ensure_ascii=False) + "\n")


def _byte_offset(record: Document, error: SpecialTokenError) -> int:
    """Where the special token begins in the one of the record's texts that it is in, as ledgers have it."""
    assert error.token is not None and error.offset is not None
    texts = [text for text in (record.text, record.answer) if text is not None]
    text = next(text for text in texts if text.startswith(error.token, error.offset))
    return len(text[: error.offset].encode())


def limit_of(error: TextLimitError) -> tuple[str, str]:
    """The limit that a text is beyond, as ledgers have it: the reason, and the detail without the text's index."""
    # Of the two limits, that of a pattern names it.
    reason = "normalized_too_large" if error.component is None else "pattern_limit"
    return reason, _WHICH_TEXT.sub("", str(error))


_WHICH_TEXT = re.compile(r"^(the text|text \d+): ")
