"""The page of a cost report, and of the premiums in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from fasttok.render import format
from fasttok.render.blocks import CHARTED, SHOWN
from fasttok.render.charts import cost_bars, cost_values
from fasttok.render.cost import base_name, counted, is_of_messages, notes
from fasttok.render.cost import title as what
from fasttok.render.format import money
from fasttok.render.html import Cell, sortable
from fasttok.render.page.premium import premium_definitions, premium_sections
from fasttok.render.page.shell import chart, page, paragraph, section
from fasttok.reports.cost import CostReport, CostRow


def cost_page(report: CostReport, title: str | None = None) -> str:
    """The page of a cost report, and of the premiums in it."""

    data: dict[str, Any] = {"cost": {"values": cost_values(report, CHARTED)}}
    data["cost"]["spec"] = cost_bars({"name": "rows"}, report.currency).to_dict()
    groups = len(report.groups) // len(report.models)
    sections = [section("totals", "In total", paragraph(f"{what(report)}."), _totals_table(report))]
    figure = chart("cost-chart", "Cost by group and model")
    if groups:
        first = f"The {CHARTED} groups that cost most; the table has the others. " if groups > CHARTED else ""
        said = f"{first}What costs most on {report.totals[0].label} comes first; shares are of all, model by model."
        sections.append(section("cost", f"By {', '.join(report.by)}", paragraph(said), figure, _group_table(report)))
    elif len(report.models) > 1:
        sections[0] = section("totals", "In total", paragraph(f"{what(report)}."), figure, _totals_table(report))
    else:
        data = {}
    one, many = counted(report)
    request = "Each answer is one request" if is_of_messages(report) else "Each document is one request"
    definitions = {
        "cost": f"Tokens × rate, summed over requests. {request}; the rate is that of the highest tier whose number of "
        "input tokens it exceeds, and holds for all its tokens."
    }
    base = base_name(report)
    if base is not None:
        definitions[f"× {base}"] = (
            f"Cost per {one} relative to that of {base}. These are different {many}: it says what this traffic costs, "
            "not what a language costs."
        )
    if report.premium is not None:
        pivot = report.premium.pivot_name
        said = "".join(f"<li>{escape(entry.in_words(pivot))}</li>" for entry in report.same_content[:12])
        sections.append(section("same", "The same content", f"<ul>{said}</ul>"))
        more, premium_data = premium_sections(report.premium)
        sections.append(more)
        data |= premium_data
        definitions |= premium_definitions(report.premium)
    sections.append(
        section("prices", "Prices", paragraph(f"{report.currency} per million tokens."), _price_table(report))
    )
    notices = "".join(paragraph(note) for note in notes(report))
    ledger = report.ledger
    notices += paragraph(f"{ledger.seen:,} rows seen, {ledger.counted:,} counted, {ledger.skipped:,} skipped.")
    sections.append(section("notes", "To read the numbers", notices))
    spent = ", ".join(f"{money(row.cost)} {report.currency} on {row.label}" for row in report.totals)
    total = report.totals[0]
    billed = f"{total.documents:,} {one if total.documents == 1 else many}"
    if is_of_messages(report):
        requests = "1 request" if total.requests == 1 else f"{total.requests:,} requests"
        billed = f"{requests} with {billed}"
    # The requests are what costs.
    is_single = (total.requests if is_of_messages(report) else total.documents) == 1
    lead = f"{billed} {'costs' if is_single else 'cost'} {spent}."
    return page(title or "What traffic costs", lead, "".join(sections), definitions, report.manifest, data)


def _totals_table(report: CostReport) -> str:
    return _table(report, report.totals, "totals-table", "Cost of all by model", by=())


def _group_table(report: CostReport) -> str:
    rows = report.dearest_first()[: SHOWN * len(report.models)]
    return _table(report, rows, "cost-table", "Cost by group and model", by=report.by)


def _table(report: CostReport, shown: Sequence[CostRow], id: str, caption: str, *, by: Sequence[str]) -> str:
    """A row for each of the rows that are `shown`, with its share of the total where they are groups."""
    all_rows = [*report.groups, *report.totals]
    total = {row.model: row.cost for row in report.totals}
    base = base_name(report) if by else None
    thousands = [format.times(row.cost_per_document, 1000) for row in shown]
    columns: list[tuple[str, list[Cell]]] = [
        (name, [Cell(format.key(value), value or "") for value in ([*row.key.values()][i] for row in shown)])
        for i, name in enumerate(by)
    ]
    columns += [
        ("Model", [Cell(row.label, row.label) for row in shown]),
        (f"Cost, {report.currency}", _cells(format.amounts([row.cost for row in shown]), [row.cost for row in shown])),
    ]
    if by:
        shares = [row.cost / total[row.model] if total[row.model] else None for row in shown]
        columns.append(("Share", _cells([format.percent(share) for share in shares], shares)))
    columns += [
        (counted(report)[1].capitalize(), [Cell(f"{row.documents:,}", row.documents) for row in shown]),
        *[
            (name, [Cell(f"{number:,}", number) for number in numbers])
            for name, numbers in (
                ("Requests", [row.requests or 0 for row in shown]),
                ("Written", [row.written_tokens or 0 for row in shown]),
            )
            if is_of_messages(report)
        ],
        ("Tokens in", [Cell(f"{row.input_tokens:,}", row.input_tokens) for row in shown]),
    ]
    if any(row.output_tokens for row in all_rows):
        columns.append(("Tokens out", [Cell(f"{row.output_tokens:,}", row.output_tokens) for row in shown]))
    if any(row.long_context_documents for row in all_rows):
        counts = [row.long_context_documents for row in shown]
        columns.append(("Long", [Cell(f"{count:,}", count) for count in counts]))
    if not is_of_messages(report):
        columns.append(("1,000 documents", _cells(format.amounts(thousands), thousands)))
    if base is not None:
        ratios = [row.per_document_ratio for row in shown]
        columns.append((f"× {base}", _cells([format.decimal(ratio, 2) for ratio in ratios], ratios)))
    if report.manifest["requests_per_day"] is not None:
        months = [row.monthly_cost for row in shown]
        columns.append(("A month", _cells(format.amounts(months), months)))
        if any(row.monthly_low is not None for row in shown):
            lows = format.amounts([row.monthly_low for row in shown])
            highs = format.amounts([row.monthly_high for row in shown])
            texts = [
                format.NONE if low == format.NONE else f"{low}–{high}" for low, high in zip(lows, highs, strict=True)
            ]
            columns.append(("95 % interval", _cells(texts, [row.monthly_low for row in shown])))
    if any(row.energy_wh is not None for row in all_rows):
        energies = [row.energy_wh for row in shown]
        columns.append(("Wh", _cells([format.decimal(energy, 2) for energy in energies], energies)))
    cells = [list(row) for row in zip(*(column for _, column in columns), strict=True)]
    return sortable(id, caption, [name for name, _ in columns], cells, len(by) + 1)


def _cells(texts: Sequence[str], values: Sequence[float | None]) -> list[Cell]:
    return [Cell(text, value) for text, value in zip(texts, values, strict=True)]


def _price_table(report: CostReport) -> str:
    prices: list[Mapping[str, Any]] = report.manifest["prices"]
    kinds = ("input", "cached_input", "output")
    texts = [format.rates([None if price[kind] is None else price[kind]["base"] for price in prices]) for kind in kinds]

    def rate(text: str, price: Mapping[str, Any] | None) -> Cell:
        if price is None:
            return Cell(format.NONE)
        # Below each other: side by side they do not fit.
        tiers = "".join(f"<br><small>above {tier['above']:,}: {tier['price']:g}</small>" for tier in price["tiers"])
        return Cell(text, price["base"], f"{escape(text)}{tiers}")

    rows = [
        [
            Cell(price["model"], price["model"]),
            *(rate(column[i], price[kind]) for column, kind in zip(texts, kinds, strict=True)),
            *(Cell(price[name], price[name]) for name in ("date", "source")),
        ]
        for i, price in enumerate(prices)
    ]
    head = ("Model", "Input", "Cached input", "Output", "As of", "From")
    return sortable("price-table", "Prices", head, rows, 1, texts=2, kind="wraps")
