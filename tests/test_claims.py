"""Claims: what is measured, and what the verdicts are taken from."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest
from cli_support import fasttok, on_terminal, write_jsonl
from rich.cells import cell_len

import fasttok as library
from fasttok.measures.claims import _judged, check_claims
from fasttok.measures.claims_registry import CLAIMS
from fasttok.reports.claims import Claim

PARALLEL = {
    "eng": ["The cat sat on the mat.", "Where is the station?", "It rains again today.", "Good night!"],
    "zho-CN": ["猫坐在垫子上。", "车站在哪里？", "今天又下雨了。", "晚安！"],
    "hin": ["बिल्ली चटाई पर बैठी थी।", "स्टेशन कहाँ है?", "आज फिर बारिश हो रही है।", "शुभ रात्रि!"],
}
TEN_WORDS = "Ten words are here, so that they can be counted."
ENCODINGS = ["o200k_base", "cl100k_base"]


def total(units: list[str], encoding: str) -> int:
    return sum(library.get_encoding(encoding).count(unit) for unit in units)


def test_what_is_measured(tmp_path: Path) -> None:
    documents = write_jsonl(tmp_path / "eng.jsonl", [{"text": TEN_WORDS}] * 3)
    report = check_claims(ENCODINGS, parallel=PARALLEL, texts={"eng": documents})
    found = {(m.claim, m.text, m.encoding): m for m in report.measurements}

    chars = sum(map(len, PARALLEL["eng"]))
    four = found["four-characters", "parallel text", "o200k_base"]
    assert four.value == pytest.approx(chars / total(PARALLEL["eng"], "o200k_base"))
    assert four.low <= four.value <= four.high and four.units == 4
    words = found["hundred-words", "3 documents", "cl100k_base"]
    assert words.value == words.low == words.high
    assert words.value == pytest.approx(
        100 * total(["Ten words are here, so that they can be counted."], "cl100k_base") / 10
    )
    chinese = found["chinese-fewer", "parallel text, zho-CN", "cl100k_base"]
    assert chinese.value == pytest.approx(
        total(PARALLEL["zho-CN"], "cl100k_base") / total(PARALLEL["eng"], "cl100k_base")
    )
    hindi = found["o200k-hin", "parallel text, hin", "o200k_base"]
    assert hindi.value == pytest.approx(total(PARALLEL["hin"], "cl100k_base") / total(PARALLEL["hin"], "o200k_base"))
    assert ("o200k-hin", "parallel text, hin", "cl100k_base") not in found
    assert report.verdict("deepseek-chinese") == report.verdict("o200k-tam") == "not measured"


def test_claims_about_a_vocabulary_are_measured_under_it_alone() -> None:
    report = check_claims({"my DeepSeek": "r50k_base", "o200k_base": "o200k_base"}, parallel=PARALLEL)
    assert {m.encoding for m in report.of("deepseek-chinese")} == {"my DeepSeek"}
    assert report.verdict("o200k-hin") == "not measured"


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (3.7, 4.3, "holds"),
        (3.6, 4.4, "holds"),
        (4.3, 4.5, "depends"),
        (3, 5, "depends"),
        (4.5, 4.6, "fails"),
        (1, 2, "fails"),
    ],
)
def test_verdicts(low: float, high: float, verdict: str) -> None:
    claim = Claim("x", "x", "x", "chars_per_token", "eng", 3.6, 4.4)
    assert _judged(claim, low, high) == verdict


def test_the_registry() -> None:
    assert len({claim.id for claim in CLAIMS}) == len(CLAIMS)
    assert all(claim.low < claim.high for claim in CLAIMS)


def test_nothing_to_measure_on(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no text"):
        check_claims("o200k_base")
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(library.InputError, match="no documents"):
        check_claims("o200k_base", texts={"eng": tmp_path / "empty.jsonl"})
    with pytest.raises(library.NotParallelError, match="no language 'eng'"):
        check_claims("o200k_base", parallel={"deu": ["a"], "fra": ["b"]})


def test_the_command(tmp_path: Path) -> None:
    folder = tmp_path / "parallel"
    folder.mkdir()
    for code, units in PARALLEL.items():
        (folder / f"{code}.txt").write_text("\n".join(units))
    result = fasttok("claims", "--parallel", folder)
    assert result.code == 0
    assert {row["verdict"] for row in result.rows()} <= {"holds", "fails", "depends"}
    assert f"{len(CLAIMS)} claims: " in result.last_line
    report = fasttok("claims", "--parallel", folder, "--json", "-q").json()
    schema = library.schema("claims")
    jsonschema.Draft202012Validator(schema).validate(report)
    assert "| verdict |" in fasttok("claims", "--parallel", folder, "--markdown").out
    shown = on_terminal("claims", "--parallel", folder)
    assert shown.code == 0 and max(cell_len(line) for line in shown.out.splitlines()) <= 80
    assert fasttok("claims").code == 2
