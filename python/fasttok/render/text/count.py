"""A count report as a table and as a chart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fasttok.render import estimates, format, summaries
from fasttok.render.blocks import Block, Note, first
from fasttok.render.drawing import Drawing
from fasttok.render.layout import GIVEN_UP, Column, Layout
from fasttok.render.text.groups import add_groups, charted, key_columns
from fasttok.reports.count import QUANTILES, Report, Tally
from fasttok.reports.presenters import register

_LENGTHS_FIRST = (("chars", 24), ("bytes", 12), ("B/tok", 12), ("tok/char", 12), ("docs", 8), ("p90", 10), ("p50", 10))
"""What is given up where the lengths of documents were asked for: they say little without the number of documents."""


def _table(report: Report) -> Layout:
    """The groups of `report`, one line an encoding, and their totals; the totals alone where nothing is grouped."""
    keys = report.by
    several = len(report.encodings) > 1
    named = key_columns(keys)
    encoding = Column("encoding", [], is_name=True)
    size = [Column(name, []) for name in ("docs", "bytes", "chars")]
    measures = [Column(name, []) for name in ("tokens", "tok/char", "B/tok")]
    quantiles = [Column(name, []) for name in QUANTILES] if report.asked.quantiles else []
    error = [Column(estimates.ERROR, [])] if report.asked.sample else []
    over = [Column(f">{format.thousands(limit)}", []) for limit in report.asked.limits]

    def add(tally: Tally, key: Sequence[str]) -> None:
        for i, name in enumerate(report.encodings):
            for column, value in zip(named, key, strict=True):
                column.cells.append(value if i == 0 else "")
            encoding.cells.append(name)
            for column, number in zip(size, (tally.documents, tally.bytes, tally.chars), strict=True):
                column.cells.append(f"{number:,}" if i == 0 else "")
            values = tally.measures(name)
            measures[0].cells.append(f"{values['tokens']:,}")
            measures[1].cells.append(format.decimal(values["tokens_per_char"], 3))
            measures[2].cells.append(format.decimal(values["bytes_per_token"], 2))
            for column in error:
                column.cells.append(estimates.error(tally.tokens[name], tally.intervals, name))
            for column in quantiles:
                column.cells.append(format.decimal(getattr(tally.tokens_per_document[name], column.header), 0))
            for column, limit in zip(over, report.asked.limits, strict=True):
                column.cells.append(f"{tally.documents_over[name][limit]:,}")

    add_groups(report, add)
    shows_encoding = several or not keys
    columns = [
        *named,
        *([encoding] if shows_encoding else []),
        *size,
        measures[0],
        *error,
        *measures[1:],
        *quantiles,
        *over,
    ]
    given_up = _LENGTHS_FIRST if quantiles or over else GIVEN_UP
    return Layout(columns, footer_rows=len(report.encodings) if keys else 0, given_up=given_up)


def _blocks(report: Report, width: int | None) -> list[Block]:
    return [_table(report), *(Note(note) for note in estimates.notes(report.manifest))]


def _told(report: Report) -> str:
    return summaries.run(report.manifest, report.ledger, report.totals.bytes)


def _chart(report: Report) -> Any:
    from fasttok.render.charts import bars, group_name

    groups: list[tuple[str, Tally]] = [(group_name(group.key), group) for group in first(report.groups)]
    values = [
        {"group": name, "series": encoding, "value": tally.tokens[encoding]}
        for name, tally in groups or [("total", report.totals)]
        for encoding in report.encodings
    ]
    return bars({"values": values}, "tokens")


def _lead(report: Report) -> str:
    totals = report.totals
    documents = "1 document has" if totals.documents == 1 else f"{totals.documents:,} documents have"
    return f"{documents} {', '.join(f'{count:,} tokens by {name}' for name, count in totals.tokens.items())}."


register(
    Report.kind,
    Drawing(
        "a count report",
        _blocks,
        _told,
        lambda report: len(report.groups),
        chart=_chart,
        page_chart=lambda report: _chart(charted(report)),
        lead=_lead,
    ),
)
