"""Parallel text: units that say the same in every language, read from the forms in which people keep it.

This module knows files and how their units stand side by side. It knows nothing of tokens.
"""

from __future__ import annotations

import csv
import json
import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias
from xml.etree import ElementTree

from fasttok._extras import need
from fasttok._inputs import PathLike, as_names, as_paths, nearest, require_existing
from fasttok.errors import FileError, MisalignedError, NotParallelError

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

_TAG = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*")
_NATIVE_CODE = frozenset({"bpt", "ept", "ph", "it", "ut"})
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


@dataclass(frozen=True)
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

    def __post_init__(self) -> None:
        _check(self)

    def __len__(self) -> int:
        """The number of units of each language."""
        return len(next(iter(self.units.values()), ()))

    @property
    def languages(self) -> list[str]:
        """The codes of the languages."""
        return list(self.units)

    def select(self, languages: Iterable[str]) -> ParallelText:
        """The same text in these languages alone, named by their codes here or as :meth:`find` finds them."""
        chosen = dict.fromkeys(self.find(language) for language in languages)
        return self._with({code: self.units[code] for code in chosen})

    def find(self, language: str) -> str:
        """The code that `language` has here: itself, or the one code that shares its primary subtag.

        ``eng_Latn`` finds ``eng``, ``en`` finds ``eng_Latn``. Where several share it, one without further
        subtags is meant.

        Raises ``NotParallelError`` with the nearest codes.
        """
        if language in self.units:
            return language
        primary = primary_subtag(language)
        same = [code for code in self.units if primary_subtag(code) == primary]
        bare = [code for code in same if not re.search("[-_]", code)]
        for found in (same, bare):
            if len(found) == 1:
                return found[0]
        near = same or nearest(language, self.languages)
        message = f"there is no language {language!r} in the parallel text"
        if near:
            message += f"; did you mean {', '.join(near[:5])}?"
        else:
            message += f"; it has {', '.join(self.languages[:8])}" + (", …" if len(self.languages) > 8 else "")
        raise NotParallelError(message)

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
        return ParallelText(units, self.layout, self.inputs, self.files, self.names, self.dropped)


def read_parallel(
    source: Parallel, *, languages: str | Iterable[str] = (), source_language: str = "en"
) -> ParallelText:
    """Read parallel text.

    source: a folder or files, or units by language.
        A folder holds a file a language, a unit a line: ``eng_Latn.devtest`` (FLORES), ``newstest2019-src.eng.txt``
        (NTREX), ``udhr_eng.txt``, ``eng.txt``, or ``eng.jsonl`` with the field ``text``.
        Files may be such files too; or ``CODE=PATH``; or text files that differ in their extension, which is
        the language (``news.en``, ``news.de``).
        One file may be TSV with a header of language codes; JSONL with a member for each language, or with
        ``id``, ``language`` and ``text``; TMX; PO (several PO files are aligned by their messages).
    languages: read these alone; all by default.
    source_language: the language of the messages of PO files.

    Raises ``NotParallelError`` where no parallel text is recognised, ``MisalignedError`` where it is not aligned.
    """
    wanted = as_names(languages)
    text = _read(source, source_language)
    return text.select(wanted) if wanted else text


def _read(source: Parallel, source_language: str) -> ParallelText:
    if isinstance(source, ParallelText):
        return source
    if isinstance(source, Mapping):
        return ParallelText({code: list(units) for code, units in source.items()})
    paths = as_paths(source)
    if not paths:
        raise NotParallelError("no parallel text is named")
    if all("=" in path and not os.path.lexists(path) for path in paths):
        named = dict(path.split("=", 1) for path in paths)
        require_existing(list(named.values()))
        return _from_lines(named, "lines", paths)
    require_existing(paths)
    if len(paths) == 1 and os.path.isdir(paths[0]):
        return _from_folder(paths[0])
    for path in paths:
        if os.path.isdir(path):
            raise NotParallelError(f"{path} is a folder: give one folder, or files")
    return _from_files(paths, source_language)


def _from_folder(folder: str) -> ParallelText:
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise _unreadable(folder, error) from None
    for layout, pattern in FOLDER_LAYOUTS:
        files = {
            match["code"]: os.path.join(folder, name)
            for name in names
            if (match := pattern.fullmatch(name)) is not None
        }
        if len(files) > 1:
            reader = _from_jsonl_files if layout == "jsonl" else _from_lines
            return reader(files, layout, [folder])
    catalogues = [os.path.join(folder, name) for name in names if name.endswith(".po")]
    if catalogues:
        return _from_po(catalogues, "en", [folder])
    below = [name for name in names if os.path.isdir(os.path.join(folder, name)) and not name.startswith(".")]
    hint = f"; it has the folders {', '.join(below[:5])}: name one" if below else ""
    raise NotParallelError(
        f"no parallel text is recognised in {folder}: a file a language is needed, such as eng.txt and deu.txt, "
        f"or eng_Latn.devtest and deu_Latn.devtest{hint}"
    )


