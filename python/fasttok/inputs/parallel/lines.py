"""One file per language, one unit per line."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from fasttok.inputs.parallel.files import lines_of
from fasttok.inputs.parallel.text import ParallelSource, ParallelText

LANGUAGE_TABLE = "_LANGUAGES.tsv"
"""A file of this name beside aligned files gives the names of their languages: a code and a name a line."""


def from_lines(files: Mapping[str, str], layout: str, inputs: Sequence[str]) -> ParallelSource:
    def read(chosen: Sequence[str]) -> ParallelText:
        units = {code: lines_of(files[code]) for code in chosen}
        names: dict[str, str] = {}
        for folder in {os.path.dirname(path) for path in files.values()}:
            names |= _language_names(os.path.join(folder, LANGUAGE_TABLE))
        shown = {code: names[code] for code in units if code in names}
        return ParallelText(units, layout, inputs, {code: files[code] for code in chosen}, shown)

    return ParallelSource(list(files), read)


def _language_names(path: str) -> dict[str, str]:
    if not os.path.isfile(path):
        return {}
    names = {}
    for line in lines_of(path):
        code, *rest = [part.strip() for part in (line.split("\t") if "\t" in line else line.split(maxsplit=1))]
        if rest and code != "code":
            names[code] = rest[0]
    return names
