"""The compiled part has its docstrings at run time, and they are those of the stub."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Any

import pytest

import fasttok
from fasttok import _fasttok

STUB = Path(fasttok.__file__).with_name("_fasttok.pyi")
WRITTEN_BY_PYTHON = {"__new__", "__eq__", "__ne__", "__hash__", "__reduce__", "__len__", "__getitem__"}
"""What every object has, with Python's own docstring."""


def documented() -> dict[str, str]:
    """The docstrings of the stub by the names of what they describe; empty where there is none."""
    found: dict[str, str] = {}

    def visit(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if not isinstance(node, (ast.FunctionDef, ast.ClassDef)) or node.name in WRITTEN_BY_PYTHON:
                continue
            if isinstance(node, ast.ClassDef) and any(getattr(base, "id", "") == "Protocol" for base in node.bases):
                continue
            # Of several overloads the last one has it.
            found[prefix + node.name] = ast.get_docstring(node) or ""
            if isinstance(node, ast.ClassDef):
                visit(node.body, f"{prefix}{node.name}.")

    visit(ast.parse(STUB.read_text("utf-8")).body, "")
    return found


def runtime(name: str) -> Any:
    found: Any = _fasttok
    for part in name.split("."):
        found = getattr(found, part)
    return found


@pytest.mark.parametrize("name", documented())
def test_the_stub_says_what_the_object_says(name: str) -> None:
    # Python 3.13 and later say it otherwise.
    at_run_time = (inspect.getdoc(runtime(name)) or "").replace("bool(key in self)", "key in self")
    assert documented()[name].split(), f"{name} has no docstring in the stub"
    assert documented()[name].split() == at_run_time.split()


def test_nothing_is_left_out() -> None:
    """What the extension has is in the stub, and so in the test above."""
    for prefix, owner in (("", _fasttok), ("Encoding.", _fasttok.Encoding)):
        for name, value in vars(owner).items():
            if callable(value) or inspect.isdatadescriptor(value):
                assert name.startswith("__") or prefix + name in documented()


def test_help_and_signatures() -> None:
    for name in ("count", "count_batch", "encode", "encode_batch", "decode", "decode_bytes"):
        method = getattr(fasttok.Encoding, name)
        assert next(iter(inspect.signature(method).parameters)) == "self"
    parameters = inspect.signature(fasttok.Encoding.count_batch).parameters
    defaults = {name: parameter.default for name, parameter in parameters.items() if name not in ("self", "texts")}
    assert defaults == {"special": "text", "errors": "strict", "nulls": "error", "threads": None}
