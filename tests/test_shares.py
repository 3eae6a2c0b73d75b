"""A run in shares, whoever counts them: the report is that of one run, whatever the division, and so are the errors."""

from __future__ import annotations

import base64
import gzip
import json
import pickle
import random
from pathlib import Path
from typing import Any

import pytest
from mixed_corpus import make

import fasttok
from fasttok.integrations.carried import Carried, counts
from fasttok.integrations.shares import Row, SharedRun, divided

OF_THE_RUN = ("run",)
EVERYTHING: dict[str, Any] = {"by": ["lang", "folder:1"], "quantiles": True, "limits": [5, 100]}


def shared(paths: Any, task_bytes: int = 1, cores: int = 1, encodings: Any = "o200k_base", **asked: Any) -> SharedRun:
    by, quantiles, limits = asked.pop("by", ()), asked.pop("quantiles", False), asked.pop("limits", ())
    return SharedRun("test", paths, encodings, by, quantiles, limits, task_bytes, cores, asked)


def rows_of(run: SharedRun) -> list[Row]:
    """The rows of all shares, each as another process would count it."""
    return [pickle.loads(pickle.dumps(run.job)).count(i, share) for i, share in enumerate(run.shares)]


def content(report: fasttok.Report) -> tuple[str, dict[str, Any]]:
    """What must be the same: all of the JSON but what is said of the run."""
    said = report.to_dict()
    manifest = {name: value for name, value in said["manifest"].items() if name not in OF_THE_RUN}
    whole = "".join(report.text("json"))
    return whole[whole.index('"totals"') :], manifest


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("corpus"))


@pytest.mark.parametrize("task_bytes", [1, 3_000, 100_000, 1 << 40])
@pytest.mark.parametrize("asked", [{}, EVERYTHING, {"by": "file"}, {"by": "script"}, {"decompress": True}])
def test_the_report_is_that_of_one_run(corpus: Path, task_bytes: int, asked: dict[str, Any]) -> None:
    encodings = ["o200k_base", "gpt2"]
    run = shared(corpus, task_bytes, int(task_bytes == 1), encodings, **asked)
    assert (len(run.shares) == 1) == (task_bytes == 1 << 40)
    rows = rows_of(run)
    random.Random(task_bytes).shuffle(rows)
    expected = fasttok.count_corpus(corpus, encodings, **asked)
    assert content(run.report(rows)) == content(expected)
    assert expected.ledger.skipped > 10 and expected.manifest["files_ignored"] >= 2


def test_what_is_named_and_what_is_found_is_told_apart(corpus: Path, tmp_path: Path) -> None:
    """A file that is named is read whatever it is, and is below its own folder; one of a list may be missing."""
    listed = tmp_path / "list"
    listed.write_text(f"{corpus}/packed.txt.gz\n{corpus}/gone\n")
    asked = {"files_from": listed, "by": "folder:1", "errors": "replace"}
    paths = [corpus / "binary", corpus, f"{corpus}/*/deep/*.jsonl", corpus / "binary"]
    expected = fasttok.count_corpus(paths, **asked)
    run = shared(paths, **asked)
    assert content(run.report(rows_of(run))) == content(expected)
    assert expected.manifest["inputs_repeated"] > 1 and "not-found" in str(expected.ledger.by_reason).replace("_", "-")


def test_a_list_of_every_skipped_row_is_written(corpus: Path, tmp_path: Path) -> None:
    one, many = tmp_path / "one", tmp_path / "many"
    fasttok.count_corpus(corpus, ledger_path=one, threads=1)
    run = shared(corpus, ledger_path=many)
    run.report(rows_of(run))
    assert sorted(many.read_text().splitlines()) == sorted(one.read_text().splitlines())


@pytest.mark.parametrize(
    "asked",
    [
        {"on_error": "fail"},
        {"max_errors": 3},
        {"max_errors": 30},
        {"by": "langs"},
        {"text_field": "txt"},
        {"by": "file", "max_groups": 5},
    ],
)
def test_errors_are_those_of_one_run(corpus: Path, asked: dict[str, Any]) -> None:
    with pytest.raises(fasttok.FasttokError) as expected:
        fasttok.count_corpus(corpus, **asked)
    with pytest.raises(type(expected.value)) as raised:
        run = shared(corpus, **asked)
        run.report(rows_of(run))
    if "on_error" not in asked and "max_errors" not in asked:
        # Which bad row is met first is up to who is first.
        assert str(raised.value) == str(expected.value)


def test_a_field_that_few_files_have_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "one"}\n')
    (tmp_path / "b.jsonl").write_text('{"text": "two", "rare": "x"}\n{"body": 1}\n')
    (tmp_path / "c").write_bytes(bytes(100))
    run = shared(tmp_path, by="rare")
    # A file with two lines is two shares, of which one knows nothing of the field.
    assert len(run.shares) == 4
    assert content(run.report(rows_of(run))) == content(fasttok.count_corpus(tmp_path, by="rare"))


