"""A table before it is known how it is shown: columns and cells. Knows no report, no terminal and no HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fasttok._escapes import escaped

GIVEN_UP = (("chars", 24), ("bytes", 12), ("docs", 12), ("B/tok", 6), ("tok/char", 6))
"""Columns of numbers in the order in which they are given up, each before keys are cut below a width."""


@dataclass(eq=False, repr=False)
class Column:
    """A header and its cells. Names are on the left, numbers on the right; a key may be shortened, nothing else."""

    header: str
    cells: list[str]
    is_name: bool = False
    is_key: bool = False
    keeps_end: bool = False

    def printable(self) -> Column:
        """The same column as a terminal may show it."""
        return replace(self, header=escaped(self.header), cells=[escaped(cell) for cell in self.cells])

    @property
    def width(self) -> int:
        """The columns of a terminal that the widest cell takes."""
        from rich.cells import cell_len

        return max(cell_len(text) for text in (self.header, *self.cells))


@dataclass(eq=False, repr=False)
class Layout:
    """The cells of a table, before it is known how wide it may be."""

    columns: list[Column]
    footer_rows: int = 0
    """How many rows at the end are totals."""
    given_up: Sequence[tuple[str, int]] = GIVEN_UP
    """Columns in the order in which they are given up where the terminal is narrow, each before keys are cut below
    a width."""

    @property
    def row_count(self) -> int:
        return len(self.columns[0].cells)
