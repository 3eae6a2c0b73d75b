"""The command `fasttok`.

One file per command; `app` finds them by name and turns errors into messages and exit codes. Nothing heavy is
imported here, so that `fasttok --version` and a mistyped command answer at once.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
from collections.abc import Iterator, Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line `arguments` (those of the process by default) and return the exit code."""
    with _few_collections(is_all=arguments is None):
        return _run(list(sys.argv[1:] if arguments is None else arguments))


def _run(given: Sequence[str]) -> int:
    _heed_signals()
    try:
        if given == ["--version"]:
            from fasttok._fasttok import __version__

            print(f"fasttok {__version__}")
            return 0
        from fasttok.cli import app

        return app.run(given)
    except KeyboardInterrupt as end:
        # Whatever is left to do must not be cut short by a second one.
        for name in _ENDING:
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), signal.SIG_IGN)
        with contextlib.suppress(AttributeError, OSError, ValueError):
            # On a terminal the line begins with ^C.
            line_end = "\n" if sys.stderr.isatty() else ""
            notes = "".join(f"; {note}" for note in getattr(end, "notes", ()))
            told = "terminated" if isinstance(end, Terminated) else "interrupted"
            sys.stderr.write(f"{line_end}fasttok: {told}{notes}\n")
        return 128 + end.signal if isinstance(end, Terminated) else 130


_COLLECTED_AFTER = 100_000
"""So many new objects are looked through for garbage at a time. By default it is 700, and looking through what imports
make, which is no garbage, is a tenth of the time of a short command."""


@contextlib.contextmanager
def _few_collections(*, is_all: bool) -> Iterator[None]:
    """Look for garbage seldom meanwhile. `is_all`: the process ends with it, so that what is left needs no looking
    through either."""
    before = gc.get_threshold()
    gc.set_threshold(_COLLECTED_AFTER, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        if is_all:
            gc.freeze()


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGHUP: ends a run as Ctrl-C does."""

    signal = 15


_ENDING = ("SIGINT", "SIGTERM", "SIGHUP")


_AGAIN_SECONDS = 0.02


def _repeat(lost: sys.UnraisableHookArgs) -> None:
    """Of an exception that has nowhere to go, since it came in what Python calls when an object goes away: send the
    signal again that it was made by. It is said of all others, as ever."""
    if not issubclass(lost.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(lost)
        return
    import threading

    number = getattr(lost.exc_value, "signal", signal.SIGINT)
    # Later: here it would be lost once more.
    again = threading.Timer(_AGAIN_SECONDS, os.kill, (os.getpid(), number))
    again.daemon = True
    again.start()


def _heed_signals() -> None:
    """Let SIGTERM and SIGHUP end a run as Ctrl-C does, so that nothing half-written is left, and let no signal be
    lost. What is ignored (`nohup`) stays ignored."""
    if sys.unraisablehook is sys.__unraisablehook__:
        sys.unraisablehook = _repeat

    def end(number: int, frame: object) -> None:
        ended = Terminated()
        ended.signal = number
        raise ended

    for name in _ENDING[1:]:
        # Not every system has them all, and only the main thread may say what happens.
        with contextlib.suppress(AttributeError, ValueError):
            number = getattr(signal, name)
            if signal.getsignal(number) == signal.SIG_DFL:
                signal.signal(number, end)