def lines(draw: random.Random, many: int) -> str:
    """Lines of JSON, some of which are none, or hold no text, some empty and some long."""
    record = [
        lambda: json.dumps({"text": "word " * draw.randrange(30), "lang": draw.choice(["en", "de", None])}),
        lambda: json.dumps({"text": "中文 grün " * draw.randrange(9)}, ensure_ascii=False),
        lambda: json.dumps({"text": "long " * 700, "lang": "en"}),
        lambda: draw.choice(["", "{", "[]", '{"text": 1}', '{"text": null}', '{"lang": "en"}', '{"text": "\\ud800"}']),
    ]
    ended = draw.choice(["", "\n", "\n\n"])
    return "\n".join(draw.choice(record)() for _ in range(many)) + ended


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files that are divided, and some that cannot be."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder, draw = tmp_path_factory.mktemp("large"), random.Random(3)
    whole = ""
    for i, many in enumerate([0, 1, 2, 60, 200]):
        whole = lines(draw, many)
        mark = b"\xef\xbb\xbf" if i % 2 else b""
        (folder / f"{i}.jsonl").write_bytes(mark + whole.encode())
    (folder / "bad.jsonl").write_bytes(whole.encode().replace(b"word", b"w\xffrd", 9))
    (folder / "wide.jsonl").write_bytes(whole.encode("utf-16"))
    (folder / "packed.jsonl.gz").write_bytes(gzip.compress(whole.encode()))
    (folder / "prose.txt").write_text("One line.\nAnother.\n" * 99)
    texts = [draw.choice([None, "", "some words", "中文 " * 20]) for _ in range(100)]
    table = pa.table({"text": texts, "lang": [draw.choice(["en", "de"]) for _ in texts]})
    pq.write_table(table, folder / "rows.parquet", row_group_size=7)
    pq.write_table(table.rename_columns(["body", "lang"]), folder / "other.parquet", row_group_size=40)
    (folder / "damaged.parquet").write_bytes((folder / "rows.parquet").read_bytes()[:-9] + b"\0" * 9)
    broken = bytearray((folder / "rows.parquet").read_bytes())
    at = pq.ParquetFile(folder / "rows.parquet").metadata.row_group(5).column(0).dictionary_page_offset
    broken[at : at + 12] = b"\xff" * 12
    (folder / "broken.parquet").write_bytes(broken)
    with pa.ipc.new_file(folder / "batches.arrow", table.schema) as file:
        file.write_table(table, max_chunksize=9)
    with pa.ipc.new_stream(folder / "stream.arrows", table.schema) as stream:
        stream.write_table(table, max_chunksize=9)
    return folder


@pytest.mark.parametrize(
    ("task_bytes", "asked"),
    [
        (1, {"by": "lang"}),
        (2_000, EVERYTHING),
        (2_000, {"by": "file"}),
        (3_000, {"lines": True}),
        (7_000, {"errors": "replace"}),
        (100_000, {}),
    ],
)
def test_a_large_file_is_divided(large: Path, tmp_path: Path, task_bytes: int, asked: dict[str, Any]) -> None:
    one, many = tmp_path / "one", tmp_path / "many"
    expected = fasttok.count_corpus(large, ledger_path=one, threads=1, **asked)
    run = shared(large, task_bytes, ledger_path=many, **asked)
    rows = rows_of(run)
    assert (len(rows) > len(list(large.iterdir()))) == (task_bytes < 100_000)
    random.Random(task_bytes).shuffle(rows)
    assert content(run.report(rows)) == content(expected)
    assert sorted(many.read_text().splitlines()) == sorted(one.read_text().splitlines())
    entries = expected.ledger.entries
    assert any((entry.line or 0) > 150 for entry in entries) or asked.get("lines")
    assert any(entry.position.get("row_group") for entry in entries)


