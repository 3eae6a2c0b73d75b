"""Ctrl-C in a call that takes long: in a text that cannot be cut, and in many texts. The engine itself looks for it.

No clock decides. A thread sends the signal as soon as it runs, which it does only once the call has given up the GIL;
and Python's profiler is told whether the call ended with an exception or came to its end first. How often a loop looks
is tested beside the loops.
"""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for a child process")

HANG = 300
"""Seconds after which a test gives up: no text here takes so long."""

CASES = {
    "blanks": ("count", "encoding.count(' ' * 100_000_000)"),
    "newlines": ("count", "encoding.count('\\n' * 100_000_000)"),
    "letters": ("count", "encoding.count('qzjxkvwpyfhbgmucdl' * 2_000_000)"),
    "marks": ("count", "encoding.count('\\u0301' * 40_000_000)"),
    "Han": ("encode", "encoding.encode('中文字符没有标点' * 1_000_000)"),
    "marks to ids": ("encode", "encoding.encode('\\u0301' * 20_000_000)"),
    "Latin-1": ("count", "encoding.count('é' * 50_000_000)"),
    "surrogates": ("count", "encoding.count('\\ud83d\\udc4d' * 20_000_000)"),
    "file": ("count_corpus", "fasttok.count_corpus(blanks)"),
    "English": ("count_batch", "encoding.count_batch(['a few words, again and again. ' * 5_000_000], threads={})"),
    "Chinese": ("count_batch", "encoding.count_batch(['一些中文，再来一遍。' * 15_000_000], threads={})"),
    "many": ("count_batch", "encoding.count_batch([b'a few words of English'] * 3_000_000, threads={})"),
}
"""The compiled function that is called, and how."""

CHILD = """
import os, signal, sys, threading
import fasttok
name, call, blanks = sys.argv[1:]
encoding = fasttok.get_encoding("o200k_base")
encoding.count_batch(["what is imported at the first call"])
if "blanks" in call:
    with open(blanks, "w") as file:
        file.write(" " * 100_000_000)
called = threading.Event()
ended = "not called"

def send():
    called.wait()
    os.kill(os.getpid(), signal.SIGINT)

def profile(frame, event, function):
    global ended
    if event.startswith("c_") and function.__name__ == name and function.__module__ != "fasttok":
        if event != "c_call":
            ended = event
        elif not called.is_set():
            ended = "not ended"
            called.set()

threading.Thread(target=send, daemon=True).start()
# The other thread gets the GIL where this one gives it up, and never takes it.
sys.setswitchinterval(10_000)
sys.setprofile(profile)
try:
    eval(call)
except KeyboardInterrupt:
    pass
sys.setprofile(None)
print(ended)
"""


@pytest.mark.parametrize(
    ("case", "threads"), [(case, n) for case, (_, call) in CASES.items() for n in ([1, 2] if "{}" in call else [1])]
)
def test_a_call_ends_by_the_signal(case: str, threads: int, tmp_path: Path) -> None:
    name, call = CASES[case]
    command = [sys.executable, "-c", CHILD, name, call.format(threads), str(tmp_path / "blanks.txt")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=HANG)
    assert (done.stdout, done.stderr) == ("c_exception\n", "")


LOST = """
import signal, sys, time, weakref
from fasttok import cli

cli._heed_signals()

class Object:
    pass

def gone(_):
    signal.raise_signal(int(sys.argv[1]))
    # Here the exception comes, which has nowhere to go.
    return None

held = Object()
kept = weakref.ref(held, gone)
try:
    del held
    time.sleep(60)
except KeyboardInterrupt as end:
    print(type(end).__name__)
"""


@pytest.mark.parametrize(("number", "raised"), [(2, "KeyboardInterrupt"), (15, "Terminated")])
def test_a_signal_that_is_lost_in_python_comes_again(number: int, raised: str) -> None:
    done = subprocess.run([sys.executable, "-c", LOST, str(number)], capture_output=True, text=True, timeout=HANG)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, raised, "")
