"""The harness held to what it promises: disjoint slices, visible wrong answers, no failure that ends a run."""

from __future__ import annotations

import itertools
import json
import random
import sys
from pathlib import Path

import pytest

from benches.compare import report, vocab
from benches.compare.envs import Environment
from benches.compare.measure import Entrant, Measurement, Options
from benches.compare.process import WorkerError, WorkerProcess
from benches.compare.rivals import RIVALS, Rival
from benches.compare.run import SHAPES
from benches.compare.samples import Results, Setting, compare, fresh
from benches.compare.text import Slice, Text, _in_turn
from benches.compare.vocab import VocabularyFiles
from benches.compare.workers import documents

SCRIPT = Path(__file__).with_name("workers_for_tests.py")


@pytest.fixture
def text(tmp_path: Path) -> Text:
    """200 documents in three scripts."""
    chance = random.Random(7)
    texts = [chance.choice(["word ", "字", "ไทย "]) * chance.randint(1, 400) for _ in range(200)]
    documents.write(tmp_path / "mixed", texts)
    return Text("mixed", tmp_path / "mixed", {})


def entrant(name: str, mode: str = "good") -> Entrant:
    """The fake worker under a rival's name."""
    rival = Rival(name, ("x",), name, str(SCRIPT), "counts")
    files = VocabularyFiles(mode, Path("x"), Path("x"), Path("x"))
    return Entrant(Environment(rival, Path(sys.executable), "1"), files)


def measured(text: Text, entrants: list[Entrant], shape: str = "batch", timeout: float = 30) -> Results:
    """Fresh and cold of all entrants."""
    results = Results()
    options = Options(5, 1, 20_000, 5_000, 50_000, 2, 0, (0,), timeout)
    measurement = Measurement(Setting("o200k_base", shape, 1), text, entrants, options, results)
    measurement.fresh()
    measurement.cold()
    return results


def test_packed_documents_come_back(tmp_path: Path) -> None:
    texts = ["a", "é字", "", "🙂" * 3]
    documents.write(tmp_path / "t", texts)
    assert documents.read(tmp_path / "t", 0, 4) == texts
    assert documents.read(tmp_path / "t", 1, 3) == texts[1:3]
    assert documents.read(tmp_path / "t", 0, 0) == []


@pytest.mark.parametrize(("warm", "size"), [(5_000, 10_000), (3e6, 8e6)])
def test_slices_are_disjoint_and_follow_the_warm_up(text: Text, warm: float, size: float) -> None:
    plan = text.plan(warm, size, 5)
    ranges = [plan.warm, *plan.slices]
    assert plan.warm.first == 0
    assert len(plan.slices) == 5
    assert all(a.last == b.first and b.first < b.last for a, b in itertools.pairwise(ranges))
    assert ranges[-1].last <= 200


def test_too_few_documents_are_refused(tmp_path: Path) -> None:
    documents.write(tmp_path / "t", ["one", "two"])
    with pytest.raises(ValueError, match="too few"):
        Text("t", tmp_path / "t", {}).plan(1, 1, 5)


def test_head_stays_inside_its_slice(text: Text) -> None:
    part = Slice(10, 20)
    assert text.head(part, 1) == Slice(10, 11)
    assert text.head(part, 1e9) == part


def test_lines_are_50_to_100_bytes(text: Text) -> None:
    texts = documents.read(text.path, 0, 200)
    lines = documents.lines(texts)
    assert max(len(line.encode()) for line in lines) <= 100
    assert sum(len(line.encode()) >= 48 for line in lines) > 0.9 * len(lines)
    assert "".join("".join(lines).split()) == "".join("".join(texts).split())


def test_mixed_takes_the_same_bytes_of_every_stream() -> None:
    mixed = list(_in_turn([iter(["aaaa"] * 100), iter(["b"] * 400)], 200))
    assert abs(mixed.count("aaaa") * 4 - mixed.count("b")) <= 4
    assert sum(map(len, mixed)) == pytest.approx(200, abs=4)


def test_merges_are_all_splits_in_rank_order() -> None:
    ranks = {b"a": 0, b"b": 1, b"ab": 2, b"aba": 3, b"ba": 4}
    assert vocab.merges(ranks) == [(b"a", b"b"), (b"a", b"ba"), (b"ab", b"a"), (b"b", b"a")]


