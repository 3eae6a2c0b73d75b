"""fasttok in a process that is not its own: how many threads it takes, awaiting, sub-interpreters, the end of the
process while it counts."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

import fasttok


def run(code: str, *, ok: bool = True, **variables: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, env={**os.environ, **variables}
    )
    assert not ok or done.returncode == 0, done.stderr
    return done


COUNT_THREADS = """
import os, threading, fasttok
enc = fasttok.get_encoding("o200k_base")
texts = ["some words of a text, and more of them " * 3_000] * 400
most = 0
done = threading.Event()
def look():
    global most
    while not done.is_set():
        most = max(most, len(os.listdir("/proc/self/task")))
        done.wait(0.001)
watcher = threading.Thread(target=look)
watcher.start()
assert set(enc.count_batch(texts).tolist()) == {enc.count(texts[0])}
done.set()
watcher.join()
print(most - 2)
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="no /proc/self/task")
@pytest.mark.parametrize("threads", [1, 3, 5])
def test_the_number_of_threads_by_the_environment(threads: int) -> None:
    """Threads beside that which calls and that which looks."""
    # numpy has threads of its own.
    counted = run(COUNT_THREADS, FASTTOK_NUM_THREADS=str(threads), OPENBLAS_NUM_THREADS="1")
    assert int(counted.stdout) == threads - 1


@pytest.mark.parametrize("wrong", ["0", "-1", "two", "1.5", "99999999999999999999999"])
def test_a_number_of_threads_that_is_none(wrong: str) -> None:
    code = (
        "import fasttok; enc = fasttok.get_encoding('r50k_base')\n"
        "assert enc.count_batch(['a'], threads=1).tolist() == [1]\n"
        "for call in (lambda: enc.count_batch(['a']), lambda: fasttok.count_corpus(fasttok.__file__)):\n"
        "    try:\n        call()\n    except fasttok.InputError as error:\n        print(error)"
    )
    message = f'FASTTOK_NUM_THREADS must be a whole number from 1 on, not "{wrong}"'
    assert run(code, FASTTOK_NUM_THREADS=wrong).stdout.splitlines() == [message] * 2
    command = run(
        "import sys; from fasttok.cli import main; sys.argv = ['fasttok', 'count', 'README.md']; sys.exit(main())",
        ok=False,
        FASTTOK_NUM_THREADS=wrong,
    )
    assert command.returncode == 1
    assert message in command.stderr.replace("\n", " ")
    assert "Traceback" not in command.stderr


def test_an_empty_number_of_threads_is_none() -> None:
    assert (
        run("import fasttok; print(fasttok.get_encoding('r50k_base').count('a'))", FASTTOK_NUM_THREADS="").stdout
        == "1\n"
    )


def test_others_go_on_while_a_count_is_awaited() -> None:
    """The recipe of the guide: a thread of asyncio's counts, with the GIL released."""
    enc = fasttok.get_encoding("o200k_base")
    texts = ["some words of a text " * 20_000] * 400

    async def main() -> tuple[int, int]:
        ticks = 0
        count = asyncio.create_task(asyncio.to_thread(enc.count_batch, texts, threads=1))
        while not count.done():
            ticks += 1
            await asyncio.sleep(0.001)
        return int((await count).sum()), ticks

    total, ticks = asyncio.run(main())
    assert total == enc.count(texts[0]) * len(texts)
    assert ticks > 3


def test_acount() -> None:
    enc = fasttok.get_encoding("o200k_base")

    async def main() -> None:
        one, some, special = await asyncio.gather(
            fasttok.acount("a b"),
            fasttok.acount(["a", b"a b", "c"], enc, threads=1),
            fasttok.acount("<|endoftext|>", "o200k_base", special="token"),
        )
        assert (one, some.tolist(), special) == (2, [1, 2, 1], 1)
        with pytest.raises(fasttok.InputError, match="is missing"):
            await fasttok.acount(["a", None])  # type: ignore[list-item]
        with pytest.raises(fasttok.UnknownEncodingError):
            await fasttok.acount("a", "o300k_base")
        # What is cancelled is left at once.
        task = asyncio.create_task(fasttok.acount(["some words of a text " * 20_000] * 40, threads=1))
        # It has begun, and its end is not heard of before this goes on.
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


AT_THE_END = """
import threading, sys, time, fasttok
enc = fasttok.get_encoding("o200k_base")
texts = ["some words of a text " * {words}] * {number}
{prepare}
begun = threading.Event()
def count():
    begun.set()
    while True:
        {call}
for _ in range(3):
    threading.Thread(target=count, daemon=True).start()
begun.wait()
time.sleep({seconds})
print("the end", flush=True)
"""

COLUMN = "import pyarrow as pa; column = pa.array(texts, pa.large_string())"


@pytest.mark.parametrize(
    ("call", "prepare"),
    [
        ("enc.count(texts[0])", ""),
        ("enc.encode(texts[0])", ""),
        ("enc.count_batch(texts)", ""),
        # Python code that Rust runs.
        ("enc.count_batch(text for text in texts)", ""),
        ("enc.encode_batch(texts)", ""),
        ("enc.decode([1, 2, 3] * 10_000)", ""),
        ("enc.count_arrow(column)", COLUMN),
        ("fasttok.count_corpus('docs', on_progress=lambda progress: None)", ""),
        ("fasttok.count_corpus('docs', by=['language'], detect_language=lambda texts: ['en' for _ in texts])", ""),
    ],
    ids=lambda value: value.partition("(")[0] if "(" in value else "",
)
def test_the_process_ends_while_others_count(call: str, prepare: str) -> None:
    """Threads that still count neither hold up the end nor crash it, wherever in a call they are: in their first one
    (numpy is imported), in short ones, in long ones."""
    if prepare:
        pytest.importorskip("pyarrow")

    def end(turn: int) -> tuple[int, str, str]:
        words, number = [(200, 4), (2_000, 50), (200_000, 3)][turn % 3]
        seconds = 0.01 + 0.012 * (turn % 7)
        code = AT_THE_END.format(call=call, prepare=prepare, words=words, number=number, seconds=seconds)
        done = run(code, ok=False)
        return done.returncode, done.stdout, done.stderr

    with ThreadPoolExecutor(4) as pool:
        ends = Counter(pool.map(end, range(32)))
    assert ends == {(0, "the end\n", ""): 32}


