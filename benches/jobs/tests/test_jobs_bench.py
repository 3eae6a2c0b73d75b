"""The logic of the program: the same documents in every form, each once, and what a process costs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import zstandard

import fasttok
from benches.jobs import corpus, process


@pytest.fixture
def corpora(tmp_path: Path) -> Path:
    for language, texts in (("eng_Latn", ["one\n", "two", "three"]), ("zho_Hans", ["一二"])):
        rows = [{"id": i, "language": language, "source": "s", "text": text} for i, text in enumerate(texts)]
        packed = zstandard.ZstdCompressor().compress("".join(json.dumps(row) + "\n" for row in rows).encode())
        (tmp_path / f"{language}.jsonl.zst").write_bytes(packed)
    return tmp_path


def test_each_document_is_in_one_shard(corpora: Path) -> None:
    parts = list(corpus.shards(corpora, ["eng_Latn", "zho_Hans"], shard_bytes=8))
    assert [[row["text"] for row in part] for part in parts] == [["one\n", "一二"], ["two", "three"]]


@pytest.mark.parametrize("form", corpus.FORMS)
def test_every_form_holds_the_same(corpora: Path, form: str) -> None:
    parts = list(corpus.shards(corpora, ["eng_Latn", "zho_Hans"], shard_bytes=1))
    folders = corpus.prepare(parts, corpora / "cache", form)
    assert (sum(folder.bytes for folder in folders), sum(folder.documents for folder in folders)) == (18, 4)
    totals = fasttok.count_corpus([folder.path for folder in folders], ["o200k_base"]).totals
    assert (totals.documents, totals.bytes) == (4, 18)


def test_the_cost_of_a_process_and_its_children() -> None:
    child = "block = bytearray(200_000_000); import time; time.sleep(0.3); sum(range(20_000_000))"
    program = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}], check=True); print('done')"
    cost = process.run([sys.executable, "-c", program], {}, timeout=60)
    assert cost.output == "done\n"
    assert cost.cpu > 0 and cost.wall >= 0.3
    if sys.platform == "linux":
        assert cost.peak > 200_000_000


def test_a_process_that_fails_says_why() -> None:
    with pytest.raises(process.FailedError, match="no tokens today"):
        process.run([sys.executable, "-c", "raise SystemExit('no tokens today')"], {}, timeout=60)
