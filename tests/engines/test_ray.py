"""Ray with two workers: the counts and the report of one machine, also where a worker is killed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import fasttok
import fasttok.ray
from conftest import content, killing_detector


def test_a_column_of_counts(ray: Any, texts: pa.Table, expected: list[int | None]) -> None:
    dataset = ray.data.from_arrow([texts.slice(0, 1000), texts.slice(1000)])
    counted = fasttok.ray.count(dataset, "text", "o200k_base", output="n_tokens")
    found = {row["n"]: row["n_tokens"] for row in counted.take_all()}
    assert found == dict(zip(texts["n"].to_pylist(), expected, strict=True))
    assert counted.schema().names == ["text", "lang", "n", "n_tokens"]


def test_an_encoding_that_workers_cannot_have(ray: Any, texts: pa.Table, own_encoding: Path, tmp_path: Path) -> None:
    moved = tmp_path / "own.tiktoken"
    moved.write_bytes(own_encoding.read_bytes())
    enc = fasttok.load(moved, pattern=fasttok._fasttok._family_pattern("gpt2"))
    counted = fasttok.ray.count(ray.data.from_arrow(texts.slice(0, 500)), "text", enc)
    moved.unlink()
    assert [row["tokens"] for row in counted.take_all()] == enc.count_batch(texts["text"][:500]).tolist()


@pytest.mark.parametrize("asked", [{}, {"by": ["lang", "folder:1"], "quantiles": True, "limits": [5, 100]}])
def test_the_report_of_one_machine(ray: Any, corpus: Path, asked: dict[str, Any]) -> None:
    encodings = ["o200k_base", "cl100k_base"]
    report = fasttok.ray.count_corpus(corpus, encodings, task_bytes=2_000, **asked)
    assert content(report) == content(fasttok.count_corpus(corpus, encodings, **asked))


def test_an_error_of_a_task_is_the_error_of_the_run(ray: Any, corpus: Path) -> None:
    with pytest.raises(fasttok.UnknownFieldError, match="'langs'; did you mean lang"):
        fasttok.ray.count_corpus(corpus, by="langs")
    with pytest.raises(fasttok.InputError, match="null"):
        fasttok.ray.count_corpus(corpus / "part2", on_error="fail")


def test_a_worker_that_is_killed_changes_nothing(ray: Any, corpus: Path, tmp_path: Path) -> None:
    marker = tmp_path / "killed"
    asked: dict[str, Any] = {"detect_language": killing_detector(marker, 0), "quantiles": True}
    report = fasttok.ray.count_corpus(corpus, by="language", task_bytes=2_000, **asked)
    assert marker.exists()
    assert content(report) == content(fasttok.count_corpus(corpus, by="language", **asked))
