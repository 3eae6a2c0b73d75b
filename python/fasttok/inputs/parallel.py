"""Parallel text: units that say the same in every language, read from the forms in which people keep it.

This module knows files and how their units are aligned. It knows nothing of tokens.
"""

from __future__ import annotations

import io
import json
import os
import re
import tempfile
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias
from xml.etree import ElementTree

from fasttok._fasttok import _read_whole
from fasttok._util.extras import need
from fasttok._util.languages import find_language, is_language, matching, same_variety, some
from fasttok._util.paths import PathLike
from fasttok.errors import FileError, InvalidUtf8Error, MisalignedError, NotParallelError, Remedy
from fasttok.inputs.paths import as_names, as_paths, require_existing

__all__ = ["Parallel", "ParallelText", "read_parallel"]

Parallel: TypeAlias = "ParallelText | PathLike | Sequence[PathLike] | Mapping[str, Sequence[str]]"
"""What :func:`fasttok.premium` takes: parallel text, the paths it is read from, or lists of units by language."""

Normalization = Literal["none", "nfc"]

LANGUAGE_TABLE = "_LANGUAGES.tsv"
"""A file of this name beside aligned files gives the names of their languages: a code and a name a line."""

FOLDER_LAYOUTS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("flores", re.compile(r"(?P<code>[a-z]{3}_[A-Z][a-z]{3}(?:_\w+)?)\.(?:dev|devtest)")),
    ("ntrex", re.compile(r"newstest2019-(?:src|ref)\.(?P<code>[A-Za-z-]+)\.txt")),
    ("udhr", re.compile(r"udhr_(?P<code>\w+)\.txt")),
    ("lines", re.compile(r"(?P<code>[^_.][^.]*)\.txt")),
    ("jsonl", re.compile(r"(?P<code>[^_.][^.]*)\.(?:jsonl|ndjson)")),
)
"""What files of a folder are called, and what the layout is called; the first that two files have is taken."""

COMPRESSED = (".gz", ".gzip", ".bgz", ".zst", ".zstd")
"""Suffixes that say nothing of the form of the text."""

COMPARE_ANY_TEXT = Remedy(
    ". A premium is defined for parallel text alone; {function} compares any text", function="density"
)

_TAG = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*")
_NATIVE_CODE = frozenset({"bpt", "ept", "ph", "it", "ut"})
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


@dataclass(frozen=True, repr=False)
class ParallelText:
    """Units side by side: unit i of one language says what unit i of every other says.

    Raises ``MisalignedError`` where the numbers of units differ or a unit is empty or white space alone.
    """

    units: Mapping[str, Sequence[str]]
    """The units of each language, by code, in the order in which languages were found."""
    layout: str = "memory"
    """The form it was read from."""
    inputs: Sequence[str] = ()
    """The paths it was read from."""
    files: Mapping[str, str] = field(default_factory=dict)
    """The file of each language, where each has one."""
    names: Mapping[str, str] = field(default_factory=dict)
    """The names of languages, where the source gives them."""
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Units that were left out of every language, by reason: those of a PO or TMX file that lack a translation."""
    passed_over: Sequence[str] = ()
    """Columns of a TSV or JSONL file that look like the code of a language and are taken for none: ``url``, ``src``."""

    def __post_init__(self) -> None:
        _check(self)

    def __len__(self) -> int:
        """The number of units of each language."""
        return len(next(iter(self.units.values()), ()))

    @property
    def languages(self) -> list[str]:
        """The codes of the languages."""
        return list(self.units)

    def __repr__(self) -> str:
        return f"<fasttok.ParallelText of {some(self.languages)}: {len(self):,} units each, {self.layout}>"

    def select(self, languages: Iterable[str]) -> ParallelText:
        """The same text in these languages alone, named by their codes here or as :meth:`find` finds them."""
        chosen = dict.fromkeys(self.find(language) for language in languages)
        return self._with({code: self.units[code] for code in chosen})

    def find(self, language: str) -> str:
        """The code that `language` has here, in whatever form it is named.

        ``en``, ``eng``, ``eng_Latn`` and ``EN`` find each other; ``pt-BR`` finds ``por-BR`` and, only where that is
        not there, ``por``; ``zh-CN`` and ``zh`` find ``zho_Hans``, ``zh-TW`` finds ``zho_Hant``.

        Raises ``NotParallelError`` with the nearest codes where there is none, and where several may be meant.
        """
        return _find(language, self.languages)

    def transformed(self, change: Callable[[str], str]) -> ParallelText:
        """The same text with `change` made to each unit."""
        return self._with({code: [change(unit) for unit in units] for code, units in self.units.items()})

    def prepared(self, normalize: Normalization, strip: bool) -> ParallelText:
        """The same text with its units in the normalization form `normalize`, and without white space around them."""
        if normalize not in ("none", "nfc"):
            raise ValueError(f"normalize is 'none' or 'nfc', not {normalize!r}")
        text = self
        if normalize == "nfc":
            text = text.transformed(lambda unit: unicodedata.normalize("NFC", unit))
        if strip:
            text = text.transformed(str.strip)
        return text

    def _with(self, units: Mapping[str, Sequence[str]]) -> ParallelText:
        return replace(self, units=units)


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

    Any of these files may be compressed with gzip or zstd (``eng.txt.gz``).

    Raises ``NotParallelError`` where no parallel text is recognised, ``MisalignedError`` where it is not aligned.
    """
    wanted = as_names(languages)
    return open_parallel(source, source_language=source_language, named=wanted).text(wanted)


