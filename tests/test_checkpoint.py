"""Runs that are killed and go on: from the command line, where a user would meet it."""

from __future__ import annotations

import gzip
import json
import random
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cli_support import fasttok as run

import fasttok

KILLS = 50

WORDS = ["the", "of", "to", "Straße", "中文字", "한국어", "नमस्ते", "русский", "x=f(y);", "12345"]


def corpus(folder: Path) -> None:
    """Files of several kinds, of about 12 MB, with rows that are skipped."""
    rng = random.Random(13)
    folder.mkdir()

    def records(n: int) -> str:
        rows = []
        for i in range(n):
            text = " ".join(rng.choices(WORDS, k=rng.randrange(1, 120)))
            rows.append("broken" if i % 501 == 500 else json.dumps({"text": text, "lang": f"l{i % 7}"}))
        return "\n".join(rows) + "\n"

    (folder / "a.jsonl").write_text(records(9000))
    with gzip.open(folder / "b.jsonl.gz", "wt") as file:
        file.write(records(6000))
    (folder / "long.txt").write_text(" ".join(rng.choices(WORDS, k=200_000)))
    for i in range(200):
        (folder / f"{i}.txt").write_text(" ".join(rng.choices(WORDS, k=200)))


def command(folder: Path, state: Path, threads: int) -> list[str]:
    fasttok_count = [sys.executable, "-m", "fasttok", "count", str(folder), "-e", "o200k_base,r50k_base", "--json"]
    return [*fasttok_count, "--by", "lang,extension", f"--threads={threads}", f"--checkpoint={state}"]


def comparable(report: str) -> dict:
    """A report without what is different each time."""
    loaded = json.loads(report)
    del loaded["manifest"]["run"]
    return loaded


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoint") / "corpus"
    corpus(folder)
    return folder


