"""Replacing names of an installed library, and putting them back. Knows no library."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import ModuleType, TracebackType
from typing import Any

from fasttok.errors import MissingExtraError

Replacements = dict[str, dict[str, Any]]
"""By module of the library, new values of its names."""


class Patches:
    """The names of a library that are replaced while it is patched."""

    def __init__(self, library: str, find: Callable[[], Replacements]) -> None:
        self._library = library
        self._find = find
        self._saved: list[tuple[ModuleType, str, Any]] = []

    def patch(self) -> Patched:
        """Replace the names, unless they are. Raises ``MissingExtraError`` where the library is not installed."""
        if self._saved:
            return Patched(None)
        found = self._find()
        try:
            modules = {name: importlib.import_module(name) for name in found}
        except ModuleNotFoundError as error:
            raise MissingExtraError(
                f"{self._library} is not installed, so there is nothing to patch: pip install {self._library}, or "
                f"import fasttok.compat.{self._library} in its place",
                name=error.name,
            ) from error
        # All is looked up before anything is replaced: a library without one of the names stays whole.
        self._saved = [
            (modules[module], name, getattr(modules[module], name)) for module in found for name in found[module]
        ]
        for module, names in found.items():
            for name, value in names.items():
                setattr(modules[module], name, value)
        return Patched(self)

    def unpatch(self) -> None:
        """Put the names back, if they are replaced."""
        while self._saved:
            module, name, value = self._saved.pop()
            setattr(module, name, value)


class Patched:
    """As a context manager: puts back at its end what the call replaced that gave it."""

    def __init__(self, patches: Patches | None) -> None:
        self._patches = patches

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._patches is not None:
            self._patches.unpatch()
