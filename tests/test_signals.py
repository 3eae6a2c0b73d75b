"""Ctrl-C inside a long text that cannot be cut: the engine itself looks for it."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for a child process")

HANG = 300
"""Seconds after which a test gives up: no text here takes so long."""

CASES = [
    ("count", " ", 40_000_000),
    ("count", "qzjxkvwpyfhbgmucdl", 4_000_000),
    ("count", "\u0301", 40_000_000),
    ("encode", "中文字符没有标点", 4_000_000),
    ("count_corpus", " ", 40_000_000),
]
"""Ways to count, what a text is made of that has no place where it may be cut, and its bytes."""

CHILD = """
import sys, time
import fasttok
how, part, size, path = sys.argv[1:]
encoding = fasttok.get_encoding("o200k_base")
text = part * (int(size) // len(part.encode()))
if how == "count_corpus":
    with open(path, "w") as file:
        file.write(text)
    call = lambda: fasttok.count_corpus(path, encodings=["o200k_base"])
else:
    call = lambda: getattr(encoding, how)(text)
start = time.monotonic()
call()
print(time.monotonic() - start, flush=True)
try:
    call()
    print("finished", flush=True)
except KeyboardInterrupt:
    print(time.monotonic(), flush=True)
"""


@pytest.mark.parametrize(("how", "part", "size"), CASES)
def test_a_text_of_one_piece(how: str, part: str, size: int, tmp_path: Path) -> None:
    command = [sys.executable, "-c", CHILD, how, part, str(size), str(tmp_path / "long.txt")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        undisturbed = float(child.stdout.readline())
        # Well inside the second time.
        time.sleep(undisturbed / 8)
        sent = time.monotonic()
        child.send_signal(signal.SIGINT)
        out, _ = child.communicate(timeout=HANG)
    assert child.returncode == 0
    assert out != "finished\n"
    # Seven eighths were left: a signal that is only met at the end comes after them.
    assert float(out) - sent < undisturbed / 2
