"""`fasttok merge`: the report of parts is that of one run over all, or the reports are refused."""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from cli_support import fasttok as run
from cli_support import write_jsonl

import fasttok


def comparable(report: fasttok.Report | str) -> str:
    """The JSON as it is written, without what is of the clock and the machine."""
    text = report if isinstance(report, str) else report.to_json()
    without, n = re.subn(r'^    "run": \{$.*?^    \},$', "", text, count=1, flags=re.MULTILINE | re.DOTALL)
    assert n == text.startswith("{")
    return without


def shards(folder: Path, n: int, seed: int = 0) -> list[str]:
    """Files of documents of all lengths, with broken rows between them; one has none."""
    rng = random.Random(seed)
    words = ["token", " Wörter", "слова", "中文", "\n", "x" * 40, " 12345", "ひらがな", "한글", "🙂"]
    names = []
    for i in range(n):
        lines = []
        for _ in range(0 if i == 2 else rng.randrange(1, 120)):
            record = {"text": " ".join(rng.choices(words, k=int(rng.lognormvariate(2, 1.5)))), "n": rng.randrange(9)}
            if rng.random() < 0.8:
                record["source"] = rng.choice(["a", "b", "", "ü"])
            lines.append(json.dumps(record))
            if rng.random() < 0.1:
                lines.append(rng.choice(["{", "[]", '{"n":1,"source":"a"}', '{"text":null}']))
        path = folder / f"shard{i}.jsonl"
        path.write_text("".join(line + "\n" for line in lines))
        names.append(str(path))
    (folder / "notes.orc").write_bytes(b"ORC\x08\x03\xff" + bytes(40))
    return [*names, str(folder / "notes.orc")]


OPTIONS: dict[str, dict[str, Any]] = {
    "totals": {},
    "groups": {"by": ["source", "n"]},
    "files": {"by": "file"},
    "lengths": {"quantiles": True, "limits": [3, 100, 100_000]},
    "all": {"by": "source", "quantiles": True, "limits": 10, "errors": "replace"},
    "languages": {"by": ["n", "language"], "detect_language": True, "quantiles": True},
}


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("seed", range(3))
def test_merged_reports_equal_one_run(tmp_path: Path, name: str, seed: int) -> None:
    given = {"encodings": ["o200k_base", "r50k_base"], **OPTIONS[name]}
    paths = shards(tmp_path, 5, seed)
    whole = fasttok.count_corpus(paths, **given, threads=2)
    parts = [fasttok.count_corpus(path, **given, threads=1 + i % 2) for i, path in enumerate(paths)]
    merged = fasttok.merge_reports(parts)
    assert comparable(merged) == comparable(whole)
    jsonschema.Draft202012Validator(fasttok.schema()).validate(json.loads(merged.to_json()))
    assert list(merged.rows()) == list(whole.rows()) and merged.ledger == whole.ledger
    assert merged.ledger.skipped > 0 and merged.ledger.unsupported

    files = [tmp_path / f"{i}.json" for i in range(len(parts))]
    for part, file in zip(parts, files, strict=True):
        part.sorted_by("tokens").to_json(file)
    assert comparable(fasttok.merge_reports(files)) == comparable(whole)
    halves = [fasttok.merge_reports(files[:2]), fasttok.merge_reports(files[2:])]
    assert comparable(fasttok.merge_reports(halves)) == comparable(whole)


def test_neither_order_nor_repetition_of_merging_matters(tmp_path: Path) -> None:
    given: dict[str, Any] = {"by": "source", "quantiles": True, "limits": [20]}
    parts = [fasttok.count_corpus(path, "r50k_base", **given) for path in shards(tmp_path, 6)]

    def content(report: fasttok.Report) -> dict[str, Any]:
        return {**report.to_dict(), "manifest": None}

    expected = content(fasttok.merge_reports(parts))
    for seed in range(5):
        rng = random.Random(seed)
        pending = list(parts)
        while len(pending) > 1:
            rng.shuffle(pending)
            cut = rng.randrange(2, len(pending) + 1)
            pending = [fasttok.merge_reports(pending[:cut]), *pending[cut:]]
        assert content(pending[0]) == expected


def test_one_report_is_itself(tmp_path: Path) -> None:
    report = fasttok.count_corpus(shards(tmp_path, 2), "r50k_base", by="source", quantiles=True)
    assert fasttok.merge_reports([report]).to_json() == report.to_json()


