"""A premium report as tables: for a terminal of any width, for plain text, for a notebook."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from fasttok.render.table import Column, Layout, decimal, print_layout, printable, printed_unpadded

if TYPE_CHECKING:
    from fasttok.reports.premium import PremiumReport

BAR = 18
"""How long the longest bar is, in columns."""


def print_report(report: PremiumReport, console: Console) -> None:
    """Print the tables of `report` as wide as `console` is."""
    encodings = report.encodings
    if len(encodings) == 1:
        console.print(Text(f"{encodings[0]}: tokens of the same content, {report.pivot} = 1\n", style="bold"))
        print_layout(_one(report), console)
    else:
        console.print(Text(f"Tokens of the same content, {report.pivot} = 1, by encoding\n", style="bold"))
        for i, columns in enumerate(_matrix(report, console.width)):
            if i:
                console.print()
            print_layout(Layout(columns), console)
        console.print(Text("\nHow unequal languages are under each encoding\n", style="bold"))
        print_layout(_summaries(report), console)
    console.print(Text(f"\n{_note(report)}", style="dim"))


def render_text(report: PremiumReport, width: int | None = None) -> str:
    """The tables as plain text, as wide as the terminal unless `width` says otherwise."""
    return printed_unpadded(lambda console: print_report(report, console), width)


def render_html(report: PremiumReport) -> str:
    """The premiums as an HTML table, one row per language and one column per encoding."""
    head = "".join(f'<th style="text-align:right">{html.escape(name)}</th>' for name in report.encodings)
    body = []
    for language in report.languages:
        rows = [report.get(language, encoding) for encoding in report.encodings]
        cells = "".join(
            f'<td style="text-align:right" title="{_range(row.low, row.high)}">{row.premium:.2f}</td>' for row in rows
        )
        name = rows[0].name or language
        body.append(f'<tr><th style="text-align:left">{html.escape(name)}</th>{cells}</tr>')
    caption = html.escape(f"Tokens of the same content, {report.pivot} = 1. {report.summary()}.")
    return (
        f"<table><caption>{caption}</caption><thead><tr><th></th>{head}</tr></thead>"
        f"<tbody>{''.join(body)}</tbody></table>"
    )


def bar(value: float, largest: float, width: int = BAR) -> str:
    """A bar of block characters, an eighth of a column exact."""
    eighths = round(8 * width * value / largest) if largest > 0 else 0
    full, part = divmod(max(0, eighths), 8)
    return "█" * full + ("▏▎▍▌▋▊▉"[part - 1] if part else "")


def _one(report: PremiumReport) -> Layout:
    """One encoding: the premium and what it is made of."""
    rows = report.of(report.encodings[0])
    largest = max(row.premium for row in rows)
    return Layout(
        [
            *_names(report),
            Column("tokens", [f"{row.tokens:,}" for row in rows]),
            Column("premium", [f"{row.premium:.2f}" for row in rows]),
            Column(_confidence(report), [_range(row.low, row.high) for row in rows]),
            Column("", [bar(row.premium, largest) for row in rows], is_name=True),
            Column("bytes", [f"{row.byte_premium:.2f}" for row in rows]),
            Column("B/tok", [decimal(row.bytes_per_token, 2) for row in rows]),
            Column("STRR", [decimal(row.strr, 2) for row in rows]),
        ],
        given_up=(("STRR", 24), ("tokens", 24), ("B/tok", 16), ("bytes", 12), ("", 12)),
    )


def _matrix(report: PremiumReport, width: int) -> list[list[Column]]:
    """Several encodings: a column each, in as many tables as the width calls for."""
    names = _names(report)
    room = width - sum(min(column.width, 24) + 2 for column in names)
    tables: list[list[Column]] = []
    used = room + 1
    for encoding in report.encodings:
        column = Column(encoding, [f"{row.premium:.2f}" for row in report.of(encoding)])
        used += cell_len(encoding) + 2
        if used > room:
            tables.append(list(names))
            used = column.width + 2
        tables[-1].append(column)
    return tables


def _summaries(report: PremiumReport) -> Layout:
    rows = report.summaries
    return Layout(
        [
            Column("encoding", [row.encoding for row in rows], is_name=True, is_key=True),
            Column("Gini", [f"{row.gini:.3f}" for row in rows]),
            Column(_confidence(report), [_range(row.gini_low, row.gini_high, 3) for row in rows]),
            Column("lowest", [f"{row.min:.2f} {row.min_language}" for row in rows]),
            Column("median", [f"{row.median:.2f}" for row in rows]),
            Column("highest", [f"{row.max:.2f} {row.max_language}" for row in rows]),
        ]
    )


def _names(report: PremiumReport) -> list[Column]:
    rows = report.of(report.encodings[0])
    code = Column("language", [printable(row.language) for row in rows], is_name=True, is_key=True)
    if not any(row.name for row in rows):
        return [code]
    named = [printable(row.name) if row.name else "" for row in rows]
    return [code, Column("name", named, is_name=True, is_key=True)]


def _confidence(report: PremiumReport) -> str:
    settings = report.manifest["interval"]
    return "interval" if settings is None else f"{100 * settings['confidence']:g} % interval"


def _range(low: float | None, high: float | None, digits: int = 2) -> str:
    return "-" if low is None or high is None else f"{low:.{digits}f}–{high:.{digits}f}"


def _note(report: PremiumReport) -> str:
    manifest = report.manifest
    parts: Sequence[str] = [f"premium ({manifest['definition']}): {manifest['definition_in_words']}."]
    if len(report.encodings) == 1:
        parts = [
            *parts,
            "bytes: UTF-8 bytes relative to the pivot's. STRR: share of running words that are one token.",
        ]
    settings = manifest["interval"]
    if settings is None:
        parts = [*parts, "No interval: the whole text is one unit."]
    else:
        parts = [*parts, f"Intervals: percentile bootstrap over {manifest['units']:,} units."]
    changes = [
        name for name, made in (("NFC", manifest["normalization"] == "nfc"), ("strip", manifest["stripped"])) if made
    ]
    if changes:
        parts = [*parts, f"Changed before counting: {', '.join(changes)}."]
    return " ".join(parts)