ASKED_AT_THE_END = """
import atexit, queue, threading
jobs, counts = queue.Queue(), queue.Queue()
def stop():
    # Python ends, and waits for a thread that is yet to count.
    jobs.put(["a text"] * 2)
    print(counts.get(timeout=60), flush=True)
atexit.register(stop)
import fasttok
enc = fasttok.get_encoding("r50k_base")
def work():
    while True:
        counts.put(enc.count_batch(jobs.get()).tolist())
threading.Thread(target=work, daemon=True).start()
"""


def test_who_counts_for_the_end_of_the_process_is_waited_for() -> None:
    done = run(ASKED_AT_THE_END)
    assert (done.stdout, done.stderr) == ("[2, 2]\n", "")


def test_the_main_thread_counts_until_the_end() -> None:
    code = (
        "import atexit\natexit.register(lambda: print(enc.count_batch(['a text'] * 2).tolist()))\n"
        "import fasttok; enc = fasttok.get_encoding('r50k_base')"
    )
    assert run(code).stdout == "[2, 2]\n"


def tokens(job: tuple[fasttok.Encoding, list[str]]) -> tuple[int, list[int]]:
    """Runs in another process."""
    enc, texts = job
    return os.getpid(), enc.count_batch(texts).tolist()


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_processes_of_any_kind_count(method: str) -> None:
    """A pool of processes gets an encoding whose threads and caches were in use before it was begun."""
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} here")
    enc = fasttok.get_encoding("o200k_base")
    texts = [f"text {n} of {'many ' * (n % 50)}" for n in range(5_000)]
    expected = enc.count_batch(texts).tolist()
    with multiprocessing.get_context(method).Pool(2) as pool:
        answers = pool.map(tokens, [(enc, texts)] * 4, chunksize=1)
    assert os.getpid() not in {pid for pid, _ in answers}
    assert all(counts == expected for _, counts in answers)


GIVEN_BACK = """
import gc, random, fasttok
def megabytes():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))
enc = fasttok.get_encoding("o200k_base")
draw = random.Random(1)
words = ["".join(draw.choices("abcdefghij", k=draw.randrange(2, 9))) for _ in range(50_000)]
def call(size):
    # Each text is new, and is kept by nobody.
    texts = (" ".join(draw.choices(words, k=2_000)) for _ in range(size))
    return {call}
call(500)
before = megabytes()
made = call(4_000)
during = megabytes()
del made
gc.collect()
print(before, during, megabytes())
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="no /proc/self/status")
@pytest.mark.parametrize(
    ("call", "held"),
    [
        ("enc.count_batch(texts)", 0),
        ("enc.encode_batch(texts)", 40),
        ("sum(enc.count(text) for text in texts)", 0),
        ("sum(len(enc.encode(text)) for text in texts)", 0),
    ],
    ids=["count_batch", "encode_batch", "count", "encode"],
)
def test_memory_is_given_back(call: str, held: int) -> None:
    """After 45 MB of text the process is no larger than after 6: what grows is the caches, 64 MiB at most."""
    done = run(GIVEN_BACK.replace("{call}", call), FASTTOK_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    before, during, after = map(float, done.stdout.split())
    # As much as the ids take, so that what is looked at is there.
    assert during - before >= held
    assert after - before < 64 + 16


SUB_INTERPRETER = """
import sys, fasttok
assert fasttok.get_encoding("r50k_base").count("a") == 1
if sys.version_info >= (3, 13):
    import _interpreters as interpreters
else:
    import _xxsubinterpreters as interpreters
other = interpreters.create()
code = '''
try:
    import fasttok
    from fasttok import Encoding
    assert fasttok.get_encoding("r50k_base").count("a b") == 2
    print("counted", flush=True)
except ImportError as error:
    print("refused:", error, flush=True)
'''
result = interpreters.run_string(other, code)
assert result is None, result
assert fasttok.get_encoding("r50k_base").count("a") == 1
"""


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="no sub-interpreters")
def test_a_sub_interpreter_is_refused_or_right() -> None:
    done = run(SUB_INTERPRETER)
    assert done.stdout == "counted\n" or done.stdout.startswith("refused: "), done.stdout


def test_many_threads_on_one_encoding() -> None:
    pa = pytest.importorskip("pyarrow")
    enc = fasttok.Encoding("o200k_base")
    texts = [f"text {n} of {'many ' * (n % 50)}" for n in range(3_000)]
    expected = fasttok.get_encoding("o200k_base").count_batch(texts).tolist()
    column = pa.array(texts)
    wrong: list[object] = []

    def work(which: int) -> None:
        for _ in range(5):
            counts = [
                lambda: enc.count_batch(texts, threads=2).tolist(),
                lambda: pa.array(enc.count_arrow(column)).to_pylist(),
                lambda: [enc.count(text) for text in texts],
                lambda: pa.array(enc.encode_arrow(column)).value_lengths().to_pylist(),
            ][which % 4]()
            if counts != expected:
                wrong.append(which)

    threads = [threading.Thread(target=work, args=(which,)) for which in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
