"""The page of a cost report, and of the premiums in it."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from fasttok.render import format
from fasttok.render.charts import cost_bars, cost_values
from fasttok.render.cost import base_name, notes, rows_shown
from fasttok.render.cost import title as what
from fasttok.render.format import money
from fasttok.render.html import Cell, sortable
from fasttok.render.page.premium import premium_definitions, premium_sections
from fasttok.render.page.shell import chart, page, paragraph, section
from fasttok.reports.cost import CostReport


def cost_page(report: CostReport, title: str | None = None) -> str:
    """The page of a cost report, and of the premiums in it."""

    data: dict[str, Any] = {"cost": {"values": cost_values(report)}}
    data["cost"]["spec"] = cost_bars({"name": "rows"}, report.currency).to_dict()
    sections = [
        section(
            "cost",
            "Cost",
            paragraph(f"{what(report)}."),
            chart("cost-chart", "Cost by group and model"),
            _cost_table(report),
        )
    ]
    definitions = {
        "cost": "Tokens × rate, summed over documents. Each document is one request; the rate is that of the highest "
        "tier whose number of input tokens it exceeds, and holds for all its tokens."
    }
    base = base_name(report)
    if base is not None:
        definitions[f"× {base}"] = (
            f"Cost a document relative to that of {base}. These are different documents: it says what this traffic "
            "costs, not what a language costs."
        )
    if report.premium is not None:
        said = "".join(f"<li>{escape(entry.in_words())}</li>" for entry in report.same_content[:12])
        sections.append(section("same", "The same content", f"<ul>{said}</ul>"))
        more, premium_data = premium_sections(report.premium)
        sections.append(more)
        data |= premium_data
        definitions |= premium_definitions(report.premium)
    sections.append(
        section("prices", "Prices", paragraph(f"{report.currency} a million tokens."), _price_table(report))
    )
    notices = "".join(paragraph(note) for note in notes(report))
    ledger = report.ledger
    notices += paragraph(f"{ledger.seen:,} rows seen, {ledger.counted:,} counted, {ledger.skipped:,} skipped.")
    sections.append(section("notes", "To read the numbers", notices))
    spent = ", ".join(f"{money(row.cost)} {report.currency} on {row.label}" for row in report.totals)
    lead = f"{report.totals[0].documents:,} documents cost {spent}."
    return page(title or "What traffic costs", lead, "".join(sections), definitions, report.manifest, data)


def _cost_table(report: CostReport) -> str:

    head = [*report.by, "Model", "Documents", "Tokens in"]
    shown = rows_shown(report)
    output = any(row.output_tokens for row in shown)
    long = any(row.long_context_documents for row in shown)
    base = base_name(report)
    monthly = report.manifest["requests_per_day"] is not None
    energy = any(row.energy_wh is not None for row in shown)
    head += ["Tokens out"] * output + ["Long"] * long + [f"Cost, {report.currency}", "1,000 documents"]
    head += [f"× {base}"] * (base is not None) + ["A month"] * monthly + ["Wh"] * energy
    rows = []
    for row in shown:
        key = [Cell(format.key(value), value or "") for value in row.key.values()]
        if not row.key and report.by:
            key = [Cell("all documents", "\uffff"), *[Cell("", "")] * (len(report.by) - 1)]
        thousand = format.times(row.cost_per_document, 1000)
        month = money(row.monthly_cost)
        if row.monthly_low is not None:
            month += f" ({money(row.monthly_low)}–{money(row.monthly_high)})"
        rows.append(
            [
                *key,
                Cell(row.label, row.label),
                Cell(f"{row.documents:,}", row.documents),
                Cell(f"{row.input_tokens:,}", row.input_tokens),
                *[Cell(f"{row.output_tokens:,}", row.output_tokens)] * output,
                *[Cell(f"{row.long_context_documents:,}", row.long_context_documents)] * long,
                Cell(money(row.cost), row.cost),
                Cell(money(thousand), thousand),
                *[Cell(format.decimal(row.per_document_ratio, 2), row.per_document_ratio)] * (base is not None),
                *[Cell(month, row.monthly_cost)] * monthly,
                *[Cell(format.decimal(row.energy_wh, 2), row.energy_wh)] * energy,
            ]
        )
    return sortable("cost-table", "Cost by group and model", head, rows, len(report.by) + 1)


def _price_table(report: CostReport) -> str:
    def rate(price: Mapping[str, Any] | None) -> Cell:
        if price is None:
            return Cell(format.NONE)
        tiers = "".join(f"; above {tier['above']:,} tokens {tier['price']:g}" for tier in price["tiers"])
        return Cell(f"{price['base']:g}{tiers}", price["base"])

    rows = [
        [
            *(Cell(price[name], price[name]) for name in ("model", "source", "date")),
            *(rate(price[name]) for name in ("input", "cached_input", "output")),
        ]
        for price in report.manifest["prices"]
    ]
    return sortable("price-table", "Prices", ("Model", "From", "As of", "Input", "Cached input", "Output"), rows, 3)
