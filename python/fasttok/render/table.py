"""A table that fits a terminal of any width: it gives up columns and shortens keys. Knows no report.

Imported when a table is printed: it needs rich, which takes longer to import than a small file to count.
"""

from __future__ import annotations

import io
import shutil
import unicodedata
from collections.abc import Callable, Sequence

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fasttok.render.layout import Column, Layout

GAP = 2
_SHORTEST = 2
"""A key is never narrower."""


def printed(show: Callable[[Console], None], width: int | None = None) -> str:
    """What `show` prints, as plain text without blanks at the ends of lines, as wide as the terminal unless `width`
    says otherwise."""
    out = io.StringIO()
    columns = shutil.get_terminal_size().columns if width is None else width
    show(Console(file=out, width=columns, color_system=None))
    return "\n".join(line.rstrip() for line in out.getvalue().rstrip("\n").split("\n"))


def print_layout(layout: Layout, console: Console) -> None:
    """Print `layout`, giving up columns of numbers and shortening keys until it fits the console."""
    columns = [column.printable() for column in layout.columns]
    given_up = []
    for header, short in layout.given_up:
        if _needed(columns, short) <= console.width:
            break
        given_up += [column.header for column in columns if column.header == header]
        columns = [column for column in columns if column.header != header]
    while len(columns) > 1 and _needed(columns, _SHORTEST) > console.width:
        # Whatever is left of it: a column is never cut without a word.
        dropped = next((column for column in reversed(columns) if not column.is_key), columns[-1])
        given_up.append(dropped.header)
        columns.remove(dropped)
    widths = _key_widths(columns, console.width)

    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, GAP - 1, 0, 0), header_style="bold")
    for column in columns:
        header = shorten(column.header, widths.get(column.header, column.width))
        table.add_column(header, justify="left" if column.is_name else "right", no_wrap=True, overflow="crop")
    totals = layout.row_count - layout.footer_rows
    for i in range(layout.row_count):
        cells = []
        for column in columns:
            text = column.cells[i]
            if column.is_key:
                text = shorten(text, widths[column.header], keep_end=column.keeps_end and i < totals)
            cells.append(Text(text))
        last = i == totals - 1 and layout.footer_rows > 0
        table.add_row(*cells, style="bold" if i >= totals else "", end_section=last)
    console.print(table)
    if given_up:
        console.print(Text(f"not shown for lack of width: {', '.join(reversed(given_up))}", style="dim"))


def shorten(text: str, width: int, *, keep_end: bool = False) -> str:
    """`text` cut to `width` columns with an ellipsis, at its end or (`keep_end`) at its start."""
    if cell_len(text) <= width:
        return text
    kept = ""
    for c in reversed(text) if keep_end else text:
        longer = c + kept if keep_end else kept + c
        if cell_len(longer) > width - 1:
            break
        kept = longer
    if not keep_end:
        return kept + "…"
    while kept and unicodedata.combining(kept[0]):
        kept = kept[1:]
    return "…" + kept


def _needed(columns: Sequence[Column], short: int) -> int:
    """The width of a table with these columns, its keys cut to `short`."""
    widths = (min(column.width, short) if column.is_key else column.width for column in columns)
    return sum(widths) + GAP * (len(columns) - 1)


def _key_widths(columns: Sequence[Column], width: int) -> dict[str, int]:
    """How wide each key may be, so that all columns together fill no more than `width`."""
    budget = width - _needed(columns, 0)
    keys = sorted((column for column in columns if column.is_key), key=lambda column: column.width)
    widths = {}
    for i, column in enumerate(keys):
        share = max(_SHORTEST, budget // (len(keys) - i))
        widths[column.header] = min(column.width, share)
        budget -= widths[column.header]
    return widths