def _from_files(paths: list[str], source_language: str) -> ParallelText:
    extensions = {os.path.splitext(path)[1].lower() for path in paths}
    if extensions == {".po"}:
        return _from_po(paths, source_language, paths)
    if len(paths) == 1:
        readers: dict[str, Callable[[str], ParallelText]] = {
            ".tsv": _from_tsv,
            ".jsonl": _from_jsonl,
            ".ndjson": _from_jsonl,
            ".tmx": _from_tmx,
        }
        (extension,) = extensions
        if extension not in readers:
            raise NotParallelError(
                f"{paths[0]} is one file and not TSV, JSONL, TMX or PO (.tsv, .jsonl, .tmx, .po): parallel text in "
                "lines has a file a language"
            )
        return readers[extension](paths[0])
    for layout, pattern in FOLDER_LAYOUTS:
        matches = [pattern.fullmatch(os.path.basename(path)) for path in paths]
        if all(matches):
            files = {match["code"]: path for match, path in zip(matches, paths, strict=True) if match}
            if len(files) == len(paths):
                reader = _from_jsonl_files if layout == "jsonl" else _from_lines
                return reader(files, layout, paths)
    codes = [os.path.splitext(path)[1][1:] for path in paths]
    if len(set(codes)) == len(paths) and all(_TAG.fullmatch(code) for code in codes):
        return _from_lines(dict(zip(codes, paths, strict=True)), "extensions", paths)
    raise NotParallelError(
        "the languages of these files are not told by their names: call them eng.txt, deu.txt, … or give each as "
        f"CODE=PATH (eng={paths[0]})"
    )


def _from_lines(files: Mapping[str, str], layout: str, inputs: Sequence[str]) -> ParallelText:
    units = {code: _lines(path) for code, path in files.items()}
    folders = {os.path.dirname(path) for path in files.values()}
    names: dict[str, str] = {}
    for folder in folders:
        names |= _language_names(os.path.join(folder, LANGUAGE_TABLE))
    shown = {code: names[code] for code in units if code in names}
    return ParallelText(units, layout, inputs, files, shown)


def _from_jsonl_files(files: Mapping[str, str], layout: str, inputs: Sequence[str]) -> ParallelText:
    units = {}
    for code, path in files.items():
        units[code] = [_text_of(record, "text", path, line) for line, record in _records(path)]
    return ParallelText(units, layout, inputs, files)


def _from_tsv(path: str) -> ParallelText:
    rows = csv.reader(_lines(path), delimiter="\t", quoting=csv.QUOTE_NONE)
    header = next(rows, [])
    columns = {code: i for i, code in enumerate(header) if _TAG.fullmatch(code) and code != "id"}
    if len(columns) < 2:
        raise NotParallelError(f"{path}: the first line must name a language for each column, such as eng\\tdeu")
    units: dict[str, list[str]] = {code: [] for code in columns}
    for line, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise MisalignedError(
                f"{path}:{line}: {len(row)} columns, where the header has {len(header)}", file=path, line=line
            )
        for code, i in columns.items():
            units[code].append(row[i])
    return ParallelText(units, "tsv", [path], dict.fromkeys(columns, path))


def _from_jsonl(path: str) -> ParallelText:
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

    codes = [
        name
        for name, value in members(first).items()
        if isinstance(value, str) and _TAG.fullmatch(name) and (inside or name != "id")
    ]
    if len(codes) < 2:
        raise NotParallelError(
            f"{path}: no parallel text is recognised: records are {{'eng': …, 'deu': …}}, {{'translation': {{…}}}}, or "
            "{'id': …, 'language': …, 'text': …}"
        )
    units = {code: [_text_of(members(record), code, path, line) for line, record in records] for code in codes}
    return ParallelText(units, "jsonl", [path], dict.fromkeys(codes, path))


def _from_long_jsonl(path: str, records: Sequence[tuple[int, dict[str, Any]]]) -> ParallelText:
    """Records of one text each, aligned by `id`."""
    by_language: dict[str, dict[str, str]] = {}
    for line, record in records:
        code = _text_of(record, "language", path, line)
        if "id" not in record:
            raise NotParallelError(
                f"{path}:{line}: no field 'id' says which records say the same. A premium is defined for parallel text "
                "alone; 'fasttok density' compares any text"
            )
        unit = str(record["id"])
        texts = by_language.setdefault(code, {})
        if unit in texts:
            raise MisalignedError(
                f"{path}:{line}: a second record {unit!r} in {code}", language=code, file=path, line=line
            )
        texts[unit] = _text_of(record, "text", path, line)
    order = list(next(iter(by_language.values())))
    for code, texts in by_language.items():
        missing = next((unit for unit in order if unit not in texts), None)
        surplus = next((unit for unit in texts if unit not in by_language[next(iter(by_language))]), None)
        if missing is not None or surplus is not None:
            what = f"no record {missing!r}" if missing is not None else f"a record {surplus!r} that others lack"
            raise MisalignedError(
                f"{path}: {code} has {what}. A premium is defined for parallel text alone; 'fasttok density' compares "
                "any text",
                language=code,
                file=path,
            )
    units = {code: [texts[unit] for unit in order] for code, texts in by_language.items()}
    return ParallelText(units, "jsonl", [path], dict.fromkeys(units, path))


