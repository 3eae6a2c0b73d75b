"""How long documents are in tokens: quantiles, histograms and limits, against numpy and sorted lists."""

from __future__ import annotations

import csv
import io
import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from cli_support import fasttok as run
from cli_support import on_terminal, without_manifest, write_jsonl
from peak_memory import PEAK

import fasttok

EXACT = 65_536
PERCENT = {"p50": 50, "p90": 90, "p99": 99}
ENCODINGS = ["r50k_base", "o200k_base"]


def inverted_cdf(lengths: Sequence[int], percent: int) -> int:
    """In whole numbers, where numpy's share of the documents is a rounded one."""
    ordered = sorted(lengths)
    return ordered[max(-(-len(ordered) * percent // 100), 1) - 1]


def words(n: int) -> str:
    """A text of n tokens under every encoding here."""
    return " a" * n


def corpus_of(folder: Path, lengths: Sequence[int], **fields: Sequence[str]) -> Path:
    records = [
        {"text": words(n), **{name: values[i] for name, values in fields.items()}} for i, n in enumerate(lengths)
    ]
    return write_jsonl(folder / "corpus.jsonl", records)


def random_lengths(seed: int, n: int) -> list[int]:
    rng = random.Random(seed)
    kinds = (lambda: rng.randrange(4), lambda: rng.randrange(300), lambda: int(rng.lognormvariate(4, 1.5)))
    return [rng.choice(kinds)() for _ in range(n)]


CASES = {
    "one": [7],
    "one_empty": [0],
    "all_equal": [12] * 100,
    "two": [1, 1000],
    "ninety_nine_and_one": [5] * 99 + [900],
    "ninety_eight_and_two": [5] * 98 + [900, 901],
    "descending": list(range(300, 0, -1)),
    "powers": [n for power in range(12) for n in (2**power - 1, 2**power, 2**power + 1)],
    "around_the_edge": [EXACT - 1, EXACT, EXACT + 1, 3],
    "beyond_the_edge": [70_000, 200_001, 131_071, 131_072],
    **{f"random_{n}": random_lengths(n, n) for n in (2, 3, 10, 99, 100, 101, 1000, 2500)},
}


@pytest.mark.parametrize("name", CASES)
def test_quantiles_are_those_of_numpy(tmp_path: Path, name: str) -> None:
    lengths = CASES[name]
    path = corpus_of(tmp_path, lengths)
    limits = [1, 12, 300, 65_536]
    reports = [
        fasttok.count_corpus(path, ENCODINGS, quantiles=True, limits=limits, threads=threads) for threads in (1, 2)
    ]
    assert len({json.dumps(without_manifest(report.to_dict())) for report in reports}) == 1
    for encoding in ENCODINGS:
        found = reports[0].totals.tokens_per_document[encoding]
        for quantile, percent in PERCENT.items():
            expected = inverted_cdf(lengths, percent)
            share = len(lengths) * percent / 100
            if share != round(share):
                # A whole share is the one at which a rounded product may be off by a document.
                assert np.quantile(lengths, percent / 100, method="inverted_cdf") == expected
            assert abs(getattr(found, quantile) - expected) * 256 <= (expected if expected >= EXACT else 0), quantile
        assert found.max == max(lengths)
        assert {k: v for k, v in found.counts.items() if k < EXACT} == dict(
            sorted((k, v) for k, v in Counter(lengths).items() if k < EXACT)
        )
        assert list(found.counts) == sorted(found.counts)
        assert sum(found.counts.values()) == len(lengths)
        powers = Counter(0 if n == 0 else 1 << (n.bit_length() - 1) for n in lengths)
        assert found.histogram == dict(sorted(powers.items()))
        over = reports[0].totals.documents_over[encoding]
        assert over == {limit: sum(n > limit for n in lengths) for limit in limits}


def test_groups_have_their_own_and_add_up(tmp_path: Path) -> None:
    lengths = random_lengths(1, 700)
    rng = random.Random(2)
    sources = [rng.choice("abc") for _ in lengths]
    path = corpus_of(tmp_path, lengths, source=sources)
    report = fasttok.count_corpus(path, ENCODINGS, by="source", quantiles=True, limits=[10, 100])
    assert len(report.groups) == 3
    for group in report.groups:
        own = [n for n, source in zip(lengths, sources, strict=True) if source == group.key["source"]]
        found = group.tokens_per_document["r50k_base"]
        assert [found.p50, found.p90, found.p99, found.max] == [
            *(inverted_cdf(own, percent) for percent in PERCENT.values()),
            max(own),
        ]
        assert group.documents_over["o200k_base"] == {10: sum(n > 10 for n in own), 100: sum(n > 100 for n in own)}
    both = sum((Counter(group.tokens_per_document["o200k_base"].counts) for group in report.groups), Counter())
    assert both == report.totals.tokens_per_document["o200k_base"].counts


@pytest.fixture
def grouped(tmp_path: Path) -> Path:
    lengths = random_lengths(3, 300)
    return corpus_of(tmp_path, lengths, source=[str(i % 4) for i in range(300)])


def test_json_follows_its_schema_and_is_what_the_groups_say(grouped: Path) -> None:
    report = fasttok.count_corpus(grouped, ENCODINGS, by="source", quantiles=True, limits=[50, 7, 50])
    written = json.loads(report.to_json())
    jsonschema.Draft202012Validator(fasttok.schema()).validate(written)
    assert written == json.loads(json.dumps(report.to_dict()))
    assert written["groups"] == [group.to_dict() for group in report.groups]
    assert (written["manifest"]["quantiles"], written["manifest"]["limits"]) == (True, [7, 50])


def test_rows_have_columns_for_what_was_asked(grouped: Path) -> None:
    report = fasttok.count_corpus(grouped, ENCODINGS, by="source", quantiles=True, limits=20)
    added = ["tokens_p50", "tokens_p90", "tokens_p99", "tokens_max", "documents_over_20"]
    assert report.columns()[-5:] == added
    lazy = list(report.rows())
    assert [row[-5:] for row in lazy] == [
        (*(getattr(group.tokens_per_document[name], q) for q in (*PERCENT, "max")), group.documents_over[name][20])
        for group in report.groups
        for name in ENCODINGS
    ]
    assert report.to_arrow().to_pylist() == [dict(zip(report.columns(), row, strict=True)) for row in lazy]
    totals = fasttok.count_corpus(grouped, "r50k_base", quantiles=True, limits=[20])
    (row,) = csv.DictReader(io.StringIO(totals.to_csv()))
    assert row["tokens_max"] == str(totals.totals.tokens_per_document["r50k_base"].max)
    assert row["documents_over_20"] == str(totals.totals.documents_over["r50k_base"][20])


def test_nothing_is_said_where_it_was_not_asked_for(grouped: Path) -> None:
    report = fasttok.count_corpus(grouped, by="source")
    assert report.columns()[-1] == "bytes_per_token"
    assert report.totals.tokens_per_document == report.groups[0].documents_over == {}
    assert "tokens_per_document" not in report.to_json() and "documents_over" not in report.to_json()


def test_no_document_has_no_quantile(tmp_path: Path) -> None:
    path = tmp_path / "broken.jsonl"
    path.write_text("broken\n")
    report = fasttok.count_corpus(path, "r50k_base", quantiles=True, limits=[8])
    jsonschema.Draft202012Validator(fasttok.schema()).validate(json.loads(report.to_json()))
    assert report.totals.tokens_per_document["r50k_base"].p50 is None
    assert report.totals.documents_over["r50k_base"] == {8: 0}
    assert report.to_csv().splitlines()[1].endswith(",,,,,0")
    assert "-" in str(report)


def test_the_command_line_shows_them(grouped: Path) -> None:
    shown = on_terminal("count", grouped, "--by", "source", "--quantiles", "--limit", "10,200000", width=80)
    header = shown.out.splitlines()[0].split()
    assert {"docs", "tokens"} < set(header) and header[-6:] == ["p50", "p90", "p99", "max", ">10", ">200k"]
    assert max(map(len, shown.out.splitlines())) <= 80
    row = run("count", grouped, "--limit", "10", "--limit", "20", "--quantiles", "-e", "r50k_base").rows()[0]
    found = fasttok.count_corpus(grouped, "r50k_base", limits=[10, 20], quantiles=True).totals
    assert int(row["tokens_p99"]) == found.tokens_per_document["r50k_base"].p99
    assert [int(row["documents_over_10"]), int(row["documents_over_20"])] == [
        *found.documents_over["r50k_base"].values()
    ]


@pytest.mark.parametrize("limit", ["0", "-1", "many", "1.5", ""])
def test_a_limit_is_a_number_of_tokens(grouped: Path, limit: str) -> None:
    assert run("count", grouped, f"--limit={limit}").code == 2


@pytest.mark.parametrize("limit", [0, -1, 2**53, 1.5, True, "8192"])
def test_a_limit_is_a_number_of_tokens_in_python(grouped: Path, limit: object) -> None:
    with pytest.raises((TypeError, ValueError), match="a limit is"):
        fasttok.count_corpus(grouped, limits=[limit])  # type: ignore[list-item]


def test_a_long_document_is_one(tmp_path: Path) -> None:
    """It is counted in parts, by several workers, and has one length."""
    path = corpus_of(tmp_path, [3_000_000, 10])
    found = fasttok.count_corpus(path, "r50k_base", quantiles=True, limits=[2_999_999, 3_000_000], threads=2).totals
    lengths = found.tokens_per_document["r50k_base"]
    assert (lengths.max, sum(lengths.counts.values())) == (3_000_000, 2)
    assert found.documents_over["r50k_base"] == {2_999_999: 1, 3_000_000: 0}


def test_a_million_groups_take_less_than_a_gigabyte(tmp_path: Path) -> None:
    path = tmp_path / "million.jsonl"
    with path.open("w") as file:
        file.writelines(f'{{"text":"a b {i}","id":"{i}"}}\n' for i in range(1_000_000))
    code = f"""
{PEAK}
import sys, fasttok
report = fasttok.count_corpus(sys.argv[1], "r50k_base", by="id", quantiles=True, limits=[8], threads=2)
assert len(report.groups) == 1_000_000 and report.groups[0].tokens_per_document["r50k_base"].max
print(peak_bytes() >> 20)
"""
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 1000, f"{done.stdout} MiB"
