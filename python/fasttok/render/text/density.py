"""A density report as tables: for a terminal of any width, for plain text, for a notebook."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from fasttok.render.table import Column, Layout, decimal, layout_html, print_layout, printable, printed_unpadded
from fasttok.reports.density import NOTE

if TYPE_CHECKING:
    from fasttok.reports.density import Density, DensityGroup, DensityReport, Estimate

SHOWN_SCRIPTS = 4
SHOWN_SHARE = 0.001

GIVEN_UP = (
    ("chars", 24),
    ("bytes", 24),
    ("graphemes", 24),
    ("words", 24),
    ("chars/tok", 20),
    ("docs", 12),
    ("tokens", 12),
    ("B/tok", 8),
    ("tok/graph", 6),
    ("partial", 6),
    ("1-tok words", 6),
    ("tok/word", 6),
)
"""Columns in the order in which they are given up, each before keys are cut below a width."""


def print_report(report: DensityReport, console: Console) -> None:
    """Print the tables of `report` as wide as `console` is."""
    print_layout(_density(report), console)
    console.print()
    print_layout(_scripts(report), console)
    for line in _notes(report):
        console.print(Text(f"\n{line}", style="dim"))


def render_text(report: DensityReport, width: int | None = None) -> str:
    """The tables as plain text, as wide as the terminal unless `width` says otherwise."""
    return printed_unpadded(lambda console: print_report(report, console), width)


def render_html(report: DensityReport) -> str:
    """The tables, the notes and the summary as HTML."""
    notes = [*_notes(report), report.summary()]
    tables = layout_html(_density(report)) + layout_html(_scripts(report))
    return tables + "".join(f"<p>{html.escape(note)}</p>" for note in notes)


def _density(report: DensityReport) -> Layout:
    totals = report.totals
    interval = f"{100 * report.manifest['bootstrap']['confidence']:g} % interval"
    keys = _keys(report)
    encoding = Column("encoding", [], is_name=True)
    sizes = [Column(name, []) for name in ("docs", "bytes", "chars")]
    sizes += [Column(name, []) for name in ("graphemes", "words") if getattr(totals, name) is not None]
    base = _base_name(report)
    columns: dict[str, Column] = {
        "tokens": Column("tokens", []),
        "tokens_per_char": Column("tok/char", []),
        "interval": Column(interval, []),
    }
    if base is not None:
        columns["tokens_per_char_to_base"] = Column(f"× {base}", [])
    columns["chars_per_token"] = Column("chars/tok", [])
    columns["bytes_per_token"] = Column("B/tok", [])
    for measure, header in (
        ("tokens_per_grapheme", "tok/graph"),
        ("tokens_per_word", "tok/word"),
        ("single_token_word_share", "1-tok words"),
        ("partial_token_share", "partial"),
    ):
        if measure in report.measures:
            columns[measure] = Column(header, [])

    def add(group: DensityGroup, key: Sequence[str]) -> None:
        for i, name in enumerate(report.encodings):
            for column, value in zip(keys, key, strict=True):
                column.cells.append(value if i == 0 else "")
            encoding.cells.append(name)
            numbers = [group.documents, group.bytes, group.chars]
            numbers += [value for value in (group.graphemes, group.words) if value is not None]
            for column, number in zip(sizes, numbers, strict=True):
                column.cells.append(f"{number:,}" if i == 0 else "")
            for measure, column in columns.items():
                column.cells.append(_cell(measure, group.encodings[name]))

    _add_groups(report, add)
    shows_encoding = len(report.encodings) > 1 or not report.by
    return Layout(
        [*keys, *([encoding] if shows_encoding else []), *sizes, *columns.values()],
        footer_rows=len(report.encodings) if report.by else 0,
        given_up=GIVEN_UP,
    )


def _cell(measure: str, density: Density) -> str:
    if measure == "tokens":
        return f"{density.tokens:,}"
    if measure == "interval":
        return _range(density["tokens_per_char"])
    estimate = density.estimates.get(measure)
    value = None if estimate is None else estimate.value
    if measure.endswith("_share"):
        return _percent(value)
    return decimal(value, 3 if measure == "tokens_per_char" else 2)


def _scripts(report: DensityReport) -> Layout:
    keys = _keys(report)
    mixed = Column("mixed docs", [])
    scripts = Column("scripts by characters", [], is_name=True)

    def add(group: DensityGroup, key: Sequence[str]) -> None:
        for column, value in zip(keys, key, strict=True):
            column.cells.append(value)
        mixed.cells.append(_percent(group.mixed_script_share))
        shares = group.script_shares
        shown = [f"{s} {_percent(share)}" for s, share in shares.items() if share >= SHOWN_SHARE][:SHOWN_SCRIPTS]
        more = len(shares) - len(shown)
        scripts.cells.append(", ".join(shown) + (f", {more} more" if more else ""))

    _add_groups(report, add)
    return Layout([*keys, mixed, scripts], footer_rows=1 if report.by else 0)


def _keys(report: DensityReport) -> list[Column]:
    return [Column(key, [], is_name=True, is_key=True, keeps_end=key == "file") for key in report.by]


def _add_groups(report: DensityReport, add: Callable[[DensityGroup, Sequence[str]], None]) -> None:
    for group in report.groups:
        add(group, [printable(value) for value in group.key.values()])
    add(report.totals, ["total", *[""] * (len(report.by) - 1)] if report.by else [])


def _base_name(report: DensityReport) -> str | None:
    return None if report.base is None else ",".join(printable(value) for value in report.base.values())


def _notes(report: DensityReport) -> list[str]:
    notes = []
    totals, documents = report.totals, report.undetermined_documents
    if documents is not None and totals.documents:
        languages = report.manifest["languages"]
        share = _percent(documents / totals.documents)
        source = f" (detector: {languages['detector']})" if languages["detector"] else ""
        counts = f"{documents:,} of {totals.documents:,} documents, {share}"
        notes.append(f"Language not determined (und): {counts}{source}.")
    base = _base_name(report)
    if base is not None:
        notes.append(f"× {base}: tokens per character relative to those of {base}.")
    notes.append(NOTE)
    return notes


def _percent(share: float | None) -> str:
    if share is None:
        return "-"
    return f"{100 * share:.0f} %" if share in (0, 1) or share >= 0.1 else f"{100 * share:.1f} %"


def _range(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return "-"
    return f"{estimate.low:.3f}–{estimate.high:.3f}"