@dataclass(frozen=True)
class ParallelSource:
    """Parallel text before its languages are chosen: which units can be used may depend on them."""

    languages: Sequence[str]
    """The codes of all languages that are there."""
    _read: Callable[[Sequence[str]], ParallelText]

    def find(self, language: str) -> str:
        """The code that `language` has here: see :meth:`ParallelText.find`."""
        return _find(language, self.languages)

    def text(self, languages: Iterable[str] = ()) -> ParallelText:
        """The text in these languages, all by default, in this order."""
        chosen = list(dict.fromkeys(self.find(language) for language in languages))
        return self._read(chosen or list(self.languages))


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


def _find(language: str, codes: Sequence[str]) -> str:
    return find_language(language, codes, "the parallel text", lambda message, _: NotParallelError(message))


def _base(path: str) -> str:
    """The name of a file without its folder and the suffix of its compression."""
    name = os.path.basename(path)
    for suffix in COMPRESSED:
        name = name.removesuffix(suffix)
    return name


def _extension(path: str) -> str:
    return os.path.splitext(_base(path))[1].lower()


def _from_named(paths: Sequence[str], source_language: str) -> ParallelSource:
    """Files that are given as ``CODE=PATH``."""
    named: dict[str, str] = {}
    for code, path in (path.split("=", 1) for path in paths):
        if code in named:
            raise NotParallelError(f"{code} names two files, {named[code]} and {path}")
        named[code] = path
    require_existing(list(named.values()))
    extensions = {_extension(path) for path in named.values()}
    if extensions == {".po"}:
        return _from_po(named, source_language, paths)
    if extensions <= {".jsonl", ".ndjson"}:
        return _from_jsonl_files(named, "jsonl", paths)
    return _from_lines(named, "lines", paths)


def _from_folder(folder: str, source_language: str) -> ParallelSource:
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise FileError(f"{folder}: {error.strerror}") from None
    found = _by_layout([os.path.join(folder, name) for name in names], [folder])
    if found is not None:
        return found
    catalogues = [os.path.join(folder, name) for name in names if _extension(name) == ".po"]
    if catalogues:
        return _from_po(_po_languages(catalogues, source_language), source_language, [folder])
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
            match = pattern.fullmatch(_base(path))
            if match is None or not os.path.isfile(path):
                others += 1
                continue
            code = match["code"]
            if code in files:
                raise NotParallelError(f"{files[code]} and {path} are both {code}: leave one out")
            files[code] = path
        if len(files) > 1 and not (whole and others):
            reader = _from_jsonl_files if layout == "jsonl" else _from_lines
            return reader(files, layout, inputs)
    return None


