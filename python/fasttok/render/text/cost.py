"""A cost report as tables: for a terminal of any width, for plain text, for a notebook."""

from __future__ import annotations

import html
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from fasttok.render.table import Column, Layout, decimal, print_layout, printable, printed_unpadded

if TYPE_CHECKING:
    from fasttok.reports.cost import CostReport

SAID = 6
"""So many comparisons are also said in sentences."""


def print_report(report: CostReport, console: Console) -> None:
    """Print the tables of `report` as wide as `console` is."""
    console.print(Text(f"{title(report)}\n", style="bold"))
    print_layout(_costs(report), console)
    if report.manifest["base"] is not None:
        base = printable(report.manifest["base"])
        console.print(
            Text(
                f"\n× {base}: cost per document relative to {base}. These are different documents: it says what this "
                "traffic costs, not what a language costs."
                + ("" if report.same_content else " For that, give parallel text (--parallel DIR)."),
                style="dim",
            )
        )
    if report.same_content:
        pivot = report.same_content[0].pivot
        console.print(Text(f"\nThe same content as input, relative to {pivot} (parallel text)\n", style="bold"))
        print_layout(_same(report), console)
        if len(report.same_content) <= SAID:
            console.print()
            for entry in report.same_content:
                console.print(Text(entry.in_words()))
    console.print(Text(f"\nPrices, {report.currency} per million tokens\n", style="bold"))
    print_layout(_prices(report), console)
    for note in notes(report):
        console.print(Text(f"\n{note}", style="dim"))


def render_text(report: CostReport, width: int | None = None) -> str:
    """The tables as plain text, as wide as the terminal unless `width` says otherwise."""
    return printed_unpadded(lambda console: print_report(report, console), width)


def render_html(report: CostReport) -> str:
    """The costs as an HTML table."""
    layout = _costs(report)
    rows = [[column.cells[i] for column in layout.columns] for i in range(layout.row_count)]

    def row(tag: str, cells: Sequence[str]) -> str:
        aligned = zip(layout.columns, cells, strict=True)
        return "".join(
            f'<{tag} style="text-align:{"left" if column.is_name else "right"}">{html.escape(cell)}</{tag}>'
            for column, cell in aligned
        )

    head = row("th", [column.header for column in layout.columns])
    body = "".join(f"<tr>{row('td', cells)}</tr>" for cells in rows)
    said = "".join(f"<p>{html.escape(entry.in_words())}</p>" for entry in report.same_content)
    return (
        f"<table><caption>{html.escape(title(report))}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table>{said}<p>{html.escape(report.summary())}</p>"
    )


def title(report: CostReport) -> str:
    """What was billed as what."""
    manifest = report.manifest
    billed = "this text as input"
    if manifest["output_field"] is not None:
        billed = f"{manifest['text_field']!r} as input and {manifest['output_field']!r} as output"
    elif manifest["output_tokens"]:
        billed += f" and {manifest['output_tokens']:,} tokens of output a document"
    if manifest["cached_share"]:
        billed += f", {100 * manifest['cached_share']:g} % of the input cached"
    return f"Cost in {report.currency} of {billed}"


def notes(report: CostReport) -> list[str]:
    """What must be known to read the numbers."""
    manifest = report.manifest
    found = []
    if manifest["estimates"]:
        whose = ", ".join(f"{model} with that of {other}" for model, other in manifest["estimates"].items())
        found.append(f"estimate: counted with another model's tokenizer, {whose}; its own may count more or fewer.")
    if any(row.long_context_documents for row in report.totals):
        found.append("long: documents so long that the rates of a long context hold for all their tokens.")
    if manifest["requests_per_day"] is not None:
        found.append(
            f"a month: {manifest['days_a_month']} days of {manifest['requests_per_day']:,.10g} requests, of which "
            f"these documents are taken as a random sample. 95 % intervals: {_months(report)}."
        )
    found.append("Documents are counted as they are: what an API adds (roles, tools, a system prompt) is not in them.")
    return found


def _months(report: CostReport) -> str:
    return ", ".join(
        f"{row.model} {money(row.monthly_low)}–{money(row.monthly_high)}"
        for row in report.totals
        if row.monthly_low is not None
    )


