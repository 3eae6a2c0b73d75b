"""Hugging Face datasets: the second run finds what the first one wrote, wherever the tokenizer's file is by then."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pytest

import fasttok
import fasttok.datasets


@pytest.fixture
def dataset(texts: pa.Table, tmp_path: Path) -> Any:
    """On the disk: only such a dataset keeps what was made of it."""
    datasets.Dataset(texts).save_to_disk(tmp_path / "saved")
    return datasets.load_from_disk(tmp_path / "saved")


def files(dataset: Any) -> list[str]:
    return [each["filename"] for each in dataset.cache_files]


def test_a_column_of_counts(dataset: Any, texts: pa.Table, expected: list[int | None]) -> None:
    counted = fasttok.datasets.count(dataset, "text", "o200k_base", output="n_tokens")
    assert counted["n_tokens"][:] == expected and counted["text"][:] == texts["text"].to_pylist()
    assert counted.features["n_tokens"].dtype == "int64" and counted.format["type"] is None
    both = fasttok.datasets.count(datasets.DatasetDict(a=dataset, b=dataset.with_format("numpy")))
    assert both["a"]["tokens"][:] == expected and both["b"].format["type"] == "numpy"


def test_the_second_run_reads_what_the_first_one_wrote(dataset: Any, own_encoding: Path, tmp_path: Path) -> None:
    pattern = fasttok._fasttok._family_pattern("gpt2")
    first = fasttok.datasets.count(dataset, "text", "o200k_base")
    modified = [os.stat(name).st_mtime_ns for name in files(first)]
    again = fasttok.datasets.count(dataset, "text", fasttok.get_encoding("o200k_base"))
    assert files(again) == files(first) != files(dataset)
    assert [os.stat(name).st_mtime_ns for name in files(again)] == modified
    assert files(fasttok.datasets.count(dataset, "text", "gpt2")) != files(first)
    assert files(fasttok.datasets.count(dataset, "text", "o200k_base", special="token")) != files(first)

    made = fasttok.datasets.count(dataset, "text", fasttok.load(own_encoding, pattern=pattern))
    moved = tmp_path / "elsewhere.tiktoken"
    shutil.copy(own_encoding, moved)
    same = fasttok.load(moved, name="own", pattern=pattern)
    assert files(fasttok.datasets.count(dataset, "text", same)) == files(made)


def test_fingerprints_are_those_of_another_process(own_encoding: Path, tmp_path: Path) -> None:
    """Where hashes of strings are others, and the tokenizer's file is elsewhere and younger: of the function that is
    mapped here, and of one of the user's with an encoding in it."""
    code = (
        "import sys, datasets, fasttok, fasttok.datasets as d; from fasttok.integrations.carried import Carried;"
        "pattern = fasttok._fasttok._family_pattern('gpt2');"
        "own, embedded = fasttok.load(sys.argv[1], name='own', pattern=pattern), fasttok.get_encoding('gpt2');"
        "make = d.count.__globals__['_Counts'];"
        "ours = [make(Carried.of(each), 'text', 'tokens', 'text', 'strict') for each in (own, embedded)];"
        "users = [(lambda enc: lambda rows: enc.count_batch(rows))(each) for each in (own, embedded)];"
        "print(*map(datasets.fingerprint.Hasher.hash, ours + users))"
    )
    again = tmp_path / "again.tiktoken"
    shutil.copy(own_encoding, again)
    found = set()
    for seed, path in (("1", own_encoding), ("2", again)):
        command, environment = [sys.executable, "-c", code, str(path)], {**os.environ, "PYTHONHASHSEED": seed}
        found.add(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)
    (hashes,) = found
    assert len(set(hashes.split())) == 4
