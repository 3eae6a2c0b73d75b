"""A test that is skipped for a reason that nobody expects fails the run."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from references import ROOT


@pytest.mark.parametrize(
    ("line", "code", "told"),
    [
        ('pytest.skip("needs the corpora")', 0, "skipped 1: needs the corpora"),
        ('pytest.skip("no time today")', 1, "skipped 1: no time today (not expected"),
        ('pytest.importorskip("a_package_that_is_not_there")', 1, "a_package_that_is_not_there"),
        ("pass", 0, "1 passed"),
        ("assert False", 1, "1 failed"),
    ],
)
def test_skips(tmp_path: Path, line: str, code: int, told: str) -> None:
    shutil.copy(ROOT / "conftest.py", tmp_path)
    (tmp_path / "test_it.py").write_text(f"import pytest\n\ndef test_it():\n    {line}\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), "."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == code, done.stdout
    assert told in done.stdout