def money(value: float | None) -> str:
    """An amount: cents where it is large, more digits where it is small."""
    if value is None:
        return "-"
    if value == 0:
        return "0"
    if value >= 1:
        return f"{value:,.2f}"
    return f"{value:.4f}" if value >= 0.001 else f"{Decimal(f'{value:.2g}'):f}"


def _costs(report: CostReport) -> Layout:
    keys = report.by
    rows = [*report.groups, *report.totals] if keys else list(report.totals)
    models = len(report.totals)
    named = [Column(key, [], is_name=True, is_key=True, keeps_end=key == "file") for key in keys]
    for i, row in enumerate(rows):
        first = i % models == 0
        values = [printable(value) for value in row.key.values()] if row.key else ["total", *[""] * (len(keys) - 1)]
        for column, value in zip(named, values, strict=False):
            column.cells.append(value if first else "")
    columns = [
        *named,
        Column("docs", [f"{row.documents:,}" if i % models == 0 else "" for i, row in enumerate(rows)]),
        Column("model", [printable(row.label) for row in rows], is_name=True),
        Column("tokens in", [f"{row.input_tokens:,}" for row in rows]),
    ]
    if any(row.output_tokens for row in rows):
        columns.append(Column("tokens out", [f"{row.output_tokens:,}" for row in rows]))
    if any(row.long_context_documents for row in rows):
        columns.append(Column("long", [f"{row.long_context_documents:,}" for row in rows]))
    columns.append(Column("cost", [money(row.cost) for row in rows]))
    columns.append(Column("1,000 docs", [money(_times(row.cost_per_document, 1000)) for row in rows]))
    if report.manifest["base"] is not None:
        header = f"× {printable(report.manifest['base'])}"
        columns.append(Column(header, [decimal(row.per_document_ratio, 2) if row.key else "" for row in rows]))
    if report.manifest["requests_per_day"] is not None:
        columns.append(Column("a month", [money(row.monthly_cost) for row in rows]))
    if any(row.energy_wh is not None for row in rows):
        columns.append(Column("Wh", [decimal(row.energy_wh, 2) for row in rows]))
    return Layout(
        columns,
        footer_rows=models if keys else 0,
        given_up=(("tokens out", 24), ("tokens in", 24), ("docs", 16), ("1,000 docs", 8)),
    )


def _same(report: CostReport) -> Layout:
    languages = list(dict.fromkeys(entry.language for entry in report.same_content))
    names = {entry.language: entry.name or entry.language for entry in report.same_content}
    cells: dict[tuple[str, str], str] = {}
    for entry in report.same_content:
        interval = "" if entry.low is None or entry.high is None else f" ({entry.low:.2f}–{entry.high:.2f})"
        cells[entry.language, entry.model] = f"{entry.ratio:.2f}{interval}"
    return Layout(
        [
            Column("language", [printable(names[language]) for language in languages], is_name=True, is_key=True),
            *(
                Column(printable(row.label), [cells[language, row.model] for language in languages])
                for row in report.totals
            ),
        ],
        given_up=(),
    )


def _prices(report: CostReport) -> Layout:
    prices: list[dict[str, Any]] = report.manifest["prices"]
    return Layout(
        [
            Column("model", [printable(price["model"]) for price in prices], is_name=True),
            Column("in", [_rate(price["input"]) for price in prices]),
            Column("cached", [_rate(price["cached_input"]) for price in prices]),
            Column("out", [_rate(price["output"]) for price in prices]),
            Column("as of", [price["date"] for price in prices], is_name=True),
            Column("from", [printable(price["source"]) for price in prices], is_name=True, is_key=True),
        ],
        given_up=(("cached", 24),),
    )


def _rate(rate: dict[str, Any] | None) -> str:
    if rate is None:
        return "-"
    tiers = "".join(f", >{_thousands(tier['above'])}: {tier['price']:g}" for tier in rate["tiers"])
    return f"{rate['base']:g}{tiers}"


def _thousands(count: int) -> str:
    return f"{count // 1000}k" if count and count % 1000 == 0 else f"{count:,}"


def _times(value: float | None, factor: int) -> float | None:
    return None if value is None else value * factor
