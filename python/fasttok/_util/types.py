"""The types of arguments that every measure takes. Knows no module of the package."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, "int | None", int], object]
