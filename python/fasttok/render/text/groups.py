"""What tables and charts of groups have in common, whatever is measured of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from fasttok.render import format
from fasttok.render.blocks import CHARTED, first
from fasttok.render.layout import Column


class _Group(Protocol):
    @property
    def key(self) -> Mapping[str, str | None]: ...


G = TypeVar("G", bound=_Group, covariant=True)


class _Grouped(Protocol[G]):
    """A report with groups, and totals of the same form."""

    @property
    def by(self) -> Sequence[str]: ...
    @property
    def groups(self) -> Sequence[G]: ...
    @property
    def totals(self) -> Any: ...


R = TypeVar("R", bound=_Grouped[Any])


def key_columns(by: Sequence[str]) -> list[Column]:
    """A column for each key of the groups."""
    return [Column(key, [], is_name=True, is_key=True, keeps_end=key == "file") for key in by]


def add_groups(report: _Grouped[Any], add: Callable[[Any, Sequence[str]], None]) -> None:
    """Call `add` with each group that is shown and with the totals, and with what stands in the columns of keys."""
    for group in first(report.groups):
        add(group, [format.key(value) for value in group.key.values()])
    add(report.totals, ["total", *[""] * (len(report.by) - 1)] if report.by else [])


def charted(report: R) -> R:
    """The report with as many groups as the chart of a page shows."""
    return replace(report, groups=report.groups[:CHARTED])  # type: ignore[type-var]
