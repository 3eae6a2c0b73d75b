"""Tables as HTML: the one builder, for notebooks and for pages. Knows no report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import zip_longest
from typing import Any

from fasttok.render.layout import Layout


@dataclass(frozen=True)
class Cell:
    """A cell: its text, and what a table of a page sorts it by."""

    text: str
    sort: Any = None
    inner: str | None = None
    """HTML in the place of the text."""
    attributes: str = ""
    """More attributes, as HTML."""

    def html(self) -> str:
        """What stands in the cell."""
        return escape(self.text) if self.inner is None else self.inner


def table(layout: Layout) -> str:
    """A table with all its columns that carries its own style, for a notebook."""
    styles = [f' style="text-align:{"left" if column.is_name else "right"}"' for column in layout.columns]

    def row(tag: str, cells: Sequence[str]) -> str:
        return _row(tag, [Cell(cell, attributes=style) for cell, style in zip(cells, styles, strict=True)])

    rows = [[column.cells[i] for column in layout.columns] for i in range(layout.row_count)]
    split = layout.row_count - layout.footer_rows
    return _table(
        "",
        row("th", [column.header for column in layout.columns]),
        (row("td", cells) for cells in rows[:split]),
        [row("th", cells) for cells in rows[split:]],
    )


def sortable(
    id: str,
    caption: str,
    head: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    names: int,
    *,
    texts: int = 0,
    label: str = "",
    kind: str = "",
    keys: Sequence[str] = (),
    foot: Sequence[str] = (),
) -> str:
    """A table of a page, whose headers sort it; the first `names` columns are text, and the last `texts`.

    label: what it is called aloud; the caption unless it is given. kind: more classes of the table. keys: by what each
    row is filtered. foot: rows that are not sorted.
    """
    header = "".join(_th(text, name=i < names or i >= len(head) - texts) for i, text in enumerate(head))
    body = (_sortable_row(row, names, texts, key) for row, key in zip_longest(rows, keys))
    classes = f"sortable {kind}".rstrip()
    made = _table(f' class="{classes}" id="{id}"', f"<tr>{header}</tr>", body, foot, caption=caption)
    return scrolling(made, label or caption)


def scrolling(inner: str, label: str) -> str:
    """A frame of a page whose content may be wider than it, and which then says so."""
    frame = f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(label)}">{inner}</div>'
    return f'<p class="hint">Scroll sideways to see all columns →</p>{frame}'


def sortable_layout(layout: Layout, id: str, caption: str) -> str:
    """A table of blocks as one of a page: what is a number sorts as one, and rows of totals stay below."""
    columns = layout.columns
    names = next((i for i, column in enumerate(columns) if not column.is_name), len(columns))
    texts = next((i for i, column in enumerate(reversed(columns)) if not column.is_name), 0)
    split = layout.row_count - layout.footer_rows
    filled = [
        _filled(column.cells[:split]) if column.is_key or not column.is_name else column.cells for column in columns
    ]
    rows = [
        [
            Cell(text, _number(text))
            for text in (
                cells[i] if i < split else column.cells[i] for cells, column in zip(filled, columns, strict=True)
            )
        ]
        for i in range(layout.row_count)
    ]
    foot = [_sortable_row(row, names, texts, None) for row in rows[split:]]
    head = [column.header for column in columns]
    return sortable(id, caption, head, rows[:split], names, texts=texts, foot=foot)


def _filled(cells: Sequence[str]) -> list[str]:
    """Cells of which none is left out because it is that above: rows that are sorted have no such neighbour."""
    found: list[str] = []
    for cell in cells:
        found.append(cell or (found[-1] if found else ""))
    return found


def _number(text: str) -> str | float:
    """What a cell is sorted by."""
    try:
        return float(text.replace(",", "").removesuffix(" %"))
    except ValueError:
        return text


def _table(attributes: str, head: str, body: Iterable[str], foot: Sequence[str] = (), caption: str = "") -> str:
    called = f"<caption>{escape(caption)}</caption>" if caption else ""
    end = f"<tfoot>{''.join(foot)}</tfoot>" if foot else ""
    return f"<table{attributes}>{called}<thead>{head}</thead><tbody>{''.join(body)}</tbody>{end}</table>"


def _row(tag: str, cells: Iterable[Cell]) -> str:
    return "<tr>" + "".join(f"<{tag}{cell.attributes}>{cell.html()}</{tag}>" for cell in cells) + "</tr>"


def _sortable_row(row: Sequence[Cell], names: int, texts: int, key: str | None) -> str:
    cells = []
    for i, cell in enumerate(row):
        sort = "" if cell.sort is None else _attribute(cell.sort)
        kind = ' class="name"' if i < names or i >= len(row) - texts else ""
        tag, kind = ("th", ' scope="row"') if i == 0 else ("td", kind)
        cells.append(f'<{tag}{kind}{cell.attributes} data-v="{sort}">{cell.html()}</{tag}>')
    filtered = "" if key is None else f' data-key="{_attribute(key)}"'
    return f"<tr{filtered}>{''.join(cells)}</tr>"


def _attribute(value: object) -> str:
    return escape(str(value).casefold(), quote=True)


def _th(text: str, *, name: bool = False) -> str:
    kind = ' class="name"' if name else ""
    return f'<th scope="col"{kind}><button type="button">{escape(text)}</button></th>'
