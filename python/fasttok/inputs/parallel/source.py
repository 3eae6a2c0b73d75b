"""Which form parallel text is in, by the names of its files, and reading it. Each form is a module beside this one."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from fasttok._fasttok import _is_url, _path_name
from fasttok._util.paths import PathLike
from fasttok.errors import FileError, NotParallelError
from fasttok.inputs.parallel.columns import TAG
from fasttok.inputs.parallel.files import base_name, suffix_of
from fasttok.inputs.parallel.jsonl import from_jsonl, from_jsonl_files
from fasttok.inputs.parallel.lines import from_lines
from fasttok.inputs.parallel.po import from_po, po_languages
from fasttok.inputs.parallel.text import ParallelSource, ParallelText
from fasttok.inputs.parallel.tmx import from_tmx
from fasttok.inputs.parallel.tsv import from_tsv
from fasttok.inputs.paths import as_names, as_paths, require_existing

Parallel: TypeAlias = ParallelText | PathLike | Sequence[PathLike] | Mapping[str, Sequence[str]]
"""What :func:`fasttok.premium` takes: parallel text, the paths it is read from, or lists of units by language."""

FOLDER_LAYOUTS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("flores", re.compile(r"(?P<code>[a-z]{3}_[A-Z][a-z]{3}(?:_\w+)?)\.(?:dev|devtest)")),
    ("ntrex", re.compile(r"newstest2019-(?:src|ref)\.(?P<code>[A-Za-z-]+)\.txt")),
    ("udhr", re.compile(r"udhr_(?P<code>\w+)\.txt")),
    ("lines", re.compile(r"(?P<code>[^_.][^.]*)\.txt")),
    ("jsonl", re.compile(r"(?P<code>[^_.][^.]*)\.(?:jsonl|ndjson)")),
)
"""What files of a folder are called, and what the layout is called; the first that two files have is taken."""


def read_parallel(
    source: Parallel, *, languages: str | Iterable[str] = (), source_language: str = "en"
) -> ParallelText:
    """Read parallel text.

    source: a folder or files, or units by language.
        A folder holds one file per language, one unit per line: ``eng_Latn.devtest`` (FLORES),
        ``newstest2019-src.eng.txt`` (NTREX), ``udhr_eng.txt``, ``eng.txt``, or ``eng.jsonl`` with the field ``text``.
        Files may be such files too; or ``CODE=PATH``; or text files that differ in their extension, which is
        the language (``news.en``, ``news.de``).
        One file may be TSV with a header of language codes; JSONL with a member for each language, or with
        ``id``, ``language`` and ``text``; TMX; PO (several PO files are aligned by their messages).
    languages: read these alone; all by default.
    source_language: the language of the messages of PO files.

    Any of these files may be compressed with gzip, zstd, bzip2 or xz (``eng.txt.gz``).

    Raises ``NotParallelError`` where no parallel text is recognised, ``MisalignedError`` where it is not aligned.
    """
    wanted = as_names(languages)
    return open_parallel(source, source_language=source_language, named=wanted).text(wanted)


def open_parallel(source: Parallel, *, source_language: str = "en", named: Iterable[str] = ()) -> ParallelSource:
    """Find out what languages a source of parallel text has: see :func:`read_parallel`.

    named: what the user calls languages; columns of these names are languages whatever they look like.
    """
    if isinstance(source, ParallelText):
        return ParallelSource(source.languages, source.select)
    if isinstance(source, Mapping):
        text = ParallelText({code: list(units) for code, units in source.items()})
        return ParallelSource(text.languages, text.select)
    paths = as_paths(source)
    if not paths:
        raise NotParallelError("no parallel text is named")
    for path in paths:
        if _is_url(path) or _is_url(path.partition("=")[2]):
            raise NotParallelError(f"{_path_name(path)}: parallel text is read from files on disk: download it")
    columns = frozenset(named)
    if all("=" in path and not os.path.lexists(path) for path in paths):
        return _from_named(paths, source_language)
    require_existing(paths)
    if len(paths) == 1 and os.path.isdir(paths[0]):
        return _from_folder(paths[0], source_language)
    for path in paths:
        if os.path.isdir(path):
            raise NotParallelError(f"{path} is a folder: give one folder, or files")
    return _from_files(paths, source_language, columns)


def _from_named(paths: Sequence[str], source_language: str) -> ParallelSource:
    """Files that are given as ``CODE=PATH``."""
    named: dict[str, str] = {}
    for code, path in (path.split("=", 1) for path in paths):
        if code in named:
            raise NotParallelError(f"{code} names two files, {named[code]} and {path}")
        named[code] = path
    require_existing(list(named.values()))
    extensions = {suffix_of(path) for path in named.values()}
    if extensions == {".po"}:
        return from_po(named, source_language, paths)
    if extensions <= {".jsonl", ".ndjson"}:
        return from_jsonl_files(named, "jsonl", paths)
    return from_lines(named, "lines", paths)


def _from_folder(folder: str, source_language: str) -> ParallelSource:
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise FileError(f"{folder}: {error.strerror}") from None
    found = _by_layout([os.path.join(folder, name) for name in names], [folder])
    if found is not None:
        return found
    catalogues = [os.path.join(folder, name) for name in names if suffix_of(name) == ".po"]
    if catalogues:
        return from_po(po_languages(catalogues, source_language), source_language, [folder])
    below = [name for name in names if os.path.isdir(os.path.join(folder, name)) and not name.startswith(".")]
    hint = f"; it has the folders {', '.join(below[:5])}: name one" if below else ""
    raise NotParallelError(
        f"no parallel text is recognised in {folder}: one file per language is needed, such as eng.txt and deu.txt, "
        f"or eng_Latn.devtest and deu_Latn.devtest{hint}"
    )


def _by_layout(paths: Sequence[str], inputs: Sequence[str], *, whole: bool = False) -> ParallelSource | None:
    """The text of files that are called as one of the layouts says; with `whole`, only where all of them are."""
    for layout, pattern in FOLDER_LAYOUTS:
        files: dict[str, str] = {}
        others = 0
        for path in paths:
            match = pattern.fullmatch(base_name(path))
            if match is None or not os.path.isfile(path):
                others += 1
                continue
            code = match["code"]
            if code in files:
                raise NotParallelError(f"{files[code]} and {path} are both {code}: leave one out")
            files[code] = path
        if len(files) > 1 and not (whole and others):
            reader = from_jsonl_files if layout == "jsonl" else from_lines
            return reader(files, layout, inputs)
    return None


def _from_files(paths: Sequence[str], source_language: str, columns: frozenset[str]) -> ParallelSource:
    extensions = {suffix_of(path) for path in paths}
    if extensions == {".po"}:
        return from_po(po_languages(paths, source_language), source_language, paths)
    if len(paths) == 1:
        (extension,) = extensions
        if extension == ".tsv":
            return from_tsv(paths[0], columns)
        if extension in (".jsonl", ".ndjson"):
            return from_jsonl(paths[0], columns)
        if extension == ".tmx":
            return from_tmx(paths[0])
        raise NotParallelError(
            f"{paths[0]} is one file and not TSV, JSONL, TMX or PO (.tsv, .jsonl, .tmx, .po): parallel text in "
            "lines has one file per language"
        )
    found = _by_layout(paths, paths, whole=True)
    if found is not None:
        return found
    codes = [os.path.splitext(base_name(path))[1][1:] for path in paths]
    if len(set(codes)) == len(paths) and all(TAG.fullmatch(code) for code in codes):
        return from_lines(dict(zip(codes, paths, strict=True)), "extensions", paths)
    raise NotParallelError(
        "the languages of these files are not told by their names: call them eng.txt, deu.txt, … or give each as "
        f"CODE=PATH (eng={paths[0]})"
    )
