"""A cost report as tables, as a chart and as a page."""

from __future__ import annotations

from typing import Any

from fasttok.render import format, summaries
from fasttok.render.blocks import Block, Lines, Note, Title
from fasttok.render.cost import base_name, counted, is_of_messages, notes, rows_shown, title
from fasttok.render.drawing import Drawing
from fasttok.render.format import money
from fasttok.render.layout import Column, Layout
from fasttok.render.text.groups import key_columns
from fasttok.reports.cost import CostReport
from fasttok.reports.presenters import register

MAX_SENTENCES = 6
"""At most so many comparisons are also said in sentences."""


def _costs(report: CostReport) -> Layout:
    keys = report.by
    of_messages = is_of_messages(report)
    rows = rows_shown(report)
    models = len(report.totals)
    named = key_columns(keys)
    for i, row in enumerate(rows):
        first = i % models == 0
        values = [format.key(value) for value in row.key.values()] if row.key else ["total", *[""] * (len(keys) - 1)]
        for column, value in zip(named, values, strict=False):
            column.cells.append(value if first else "")
    columns = [
        *named,
        Column(
            "texts" if of_messages else "docs",
            [f"{row.documents:,}" if i % models == 0 else "" for i, row in enumerate(rows)],
        ),
        Column("model", [format.key(row.label) for row in rows], is_name=True),
        *(
            [
                Column("requests", [f"{row.requests:,}" for row in rows]),
                Column("written", [f"{row.written_tokens:,}" for row in rows]),
            ]
            if of_messages
            else []
        ),
        Column("tokens in", [f"{row.input_tokens:,}" for row in rows]),
    ]
    if any(row.output_tokens for row in rows):
        columns.append(Column("tokens out", [f"{row.output_tokens:,}" for row in rows]))
    if any(row.long_context_documents for row in rows):
        columns.append(Column("long", [f"{row.long_context_documents:,}" for row in rows]))
    columns.append(Column("cost", [money(row.cost) for row in rows]))
    if not of_messages:
        columns.append(Column("1,000 docs", [money(format.times(row.cost_per_document, 1000)) for row in rows]))
    base = base_name(report)
    if base is not None:
        header = f"× {base}"
        columns.append(Column(header, [format.decimal(row.per_document_ratio, 2) if row.key else "" for row in rows]))
    if report.manifest["requests_per_day"] is not None:
        columns.append(Column("a month", [money(row.monthly_cost) for row in rows]))
    if any(row.energy_wh is not None for row in rows):
        columns.append(Column("Wh", [format.decimal(row.energy_wh, 2) for row in rows]))
    return Layout(
        columns,
        footer_rows=models if keys else 0,
        given_up=(
            ("tokens out", 24),
            ("requests", 24),
            ("tokens in", 24),
            ("texts", 16),
            ("docs", 16),
            ("1,000 docs", 8),
        ),
    )


def _same(report: CostReport) -> Layout:
    languages = list(dict.fromkeys(entry.language for entry in report.same_content))
    names = {entry.language: entry.name or entry.language for entry in report.same_content}
    cells: dict[tuple[str, str], str] = {}
    for entry in report.same_content:
        interval = "" if entry.low is None else f" ({format.interval(entry.low, entry.high)})"
        cells[entry.language, entry.model] = f"{entry.ratio:.2f}{interval}"
    return Layout(
        [
            Column("language", [format.key(names[language]) for language in languages], is_name=True, is_key=True),
            *(
                Column(format.key(row.label), [cells[language, row.model] for language in languages])
                for row in report.totals
            ),
        ],
        given_up=(),
    )


def _prices(report: CostReport) -> Layout:
    prices: list[dict[str, Any]] = report.manifest["prices"]
    return Layout(
        [
            Column("model", [format.key(price["model"]) for price in prices], is_name=True),
            Column("in", [_rate(price["input"]) for price in prices]),
            Column("cached", [_rate(price["cached_input"]) for price in prices]),
            Column("out", [_rate(price["output"]) for price in prices]),
            Column("as of", [price["date"] for price in prices], is_name=True),
            Column("from", [format.key(price["source"]) for price in prices], is_name=True, is_key=True),
        ],
        given_up=(("cached", 24),),
    )


def _rate(rate: dict[str, Any] | None) -> str:
    if rate is None:
        return "-"
    tiers = "".join(f", >{format.thousands(tier['above'])}: {tier['price']:g}" for tier in rate["tiers"])
    return f"{rate['base']:g}{tiers}"


def _blocks(report: CostReport, width: int | None) -> list[Block]:
    blocks: list[Block] = [Title(title(report)), _costs(report)]
    base = base_name(report)
    if base is not None:
        more = "" if report.same_content else " For that, give parallel text."
        one, many = counted(report)
        blocks.append(
            Note(
                f"× {base}: cost per {one} relative to {base}. These are different {many}: it says what this "
                f"traffic costs, not what a language costs.{more}"
            )
        )
    if report.same_content:
        pivot = report.same_content[0].pivot
        blocks += [Title(f"The same content as input, relative to {pivot} (parallel text)"), _same(report)]
        if len(report.same_content) <= MAX_SENTENCES:
            blocks.append(Lines([entry.in_words() for entry in report.same_content]))
    blocks += [Title(f"Prices, {report.currency} per million tokens"), _prices(report)]
    return [*blocks, *(Note(note) for note in notes(report))]


def _told(report: CostReport) -> str:
    dates = ", ".join(dict.fromkeys(price["date"] for price in report.manifest["prices"]))
    estimates = ", ".join(report.manifest["estimates"])
    more = f"; estimates: {estimates}" if estimates else ""
    return f"{summaries.rows(report.ledger)}; {report.currency}, prices of {dates}{more}"


def _chart(report: CostReport) -> Any:
    from fasttok.render.charts import cost_chart

    return cost_chart(report)


def _page(report: CostReport) -> str:
    from fasttok.render.page.cost import cost_page

    return cost_page(report)


register(
    CostReport.kind,
    Drawing(
        "a cost report",
        _blocks,
        _told,
        lambda report: len(report.groups) // len(report.models),
        chart=_chart,
        full_page=_page,
    ),
)