def _from_files(paths: Sequence[str], source_language: str, columns: frozenset[str]) -> ParallelSource:
    extensions = {_extension(path) for path in paths}
    if extensions == {".po"}:
        return _from_po(_po_languages(paths, source_language), source_language, paths)
    if len(paths) == 1:
        (extension,) = extensions
        if extension == ".tsv":
            return _from_tsv(paths[0], columns)
        if extension in (".jsonl", ".ndjson"):
            return _from_jsonl(paths[0], columns)
        if extension == ".tmx":
            return _from_tmx(paths[0])
        raise NotParallelError(
            f"{paths[0]} is one file and not TSV, JSONL, TMX or PO (.tsv, .jsonl, .tmx, .po): parallel text in "
            "lines has one file per language"
        )
    found = _by_layout(paths, paths, whole=True)
    if found is not None:
        return found
    codes = [os.path.splitext(_base(path))[1][1:] for path in paths]
    if len(set(codes)) == len(paths) and all(_TAG.fullmatch(code) for code in codes):
        return _from_lines(dict(zip(codes, paths, strict=True)), "extensions", paths)
    raise NotParallelError(
        "the languages of these files are not told by their names: call them eng.txt, deu.txt, … or give each as "
        f"CODE=PATH (eng={paths[0]})"
    )


def _from_lines(files: Mapping[str, str], layout: str, inputs: Sequence[str]) -> ParallelSource:
    def read(chosen: Sequence[str]) -> ParallelText:
        units = {code: _lines(files[code]) for code in chosen}
        names: dict[str, str] = {}
        for folder in {os.path.dirname(path) for path in files.values()}:
            names |= _language_names(os.path.join(folder, LANGUAGE_TABLE))
        shown = {code: names[code] for code in units if code in names}
        return ParallelText(units, layout, inputs, {code: files[code] for code in chosen}, shown)

    return ParallelSource(list(files), read)


def _from_jsonl_files(files: Mapping[str, str], layout: str, inputs: Sequence[str]) -> ParallelSource:
    def read(chosen: Sequence[str]) -> ParallelText:
        units = {}
        for code in chosen:
            path = files[code]
            units[code] = [_text_of(record, "text", path, line) for line, record in _records(path)]
        return ParallelText(units, layout, inputs, {code: files[code] for code in chosen})

    return ParallelSource(list(files), read)


def _columns(names: Iterable[str], named: frozenset[str]) -> tuple[list[str], list[str]]:
    """Of the names of columns, those of languages, and those that look like one and are none unless `named`."""
    looks = [name for name in dict.fromkeys(names) if name in named or _TAG.fullmatch(name)]
    # Indonesian, if at all.
    codes = [name for name in looks if name in named or (name != "id" and is_language(name))]
    return codes, [name for name in looks if name not in codes and name != "id"]


def _unrecognised(path: str, others: Sequence[str], what: str) -> NotParallelError:
    if not others:
        return NotParallelError(f"{path}: {what}")
    name_one = Remedy(": name a column in {option} if it is one)", "languages")
    return NotParallelError(f"{path}: {what} ({', '.join(others)}", remedy=name_one)


def _from_tsv(path: str, named: frozenset[str]) -> ParallelSource:
    header, *rows = (line.split("\t") for line in _lines(path) or [""])
    codes, others = _columns(header, named)
    if len(codes) < 2:
        raise _unrecognised(path, others, "the first line must name a language for each column, such as eng\\tdeu")
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


