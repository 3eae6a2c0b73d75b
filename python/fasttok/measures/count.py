"""Counting a corpus: sums of tokens by group and encoding."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import fasttok._fasttok as _fasttok
from fasttok._util.paths import PathLike
from fasttok._util.types import Progress
from fasttok.inputs.labels import DETECT_BYTES, Detector, LabelSources
from fasttok.measures.corpus import run_corpus
from fasttok.options import Errors, OnError, Special
from fasttok.reports.count import Groups, Report, Tally
from fasttok.tokenizers.resolve import Spec

MAX_GROUPS = _fasttok.MAX_GROUPS


def count_corpus(
    paths: PathLike | Iterable[PathLike],
    encodings: Spec | Iterable[Spec] | Mapping[str, Spec] = ("o200k_base",),
    *,
    by: str | Iterable[str] = (),
    language_field: str | None = None,
    language_from_path: bool = False,
    detect_language: bool | Detector = False,
    detect_bytes: int = DETECT_BYTES,
    text: str | None = None,
    format: Literal["text", "lines", "jsonl"] | None = None,
    lines: bool = False,
    special: Special = "text",
    errors: Errors = "strict",
    on_error: OnError = "skip",
    threads: int | None = None,
    hidden: bool = False,
    ignore_files: bool = True,
    decompress: bool = False,
    max_record_bytes: int | None = None,
    max_window_bytes: int | None = None,
    max_groups: int = MAX_GROUPS,
    outputs: Iterable[PathLike] = (),
    ledger_path: PathLike | None = None,
    progress: bool | Progress = False,
) -> Report:
    """Count the tokens of files, folders, globs and standard input (`"-"`), exactly and in parallel.

    paths: one path or several. Folders are walked as ripgrep walks them: hidden files, binary files and
        what `.gitignore` names are left out (`hidden=True`, `ignore_files=False` change that).
    encodings: names of encodings, tokenizer files, names on the Hugging Face hub (see `fasttok.load`), encodings,
        or a mapping of what they are called in the report to these. All are counted in one pass over the files.
    by: what the counts are grouped by: `"file"`, `"extension"`, `"language"` where labels are asked for, or a
        field of JSONL records.
    language_field: a field of JSONL records that holds the language. It is trusted before the path.
    language_from_path: a folder, or a part of a file's name between dots, that is a language code is the
        language. It is trusted before the detector.
    detect_language: True detects the language (CLD2; docs/language-id.md says how well); or a callable that
        takes a list of texts, the beginnings of up to 256 documents, and returns a list of labels or Nones. It
        is called by one thread at a time and holds the GIL: its time is added to the run's.
    detect_bytes: how much of each document a detector is given, in bytes of UTF-8.
    text: the field of a JSONL record that holds the text; `"text"` unless said otherwise. Where it is given, or `by`
        names a field, a CSV or TSV file is an entry of the ledger: its fields are not read yet.
    format: `"text"` (a document a file), `"lines"` (a document a line) or `"jsonl"` for every file, instead
        of what each file's name says.
    lines: in files of plain text a document is a line, not the file.
    special: a special token that stands in the text is plain `"text"`, one `"token"`, or an `"error"`.
    errors: bytes that are not UTF-8 make a document an error (`"strict"`) or are counted as U+FFFD (`"replace"`).
    on_error: `"skip"` lists a row that cannot be counted in the ledger and goes on; `"fail"` raises.
    threads: the number of workers; all available cores by default. It changes no count.
    decompress: unpack `.gz` and `.zst` files in folders even where they hold no records. Those that are named, or
        that a glob fits, are always unpacked.
    max_record_bytes: a JSONL record longer than this is skipped, with that reason; 1 GiB unless said otherwise.
    max_window_bytes: the most memory that a zstd frame may ask for; what asks for more is skipped, with that reason.
        128 MiB unless said otherwise.
    max_groups: one group more ends the run with ``TooManyGroupsError``, as soon as it is met.
    outputs: files that the caller will write. They are left out where a folder holds them and refused among `paths`.
    ledger_path: a file that receives every skipped row, however many there are.
    progress: `True` shows a bar on standard error when that is a terminal and the work takes over a second.
        A callable is called now and then with the bytes read, the bytes there are (None when that is not
        known) and the documents counted.
    """
    labels = LabelSources(language_field, language_from_path, detect_language, detect_bytes)
    run = run_corpus(
        paths,
        encodings,
        labels=labels,
        by=by,
        text=text,
        format=format,
        lines=lines,
        special=special,
        errors=errors,
        on_error=on_error,
        threads=threads,
        hidden=hidden,
        ignore_files=ignore_files,
        decompress=decompress,
        max_record_bytes=max_record_bytes,
        max_window_bytes=max_window_bytes,
        max_groups=max_groups,
        outputs=outputs,
        ledger_path=ledger_path,
        progress=progress,
    )
    totals = Tally._from_sums(run.result.totals, run.encodings)
    groups = Groups(run.result.groups, run.encodings, run.by)
    return Report(run.manifest, totals, groups, run.ledger)
