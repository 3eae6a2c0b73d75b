"""A premium report as tables, as a chart and as a page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.cells import cell_len

from fasttok.render import format
from fasttok.render.blocks import Block, Note, Title, first
from fasttok.render.drawing import Drawing
from fasttok.render.layout import Column, Layout
from fasttok.reports.premium import PremiumReport
from fasttok.reports.presenters import register


def _one(report: PremiumReport) -> Layout:
    """One encoding: the premium and what it is made of."""
    rows = first(report.of(report.encodings[0]))
    largest = max(row.premium for row in rows)
    return Layout(
        [
            *_names(report),
            Column("tokens", [f"{row.tokens:,}" for row in rows]),
            Column("premium", [f"{row.premium:.2f}" for row in rows]),
            Column(_confidence(report), [format.interval(row.low, row.high) for row in rows]),
            Column("", [format.bar(row.premium, largest) for row in rows], is_name=True),
            Column("bytes", [f"{row.byte_premium:.2f}" for row in rows]),
            Column("B/tok", [format.decimal(row.bytes_per_token, 2) for row in rows]),
            Column("STRR", [format.decimal(row.strr, 2) for row in rows]),
        ],
        given_up=(("STRR", 24), ("tokens", 24), ("B/tok", 16), ("bytes", 12), ("", 12)),
    )


def _matrix(report: PremiumReport, width: int | None) -> list[list[Column]]:
    """Several encodings: a column each, in as many tables as the width calls for."""
    names = _names(report)
    room = (width or 0) - sum(min(column.width, 24) + 2 for column in names)
    tables: list[list[Column]] = []
    used = 0
    for encoding in report.encodings:
        column = Column(encoding, [f"{row.premium:.2f}" for row in first(report.of(encoding))])
        used += cell_len(encoding) + 2
        if not tables or (width is not None and used > room):
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
            Column(_confidence(report), [format.interval(row.gini_low, row.gini_high, 3) for row in rows]),
            Column("lowest", [f"{row.min:.2f} {row.min_language}" for row in rows]),
            Column("median", [f"{row.median:.2f}" for row in rows]),
            Column("highest", [f"{row.max:.2f} {row.max_language}" for row in rows]),
        ]
    )


def _names(report: PremiumReport) -> list[Column]:
    rows = first(report.of(report.encodings[0]))
    code = Column("language", [format.key(row.language) for row in rows], is_name=True, is_key=True)
    if not any(row.name for row in rows):
        return [code]
    named = [format.key(row.name) if row.name else "" for row in rows]
    return [code, Column("name", named, is_name=True, is_key=True)]


def _confidence(report: PremiumReport) -> str:
    settings = report.manifest["bootstrap"]
    return "interval" if settings is None else format.confidence(settings["confidence"])


def _note(report: PremiumReport) -> str:
    manifest = report.manifest
    parts: Sequence[str] = [f"premium ({manifest['definition']}): {manifest['definition_in_words']}."]
    if len(report.encodings) == 1:
        parts = [
            *parts,
            "bytes: UTF-8 bytes relative to the pivot's. STRR: share of running words that are one token.",
        ]
    settings = manifest["bootstrap"]
    if settings is None:
        parts = [*parts, "No interval: the whole text is one unit."]
    else:
        parts = [*parts, f"Intervals: percentile bootstrap over {manifest['units']:,} units."]
    changes = [
        name for name, made in (("NFC", manifest["normalize"] == "nfc"), ("strip", manifest["stripped"])) if made
    ]
    if changes:
        parts = [*parts, f"Changed before counting: {', '.join(changes)}."]
    return " ".join(parts)


def _blocks(report: PremiumReport, width: int | None) -> list[Block]:
    encodings = report.encodings
    blocks: list[Block]
    if len(encodings) == 1:
        blocks = [Title(f"{encodings[0]}: tokens of the same content, {report.pivot} = 1"), _one(report)]
    else:
        blocks = [
            Title(f"Tokens of the same content, {report.pivot} = 1, by encoding"),
            *(Layout(columns) for columns in _matrix(report, width)),
            Title("How unequal languages are under each encoding"),
            _summaries(report),
        ]
    return [*blocks, Note(_note(report))]


def _told(report: PremiumReport) -> str:
    manifest = report.manifest
    line = (
        f"{manifest['languages_compared']:,} languages, {manifest['units']:,} units each, compared with {report.pivot}"
    )
    dropped = sum(manifest["units_dropped"].values())
    if dropped:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in manifest["units_dropped"].items())
        line += f"; left out: {reasons}"
    if manifest["columns_passed_over"]:
        line += f"; no languages: {', '.join(manifest['columns_passed_over'])}"
    return line


def _chart(report: PremiumReport, encoding: str | None = None) -> Any:
    from fasttok.render.charts import premium_chart

    return premium_chart(report, encoding)


def _page(report: PremiumReport) -> str:
    from fasttok.render.page.premium import premium_page

    return premium_page(report)


register(
    PremiumReport.kind,
    Drawing(
        "a premium report",
        _blocks,
        _told,
        lambda report: len(report.languages),
        of_groups="languages",
        chart=_chart,
        full_page=_page,
    ),
)