def _from_jsonl(path: str, named: frozenset[str]) -> ParallelSource:
    records = list(_records(path))
    if not records:
        raise NotParallelError(f"{path} holds no records")
    first = records[0][1]
    if isinstance(first.get("text"), str) and isinstance(first.get("language"), str):
        return _from_long_jsonl(path, records)
    inside = isinstance(first.get("translation"), dict)

    def members(record: dict[str, Any]) -> dict[str, Any]:
        if not inside:
            return record
        translation = record.get("translation")
        return translation if isinstance(translation, dict) else {}

    strings = (name for _, record in records for name, value in members(record).items() if isinstance(value, str))
    names = list(dict.fromkeys(strings))
    # What is inside of a translation is a language, whatever it is called.
    codes, others = (names, []) if inside else _columns(names, named)
    if len(codes) < 2:
        raise _unrecognised(
            path,
            others,
            "no parallel text is recognised: records are {'eng': …, 'deu': …}, {'translation': {…}}, or "
            "{'id': …, 'language': …, 'text': …}",
        )

    def read(chosen: Sequence[str]) -> ParallelText:
        units = {code: [_text_of(members(record), code, path, line) for line, record in records] for code in chosen}
        return ParallelText(units, "jsonl", [path], dict.fromkeys(chosen, path), passed_over=others)

    return ParallelSource(codes, read)


def _from_long_jsonl(path: str, records: Sequence[tuple[int, dict[str, Any]]]) -> ParallelSource:
    """Records of one text each, aligned by `id`."""
    by_language: dict[str, dict[str, str]] = {}
    for line, record in records:
        code = _text_of(record, "language", path, line)
        if "id" not in record:
            raise NotParallelError(
                f"{path}:{line}: no field 'id' says which records say the same", remedy=COMPARE_ANY_TEXT
            )
        unit = str(record["id"])
        texts = by_language.setdefault(code, {})
        if unit in texts:
            raise MisalignedError(
                f"{path}:{line}: a second record {unit!r} in {code}", language=code, file=path, line=line
            )
        texts[unit] = _text_of(record, "text", path, line)

    def read(chosen: Sequence[str]) -> ParallelText:
        order = list(by_language[chosen[0]])
        for code in chosen:
            texts = by_language[code]
            missing = next((unit for unit in order if unit not in texts), None)
            surplus = next((unit for unit in texts if unit not in by_language[chosen[0]]), None)
            if missing is not None or surplus is not None:
                what = f"no record {missing!r}" if missing is not None else f"a record {surplus!r} that others lack"
                raise MisalignedError(
                    f"{path}: {code} has {what}",
                    remedy=COMPARE_ANY_TEXT,
                    language=code,
                    file=path,
                )
        units = {code: [by_language[code][unit] for unit in order] for code in chosen}
        return ParallelText(units, "jsonl", [path], dict.fromkeys(chosen, path))

    return ParallelSource(list(by_language), read)


def _from_tmx(path: str) -> ParallelSource:
    """Translation units. What a unit lacks in the languages that are chosen leaves it out."""
    rows: list[dict[str, str]] = []
    spelling: dict[str, str] = {}
    try:
        for _, element in ElementTree.iterparse(io.BytesIO(_read_whole(path))):
            if _tag(element) == "tu":
                # Languages are named without regard to case: as the first one was.
                row = {spelling.setdefault(_folded(code), code): text for code, text in _variants(element)}
                rows.append(row)
                element.clear()
    except ElementTree.ParseError as error:
        raise NotParallelError(f"{path} is not TMX: {error}") from None
    codes = list(dict.fromkeys(code for row in rows for code in row))
    if len(codes) < 2:
        raise NotParallelError(f"{path}: no translation units in two languages")

    def read(chosen: Sequence[str]) -> ParallelText:
        whole = [row for row in rows if all(row.get(code, "").strip() for code in chosen)]
        if not whole:
            raise NotParallelError(
                f"{path}: no unit is there in every one of {some(chosen)}",
                remedy=Remedy("; choose fewer with {option}", "languages"),
            )
        dropped = {"untranslated": len(rows) - len(whole)} if len(whole) < len(rows) else {}
        units = {code: [row[code] for row in whole] for code in chosen}
        return ParallelText(units, "tmx", [path], dict.fromkeys(chosen, path), dropped=dropped)

    return ParallelSource(codes, read)


