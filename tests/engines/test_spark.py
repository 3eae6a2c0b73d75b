"""Spark on two cores: the counts, tallies and the report of one machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import fasttok
import fasttok.spark
from conftest import content
from fasttok.integrations.carried import Carried
from fasttok.integrations.spark import _count_by_batches


def by_number(frame: Any, column: str) -> dict[int, int | None]:
    return {row["n"]: row[column] for row in frame.collect()}


def test_a_column_of_counts(spark: Any, texts: pa.Table, expected: list[int | None]) -> None:
    frame = spark.createDataFrame(texts.to_pandas()[["text", "n"]]).repartition(3)
    wanted = dict(zip(texts["n"].to_pylist(), expected, strict=True))
    counted = fasttok.spark.count(frame, "text", "o200k_base", output="n_tokens")
    assert counted.dtypes[-1] == ("n_tokens", "bigint") and by_number(counted, "n_tokens") == wanted
    # What versions before 4.1 do.
    counted = _count_by_batches(frame, "text", Carried.of("o200k_base"), "n_tokens", "text", "strict")
    assert counted.dtypes[-1] == ("n_tokens", "bigint") and by_number(counted, "n_tokens") == wanted


def test_an_encoding_that_executors_cannot_have(
    spark: Any, texts: pa.Table, own_encoding: Path, tmp_path: Path
) -> None:
    moved = tmp_path / "own.tiktoken"
    moved.write_bytes(own_encoding.read_bytes())
    enc = fasttok.load(moved, pattern=fasttok._fasttok._family_pattern("gpt2"))
    some = texts.slice(0, 500)
    counted = fasttok.spark.count(spark.createDataFrame(some.to_pandas()), "text", enc)
    moved.unlink()
    assert by_number(counted, "tokens") == dict(zip(some["n"].to_pylist(), enc.count_batch(some["text"]), strict=True))


def test_tallies_are_those_of_a_report(spark: Any, texts: pa.Table, tmp_path: Path) -> None:
    """The same rows from a file, counted here."""
    import pyarrow.parquet as pq

    pq.write_table(texts, tmp_path / "texts.parquet")
    encodings = ["o200k_base", "gpt2"]
    report = fasttok.count_corpus(tmp_path / "texts.parquet", encodings, by="lang", quantiles=True)
    frame = spark.read.parquet(str(tmp_path / "texts.parquet"))
    for lengths in (False, True):
        rows = fasttok.spark.tally(frame, "text", encodings, by="lang", lengths=lengths).collect()
        found = {(row["lang"], row["encoding"]): row for row in rows}
        assert len(found) == len(rows) == 2 * 4
        for group in report.groups:
            for name in encodings:
                row = found[group.key["lang"], name]
                assert (row["documents"], row["bytes"], row["chars"]) == (group.documents, group.bytes, group.chars)
                assert row["tokens"] == group.tokens[name]
                if lengths:
                    assert row["tokens_per_document"] == dict(group.tokens_per_document[name].counts)
        none = found["none", "gpt2"]
        assert (none["documents"], none["nulls"], none["tokens"]) == (0, 1, 0)
        assert sum(row["nulls"] for row in rows) == 2 * report.ledger.skipped == 4
    (total,) = fasttok.spark.tally(frame).collect()
    assert (total["tokens"], total["documents"]) == (report.totals.tokens["o200k_base"], report.totals.documents)
    with pytest.raises(ValueError, match="'tokens' is no column to group by"):
        fasttok.spark.tally(frame, by=["lang", "tokens"])


@pytest.mark.parametrize("asked", [{}, {"by": ["lang", "folder:1"], "quantiles": True, "limits": [5, 100]}])
def test_the_report_of_one_machine(spark: Any, corpus: Path, asked: dict[str, Any]) -> None:
    encodings = ["o200k_base", "cl100k_base"]
    report = fasttok.spark.count_corpus(spark, corpus, encodings, task_bytes=2_000, **asked)
    assert content(report) == content(fasttok.count_corpus(corpus, encodings, **asked))


def test_an_error_of_a_task_is_the_error_of_the_run(spark: Any, corpus: Path) -> None:
    with pytest.raises(fasttok.UnknownFieldError, match="'langs'; did you mean lang"):
        fasttok.spark.count_corpus(spark, corpus, by="langs")
    with pytest.raises(fasttok.InputError, match="null"):
        fasttok.spark.count_corpus(spark, corpus / "part2", on_error="fail")