def _from_tmx(path: str) -> ParallelText:
    rows: list[dict[str, str]] = []
    try:
        for _, element in ElementTree.iterparse(path):
            if element.tag == "tu":
                rows.append(_variants(element))
                element.clear()
    except ElementTree.ParseError as error:
        raise NotParallelError(f"{path} is not TMX: {error}") from None
    except OSError as error:
        raise _unreadable(path, error) from None
    codes = list(dict.fromkeys(code for row in rows for code in row))
    if len(codes) < 2:
        raise NotParallelError(f"{path}: no translation units in two languages")
    whole = [row for row in rows if all(row.get(code, "").strip() for code in codes)]
    dropped = {"untranslated": len(rows) - len(whole)} if len(whole) < len(rows) else {}
    units = {code: [row[code] for row in whole] for code in codes}
    return ParallelText(units, "tmx", [path], dict.fromkeys(codes, path), dropped=dropped)


def _variants(unit: ElementTree.Element) -> dict[str, str]:
    """The text of a translation unit by language, without the native code that inline elements hold."""

    def text(element: ElementTree.Element) -> str:
        inner = "" if element.tag in _NATIVE_CODE else (element.text or "") + "".join(text(child) for child in element)
        return inner + (element.tail or "")

    found = {}
    for variant in unit.iter("tuv"):
        code = variant.get(_XML_LANG) or variant.get("lang")
        segment = variant.find("seg")
        if code and segment is not None:
            segment.tail = None
            found[code] = text(segment)
    return found


def _from_po(paths: Sequence[str], source_language: str, inputs: Sequence[str]) -> ParallelText:
    """Messages and their translations. What is not translated in every file, fuzzy or plural is left out."""
    polib = need("polib", "parallel", "reading PO files")
    sources: dict[tuple[str | None, str], None] = {}
    translations: dict[str, dict[tuple[str | None, str], str]] = {}
    dropped = {"untranslated": 0, "fuzzy": 0, "plural": 0}
    for path in paths:
        try:
            catalogue = polib.pofile(path)
        except (OSError, ValueError) as error:
            raise NotParallelError(f"{path} is not a PO file: {error}") from None
        code = catalogue.metadata.get("Language") or os.path.splitext(os.path.basename(path))[0]
        translated = translations.setdefault(code, {})
        for entry in catalogue:
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
    shared = [key for key in sources if all(key in translated for translated in translations.values())]
    dropped["not_in_every_file"] = len(sources) - len(shared)
    if not shared:
        raise NotParallelError(f"no message is translated in every one of {', '.join(paths)}")
    units = {source_language: [message for _, message in shared]}
    units |= {code: [translated[key] for key in shared] for code, translated in translations.items()}
    return ParallelText(units, "po", inputs, dropped={reason: count for reason, count in dropped.items() if count})


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


def _lines(path: str) -> list[str]:
    """The lines of a file, without their ends. Only ``\\n`` and ``\\r\\n`` end a line."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise _unreadable(path, error) from None
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
            record = json.loads(line)
        except ValueError as error:
            raise NotParallelError(f"{path}:{number}: not JSON ({error})") from None
        if not isinstance(record, dict):
            raise NotParallelError(f"{path}:{number}: not an object")
        yield number, record


def _text_of(record: Mapping[str, Any], name: str, path: str, line: int) -> str:
    value = record.get(name)
    if not isinstance(value, str):
        what = "is missing" if value is None else "is no string"
        raise MisalignedError(f"{path}:{line}: field {name!r} {what}", language=name, file=path, line=line)
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


def primary_subtag(code: str) -> str:
    """The primary language subtag, in three letters for the few that are commonly written in two."""
    primary = re.split("[-_]", code, maxsplit=1)[0].lower()
    return _THREE_LETTERS.get(primary, primary)


_THREE_LETTERS = {
    "ar": "arb", "de": "deu", "en": "eng", "es": "spa", "fr": "fra", "hi": "hin", "it": "ita", "ja": "jpn",
    "ko": "kor", "pt": "por", "ru": "rus", "th": "tha", "tr": "tur", "vi": "vie", "zh": "zho",
}  # fmt: skip


def _unreadable(path: str, error: OSError) -> FileError:
    return FileError(f"{path}: {error.strerror}")