def _tag(element: ElementTree.Element) -> str:
    """The name of an element, without its namespace: TMX is found with and without one."""
    return str(element.tag).rpartition("}")[2]


def _folded(code: str) -> str:
    return code.strip().replace("_", "-").lower()


def _variants(unit: ElementTree.Element) -> Iterator[tuple[str, str]]:
    """The text of a translation unit by language, without the native code that inline elements hold."""

    def text(element: ElementTree.Element) -> str:
        inner = (
            "" if _tag(element) in _NATIVE_CODE else (element.text or "") + "".join(text(child) for child in element)
        )
        return inner + (element.tail or "")

    for variant in unit.iter():
        if _tag(variant) != "tuv":
            continue
        code = variant.get(_XML_LANG) or variant.get("lang")
        segment = next((child for child in variant if _tag(child) == "seg"), None)
        if code and segment is not None:
            segment.tail = None
            yield code, text(segment)


def _po_languages(paths: Sequence[str], source_language: str) -> dict[str, str]:
    """The file of each language: as the headers say, unless the name of a file says another language.

    Headers are copied from other files more often than files are renamed.
    """
    files: dict[str, str] = {}
    for path in paths:
        stem = os.path.splitext(_base(path))[0].rpartition(".")[2]
        header = str(_catalogue(path).metadata.get("Language") or "").strip()
        # Three letters may be the name of anything.
        is_code = bool(_TAG.fullmatch(stem)) and (is_language(stem) or stem == "id")
        code = header or stem
        if header and is_code and not (matching(stem, [header]) or matching(header, [stem])):
            if len(re.split("[-_]", stem)[0]) > 2:
                raise NotParallelError(
                    f"{path}: the header says that the language is {header}, the name of the file {stem}: give the "
                    f"file as CODE={path}"
                )
            code = stem
        for taken, other in files.items():
            if same_variety(taken, code):
                raise NotParallelError(
                    f"{other} and {path} both say that their language is {code}: give each as CODE=PATH"
                )
        if same_variety(code, source_language):
            raise NotParallelError(
                f"{path} says that its language is {code}, which is that of its messages: give it as CODE={path}, or",
                remedy=Remedy(" say with {option} what the messages are in", "source_language"),
            )
        files[code] = path
    return files


def _catalogue(path: str) -> Any:
    polib = need("polib", "parallel", "reading PO files")
    try:
        if not path.endswith(COMPRESSED):
            return polib.pofile(path)
        # The character set is told by the header, which polib reads from files alone.
        with tempfile.TemporaryDirectory() as folder:
            plain = os.path.join(folder, "unpacked.po")
            with open(plain, "wb") as file:
                file.write(_read_whole(path))
            return polib.pofile(plain)
    except (OSError, ValueError, LookupError) as error:
        if isinstance(error, FileError):
            raise
        raise NotParallelError(f"{path} is not a PO file: {error}") from None


def _from_po(files: Mapping[str, str], source_language: str, inputs: Sequence[str]) -> ParallelSource:
    """Messages and their translations. What is not translated in every chosen language, fuzzy or plural is left out."""
    sources: dict[tuple[str | None, str], None] = {}
    translations: dict[str, dict[tuple[str | None, str], str]] = {}
    reasons: dict[str, dict[str, int]] = {}
    for code, path in files.items():
        dropped = reasons[code] = {"untranslated": 0, "fuzzy": 0, "plural": 0}
        translated = translations[code] = {}
        for entry in _catalogue(path):
            if entry.obsolete or not entry.msgid.strip():
                continue
            key = (entry.msgctxt, entry.msgid)
            if entry.msgid_plural:
                dropped["plural"] += 1
            elif entry.fuzzy:
                dropped["fuzzy"] += 1
            elif not entry.msgstr.strip():
                dropped["untranslated"] += 1
            else:
                translated[key] = entry.msgstr
                sources[key] = None

    def read(chosen: Sequence[str]) -> ParallelText:
        spoken = [code for code in chosen if code != source_language] or list(files)
        met = [key for key in sources if any(key in translations[code] for code in spoken)]
        shared = [key for key in met if all(key in translations[code] for code in spoken)]
        if not shared:
            raise NotParallelError(
                f"no message is translated in every one of {', '.join(files[code] for code in spoken)}"
            )
        dropped = {
            reason: sum(reasons[code][reason] for code in spoken) for reason in ("untranslated", "fuzzy", "plural")
        }
        dropped["not_in_every_file"] = len(met) - len(shared)
        units = {
            code: [message for _, message in shared]
            if code == source_language
            else [translations[code][key] for key in shared]
            for code in chosen
        }
        return ParallelText(units, "po", inputs, dropped={reason: count for reason, count in dropped.items() if count})

    return ParallelSource([source_language, *files], read)