def test_long_documents_and_their_buckets(tmp_path: Path) -> None:
    """Beyond the exact range a bucket has many lengths, and the longest is still known."""
    lengths = [[65_535, 65_536, 70_001, 70_002], [70_003, 131_071], [140_000, 3]]
    paths = [write_jsonl(tmp_path / f"{i}.jsonl", [{"text": " a" * n} for n in some]) for i, some in enumerate(lengths)]
    parts = [fasttok.count_corpus(path, "r50k_base", quantiles=True) for path in paths]
    whole = fasttok.count_corpus(paths, "r50k_base", quantiles=True)
    assert comparable(fasttok.merge_reports(parts)) == comparable(whole)
    assert [part.totals.tokens_per_document["r50k_base"].max for part in parts] == list(map(max, lengths))


def test_the_command_line_is_the_same_operation(tmp_path: Path) -> None:
    paths = shards(tmp_path, 3)
    options = ["--by", "source", "--quantiles", "--limit", "10,50", "-e", "r50k_base"]
    reports = []
    for i, path in enumerate(paths):
        reports.append(tmp_path / f"part{i}.json")
        assert run("count", path, *options, "-o", reports[-1]).code in (0, 3)
    for shape in ("--json", "--csv", "--table"):
        merged, whole = run("merge", *reports, shape), run("count", *paths, *options, shape)
        assert merged.code == whole.code == 3
        assert comparable(merged.out) == comparable(whole.out)
    assert "rows seen" in merged.last_line
    refused = run("merge", reports[0], reports[1], "-o", reports[1])
    assert refused.code == 1 and "replace" in refused.err
    again = run("merge", reports[0], reports[0])
    assert again.code == 1 and "--allow-overlap" in again.err
    assert run("merge").code == 2
    assert run("merge", tmp_path / "nothing.json").code == 1


