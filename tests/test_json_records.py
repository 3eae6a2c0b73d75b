"""Records of JSON that stay where they were read: what is asked of them is what json gives, and texts in them are
counted as the same texts of Python's are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import fasttok
from fasttok._fasttok import JsonArray, JsonObject, JsonText, _count_values, _digest, _read_json

LONG = 'Wörter, \\ und "Zeichen"\n\t\u0001 中文 😀 ' * 5
VALUE: dict[str, Any] = {
    "name": "x",
    "long": LONG,
    "": [],
    "numbers": [0, -1, 10**18, 10**30, 1.5, -2e-3, 1e400],
    "words": [True, False, None],
    "inner": {"a": {"b": [{"c": LONG}, "short", {}]}, "ä\n": 1},
}


def compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@pytest.mark.parametrize("ascii", [True, False])
@pytest.mark.parametrize("indent", [None, 2])
def test_a_record_is_what_json_reads(ascii: bool, indent: int | None) -> None:
    written = json.dumps({**VALUE, "numbers": VALUE["numbers"][:-1]}, ensure_ascii=ascii, indent=indent)
    record = _read_json("\ufeff" + written)
    assert isinstance(record, JsonObject) and record.plain() == json.loads(written)
    assert record.keys() == list(json.loads(written)) and len(record) == len(VALUE)
    assert str(record.get("inner")) == compact(VALUE["inner"])
    assert {**record}["name"] == "x" and "long" in record and "lang" not in record and 5 not in record
    long, inner = record.get("long"), record.get("inner")
    assert isinstance(long, JsonText) and str(long) == LONG and long.parsed() is long
    assert inner.get("ä\n") == inner["ä\n"] == 1 and inner.get("ä", 7) == 7
    with pytest.raises(KeyError):
        inner["b"]
    array = inner.get("a").get("b")
    assert isinstance(array, JsonArray) and len(array) == 3 and len(array.objects()) == 2
    assert [type(each) for each in array] == [JsonObject, str, JsonObject]


def test_what_stays_in_its_record_does_not_depend_on_how_it_is_written() -> None:
    for text in ("x" * 63, "x" * 64, "ä" * 31, "ä" * 32, "😀" * 15, "😀" * 16):
        for ascii in (True, False):
            escaped = "".join(f"\\u{ord(char):04x}" if char < "\uffff" else char for char in text)
            for written in (json.dumps(text, ensure_ascii=ascii), f'"{escaped}"'):
                (found,) = _read_json(f"[{written}]")
                assert isinstance(found, JsonText) == (len(text.encode()) >= 64) and str(found) == text


def test_members_at_once() -> None:
    record = _read_json('{"a": "x", "b": "", "c": 5, "c": 7, "d": -5, "e": 1.0, "f": null, "g": "%s"}' % ("y" * 99))
    assert record.names("a", "b", "c", "h", "g") == ("x", None, None, None, "y" * 99)
    assert record.counts("c", "d", "e", "f", "a", "h") == (7, 0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    "broken", ["", "{", '{"a": NaN}', '{"a": 01}', '{"a" 1}', "[1,]", '"\n"', "[" * 129 + "]" * 129, "{} {}", "\ufeff"]
)
def test_what_is_no_json(broken: str) -> None:
    with pytest.raises(ValueError, match="at byte|nested too deeply"):
        _read_json(broken)


def test_json_in_a_string() -> None:
    inner = compact(VALUE["inner"])
    record = _read_json(json.dumps({"a": inner, "b": "[" + "x" * 99}))
    assert record.get("a").parsed().plain() == VALUE["inner"] and isinstance(record.get("b").parsed(), JsonText)


def test_texts_are_counted_where_they_are() -> None:
    record = _read_json(json.dumps(VALUE | {"numbers": 1, "huge": "one two\n" * 100_000}))
    inner = record.get("inner")
    said = [record.get("long"), inner, inner.get("a").get("b"), record.get("huge"), LONG, ""]
    plain = [LONG, compact(VALUE["inner"]), compact(VALUE["inner"]["a"]["b"]), "one two\n" * 100_000, LONG, ""]
    encodings = [fasttok.get_encoding(name) for name in ("o200k_base", "gpt2")]
    for threads in (1, None):
        counts, languages = _count_values(said, encodings, None, threads)
        assert counts == [encoding.count_batch(plain).tolist() for encoding in encodings] and languages is None
    assert _digest(*said) == _digest(*plain) != _digest(*reversed(plain))
    assert _digest("a", None) != _digest("a", "") != _digest("", "a") and len(_digest()) == 16
    with pytest.raises(TypeError, match="not 5"):
        _count_values([5], encodings, None, None)  # type: ignore[list-item]


def test_languages_are_those_of_a_count(tmp_path: Path) -> None:
    texts = ["Wo ist die Bibliothek? Ich suche sie.", "图书馆在哪里？我找了一上午。", "12345", "Where is the library?"]
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    report = fasttok.count_corpus(path, "o200k_base", by="language", detect_language=True)
    _, languages = _count_values(texts, [], 256, None)
    assert languages == ["de", "zh", "und", "en"]
    assert {group.key["language"] for group in report.groups} == set(languages)
