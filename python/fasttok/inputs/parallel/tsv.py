"""TSV with a header of language codes."""

from __future__ import annotations

from collections.abc import Sequence

from fasttok.errors import MisalignedError, NotParallelError
from fasttok.inputs.parallel.columns import language_columns, unrecognised
from fasttok.inputs.parallel.files import lines_of
from fasttok.inputs.parallel.text import ParallelSource, ParallelText


def from_tsv(path: str, named: frozenset[str]) -> ParallelSource:
    header, *rows = (line.split("\t") for line in lines_of(path) or [""])
    codes, others = language_columns(header, named)
    if len(codes) < 2:
        raise unrecognised(path, others, "the first line must name a language for each column, such as eng\\tdeu")
    twice = next((code for code in codes if header.count(code) > 1), None)
    if twice is not None:
        raise NotParallelError(f"{path}:1: two columns are named {twice}")
    for line, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise MisalignedError(
                f"{path}:{line}: {len(row)} columns, where the header has {len(header)}", file=path, line=line
            )

    def read(chosen: Sequence[str]) -> ParallelText:
        units = {code: [row[header.index(code)] for row in rows] for code in chosen}
        return ParallelText(units, "tsv", [path], dict.fromkeys(chosen, path), passed_over=others)

    return ParallelSource(codes, read)