DIFFERENT: dict[str, tuple[dict[str, Any], str]] = {
    "special": ({"special": "token"}, "special"),
    "errors": ({"errors": "replace"}, "errors"),
    "encodings": ({"encodings": ["r50k_base"]}, "encodings"),
    "hash": ({"encodings": {"o200k_base": "r50k_base"}}, "encodings"),
    "by": ({"by": "n"}, "by"),
    "quantiles": ({"quantiles": True}, "quantiles"),
    "limits": ({"limits": 5}, "limits"),
    "text_field": ({"text_field": "text.text", "on_error": "skip"}, "text_field"),
    "languages": ({"by": ["source"], "detect_language": True}, "by"),
    "max_record_bytes": ({"max_record_bytes": 1 << 20}, "max_record_bytes"),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_other_options_are_refused_by_name(tmp_path: Path, name: str) -> None:
    changed, member = DIFFERENT[name]
    one = write_jsonl(tmp_path / "one.jsonl", [{"text": "a", "source": "x", "n": "1"}])
    nested: Any = {"text": "b"} if name == "text_field" else "b"
    two = write_jsonl(tmp_path / "two.jsonl", [{"text": nested, "source": "x", "n": "1"}])
    given: dict[str, Any] = {"encodings": "o200k_base", "by": "source"}
    reports = [fasttok.count_corpus(one, **given), fasttok.count_corpus(two, **{**given, **changed})]
    with pytest.raises(fasttok.MergeError, match=rf"not counted in the same way: {member}") as caught:
        fasttok.merge_reports(reports)
    assert caught.value.option == member and caught.value.files == ["report 0", "report 1"]


def test_what_may_be_counted_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    path = write_jsonl(tmp_path / "data" / "a.jsonl", [{"text": "a"}])
    one = fasttok.count_corpus(path, "r50k_base")
    for other in (path, tmp_path / "data", tmp_path / "data" / "*.jsonl", f"{tmp_path}/./data/a.jsonl"):
        reports = [one, fasttok.count_corpus(other, "r50k_base")]
        for pair in (reports, reports[::-1]):
            with pytest.raises(fasttok.MergeError, match="counted twice; allow_overlap= merges them all the same"):
                fasttok.merge_reports(pair)
        assert fasttok.merge_reports(reports, allow_overlap=True).totals.documents == 2
    link = tmp_path / "link.jsonl"
    link.symlink_to(path)
    sibling = write_jsonl(tmp_path / "data" / "ab.jsonl", [{"text": "a"}])
    for apart in (sibling, link):
        assert fasttok.merge_reports([one, fasttok.count_corpus(apart, "r50k_base")]).totals.documents == 2


def test_groups_by_file_and_ledgers_tell_of_files_read_twice(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", [{"text": "a"}])
    grouped = [fasttok.count_corpus(path, "r50k_base", by="file").to_dict() for _ in range(2)]
    path.write_text("{\n")
    skipped = [fasttok.count_corpus(path, "r50k_base").to_dict() for _ in range(2)]
    for reports, message in ((grouped, "in another of the reports"), (skipped, "skipped rows in both")):
        files = []
        for i, report in enumerate(reports):
            report["manifest"]["inputs"] = [f"list{i}"]
            files.append(tmp_path / f"{i}.json")
            files[-1].write_text(json.dumps(report))
        with pytest.raises(fasttok.MergeError, match=message):
            fasttok.merge_reports(files)
        fasttok.merge_reports(files, allow_overlap=True)


def _set(*path: str | int, to: Any) -> Callable[[Any], None]:
    def change(report: Any) -> None:
        for name in path[:-1]:
            report = report[name]
        report[path[-1]] = to

    return change


ENCODING = ("encodings", "r50k_base")
LENGTHS = (*ENCODING, "tokens_per_document")
DAMAGED: dict[str, tuple[Callable[[Any], None], str]] = {
    "estimate": (_set("totals", *ENCODING, "tokens_interval", to=[1, 2]), "an estimate"),
    "estimate_in_group": (_set("groups", 0, *ENCODING, "tokens_interval", to=[1, 2]), "an estimate"),
    "unknown_sum": (_set("totals", "perplexity", to=3), "unknown field `perplexity`"),
    "unknown_member": (_set("estimate", to={}), "it has estimate"),
    "other_schema": (_set("schema", to="fasttok.density/1"), "fasttok.density/1"),
    "other_version": (_set("schema", to="fasttok.report/2"), "fasttok.report/2"),
    "sum": (_set("totals", "bytes", to=4), "do not add up"),
    "tokens": (_set("groups", 0, *ENCODING, "tokens", to=10**6), "do not add up"),
    "too_large": (_set("groups", 0, "bytes", to=2**60), "a count is over"),
    "negative": (_set("groups", 0, "bytes", to=-1), "invalid value"),
    "text": (_set("groups", 0, "bytes", to="7"), "invalid type"),
    "scripts": (_set("groups", 0, "scripts", to={"Qqqq": 1}), "scripts"),
    "counts": (_set("totals", *LENGTHS, "counts", to={"1": 7}), "tokens_per_document"),
    "bucket": (_set("groups", 0, *LENGTHS, "counts", to={"65537": 1}), "tokens_per_document"),
    "max": (_set("groups", 0, *LENGTHS, "max", to=99), "tokens_per_document"),
    "limits": (_set("groups", 0, *ENCODING, "documents_over", to={"4": 0}), "documents_over"),
    "key": (_set("groups", 0, "key", to={"other": "a"}), "keys of a group"),
    "ledger": (_set("ledger", "counted", to=9), "ledgers"),
    "manifest": (_set("manifest", to={}), "damaged"),
    "inputs": (_set("manifest", "inputs", to=5), "damaged"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_what_does_not_add_up_is_refused(tmp_path: Path, name: str) -> None:
    change, message = DAMAGED[name]
    path = write_jsonl(tmp_path / "a.jsonl", [{"text": "a b c", "source": "x"}, {"text": "d", "source": "y"}])
    report = fasttok.count_corpus(path, "r50k_base", by="source", quantiles=True, limits=[3]).to_dict()
    file = tmp_path / "report.json"
    file.write_text(json.dumps(report))
    assert fasttok.merge_reports(file).totals.documents == 2
    changed = copy.deepcopy(report)
    change(changed)
    file.write_text(json.dumps(changed))
    with pytest.raises(fasttok.MergeError, match=message):
        fasttok.merge_reports([file])


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "7", '{"schema": 1}', '{"a": 1} x', "\x00", '{"totals": {}}'])
def test_what_is_no_report_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "report.json"
    file.write_text(text)
    with pytest.raises(fasttok.MergeError, match=r"report\.json is no report"):
        fasttok.merge_reports([file])


def test_a_cut_report_is_refused(tmp_path: Path) -> None:
    """Wherever it is cut."""
    path = write_jsonl(tmp_path / "a.jsonl", [{"text": "a b c", "source": "x"}, {"text": "d", "source": "y"}])
    text = fasttok.count_corpus(path, "r50k_base", by="source", quantiles=True).to_json().rstrip()
    file = tmp_path / "report.json"
    for end in range(0, len(text), 7):
        file.write_text(text[:end])
        with pytest.raises(fasttok.MergeError):
            fasttok.merge_reports([file])


def test_too_many_groups_together(tmp_path: Path) -> None:
    paths = [write_jsonl(tmp_path / f"{i}.jsonl", [{"text": "a", "k": f"{i} {j}"} for j in range(3)]) for i in range(2)]
    parts = [fasttok.count_corpus(path, "r50k_base", by="k", max_groups=5) for path in paths]
    with pytest.raises(fasttok.TooManyGroupsError) as caught:
        fasttok.merge_reports(parts)
    assert (caught.value.by, caught.value.max_groups) == (["k"], 5)


def test_nothing_to_merge() -> None:
    with pytest.raises(ValueError, match="no reports"):
        fasttok.merge_reports([])
