"""What all tests share, those of the benches too: a skipped test is listed with its reason, and a reason that is not
expected fails the run. Else a test that nobody meant to skip would stay away unnoticed. Signals are
heeded whoever started the run.
"""

from __future__ import annotations

import re
import signal
from collections import Counter
from typing import Any

import pytest

EXPECTED_SKIPS = (
    # Data that are no part of the project.
    r"needs the corpora",
    r"no corpora: set FASTTOK_DATA to a folder of \.jsonl\.zst",
    r"no folder \.\./shared/tokenizers",
    r"no real tokenizers and text here",
    # What a system or its user has or lacks.
    r"no Chromium is found: install it, or name it in FASTTOK_CHROMIUM",
    r"no /dev/full",
    r"no SIGINT for a child process",
    r"no fork on this system",
    r"no /proc/self/task",
    r"no sub-interpreters",
    r"folders have no owners and modes",
    r"names are bytes there",
    r"the file system takes no such names",
    r"root reads everything",
    r"needs (bash|zsh|fish|openssl|ripgrep)$",
    r"the symbols of an ELF library are looked at; other systems compile the same source",
    r"this library is stripped of its symbols",
    # Versions of libraries.
    r"numpy 1 has no StringDType",
    r"other versions of libraries are fetched in a long run only: set FASTTOK_LONG=1",
)
"""The reasons, as regular expressions, for which a test may be skipped. A package of the extra `test` that is not
installed is none of them."""


def is_expected(reason: str) -> bool:
    return any(re.fullmatch(expected, reason) for expected in EXPECTED_SKIPS)


def skips(config: pytest.Config) -> Counter[str]:
    """How often each reason was given in this run."""
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    reports = reporter.stats.get("skipped", []) if reporter else []
    return Counter(str(report.longrepr[2]).removeprefix("Skipped: ") for report in reports)


def pytest_configure() -> None:
    """Heed the signals that whoever started this run ignores (a shell in the background, nohup): the processes that
    tests start would ignore them too, and wait."""
    for name, handler in (
        ("SIGINT", signal.default_int_handler),
        ("SIGTERM", signal.SIG_DFL),
        ("SIGHUP", signal.SIG_DFL),
    ):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, handler)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if session.exitstatus == pytest.ExitCode.OK and not all(map(is_expected, skips(session.config))):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    for reason, count in sorted(skips(config).items()):
        remark = "" if is_expected(reason) else " (not expected: an error, see EXPECTED_SKIPS in conftest.py)"
        terminalreporter.write_line(f"skipped {count}: {reason}{remark}")