def kill_until_done(folder: Path, tmp_path: Path, kills: int, *more: str) -> None:
    """Kill runs over `folder`, with `more` options, at random moments and let others go on; each report, and each table
    of documents, is that of a run that was let be."""
    table = tmp_path / "whole.parquet"
    more = (*more, "--per-document")
    clock = time.monotonic()
    whole_run = [*command(folder, tmp_path / "whole", 2), *more, str(table)]
    expected = comparable(subprocess.run(whole_run, capture_output=True, check=False, text=True).stdout)
    rows = table.read_bytes()
    whole = time.monotonic() - clock
    rng = random.Random(14)
    killed, reports = 0, 0
    while killed < kills:
        state = tmp_path / str(reports)
        while True:
            # The number of workers is another one each time.
            going = subprocess.Popen(
                [*command(folder, state, rng.randrange(1, 4)), "--checkpoint-seconds=0", *more, str(table)],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            try:
                out, _ = going.communicate(timeout=whole * rng.uniform(0.3, 1.1))
            except subprocess.TimeoutExpired:
                going.kill()
                going.communicate()
                killed += 1
                continue
            assert going.returncode == 3, "some rows are skipped"
            assert comparable(out.decode()) == expected
            assert table.read_bytes() == rows
            table.unlink()
            reports += 1
            break


def test_runs_that_are_killed_give_the_report_of_one_that_is_not(folder: Path, tmp_path: Path) -> None:
    kill_until_done(folder, tmp_path, KILLS)


EVERYTHING = {
    "lengths": ["--quantiles", "--limit", "5,50,700", "--max-errors", "1000"],
    "languages": ["--detect-language", "--by", "language,script", "--id-field", "lang"],
    "replaced": ["--errors", "replace", "--special", "token", "--by", "folder:1,file", "--quantiles", "--hash-inputs"],
}


@pytest.mark.parametrize("name", EVERYTHING)
def test_whatever_else_is_asked(folder: Path, tmp_path: Path, name: str) -> None:
    kill_until_done(folder, tmp_path, 8, *EVERYTHING[name])


def test_too_many_errors_after_a_break(folder: Path, tmp_path: Path) -> None:
    """The rows skipped before a break count, and whoever goes on may allow more of them."""
    arguments = ["count", str(folder / "a.jsonl"), "--checkpoint", str(tmp_path / "state"), "--checkpoint-seconds=0"]
    first = run(*arguments, "--max-errors", "5")
    assert first.code == 1 and "more than 5 rows" in first.err, first
    again = run(*arguments, "--max-errors", "5")
    assert again.code == 1 and "more than 5 rows" in again.err, again
    more = run(*arguments, "--max-errors", "50", "--json")
    assert more.code == 3, more
    whole = run("count", str(folder / "a.jsonl"), "--max-errors", "50", "--json")
    assert comparable(more.out) == comparable(whole.out)


def test_row_groups_and_record_batches_are_read_once(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    rng = random.Random(15)
    texts = [" ".join(rng.choices(WORDS, k=rng.randrange(1, 120))) for _ in range(12_000)]
    rows = {"text": [None if i % 501 == 500 else text for i, text in enumerate(texts)]}
    table = pa.table({**rows, "lang": [f"l{i % 7}" for i in range(len(texts))]})
    folder = tmp_path / "corpus"
    folder.mkdir()
    parquet.write_table(table, folder / "a.parquet", row_group_size=700, compression="zstd")
    parquet.write_table(table, folder / "one_group.parquet", compression="snappy")
    with pa.ipc.new_file(folder / "a.arrow", table.schema) as file:
        file.write_table(table, max_chunksize=900)
    with pa.ipc.new_stream(folder / "a.arrows", table.schema) as stream:
        stream.write_table(table, max_chunksize=900)
    kill_until_done(folder, tmp_path, 20)


def test_a_checkpoint_of_other_inputs_or_options_is_refused(folder: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    report = fasttok.count_corpus(folder / "0.txt", checkpoint=state)
    assert fasttok.count_corpus(folder / "0.txt", checkpoint=state).totals == report.totals
    with pytest.raises(fasttok.CheckpointError, match="lines was false and is true") as raised:
        fasttok.count_corpus(folder / "0.txt", checkpoint=state, lines=True)
    assert raised.value.filename == str(state)
    with pytest.raises(fasttok.CheckpointError, match="paths was"):
        fasttok.count_corpus([folder / "0.txt", folder / "1.txt"], checkpoint=state)
    result = run("count", str(folder / "0.txt"), "--checkpoint", str(state), "-e", "gpt2")
    assert result.code == 1
    assert "of another run: encodings was" in result.err


def test_the_folder_is_not_counted_where_it_lies_among_the_inputs(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one two")
    (tmp_path / "b.jsonl").write_text("not JSON\n")
    first = fasttok.count_corpus(tmp_path, checkpoint=tmp_path / "state")
    assert fasttok.count_corpus(tmp_path, checkpoint=tmp_path / "state").totals == first.totals
    assert first.totals.documents == 1


def test_a_full_disk_ends_the_run_and_the_state_stays(folder: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    expected = comparable(
        subprocess.run(command(folder, tmp_path / "whole", 2), capture_output=True, check=False, text=True).stdout
    )

    def small_files() -> None:
        # A write beyond this fails, as on a disk that is full.
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))

    full = subprocess.run(
        [*command(folder, state, 2), "--checkpoint-seconds=0"],
        capture_output=True,
        check=False,
        text=True,
        preexec_fn=small_files,
    )
    assert full.returncode == 1, full
    assert str(state) in full.stderr
    again = subprocess.run(command(folder, state, 2), capture_output=True, check=False, text=True)
    assert comparable(again.stdout) == expected


def test_density_goes_on_too(folder: Path, tmp_path: Path) -> None:
    arguments = ["density", str(folder / "a.jsonl"), "--checkpoint", str(tmp_path / "state"), "--json"]
    first, second = run(*arguments), run(*arguments)
    assert first.code == second.code == 3, (first, second)
    assert comparable(first.out) == comparable(second.out)
