"""TMX: translation units of an exchange file."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from xml.etree import ElementTree

from fasttok._fasttok import _read_whole
from fasttok._util.languages import some
from fasttok.errors import NotParallelError, Remedy
from fasttok.inputs.parallel.text import ParallelSource, ParallelText

_NATIVE_CODE = frozenset({"bpt", "ept", "ph", "it", "ut"})

_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


def from_tmx(path: str) -> ParallelSource:
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
