"""Threads, processes, signals: one Encoding is shared by all of them."""

from __future__ import annotations

import copy
import multiprocessing
import os
import pickle
import random
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from nasty import texts

import fasttok


@pytest.fixture(scope="module")
def enc() -> fasttok.Encoding:
    return fasttok.get_encoding("o200k_base")


def test_many_threads_share_an_encoding(enc: fasttok.Encoding) -> None:
    batch = list(texts(29, 2_000))
    long = "".join(batch)
    counts, whole = enc.count_batch(batch, threads=1).tolist(), len(enc.encode(long))

    def work(i: int) -> bool:
        if i % 3 == 0:
            return enc.count(long) == whole
        if i % 3 == 1:
            return enc.count_batch(batch, threads=1 + i % 4).tolist() == counts
        return [enc.count(text) for text in batch] == counts

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(work, range(48)))


def test_results_do_not_depend_on_threads(enc: fasttok.Encoding) -> None:
    batch = [*texts(31, 20_000), "".join(texts(37, 50_000)), "end"]
    expected = enc.count_batch(batch, threads=1)
    ids, offsets = enc.encode_batch(batch, threads=1)
    for threads in (2, 3, 7, 64, None):
        assert (enc.count_batch(batch, threads=threads) == expected).all()
        other = enc.encode_batch(batch, threads=threads)
        assert (other[0] == ids).all()
        assert (other[1] == offsets).all()


@pytest.mark.parametrize("space", ["", " "])
def test_one_large_string_is_cut_where_nothing_changes(enc: fasttok.Encoding, space: str) -> None:
    """30 MB of Han characters without repeats; short parts are compared with `encode`."""
    chance = random.Random(5)
    han = [chr(c) for c in range(0x4E00, 0x5600)]
    parts = ["".join(chance.choices(han, k=1_000)) for _ in range(100)]
    text = space.join(chance.choices(parts, k=10_000))
    whole = enc.count_batch([text], threads=1)
    for threads in (2, 3, 16):
        assert (enc.count_batch([text], threads=threads) == whole).all()
    for part in parts[:10]:
        assert enc.count(part) == len(enc.encode(part))


def test_other_threads_run_meanwhile(enc: fasttok.Encoding) -> None:
    text = "some words in a row, and more of them " * 500_000
    beats = 0
    done = threading.Event()

    def beat() -> None:
        nonlocal beats
        while not done.wait(0.001):
            beats += 1

    thread = threading.Thread(target=beat)
    before = sys.getswitchinterval()
    # The other thread gets the GIL where this one gives it up, and never takes it.
    sys.setswitchinterval(10_000)
    try:
        thread.start()
        for _ in range(200):
            enc.count_batch([text], threads=1)
            if beats > 20:
                break
    finally:
        sys.setswitchinterval(before)
        done.set()
        thread.join()
    assert beats > 20


def test_a_list_that_another_thread_changes(enc: fasttok.Encoding) -> None:
    """Texts that vanish from the list while they are counted are still counted."""
    done = threading.Event()
    batch: list[str] = []

    def change() -> None:
        i = 0
        while not done.is_set():
            i += 1
            batch[:] = [("统计 " if i % 2 else "é ") * 200 + str(j) for j in range(2_000)]
            batch.clear()

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(200):
            counts = enc.count_batch(batch, threads=2)
            assert (counts > 100).all()
    finally:
        done.set()
        thread.join()


def test_pickled_by_name(enc: fasttok.Encoding) -> None:
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        data = pickle.dumps(enc, protocol)
        assert len(data) < 200
        assert pickle.loads(data) is enc
    assert copy.copy(enc) is enc
    assert copy.deepcopy(enc) is enc


def test_equality_and_hash(enc: fasttok.Encoding) -> None:
    assert fasttok.get_encoding("o200k_base") is enc
    other = fasttok.Encoding("o200k_base")
    assert other is not enc
    assert other == enc
    assert hash(other) == hash(enc)
    assert enc != fasttok.get_encoding("o200k_harmony")
    assert enc != "o200k_base"
    assert repr(enc) == '<Encoding "o200k_base">'


def in_child(text: str, expected: int) -> bool:
    enc = fasttok.get_encoding("o200k_base")
    return enc.count(text) == expected and enc.count_batch([text, text], threads=2).tolist() == [expected] * 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_fork(enc: fasttok.Encoding) -> None:
    """A child counts, also when the parent was counting in other threads at that moment."""
    text = "".join(texts(41, 30_000))
    expected = enc.count(text)
    done = threading.Event()

    def count() -> None:
        while not done.is_set():
            enc.count_batch([text], threads=2)

    threads = [threading.Thread(target=count) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        context = multiprocessing.get_context("fork")
        for _ in range(3):
            with context.Pool(2) as pool:
                results = pool.starmap_async(in_child, [(text, expected)] * 4).get(timeout=60)
            assert results == [True] * 4
    finally:
        done.set()
        for thread in threads:
            thread.join()


FORK_AT_THE_FIRST_BATCH = """
import os, sys, threading, time
import fasttok
enc = fasttok.get_encoding("o200k_base")
thread = threading.Thread(target=enc.count_batch, args=(["a b"],))
thread.start()
while "numpy" not in sys.modules:
    time.sleep(0)
child = os.fork()
if child == 0:
    os._exit(0 if enc.count_batch(["a b", "c"]).tolist() == [2, 1] else 1)
thread.join()
end = time.monotonic() + 30
while time.monotonic() < end:
    done, status = os.waitpid(child, os.WNOHANG)
    if done:
        sys.exit(f"the child ended with {status}" if status else 0)
    time.sleep(0.01)
os.kill(child, 9)
os.waitpid(child, 0)
sys.exit("the child hangs")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.parametrize("attempt", range(8))
def test_fork_while_a_thread_makes_its_first_batch(attempt: int) -> None:
    """numpy is imported then, and a child never sees the end of an import that it was forked in."""
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORK_AT_THE_FIRST_BATCH], capture_output=True, text=True, timeout=90
    )
    assert (result.returncode, result.stderr) == (0, "")


def words_of(code: str) -> list[str]:
    """What a process of its own prints."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()


def test_numpy_is_imported_by_the_first_array_and_no_earlier() -> None:
    code = (
        "import sys, fasttok; enc = fasttok.get_encoding('o200k_base'); enc.count('a');"
        "before = 'numpy' in sys.modules; enc.count_batch(['a']);"
        "print(before, 'numpy' in sys.modules)"
    )
    assert words_of(code) == ["False", "True"]


def test_an_array_without_a_mask_imports_no_more_than_numpy_does() -> None:
    code = (
        "import sys, numpy; own = 'numpy.ma' in sys.modules;"
        "import fasttok; enc = fasttok.get_encoding('o200k_base'); enc.count_batch(['a']);"
        "before = 'numpy.ma' in sys.modules; print(before == own, enc.count_batch(['a', None], nulls='null'))"
    )
    assert words_of(code) == ["True", "[1", "--]"]


def test_spawn(enc: fasttok.Encoding) -> None:
    text = "".join(texts(43, 100))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.starmap(in_child, [(text, enc.count(text))]) == [True]
