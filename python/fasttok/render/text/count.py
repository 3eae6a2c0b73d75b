"""A count report as a table: for a terminal of any width, for plain text, for a notebook."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console

from fasttok.render.table import Column, Layout, decimal, layout_html, print_layout, printable, printed

if TYPE_CHECKING:
    from fasttok.reports.count import Report, Tally


def print_report(report: Report, console: Console) -> None:
    """Print the table of `report` as wide as `console` is."""
    print_layout(report_layout(report), console)


def render_text(report: Report, width: int | None = None) -> str:
    """The table as plain text, as wide as the terminal unless `width` says otherwise."""
    return printed(lambda console: print_report(report, console), width)


def render_html(report: Report) -> str:
    """The table and the summary as HTML."""
    return layout_html(report_layout(report)) + f"<p>{html.escape(report.summary())}</p>"


def report_layout(report: Report) -> Layout:
    """The groups of `report`, one line an encoding, and their totals; the totals alone where nothing is grouped."""
    keys = report.by
    several = len(report.encodings) > 1
    named = [Column(key, [], is_name=True, is_key=True, keeps_end=key == "file") for key in keys]
    encoding = Column("encoding", [], is_name=True)
    size = [Column(name, []) for name in ("docs", "bytes", "chars")]
    measures = [Column(name, []) for name in ("tokens", "tok/char", "B/tok")]

    def add(tally: Tally, key: Sequence[str]) -> None:
        for i, name in enumerate(report.encodings):
            first = i == 0
            for column, value in zip(named, key, strict=True):
                column.cells.append(value if first else "")
            encoding.cells.append(name)
            for column, number in zip(size, (tally.documents, tally.bytes, tally.chars), strict=True):
                column.cells.append(f"{number:,}" if first else "")
            values = tally.measures(name)
            measures[0].cells.append(f"{values['tokens']:,}")
            measures[1].cells.append(decimal(values["tokens_per_char"], 3))
            measures[2].cells.append(decimal(values["bytes_per_token"], 2))

    for group in report.groups if keys else ():
        add(group, [printable(value) for value in group.key.values()])
    add(report.totals, ["total", *[""] * (len(keys) - 1)] if keys else [])
    shows_encoding = several or not keys
    columns = [*named, *([encoding] if shows_encoding else []), *size, *measures]
    return Layout(columns, footer_rows=len(report.encodings) if keys else 0)
