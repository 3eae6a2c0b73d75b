"""Texts that a tokenizer itself cannot take: an error for the text, a row of the ledger in a corpus."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from cli_support import fasttok as fasttok_command

import fasttok
from fasttok.verify.compare import verify

RUNS = "a" * 50 + "!"


def load(folder: Path, normalizer: dict[str, Any] | None, *steps: dict[str, Any]) -> fasttok.Encoding:
    from tokenizers import Tokenizer, models

    vocab = {c: i for i, c in enumerate("abcdefgh!")}
    made = json.loads(Tokenizer(models.BPE(vocab, [])).to_str())
    made["normalizer"] = normalizer
    made["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": list(steps)} if steps else None
    path = folder / "tokenizer.json"
    path.write_text(json.dumps(made))
    return fasttok.load(path)


def split(regex: str) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": False}


def replace(pattern: dict[str, str], content: str) -> dict[str, Any]:
    return {"type": "Replace", "pattern": pattern, "content": content}


BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
CASES = {
    "split": (None, [split("(a+)+$")], "the split pattern"),
    "byte-level split": (None, [split("(a+)+$"), BYTE_LEVEL], "the split pattern"),
    "replace": (replace({"Regex": "(a+)+$"}, "b"), [], "the normalizer Replace of"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_pattern_that_gives_up(case: str, tmp_path: Path) -> None:
    normalizer, steps, step = CASES[case]
    encoding = load(tmp_path, normalizer, *steps)
    for call in (
        lambda: encoding.count(RUNS),
        lambda: encoding.encode(RUNS),
        lambda: encoding.count_batch(["ab", RUNS, "b"]),
        lambda: encoding.encode_batch(["ab", RUNS, "b"]),
    ):
        with pytest.raises(fasttok.TextLimitError, match="gives this text up") as caught:
            call()
        assert caught.value.component == f'{step} "(a+)+$"'
        assert caught.value.index in (None, 1)
    assert encoding.count("ab") == len(encoding.encode("ab"))

    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in ("ab", RUNS, "b")))
    report = fasttok.count_corpus(tmp_path / "a.jsonl", encodings=encoding)
    assert report.ledger.by_reason == {"pattern_limit": 1}
    assert [(entry.line, entry.reason) for entry in report.ledger.entries] == [(2, "pattern_limit")]
    assert report.ledger.counted == 2


def test_the_limit_of_fancy_regex(tmp_path: Path) -> None:
    from base64 import b64encode

    ranks = tmp_path / "x.tiktoken"
    ranks.write_text("".join(f"{b64encode(bytes([byte])).decode()} {byte}\n" for byte in range(256)))
    encoding = fasttok.load(ranks, pattern="(a|b|ab)+(?=c)|.")
    assert encoding.count("abc") == 3
    with pytest.raises(fasttok.TextLimitError, match="the split pattern") as caught:
        encoding.count_batch(["a", "ab" * 50])
    assert caught.value.index == 1


@pytest.mark.parametrize(
    "normalizer",
    [
        replace({"String": "a"}, "b" * 2_000),
        replace({"Regex": "a"}, "b" * 2_000),
        {"type": "Sequence", "normalizers": [replace({"String": "a"}, "a" * 60)] * 6},
    ],
    ids=["string", "regex", "again and again"],
)
def test_a_text_that_is_multiplied_without_bounds(normalizer: dict[str, Any], tmp_path: Path) -> None:
    encoding = load(tmp_path, normalizer)
    with pytest.raises(fasttok.TextLimitError, match="makes more than"):
        encoding.count("a" * 50_000)
    (tmp_path / "a.txt").write_text("a" * 50_000)
    report = fasttok.count_corpus(tmp_path / "a.txt", encodings=encoding)
    assert report.ledger.by_reason == {"normalized_too_large": 1}


def test_a_text_that_is_multiplied_within_bounds(tmp_path: Path) -> None:
    encoding = load(tmp_path, replace({"String": "a"}, "b" * 100))
    assert encoding.count("a" * 1_000) == 100_000


def test_a_unit_beyond_a_limit_is_left_out_of_all_languages(tmp_path: Path) -> None:
    encoding = load(tmp_path, None, split("(a+)+$"))
    units = {"eng": ["ab", RUNS, "b", "cd"], "deu": ["abc", "ab", "bb", RUNS], "fra": ["a", "b", "c", "d"]}
    report = fasttok.premium(units, {"x": encoding}, pivot="eng")
    within = {code: [of[0], of[2]] for code, of in units.items()}
    expected = fasttok.premium(within, {"x": encoding}, pivot="eng")
    assert report.premiums == expected.premiums
    ledger = report.ledger
    assert (ledger.seen, ledger.counted, ledger.skipped, ledger.by_reason) == (4, 2, 2, {"pattern_limit": 2})
    assert [(entry.file, str(entry.detail)[:15]) for entry in ledger.entries] == [
        ("eng", "unit 2 in eng: "),
        ("deu", "unit 4 in deu: "),
    ]
    assert report.manifest["units_dropped"] == {"pattern_limit": 2} and report.manifest["units"] == 2
    assert expected.ledger.seen == expected.ledger.counted == 2

    folder = tmp_path / "parallel"
    folder.mkdir()
    for code, lines in units.items():
        (folder / f"{code}.txt").write_text("\n".join(lines) + "\n")
    result = fasttok_command("premium", folder, "-e", tmp_path / "tokenizer.json", "--pivot", "eng", "--json")
    assert result.code == 3 and "unit 2 in eng" in result.err and "left out: 2 pattern_limit" in result.last_line
    document = result.json()
    assert document["ledger"]["skipped"] == 2
    jsonschema.validate(document, fasttok.schema("premium"))

    with pytest.raises(fasttok.NotParallelError, match="every unit is beyond a limit"):
        fasttok.premium({"eng": [RUNS], "deu": ["a"]}, {"x": encoding}, pivot="eng")


def test_joined_units_beyond_a_limit_are_refused_by_name(tmp_path: Path) -> None:
    encoding = load(tmp_path, None, split("(a+)+$"))
    units = {"eng": ["ab", "cd"], "deu": ["abc", RUNS]}
    with pytest.raises(fasttok.TextLimitError) as caught:
        fasttok.premium(units, {"x": encoding}, pivot="eng", definition="joined")
    message = str(caught.value)
    assert message.startswith("deu: the whole text in deu, its units joined, cannot be counted with x: ")
    assert message.endswith("give definition= another value than 'joined'")
    assert caught.value.component is not None and caught.value.index is None
    for code, lines in units.items():
        (tmp_path / f"{code}.txt").write_text("".join(f"{line}\n" for line in lines))
    files = [tmp_path / f"{code}.txt" for code in units]
    arguments = ("premium", *files, "-e", tmp_path / "tokenizer.json", "--pivot", "eng")
    result = fasttok_command(*arguments, "--definition", "joined")
    assert result.code == 1 and f"{files[1]}: the whole text in deu" in result.err
    assert "give --definition another value than 'joined'" in result.err
    assert fasttok_command(*arguments, "--json").code == 3


def test_ledgers_speak_no_interface_and_count_bytes(tmp_path: Path) -> None:
    texts = ["é<|endoftext|>", "a", "<|endoftext|>"]
    rows = "".join(json.dumps({"text": text, "answer": "é"}) + "\n" for text in texts)
    (tmp_path / "a.jsonl").write_bytes(rows.encode() + b'{"text":"\xff"}\n{"text":"\\ud800"}\n')
    counted = fasttok.count_corpus(tmp_path / "a.jsonl", special="error").ledger
    details = [str(entry.detail) for entry in counted.entries]
    assert details[0] == 'the text holds the special token "<|endoftext|>" at byte 2'
    assert all("=" not in detail for detail in details) and "not UTF-8 at byte" in details[2]
    # People are told what to do, each in the words of what they use.
    shown = [str(kind) for kind in counted.kinds()]
    assert sum('errors="replace" counts U+FFFD there' in line for line in shown) == 2
    prices = {"currency": "USD", "date": "2026-01-01", "models": {"m": {"tokenizer": "o200k_base", "input": 1}}}
    costs = fasttok.cost(tmp_path / "a.jsonl", "m", prices=prices, special="error").ledger
    assert [(e.line, e.reason, e.detail) for e in costs.entries] == [
        (e.line, e.reason, e.detail) for e in counted.entries
    ]
    result = fasttok_command("count", tmp_path / "a.jsonl", "--special", "error", "--json")
    assert result.json()["ledger"]["entries"] == counted.to_dict()["entries"]
    assert "--errors replace counts U+FFFD there" in result.err
    with pytest.raises(fasttok.FasttokError, match='errors="replace" counts'):
        fasttok.count_corpus(tmp_path / "a.jsonl", on_error="fail")


def test_verify_goes_on_behind_a_text_beyond_a_limit(tmp_path: Path) -> None:
    load(tmp_path, None, split("(a+)+$"))
    rows = [{"text": "ab"}, {"text": RUNS}, {"text": 5}, {"text": "cd"}]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    ledger = tmp_path / "ledger.jsonl"
    arguments = ("verify", tmp_path / "tokenizer.json", tmp_path / "a.jsonl", "--built-in", "0")
    result = fasttok_command(*arguments, "--json", "--ledger", ledger)
    found = result.json()
    assert result.code == 3 and (found["documents"], found["differences"], found["refused"]) == (2, 0, 0)
    counted = fasttok.count_corpus(tmp_path / "a.jsonl", encodings=fasttok.load(tmp_path / "tokenizer.json"))
    assert found["ledger"] == counted.ledger.to_dict()
    assert found["ledger"]["by_reason"] == {"not_a_string": 1, "pattern_limit": 1}
    assert found["manifest"]["files"] == 1
    lines = [json.loads(line) for line in ledger.read_text("utf-8").splitlines()]
    assert sorted(lines, key=lambda row: row["line"]) == found["ledger"]["entries"]
    shown = fasttok_command(*arguments, tmp_path / "." / "a.jsonl")
    assert "4 rows seen, 2 compared, 2 skipped" in shown.out and "found again" in shown.err
    assert "pattern_limit" in shown.err and fasttok_command(*arguments, "-q").err == ""

    texts = [("one", "ab"), ("two", RUNS), ("three", "b")]
    verification = verify(fasttok.load(tmp_path / "tokenizer.json"), texts, built_in=0)
    assert (verification.documents, verification.refused, verification.differences) == (2, 1, 0)
