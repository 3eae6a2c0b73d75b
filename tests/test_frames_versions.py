"""The tests of polars and DuckDB with other versions of them, for a long run: they are fetched from PyPI."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from references import LONG, ROOT

VERSIONS = {
    "TestPolars": ["polars==1.0.0", "polars==1.20.0", "polars==1.44.2", "polars==2.0.0"],
    "TestDuckDB": ["duckdb==1.2.0", "duckdb==1.5.6"],
}


@pytest.mark.skipif(not LONG, reason="other versions of libraries are fetched in a long run only: set FASTTOK_LONG=1")
@pytest.mark.parametrize(
    ("tests", "version"), [(tests, version) for tests, versions in VERSIONS.items() for version in versions]
)
def test_another_version(tests: str, version: str, tmp_path: Path) -> None:
    library = version.partition("=")[0]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--only-binary=:all:", "--target", str(tmp_path), version]
    subprocess.run(pip, check=True)
    # What is first on the path is taken before what is installed.
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    code = f"import {library}; print({library}.__version__)"
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == version.partition("==")[2]
    pytest_run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_frames.py", "-k", tests]
    done = subprocess.run(pytest_run, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