def test_the_parts_of_a_file_are_as_large_as_was_asked(large: Path) -> None:
    import pyarrow.parquet as pq

    lines, rows = large / "4.jsonl", large / "rows.parquet"
    size = lines.stat().st_size
    for parts in (1, 2, 5, 9):
        assert parts / 2 <= len(shared(lines, -(-size // parts)).shares) <= parts
    said = pq.ParquetFile(rows).metadata
    sizes = [sum(said.row_group(i).column(c).total_compressed_size for c in (0, 1)) for i in range(said.num_row_groups)]
    assert len(shared(rows, 1).shares) == len(sizes) == 15
    # Each has at least as much as was asked, but for the last.
    assert 2 <= len(shared(rows, sum(sizes) // 2).shares) <= 3
    for name in ("packed.jsonl.gz", "wide.jsonl", "prose.txt", "stream.arrows", "damaged.parquet"):
        assert len(shared(large / name, 1).shares) == 1, name


@pytest.mark.parametrize("asked", [{"on_error": "fail"}, {"max_errors": 0}, {"max_errors": 2}])
def test_errors_in_a_part_of_a_file_tell_the_line_of_the_file(tmp_path: Path, asked: dict[str, Any]) -> None:
    path = tmp_path / "a.jsonl"
    good, bad = '{"text": "a"}\n', '{"text": 1}\n'
    for before in (0, 1, 40):
        path.write_text(good * before + bad * 3 + good * 9)
        with pytest.raises(fasttok.FasttokError) as expected:
            fasttok.count_corpus(path, **asked)
        # Shares that have more of the bad rows than are allowed by themselves, and that have not.
        for task_bytes in (1, 20, 50, 200):
            run = shared(path, task_bytes, **asked)
            with pytest.raises(type(expected.value)) as raised:
                run.report(rows_of(run))
            assert str(raised.value) == str(expected.value)
            assert vars(raised.value) == vars(expected.value)


def test_a_file_that_was_changed_after_it_was_divided_is_not_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a b"}\n' * 20)
    run = shared(path, 100)
    rows = rows_of(run)
    path.write_text('{"text": "a b"}\n' * 21)
    assert rows_of(run) != rows
    report = run.report(rows_of(run))
    assert report.totals.documents == 0 and report.ledger.by_reason == {"changed": len(run.shares)}
    path.unlink()
    assert run.report(rows_of(run)).ledger.by_reason == {"not_found": len(run.shares)}


def test_files_that_are_all_passed_by_are_an_error(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).write_bytes(bytes(100))
    run = shared(tmp_path)
    with pytest.raises(fasttok.FileError, match="all 2 files are binary"):
        run.report(rows_of(run))


def test_rows_that_are_missing_or_there_twice_are_refused(corpus: Path) -> None:
    run = shared(corpus)
    rows = rows_of(run)
    for wrong in (rows[1:], [*rows, rows[0]], [*rows[1:], rows[1]]):
        with pytest.raises(fasttok.InputError, match="each once"):
            run.report(wrong)


def test_what_only_this_process_can_read_or_do_is_refused(corpus: Path) -> None:
    with pytest.raises(fasttok.InputError, match="only files can be shared"):
        shared("-")
    for name, value in {"threads": 2, "cancel": bool, "on_progress": print}.items():
        with pytest.raises(ValueError, match=f"takes no {name}: "):
            shared(corpus, **{name: value})
    with pytest.raises(TypeError, match="checkpoint"):
        shared(corpus, checkpoint="x")
    with pytest.raises(ValueError, match="task_bytes"):
        shared(corpus, task_bytes=0)
    with pytest.raises(ValueError, match="damaged"):
        fasttok._fasttok.count_corpus([], [], [], shared(corpus).job.options, share=b"\xff")


def test_files_are_divided_evenly_and_in_order() -> None:
    rng = random.Random(1)
    for _ in range(300):
        sizes = [rng.choice([None, 0, 10, 1 << rng.randrange(30)]) for _ in range(rng.randrange(40))]
        task_bytes, at_least = 1 << rng.randrange(32), rng.randrange(1, 20)
        spans = list(divided(sizes, task_bytes, at_least))
        assert [i for start, stop in spans for i in range(start, stop)] == list(range(len(sizes)))
        for start, stop in spans:
            assert stop - start == 1 or sum(size or 0 for size in sizes[start:stop]) <= task_bytes
    assert list(divided([1 << 20] * 40, 1 << 30, 8)) == [(i, i + 5) for i in range(0, 40, 5)]


def test_an_encoding_travels_by_name_or_whole_and_is_checked(tmp_path: Path) -> None:
    carried = Carried.of("o200k_base")
    assert carried.content is None and len(pickle.dumps(carried)) < 500
    assert carried.here() is fasttok.get_encoding("o200k_base")

    path = tmp_path / "own.tiktoken"
    path.write_bytes(b"".join(b"%s %d\n" % (base64.b64encode(bytes([i])), i) for i in range(256)))
    own = fasttok.load(path, pattern=fasttok_pattern())
    carried = Carried.of(own)
    path.unlink()
    assert pickle.loads(pickle.dumps(carried)).here() == own
    wrong = Carried(carried.version, "o200k_base", "00", None)
    with pytest.raises(fasttok.TokenizerFileError, match="has the hash"):
        wrong.here()
    with pytest.raises(fasttok.FasttokError, match="install the same"):
        Carried("0.0", "o200k_base", carried.hash, None).here()


def fasttok_pattern() -> str:
    pattern = fasttok._fasttok._family_pattern("gpt2")
    assert pattern is not None
    return pattern


def test_a_column_of_counts_has_the_nulls_of_its_texts() -> None:
    import pyarrow as pa

    enc = fasttok.get_encoding("o200k_base")
    texts = ["one", None, "", "two words 你好"]
    expected = [None if text is None else enc.count(text) for text in texts]
    for kind in (pa.string(), pa.large_string(), pa.string_view()):
        whole = pa.array(texts, kind)
        for column in (whole, pa.chunked_array([whole[:2], whole[2:]]), pa.chunked_array([whole[:0]], kind)):
            found = counts(enc, column, "text", "strict")
            assert found.to_pylist() == expected[: len(column)] and found.type == pa.int64()
