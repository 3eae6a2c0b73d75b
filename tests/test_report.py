"""`Report`: what it says, how it is ordered, how it is written."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from cli_support import write_jsonl
from training import trained

import fasttok
from fasttok.reports import count as report_module

RECORDS = [
    {"text": "The quick brown fox.", "language": "eng_Latn", "source": "a"},
    {"text": "敏捷的棕色狐狸。", "language": "zho_Hans", "source": "a"},
    {"text": "敏捷的狐狸", "language": "zho_Hans", "source": "b"},
    {"text": "", "language": "eng_Latn", "source": "b"},
    {"text": "no language"},
    {"text": "null language", "language": None},
]
ENCODINGS = ["o200k_base", "cl100k_base"]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_jsonl(tmp_path / "corpus.jsonl", RECORDS)


@pytest.fixture
def report(corpus: Path) -> fasttok.Report:
    return fasttok.count_corpus(corpus, ENCODINGS, by=["language", "source"])


def tokens(text: str, encoding: str) -> int:
    return fasttok.get_encoding(encoding).count(text)


def test_totals_are_sums_over_documents(report: fasttok.Report) -> None:
    texts = [record["text"] for record in RECORDS]
    assert report.totals.documents == len(texts)
    assert report.totals.bytes == sum(len(text.encode()) for text in texts)
    assert report.totals.chars == sum(len(text) for text in texts)
    for encoding in ENCODINGS:
        assert report.totals.tokens[encoding] == sum(tokens(text, encoding) for text in texts)


def test_groups_sum_to_totals(report: fasttok.Report) -> None:
    for measure in ("documents", "bytes", "chars"):
        assert sum(getattr(group, measure) for group in report.groups) == getattr(report.totals, measure)
    for encoding in ENCODINGS:
        assert sum(group.tokens[encoding] for group in report.groups) == report.totals.tokens[encoding]


def test_groups_stand_in_the_order_of_their_names_with_null_last(report: fasttok.Report) -> None:
    assert [tuple(group.key.values()) for group in report.groups] == [
        ("eng_Latn", "a"),
        ("eng_Latn", "b"),
        ("zho_Hans", "a"),
        ("zho_Hans", "b"),
        (None, None),
    ]


def test_ratios_are_ratios_of_sums(report: fasttok.Report) -> None:
    totals = report.totals
    for encoding in ENCODINGS:
        assert totals.tokens_per_char[encoding] == totals.tokens[encoding] / totals.chars
        assert totals.chars_per_token[encoding] == totals.chars / totals.tokens[encoding]
        assert totals.bytes_per_token[encoding] == totals.bytes / totals.tokens[encoding]


def test_a_ratio_without_divisor_is_null(report: fasttok.Report) -> None:
    empty = next(group for group in report.groups if group.key == {"language": "eng_Latn", "source": "b"})
    assert empty.documents == 1
    assert empty.to_dict()["encodings"]["o200k_base"] == {
        "tokens": 0,
        "tokens_per_char": None,
        "chars_per_token": None,
        "bytes_per_token": None,
    }


def test_json_follows_its_schema(report: fasttok.Report, corpus: Path) -> None:
    schema = fasttok.schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate(json.loads(report.to_json()))
    corpus.write_bytes(corpus.read_bytes() + b"broken\n")
    validator.validate(json.loads(fasttok.count_corpus(corpus).to_json()))


def test_manifest_says_how_it_was_counted(report: fasttok.Report, corpus: Path) -> None:
    manifest = report.manifest
    encoding = fasttok.get_encoding("o200k_base")
    assert manifest["encodings"][0] == {
        "label": "o200k_base",
        "name": "o200k_base",
        "hash": encoding.hash,
        "pretokenizer": encoding.pretokenizer,
        "normalization": [],
        "normalization_unicode": None,
    }
    assert manifest["fasttok"] == fasttok.__version__
    assert manifest["inputs"] == [str(corpus)]
    assert (manifest["special"], manifest["errors"]) == ("text", "strict")
    assert manifest["unicode"] == "16.0.0"
    assert manifest["rows"] == {"seen": 6, "counted": 6, "skipped": 0}
    assert manifest["files"] == 1
    assert manifest["bytes_read"] == corpus.stat().st_size


@pytest.mark.parametrize(
    ("normalizer", "steps", "unicode"),
    [
        (None, [], None),
        ({"type": "NFC"}, ["NFC"], "9.0.0"),
        (
            {
                "type": "Sequence",
                "normalizers": [
                    {"type": "Prepend", "prepend": "x"},
                    {"type": "Replace", "pattern": {"String": "a"}, "content": "b"},
                    {"type": "NFKD"},
                ],
            },
            ["Prepend", "Replace", "NFKD"],
            "9.0.0",
        ),
        ({"type": "Lowercase"}, ["Lowercase"], None),
    ],
)
def test_manifest_says_how_each_encoding_normalizes(
    corpus: Path, tmp_path: Path, normalizer: object, steps: list[str], unicode: str | None
) -> None:
    file = tmp_path / "tokenizer.json"
    file.write_text(json.dumps({**trained(300), "normalizer": normalizer}))
    described = fasttok.count_corpus(corpus, {"mine": file}).manifest["encodings"][0]
    assert (described["label"], described["normalization"], described["normalization_unicode"]) == (
        "mine",
        steps,
        unicode,
    )


def test_only_one_member_depends_on_the_run(corpus: Path) -> None:
    first, second = (
        fasttok.count_corpus(corpus, ENCODINGS, by="language", threads=threads).to_dict() for threads in (1, 2)
    )
    runs = first["manifest"].pop("run"), second["manifest"].pop("run")
    assert first == second
    assert [run["threads"] for run in runs] == [1, 2]
    assert all(run["peak_memory_bytes"] > 10_000_000 for run in runs)


@pytest.mark.parametrize("key", [key for key in report_module.SORT_KEYS if key not in report_module.QUANTILES])
def test_sorted_by(report: fasttok.Report, key: str) -> None:
    ordered = report.sorted_by(key)
    assert sorted(map(str, ordered.groups)) == sorted(map(str, report.groups))
    if key in report_module.MEASURES:
        values = [group.measures("o200k_base")[key] for group in ordered.groups]
    elif key != "key":
        values = [getattr(group, key) for group in ordered.groups]
    else:
        assert ordered == report
        return
    known = [value for value in values if value is not None]
    assert values == sorted(known, reverse=True) + [None] * (len(values) - len(known))


@pytest.mark.parametrize("key", report_module.QUANTILES)
def test_sorted_by_quantiles(corpus: Path, key: str) -> None:
    report = fasttok.count_corpus(corpus, ENCODINGS, by="language", quantiles=True)
    for reverse in (False, True):
        groups = report.sorted_by(key, reverse=reverse).groups
        values = [getattr(group.tokens_per_document["o200k_base"], key) for group in groups]
        assert len(values) > 1 and values == sorted(values, reverse=not reverse)
    with pytest.raises(ValueError, match="no quantiles were asked for"):
        fasttok.count_corpus(corpus, ENCODINGS, by="language").sorted_by(key)


def test_sorted_by_reverse(report: fasttok.Report) -> None:
    assert report.sorted_by("key", reverse=True).groups == list(reversed(report.groups))
    sizes = [group.bytes for group in report.sorted_by("bytes", reverse=True).groups]
    assert sizes == sorted(sizes)


def test_sorted_by_refuses_what_it_does_not_know(report: fasttok.Report) -> None:
    with pytest.raises(ValueError, match="choose one of key, documents"):
        report.sorted_by("colour")


def test_csv_has_a_row_for_each_group_and_encoding(report: fasttok.Report) -> None:
    rows = list(csv.DictReader(io.StringIO(report.to_csv())))
    assert len(rows) == len(report.groups) * 2
    assert list(rows[0])[:4] == ["language", "source", "encoding", "documents"]
    assert int(rows[0]["tokens"]) == report.groups[0].tokens["o200k_base"]
    assert float(rows[0]["bytes_per_token"]) == report.groups[0].bytes_per_token["o200k_base"]


def test_csv_without_groups_has_the_totals(corpus: Path) -> None:
    report = fasttok.count_corpus(corpus, ENCODINGS)
    assert [row["encoding"] for row in csv.DictReader(io.StringIO(report.to_csv()))] == ENCODINGS


def test_tsv_keeps_a_row_on_a_line(tmp_path: Path) -> None:
    corpus = write_jsonl(tmp_path / "x.jsonl", [{"text": "x", "tag": "a\tb\nc\\d\r"}])
    _, row = fasttok.count_corpus(corpus, by="tag").to_tsv().splitlines()
    assert row.split("\t")[0] == r"a\tb\nc\\d\r"


def test_a_key_with_the_name_of_a_measure_keeps_apart(tmp_path: Path) -> None:
    corpus = write_jsonl(tmp_path / "x.jsonl", [{"text": "x", "bytes": "many"}])
    report = fasttok.count_corpus(corpus, by="bytes")
    assert report.columns()[:4] == ["key.bytes", "encoding", "documents", "bytes"]
    assert report.to_arrow().column("key.bytes").to_pylist() == ["many"]


def test_files_are_written_and_returned(report: fasttok.Report, tmp_path: Path) -> None:
    for method, name in ((report.to_json, "r.json"), (report.to_csv, "r.csv"), (report.to_tsv, "r.tsv")):
        text = method(tmp_path / name)
        assert (tmp_path / name).read_text(encoding="utf-8") == text
    assert {path.name for path in tmp_path.iterdir()} == {"corpus.jsonl", "r.json", "r.csv", "r.tsv"}


def test_data_frames_agree(report: fasttok.Report) -> None:
    table = report.to_arrow()
    assert table.column_names == report.columns()
    assert [tuple(row.values()) for row in table.to_pylist()] == list(report.rows())
    assert report.to_polars().rows() == list(report.rows())
    pandas = report.to_pandas()
    assert list(pandas.columns) == report.columns()
    assert pandas["tokens"].tolist() == table.column("tokens").to_pylist()
    assert str(pandas["tokens"].dtype) == "int64"


@pytest.mark.parametrize(
    ("method", "module", "extra"),
    [("to_arrow", "pyarrow", "arrow"), ("to_pandas", "pandas", "pandas"), ("to_polars", "polars", "polars")],
)
def test_a_missing_extra_is_named(
    report: fasttok.Report, monkeypatch: pytest.MonkeyPatch, method: str, module: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ModuleNotFoundError, match=rf"{module}: pip install 'fasttok-engine\[{extra}\]'"):
        getattr(report, method)()


def test_printed_table(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    report = fasttok.count_corpus(corpus, by="language")
    text = str(report)
    header, rule, *rows = text.splitlines()
    assert header.split() == ["language", "docs", "bytes", "chars", "tokens", "tok/char", "B/tok"]
    assert set(rule) == {"─"}
    assert rows[-2].split()[:2] == ["total", "6"]
    assert "6 rows seen, 6 counted, 0 skipped" in rows[-1]
    assert "\x1b" not in text
    assert repr(report).startswith("<fasttok.Report of 6 documents, tokens {o200k_base: ")


def test_html_table_escapes(tmp_path: Path) -> None:
    corpus = write_jsonl(tmp_path / "x.jsonl", [{"text": "x", "tag": "<b>&"}])
    html = fasttok.count_corpus(corpus, by="tag")._repr_html_()
    assert "&lt;b&gt;&amp;" in html and "<b>" not in html
    assert html.count("<table>") == html.count("</table>") == 1


def test_one_encoding_and_one_key_may_be_a_string(corpus: Path) -> None:
    report = fasttok.count_corpus(str(corpus), "cl100k_base", by="source")
    assert report.encodings == ["cl100k_base"]
    assert report.by == ["source"]


def test_names_given_twice_count_once(corpus: Path) -> None:
    report = fasttok.count_corpus(corpus, ["cl100k_base", "cl100k_base"], by=["source", "source"])
    assert report.encodings == ["cl100k_base"]
    assert report.by == ["source"]


def test_nothing_asked_for_is_refused(corpus: Path) -> None:
    with pytest.raises(ValueError, match="no paths"):
        fasttok.count_corpus([])
    with pytest.raises(ValueError, match="no encodings"):
        fasttok.count_corpus(corpus, [])


def test_unknown_encoding(corpus: Path) -> None:
    with pytest.raises(fasttok.UnknownEncodingError, match="o200k_base"):
        fasttok.count_corpus(corpus, "o200k_bas")


def test_missing_path_names_its_neighbours(corpus: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"corpus\.json; did you mean .*corpus\.jsonl\?"):
        fasttok.count_corpus(corpus.with_suffix(".json"))
    with pytest.raises(fasttok.FasttokError, match="nowhere does not exist"):
        fasttok.count_corpus(corpus.parent / "nowhere" / "corpus.jsonl")


def test_progress_is_told(corpus: Path) -> None:
    calls = []
    corpus.write_bytes(corpus.read_bytes() + b"broken\n")
    fasttok.count_corpus(corpus, on_progress=calls.append)
    size = corpus.stat().st_size
    for now in calls:
        assert 0 <= now.bytes_read <= size and now.total_bytes in (None, size)
        assert 0 <= now.documents <= len(RECORDS) and now.skipped in (0, 1)
    last = calls[-1]
    assert (last.bytes_read, last.total_bytes, last.documents, last.skipped) == (size, size, len(RECORDS), 1)
    assert repr(last) == f"Progress(bytes_read={size}, total_bytes={size}, documents={len(RECORDS)}, skipped=1)"


def test_an_exception_in_progress_ends_the_run(corpus: Path) -> None:
    class Enough(Exception):
        pass

    def told(now: object) -> None:
        raise Enough

    for run in (
        lambda: fasttok.count_corpus(corpus, on_progress=told),
        lambda: fasttok.check_claims("r50k_base", texts={"eng": corpus}, on_progress=told),
    ):
        with pytest.raises(Enough):
            run()


def test_ledger_file_is_written_whole(corpus: Path, tmp_path: Path) -> None:
    corpus.write_bytes(corpus.read_bytes() + b"broken\n{}\n")
    ledger = tmp_path / "out" / "skipped.jsonl"
    ledger.parent.mkdir()
    report = fasttok.count_corpus(corpus, ledger_path=ledger)
    entries = [json.loads(line) for line in ledger.read_text().splitlines()]
    assert [entry["line"] for entry in sorted(entries, key=lambda e: e["line"])] == [7, 8]
    assert report.ledger.skipped == 2
    assert [path.name for path in ledger.parent.iterdir()] == ["skipped.jsonl"]


def test_import_is_light() -> None:
    code = "import sys, fasttok; print([m for m in ('numpy', 'rich', 'click', 'pyarrow', 'json') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


@pytest.mark.parametrize("library", ["pandas.DataFrame", "polars.DataFrame", "polars.LazyFrame", "pyarrow.table"])
def test_a_frame_is_no_path(library: str) -> None:
    module, _, name = library.partition(".")
    frame = getattr(pytest.importorskip(module), name)({"text": ["a b"]})
    with pytest.raises(TypeError, match=r"call Encoding\.count_batch"):
        fasttok.count_corpus(frame, ENCODINGS)
