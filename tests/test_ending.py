"""What ends a run before its end: too many rows that cannot be counted, and whoever asked for it."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli_support import fasttok, write_jsonl
from test_accounts import PRICES
from test_options import byte_ranks

import fasttok as library
from fasttok.verify.compare import verify_files


def runs(tmp_path: Path) -> dict[str, Callable[..., Any]]:
    """Every function that reads files, by the name of its command."""

    def verify(path: Path, **given: Any) -> Any:
        pytest.importorskip("tiktoken", reason="verify needs the reference")
        return verify_files(library.load(byte_ranks(tmp_path), pattern="gpt2"), path, built_in=0, **given)

    return {
        "count": lambda path, **given: library.count_corpus(path, "r50k_base", **given),
        "density": lambda path, **given: library.density(path, "r50k_base", by="file", **given),
        "cost": lambda path, **given: library.cost(path, "m", prices=PRICES, **given),
        "claims": lambda path, **given: library.check_claims("r50k_base", texts={"eng": path}, **given),
        "verify": verify,
    }


COMMANDS = ["count", "density", "cost", "claims", "verify"]


@pytest.mark.parametrize("command", COMMANDS)
def test_more_errors_than_allowed_end_the_run(command: str, tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", [{"text": "a"}, {"text": 1}, {"no": 1}, {"text": "b"}, {"text": None}])
    run, ledger = runs(tmp_path)[command], tmp_path / "ledger.jsonl"
    for allowed in (3, 4, None):
        assert run(path, max_errors=allowed).ledger.skipped == 3
    for allowed in (0, 1, 2):
        with pytest.raises(library.TooManySkippedError, match=f"more than {allowed} rows cannot be counted") as raised:
            run(path, max_errors=allowed, ledger_path=ledger)
        error = raised.value
        entries = error.entries or []
        assert (error.max_errors, [entry.line for entry in entries]) == (allowed, [2, 3, 5][: allowed + 1])
        assert f"the first of them {entries[0]}" in str(error)
        # The file of the ledger has what there was until then.
        assert [json.loads(line)["line"] for line in ledger.read_text().splitlines()] == [2, 3, 5][: allowed + 1]
        ledger.unlink()


def test_rows_that_a_tokenizer_refuses_are_among_them(tmp_path: Path) -> None:
    rows = [{"text": "x <|endoftext|>"}, {"text": 1}, {"text": "fine"}]
    path = write_jsonl(tmp_path / "a.jsonl", rows)
    for run in (
        lambda **given: library.count_corpus(path, "r50k_base", special="error", **given),
        lambda **given: library.cost(path, "m", prices=PRICES, special="error", **given),
    ):
        assert run(max_errors=2).ledger.skipped == 2
        with pytest.raises(library.TooManySkippedError):
            run(max_errors=1)


def test_files_that_cannot_be_read_are_among_them(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "list").write_text(f"{tmp_path / 'a.txt'}\n{tmp_path / 'gone'}\n")
    assert library.count_corpus([], "r50k_base", files_from=tmp_path / "list", max_errors=1).ledger.skipped == 1
    with pytest.raises(library.TooManySkippedError, match="gone"):
        library.count_corpus([], "r50k_base", files_from=tmp_path / "list", max_errors=0)


def test_the_command_says_which_rows_and_fails(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", [{"text": "a"}, {"text": 1}, {"no": 1}])
    result = fasttok("count", "-e", "r50k_base", path, "--max-errors", "1", "--json")
    assert (result.code, result.out) == (1, "")
    assert "a.jsonl:2:" in result.err and "a.jsonl:3:" in result.err
    assert result.last_line == "fasttok: more than 1 rows cannot be counted; --max-errors N allows more"
    result = fasttok("count", "-e", "r50k_base", path, "--max-errors", "2", "--json")
    assert result.code == 3 and "1 counted, 2 skipped" in result.last_line


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("kind", ["event", "callable"])
def test_a_run_that_was_cancelled_before_it_began_ends(command: str, kind: str, tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", [{"text": "a"}])
    event = threading.Event()
    cancel = event if kind == "event" else event.is_set
    runs(tmp_path)[command](path, cancel=cancel)
    event.set()
    with pytest.raises(library.CancelledError, match="the run was cancelled"):
        runs(tmp_path)[command](path, cancel=cancel)


def test_a_run_that_goes_on_is_cancelled(tmp_path: Path) -> None:
    """A pipe that nobody writes to would be waited for without end."""
    import os

    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    held = os.open(pipe, os.O_RDWR)
    ledger = tmp_path / "ledger.jsonl"
    path = write_jsonl(tmp_path / "a.jsonl", [{"text": 1}])
    try:
        event = threading.Event()
        timer = threading.Timer(0.3, event.set)
        timer.start()
        asked = time.monotonic()
        with pytest.raises(library.CancelledError) as raised:
            library.count_corpus([path, pipe], "r50k_base", threads=1, cancel=event, ledger_path=ledger)
        assert time.monotonic() - asked < 60
        assert "the rows skipped until then" in raised.value.notes[0]  # type: ignore[attr-defined]
        assert [json.loads(line)["line"] for line in ledger.read_text().splitlines()] == [1]
    finally:
        os.close(held)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_run_that_counts_on_the_calling_thread_is_ended(threads: int, tmp_path: Path) -> None:
    """A file of this size has no thread of its own; its lines take much longer than the time between two looks."""
    path = tmp_path / "a.txt"
    path.write_bytes(b"a\n" * 20_000_000)
    asked: list[int] = []

    def cancel() -> bool:
        asked.append(threading.get_ident())
        return len(asked) > 1

    with pytest.raises(library.CancelledError):
        library.count_corpus(path, "r50k_base", lines=True, threads=threads, cancel=cancel)
    assert asked == [threading.get_ident()] * 2

    def interrupt() -> bool:
        asked.append(threading.get_ident())
        if len(asked) > 3:
            signal.raise_signal(signal.SIGINT)
        return False

    with pytest.raises(KeyboardInterrupt):
        library.count_corpus(path, "r50k_base", lines=True, threads=threads, cancel=interrupt)
    assert len(asked) == 4
    # What was broken off is no part of what comes after.
    path.write_bytes(b"a\n" * 5)
    assert library.count_corpus(path, "r50k_base", lines=True, threads=threads).totals.documents == 5


def test_an_exception_of_who_is_asked_ends_the_run(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", [{"text": "a"}])

    def ask() -> bool:
        raise LookupError("not today")

    with pytest.raises(LookupError, match="not today"):
        library.count_corpus(path, "r50k_base", cancel=ask)


def test_progress_is_told_in_the_calling_thread_and_not_too_often(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("some words of a text\n" * 1_000_000)
    met: list[tuple[Any, int]] = []

    def told(now: Any) -> None:
        met.append((now, threading.get_ident()))

    begun = time.monotonic()
    library.count_corpus(path, "r50k_base", lines=True, threads=1, on_progress=told)
    seconds = time.monotonic() - begun
    assert {thread for _, thread in met} == {threading.get_ident()}
    assert met[-1][0].documents == 1_000_000
    # The last tells of the end, whenever that is.
    assert len(met) - 1 <= seconds / 0.1


def test_a_bar_and_a_callable_are_both_told(tmp_path: Path) -> None:
    met: list[Any] = []
    path = write_jsonl(tmp_path / "a.jsonl", [{"text": "a"}])
    library.count_corpus(path, "r50k_base", progress=True, on_progress=met.append)
    assert met[-1].documents == 1
    with pytest.raises(TypeError, match="a callable is on_progress"):
        library.count_corpus(path, "r50k_base", progress=met.append)  # type: ignore[arg-type]
