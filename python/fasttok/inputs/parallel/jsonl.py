"""JSONL: one file per language, one member per language, or one record per language and unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fasttok.errors import MisalignedError, NotParallelError, Remedy
from fasttok.inputs.parallel.columns import language_columns, unrecognised
from fasttok.inputs.parallel.files import records_of, text_of
from fasttok.inputs.parallel.text import ParallelSource, ParallelText

COMPARE_ANY_TEXT = Remedy(
    ". A premium is defined for parallel text alone; {function} compares any text", function="density"
)


def from_jsonl_files(files: Mapping[str, str], layout: str, inputs: Sequence[str]) -> ParallelSource:
    def read(chosen: Sequence[str]) -> ParallelText:
        units = {}
        for code in chosen:
            path = files[code]
            units[code] = [text_of(record, "text", path, line) for line, record in records_of(path)]
        return ParallelText(units, layout, inputs, {code: files[code] for code in chosen})

    return ParallelSource(list(files), read)


def from_jsonl(path: str, named: frozenset[str]) -> ParallelSource:
    records = list(records_of(path))
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
    codes, others = (names, []) if inside else language_columns(names, named)
    if len(codes) < 2:
        raise unrecognised(
            path,
            others,
            "no parallel text is recognised: records are {'eng': …, 'deu': …}, {'translation': {…}}, or "
            "{'id': …, 'language': …, 'text': …}",
        )

    def read(chosen: Sequence[str]) -> ParallelText:
        units = {code: [text_of(members(record), code, path, line) for line, record in records] for code in chosen}
        return ParallelText(units, "jsonl", [path], dict.fromkeys(chosen, path), passed_over=others)

    return ParallelSource(codes, read)


def _from_long_jsonl(path: str, records: Sequence[tuple[int, dict[str, Any]]]) -> ParallelSource:
    """Records of one text each, aligned by `id`."""
    by_language: dict[str, dict[str, str]] = {}
    for line, record in records:
        code = text_of(record, "language", path, line)
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
        texts[unit] = text_of(record, "text", path, line)

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
