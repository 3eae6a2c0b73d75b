"""The structure of the package where import-linter, which `make lint` runs, does not see it: the root, and names."""

from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import fasttok

PACKAGE = Path(fasttok.__file__).parent
MODULES = sorted(path for path in PACKAGE.rglob("*.py"))
ABOVE_ALL = ("__init__.py", "__main__.py")


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_module_says_what_it_is_for_and_knows_no_root(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text("utf-8")))
    if path.relative_to(PACKAGE).as_posix() in ABOVE_ALL:
        return
    for name in imported(path):
        inner = name.removeprefix("fasttok.").partition(".")[0]
        assert name != "fasttok", "the root imports everything: import from the module that defines it"
        if name.startswith("fasttok."):
            assert inner == "_fasttok" or (PACKAGE / inner).is_dir() or (PACKAGE / f"{inner}.py").is_file(), name


def test_every_public_name_is_there_and_documented() -> None:
    assert len(fasttok.__all__) > 70 and set(fasttok.__all__) <= set(dir(fasttok))
    for name in fasttok.__all__:
        value = getattr(fasttok, name)
        if name not in ("__version__", "CLAIMS"):
            assert inspect.getdoc(value), name


def test_a_public_name_is_imported_when_it_is_asked_for() -> None:
    """Once; that it is noted before leaves no trace in `import`."""
    code = (
        "import builtins; really = builtins.__import__; import fasttok; assert builtins.__import__ is really;"
        "names = lambda: {n for n in fasttok.__all__ if n in vars(fasttok)};"
        "assert names() == set(), names(); fasttok.get_encoding; assert names() == {'get_encoding'};"
        "from fasttok import *; assert names() == set(fasttok.__all__) and Report is fasttok.Report;"
        "assert fasttok.typing.Spec and hasattr(fasttok, 'errors') and not hasattr(fasttok, 'nothing')"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_errors_are_public() -> None:
    errors = {name for name, value in vars(fasttok.errors).items() if isinstance(value, type) and is_error(value)}
    assert errors - set(fasttok.__all__) == set()


def is_error(value: type) -> bool:
    return issubclass(value, fasttok.FasttokError)


def test_names_for_annotations() -> None:
    typing = importlib.import_module("fasttok.typing")
    assert all(hasattr(typing, name) for name in typing.__all__)
