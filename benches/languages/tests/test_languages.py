"""What the benchmark writes, on text that is no evidence of anything."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import fasttok
from benches.languages import __main__ as program
from benches.languages.tables import Comparison, claims_page, languages_page
from benches.languages.tokenizers import loaded
from fasttok.measures.claims import check_claims
from fasttok.measures.claims_registry import CLAIMS

PARALLEL = {
    "eng": ["The cat sat on the mat.", "Where is the station?", "Good night!"],
    "zho-CN": ["猫坐在垫子上。", "车站在哪里？", "晚安！"],
    "cmn_hans": ["猫坐在垫子上。", "车站在哪里？", "晚安！"],
}
ENCODINGS = ["o200k_base", "cl100k_base"]


def test_pages() -> None:
    news = fasttok.premium(PARALLEL, ENCODINGS, pivot="eng").sorted_by()
    page = languages_page(
        {"ntrex128": news, "udhr": news}, {"Llama 9": "unknown"}, Comparison("0.23", 7, {"A": 0, "B": 2})
    )
    row = news.get("zho-CN", "o200k_base")
    assert f"{row.premium:.2f}<br><sub>{row.low:.2f}–{row.high:.2f}</sub>" in page
    assert "2 counts differ" in page
    assert "Not measured, because fasttok could not load them: Llama 9." in page
    page = claims_page(check_claims(ENCODINGS, parallel=PARALLEL), {})
    for claim in CLAIMS:
        assert f'<a id="{claim.id}"></a>' in page and claim.says in page


def test_tokenizers_that_are_not_there(tmp_path: Path) -> None:
    with loaded(tmp_path) as (encodings, refused):
        assert set(encodings) == {"o200k_base", "cl100k_base"}
        assert "Gemma 3" in refused


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("vl_convert")
    zstandard = pytest.importorskip("zstandard")
    for name in ("ntrex128", "udhr"):
        folder = tmp_path / "corpora" / "parallel" / name
        folder.mkdir(parents=True)
        for code, units in PARALLEL.items():
            (folder / f"{code}.txt").write_text("\n".join(units), encoding="utf-8")
    for language in program.DOCUMENTS.values():
        packed = zstandard.compress(b'{"text": "A document."}\n')
        (tmp_path / "corpora" / f"{language}.jsonl.zst").write_bytes(packed)
    folders = {"corpora": tmp_path / "corpora", "tokenizers": tmp_path, "docs": tmp_path, "out": tmp_path / "out"}
    arguments = [part for name, folder in folders.items() for part in (f"--{name}", str(folder))]
    monkeypatch.setattr(sys, "argv", ["languages", *arguments])
    assert program.main() == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "claims.csv", *(f"{name}.{kind}" for name in ("ntrex128", "udhr") for kind in ("csv", "parquet", "html")),
    }  # fmt: skip
    assert str(tmp_path) not in (tmp_path / "languages.md").read_text() + (tmp_path / "claims.md").read_text()
    assert str(tmp_path) not in (tmp_path / "out" / "udhr.html").read_text()
