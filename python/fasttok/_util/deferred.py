"""Imports that are made when a name is first asked for, written as imports, so that each name stands once.

Type checkers and packagers see plain imports; at run time they are only noted. Knows no name.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from types import SimpleNamespace
from typing import Any


@contextmanager
def deferred(module: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Within this, an import ``from .place import name as name`` in the module with these globals imports nothing.

    Gives a mapping of the names to the modules that have them, which is filled at the end.
    """
    found: dict[str, str] = {}
    really = builtins.__import__

    def note(
        name: str,
        globals: Mapping[str, object] | None = None,
        locals: Mapping[str, object] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        if globals is not module:
            # Another thread's.
            return really(name, globals, locals, fromlist or (), level)
        assert level == 1 and fromlist, "an import from this package"
        found.update(dict.fromkeys(fromlist, f"{module['__name__']}.{name}".rstrip(".")))
        return SimpleNamespace(**dict.fromkeys(fromlist))

    builtins.__import__ = note
    try:
        yield found
    finally:
        builtins.__import__ = really
        for name in found:
            del module[name]


def resolve(name: str, found: Mapping[str, str], module: dict[str, Any]) -> Any:
    """The value of a name among those `found`, which `module` has from then on."""
    package = module["__name__"]
    if name not in found:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    source = found[name]
    value = import_module(f"{source}.{name}") if source == package else getattr(import_module(source), name)
    module[name] = value
    return value
