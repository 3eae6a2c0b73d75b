"""Counting a corpus: sums of tokens by group and encoding."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from fasttok._util.paths import PathLike
from fasttok._util.types import Progress
from fasttok.measures.corpus import run_corpus
from fasttok.options import CorpusKeywords, documented, given
from fasttok.reports.count import Groups, Report, Tally
from fasttok.tokenizers.resolve import Spec

if TYPE_CHECKING:
    from typing_extensions import Unpack


@documented()
def count_corpus(
    paths: PathLike | Iterable[PathLike],
    encodings: Spec | Iterable[Spec] | Mapping[str, Spec] = ("o200k_base",),
    *,
    by: str | Iterable[str] = (),
    progress: bool | Progress = False,
    **options: Unpack[CorpusKeywords],
) -> Report:
    """Count the tokens of files, folders, globs and standard input (`"-"`), exactly and in parallel.

    paths: one path or several. Folders are walked as ripgrep walks them: hidden files, binary files and
        what `.gitignore` names are left out (`hidden=True`, `ignore_files=False` change that).
    encodings: names of encodings, tokenizer files, names on the Hugging Face hub (see `fasttok.load`), encodings,
        or a mapping of what they are called in the report to these. All are counted in one pass over the files.
    by: what the counts are grouped by: `"file"`, `"extension"`, `"language"` where labels are asked for, or a
        field of JSONL records.
    progress: `True` shows a bar on standard error when that is a terminal and the work takes over a second.
        A callable is called now and then with the bytes read, the bytes there are (None when that is not
        known) and the documents counted.
    {options}
    """
    run = run_corpus(paths, encodings, by, given("count_corpus", options), progress)
    totals = Tally._from_sums(run.result.totals, run.encodings)
    return Report(run.manifest, totals, Groups(run.result.groups, run.encodings, run.by), run.ledger)
