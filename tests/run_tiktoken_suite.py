"""tiktoken's own test suite, unmodified, with ``fasttok.compat.tiktoken`` in place of tiktoken: ``python -m
tests.run_tiktoken_suite [FOLDER]``.

FOLDER is an unpacked source distribution of tiktoken; without it pip downloads one. The suite is no part of this
project and needs ``pytest`` and ``hypothesis``. Subprocesses of the tests import the stand-in,
too: it is put in place by a ``sitecustomize.py``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from tests.references import ROOT

VERSION = "0.14.0"
HOOK = """
import sys
import fasttok.compat.tiktoken as tiktoken
from fasttok.compat.tiktoken import core, load, model, registry
sys.modules["tiktoken"] = tiktoken
for module in (core, load, model, registry):
    sys.modules["tiktoken." + module.__name__.rpartition(".")[2]] = module
"""


def main(arguments: list[str]) -> int:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(arguments[0]) if arguments else downloaded(Path(temporary))
        # Beside the tests, without the package, which would be found first.
        suite = Path(temporary) / "suite"
        (suite / "tests").mkdir(parents=True)
        for file in (folder / "tests").glob("*.py"):
            (suite / "tests" / file.name).write_bytes(file.read_bytes())
        hook = Path(temporary) / "hook"
        hook.mkdir()
        (hook / "sitecustomize.py").write_text(HOOK)
        path = os.pathsep.join([str(hook), str(ROOT / "python"), os.environ.get("PYTHONPATH", "")])
        command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "tests"]
        return subprocess.run(command, cwd=suite, env={**os.environ, "PYTHONPATH": path}).returncode


def downloaded(folder: Path) -> Path:
    """The source distribution, unpacked."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "tiktoken"]
    subprocess.run([*pip, "--dest", str(folder), f"tiktoken=={VERSION}"], check=True)
    with tarfile.open(folder / f"tiktoken-{VERSION}.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    return folder / f"tiktoken-{VERSION}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