def _check(text: ParallelText) -> None:
    if not text.units:
        raise NotParallelError("the parallel text has no language")
    first = next(iter(text.units))
    expected = len(text.units[first])
    # The number that most languages have is the right one: the odd one out is the one to name.
    lengths = [len(units) for units in text.units.values()]
    usual = max(set(lengths), key=lambda n: (lengths.count(n), n == expected))
    if usual == 0:
        raise NotParallelError("the parallel text has no units")
    for code, units in text.units.items():
        if len(units) != usual:
            other = next(c for c, u in text.units.items() if len(u) == usual)
            raise MisalignedError(
                f"{_place(text, code)}: {len(units):,} units, where {_place(text, other)} has {usual:,}; unit i must "
                "say the same in every language",
                language=code,
                file=text.files.get(code),
                line=min(len(units), usual) + 1,
            )
        for i, unit in enumerate(units):
            if not isinstance(unit, str):
                raise TypeError(f"unit {i} of {code} is {type(unit).__name__}, not str")
            if not unit.isascii():
                _require_characters(unit, code, f"unit {i + 1}")
            if not unit.strip():
                raise MisalignedError(
                    f"{_place(text, code)}: unit {i + 1} is empty, so that it cannot say what it says in other "
                    "languages; give it text, or take the unit out of every language",
                    language=code,
                    file=text.files.get(code),
                    line=i + 1,
                )


def _place(text: ParallelText, code: str) -> str:
    path = text.files.get(code)
    return code if path is None or list(text.files.values()).count(path) > 1 else path


def _require_characters(text: str, place: str, part: str) -> None:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InvalidUtf8Error(
                f"{place}: {part} holds half of a surrogate pair at character {error.start}, which is not a character",
                offset=error.start,
            ) from None


def _lines(path: str) -> list[str]:
    """The lines of a file, without their ends. Only ``\\n`` and ``\\r\\n`` end a line."""
    data = _read_whole(path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise NotParallelError(f"{path}:{line}: not UTF-8 ({error.reason})") from None
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


def _records(path: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line, parse_constant=_refuse_constant, parse_int=_integer)
        except (ValueError, RecursionError) as error:
            raise NotParallelError(f"{path}:{number}: not JSON ({error})") from None
        if not isinstance(record, dict):
            raise NotParallelError(f"{path}:{number}: not an object")
        yield number, record


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON value")


def _integer(digits: str) -> int | float:
    # Python refuses to make numbers of more digits; none of them says anything here.
    return int(digits) if len(digits) < 4000 else float(digits)


def _text_of(record: Mapping[str, Any], name: str, path: str, line: int) -> str:
    value = record.get(name)
    if not isinstance(value, str):
        what = "is missing" if value is None else "is no string"
        raise MisalignedError(f"{path}:{line}: field {name!r} {what}", language=name, file=path, line=line)
    _require_characters(value, f"{path}:{line}", f"field {name!r}")
    return value


def _language_names(path: str) -> dict[str, str]:
    if not os.path.isfile(path):
        return {}
    names = {}
    for line in _lines(path):
        code, *rest = [part.strip() for part in (line.split("\t") if "\t" in line else line.split(maxsplit=1))]
        if rest and code != "code":
            names[code] = rest[0]
    return names
