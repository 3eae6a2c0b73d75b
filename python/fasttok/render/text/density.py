"""A density report as tables and as a chart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fasttok.render import estimates, format, summaries
from fasttok.render.blocks import Block, Note, first
from fasttok.render.drawing import Drawing
from fasttok.render.layout import Column, Layout
from fasttok.render.text.groups import add_groups, charted, key_columns
from fasttok.reports.density import NOTE, DensityGroup, DensityReport, Estimate
from fasttok.reports.presenters import register

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


def _density(report: DensityReport) -> Layout:
    totals = report.totals
    made = report.manifest["bootstrap"] or report.manifest["sample"]
    interval = format.confidence(made["confidence"])
    keys = key_columns(report.by)
    encoding = Column("encoding", [], is_name=True)
    sizes = [Column(name, []) for name in ("docs", "bytes", "chars")]
    sizes += [Column(name, []) for name in ("graphemes", "words") if getattr(totals, name) is not None]
    base = _base_name(report)
    columns: dict[str, Column] = {"tokens": Column("tokens", [])}
    if report.is_estimate:
        columns["error"] = Column(estimates.ERROR, [])
    columns["tokens_per_char"] = Column("tok/char", [])
    columns["interval"] = Column(interval, [])
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
                column.cells.append(_cell(measure, group, name))

    add_groups(report, add)
    shows_encoding = len(report.encodings) > 1 or not report.by
    return Layout(
        [*keys, *([encoding] if shows_encoding else []), *sizes, *columns.values()],
        footer_rows=len(report.encodings) if report.by else 0,
        given_up=GIVEN_UP,
    )


def _cell(measure: str, group: DensityGroup, encoding: str) -> str:
    density = group.encodings[encoding]
    if measure == "tokens":
        return f"{density.tokens:,}"
    if measure == "error":
        return estimates.error(density.tokens, group.intervals, encoding)
    if measure == "interval":
        return _interval(density["tokens_per_char"])
    estimate = density.estimates.get(measure)
    value = None if estimate is None else estimate.value
    if measure.endswith("_share"):
        return format.percent(value)
    return format.decimal(value, 3 if measure == "tokens_per_char" else 2)


def _scripts(report: DensityReport) -> Layout:
    keys = key_columns(report.by)
    mixed = Column("mixed docs", [])
    scripts = Column("scripts by characters", [], is_name=True, is_key=True)

    def add(group: DensityGroup, key: Sequence[str]) -> None:
        for column, value in zip(keys, key, strict=True):
            column.cells.append(value)
        mixed.cells.append(format.percent(group.mixed_script_share))
        shares = group.script_shares
        shown = [f"{s} {format.percent(share)}" for s, share in shares.items() if share >= SHOWN_SHARE][:SHOWN_SCRIPTS]
        more = len(shares) - len(shown)
        scripts.cells.append(", ".join(shown) + (f", {more} more" if more else ""))

    add_groups(report, add)
    return Layout([*keys, mixed, scripts], footer_rows=1 if report.by else 0)


def _base_name(report: DensityReport) -> str | None:
    return None if report.base is None else ",".join(format.key(value) for value in report.base.values())


def _notes(report: DensityReport) -> list[str]:
    notes = list(estimates.notes(report.manifest))
    totals, documents = report.totals, report.undetermined_documents
    if documents is not None and totals.documents:
        languages = report.manifest["languages"]
        share = format.percent(documents / totals.documents)
        source = f" (detector: {languages['detector']})" if languages["detector"] else ""
        counts = f"{documents:,} of {totals.documents:,} documents, {share}"
        notes.append(f"Language not determined (und): {counts}{source}.")
    base = _base_name(report)
    if base is not None:
        notes.append(f"× {base}: tokens per character relative to those of {base}.")
    notes.append(NOTE)
    return notes


def _interval(estimate: Estimate) -> str:
    return format.interval(estimate.low, estimate.high, 3)


def _blocks(report: DensityReport, width: int | None) -> list[Block]:
    return [_density(report), _scripts(report), *(Note(note) for note in _notes(report))]


def _told(report: DensityReport) -> str:
    return summaries.run(report.manifest, report.ledger, report.totals.bytes)


def _chart(report: DensityReport) -> Any:
    from fasttok.render.charts import densities, group_name

    groups = [(group_name(group.key), group) for group in first(report.groups)] or [("total", report.totals)]
    values = [
        {
            "group": name,
            "encoding": encoding,
            "value": estimate.value,
            "low": estimate.value if estimate.low is None else estimate.low,
            "high": estimate.value if estimate.high is None else estimate.high,
        }
        for name, group in groups
        for encoding in report.encodings
        if (estimate := group.encodings[encoding]["tokens_per_char"]).value is not None
    ]
    return densities({"values": values})


def _lead(report: DensityReport) -> str:
    found = ", ".join(
        f"{format.decimal(density['tokens_per_char'].value, 3)} tokens per character by {name}"
        for name, density in report.totals.encodings.items()
    )
    documents = "1 document has" if report.totals.documents == 1 else f"{report.totals.documents:,} documents have"
    return f"{documents} {found}."


register(
    DensityReport.kind,
    Drawing(
        "a density report",
        _blocks,
        _told,
        lambda report: len(report.groups),
        chart=_chart,
        page_chart=lambda report: _chart(charted(report)),
        lead=_lead,
    ),
)