def test_byte_alphabet_is_one_to_one() -> None:
    alphabet = vocab.byte_alphabet()
    assert len(set(alphabet)) == 256
    assert alphabet[ord(" ")] == "Ġ"
    assert alphabet[ord("\n")] == "Ċ"


def test_a_level_is_told_to_the_worker_and_to_no_other() -> None:
    files = VocabularyFiles("o200k_base", Path("x"), Path("x"), Path("x"))
    told = {rival.name: rival.environment(files, 1).get("FASTTOK_SIMD") for rival in RIVALS}
    assert told == {rival.name: rival.name.partition("fasttok-")[2] or None for rival in RIVALS}


def test_compare_shows_wrong_counts() -> None:
    assert compare([1, 2, 3], [1, 2, 3]) == (3, 0)
    assert compare([1, 9, 3], [1, 2, 3]) == (3, 1)
    assert compare([6], [1, 2, 3]) == (1, 0)
    assert compare([7], [1, 2, 3]) == (1, 1)
    with pytest.raises(ValueError, match="2 counts for 3"):
        compare([1, 2], [1, 2, 3])


@pytest.mark.parametrize("shape", SHAPES)
def test_every_rival_meets_every_slice_once(text: Text, shape: str) -> None:
    results = measured(text, [entrant("tiktoken"), entrant("one"), entrant("two")], shape)
    assert results.problems == []
    for name in ("one", "two"):
        picked = results.pick(Setting("o200k_base", shape, 1), "fresh", "mixed", name)
        assert [sample.round for sample in picked] == [0, 1, 2, 3, 4]
        assert len({sample.first for sample in picked}) == 5
        figures = fresh(picked)
        assert figures is not None
        assert figures.differing == 0
        assert figures.ratio.low <= figures.ratio.median <= figures.ratio.high


def test_wrong_counts_are_seen(text: Text) -> None:
    results = measured(text, [entrant("tiktoken"), entrant("fasttok", "wrong")])
    figures = fresh(results.pick(Setting("o200k_base", "batch", 1), "fresh", "mixed", "fasttok"))
    assert figures is not None
    assert figures.differing == 5
    assert figures.token_difference == 5


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("absent", "ImportError: no such library"),
        ("dies", "killed by SIGABRT"),
        ("hangs", "no answer within 5 s"),
        ("short", "2 counts for"),
    ],
)
def test_a_failing_rival_does_not_stop_the_others(text: Text, mode: str, reason: str) -> None:
    results = measured(text, [entrant("tiktoken"), entrant("bad", mode), entrant("good")], timeout=5)
    assert {problem.rival for problem in results.problems} == {"bad"}
    assert all(reason in problem.reason for problem in results.problems)
    assert len(results.pick(Setting("o200k_base", "batch", 1), "fresh", "mixed", "good")) == 5
    assert len(results.pick(Setting("o200k_base", "batch", 1), "cold", "mixed", "good")) == 2


def test_a_missing_interpreter_is_a_reason(tmp_path: Path) -> None:
    good = entrant("x")
    environment = Environment(good.environment.rival, tmp_path / "nowhere", "1")
    with pytest.raises(WorkerError, match="could not be started"):
        WorkerProcess(environment, good.files, 1, [], 1.0)


def test_report_marks_the_fastest_and_the_wrong(text: Text) -> None:
    results = measured(text, [entrant("tiktoken"), entrant("fasttok", "wrong"), entrant("bad", "absent")])
    names = ("fasttok", "tiktoken", "bad")
    data = {
        "machine": dict.fromkeys(("cpu", "kernel", "python", "date", "huge_pages", "load_average"), "")
        | {"cores": 1, "virtual": False, "vector_flags": [], "caches": {}, "memory_kb": 1},
        "run": dict.fromkeys(("seconds", "rounds", "passes", "cold_rounds"), 1)
        | dict.fromkeys(("slice_mb", "warm_mb", "cold_mb", "slow_slice_mb"), 1.0)
        | {"command": "x", "complete": True, "load_average_after": None},
        "rivals": {name: {"version": "1", "returns": "", "problem": ""} for name in names},
        "texts": {"mixed": text.describe()},
        **results.to_json(),
    }
    tables = report.markdown(json.loads(json.dumps(data)))
    row = next(line for line in tables.splitlines() if line.startswith("| mixed |") and "none:" in line)
    assert row.count("**") == 2
    assert "≠" in row
    assert "none: ImportError: no such library" in row
    assert "| mixed | fasttok | 5 of" in tables
