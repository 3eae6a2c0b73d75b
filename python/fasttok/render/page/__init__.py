"""One self-contained page of a report: tables, charts, definitions and manifest, without network.

Charts are Vega-Lite, whose script is in the page. Numbers are in it once, as JSON; `page.js` makes the tables
that are too large to be there as text, and `page.css` what they look like on a screen and on paper.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from fasttok.render.charts import cost_bars, cost_values, interval_chart, javascript, spread_chart

if TYPE_CHECKING:
    from fasttok.reports.cost import CostReport
    from fasttok.reports.premium import LanguagePremium, PremiumReport

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline' 'unsafe-eval'; img-src data:; "
    "base-uri 'none'; form-action 'none'"
)
"""Nothing may be fetched from anywhere. Vega compiles expressions, which needs 'unsafe-eval'."""

SPREAD = 5
"""The fewest languages of which the spread means something."""

DEFINITIONS = {
    "tokens": "The exact count: the length of what the reference tokenizer returns.",
    "byte premium": "UTF-8 bytes of the language / UTF-8 bytes of the pivot, of the same content.",
    "bytes/token": "UTF-8 bytes / tokens of the language.",
    "density ratio": "bytes/token of the pivot / bytes/token of the language. Ratio of sums = byte premium × density "
    "ratio: what the script needs in bytes, times what the vocabulary makes of them.",
    "STRR": "Single-token retention rate: the share of running words, as white space separates them, that are one "
    "token. Not taken of scripts without spaces between words.",
    "Gini": "Half the mean absolute difference between the tokens of two languages, over the mean. 0: all are equal.",
    "rank": "1 is the language with the lowest premium under the encoding.",
}


def premium_page(report: PremiumReport, title: str | None = None) -> str:
    """The page of a premium report."""
    heading = title or "What the same content costs in each language"
    body, data = _premium_sections(report)
    return _page(heading, _premium_lead(report), body, _premium_definitions(report), report.manifest, data)


def cost_page(report: CostReport, title: str | None = None) -> str:
    """The page of a cost report, and of the premiums in it."""
    from fasttok.render.text.cost import money, notes
    from fasttok.render.text.cost import title as what

    data: dict[str, Any] = {"cost": {"values": cost_values(report)}}
    data["cost"]["spec"] = cost_bars({"name": "rows"}, report.currency).to_dict()
    sections = [
        _section(
            "cost", "Cost", _p(f"{what(report)}."), _chart("cost-chart", "Cost by group and model"), _cost_table(report)
        )
    ]
    definitions = {
        "cost": "Tokens × rate, summed over documents. Each document is one request; the rate is that of the highest "
        "tier whose number of input tokens it exceeds, and holds for all its tokens."
    }
    if report.manifest["base"] is not None:
        base = report.manifest["base"]
        definitions[f"× {base}"] = (
            f"Cost a document relative to that of {base}. These are different documents: it says what this traffic "
            "costs, not what a language costs."
        )
    if report.premium is not None:
        said = "".join(f"<li>{escape(entry.in_words())}</li>" for entry in report.same_content[:12])
        sections.append(_section("same", "The same content", f"<ul>{said}</ul>"))
        more, premium_data = _premium_sections(report.premium)
        sections.append(more)
        data |= premium_data
        definitions |= _premium_definitions(report.premium)
    sections.append(_section("prices", "Prices", _p(f"{report.currency} per million tokens."), _price_table(report)))
    notices = "".join(_p(note) for note in notes(report))
    ledger = report.ledger
    notices += _p(f"{ledger.seen:,} rows seen, {ledger.counted:,} counted, {ledger.skipped:,} skipped.")
    sections.append(_section("notes", "To read the numbers", notices))
    spent = ", ".join(f"{money(row.cost)} {report.currency} on {row.label}" for row in report.totals)
    lead = f"{report.totals[0].documents:,} documents cost {spent}."
    return _page(title or "What traffic costs", lead, "".join(sections), definitions, report.manifest, data)


def _page(
    heading: str,
    lead: str,
    body: str,
    definitions: Mapping[str, str],
    manifest: Mapping[str, Any],
    data: Mapping[str, Any],
) -> str:
    def own(name: str) -> str:
        return (files(__name__) / name).read_text(encoding="utf-8")

    terms = "".join(f"<dt>{escape(term)}</dt><dd>{escape(text)}</dd>" for term, text in definitions.items())
    stated = json.dumps(manifest, ensure_ascii=False, indent=2)
    details = f"<details><summary>How this was measured</summary><pre tabindex=0>{escape(stated)}</pre></details>"
    made = f"fasttok {manifest['fasttok']}, {manifest['time']}"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f'<link rel="icon" href="data:,">\n<title>{escape(heading)}</title>\n'
        f'<style>\n{own("page.css")}</style>\n</head>\n<body>\n<a class="skip" href="#main">Skip to the content</a>\n'
        f'<header><div class="bar"><p class="brand">fasttok</p><button type="button" id="theme" '
        f'aria-label="Switch between light and dark">◐</button></div>'
        f'<h1>{escape(heading)}</h1><p class="lead">{escape(lead)}</p></header>\n<main id="main">\n{body}\n'
        f"{_section('definitions', 'Definitions', f'<dl>{terms}</dl>')}"
        f"{_section('manifest', 'Manifest', details)}"
        f"</main>\n<footer><p>{escape(made)}</p></footer>\n"
        f'<script type="application/json" id="data">{_inline(data)}</script>\n'
        f"<script>{_script(javascript())}</script>\n<script>\n{_script(own('page.js'))}</script>\n</body>\n</html>\n"
    )


def _premium_lead(report: PremiumReport) -> str:
    first = report.summaries[0]
    pivot = _named(report.get(report.pivot, first.encoding))
    most = _named(report.get(first.max_language, first.encoding))
    manifest = report.manifest
    return (
        f"Under {first.encoding}, {most} takes {first.max:.2f} times as many tokens as {pivot} to say the same; half "
        f"of the {manifest['languages']:,} languages take more than {first.median:.2f} times. Measured on "
        f"{manifest['units']:,} units of parallel text."
    )


def _premium_sections(report: PremiumReport) -> tuple[str, dict[str, Any]]:
    encodings = report.encodings
    languages = report.languages
    options = "".join(f'<option value="{escape(name)}">{escape(name)}</option>' for name in encodings)
    tools = (
        '<div class="tools" role="group" aria-label="Choose languages"><label>Filter languages '
        '<input type="search" id="filter" placeholder="name or code" autocomplete="off"></label>'
        '<label class="check"><input type="checkbox" id="intervals"> Show intervals</label>'
        '<span id="matches" role="status"></span></div>'
    )
    chooser = f'<div class="tools"><label>Encoding <select id="encoding">{options}</select></label></div>'
    spread = _section(
        "spread",
        "How unequal languages are",
        _p("Each tick is a language; the heavy one is the median."),
        _chart("spread-chart", "Premiums of all languages by encoding"),
        _summary_table(report),
    )
    sections = [
        spread if len(languages) >= SPREAD else "",
        _section(
            "heat",
            "Language by encoding",
            _p(f"Tokens of the same content, {report.pivot} = 1. A column sorts when its header is pressed."),
            tools,
            _heat_map(report),
        ),
        _section(
            "detail",
            "What a premium is made of",
            _p(
                "The premium with its interval, and the measures that explain it, under one encoding. The filter above "
                "holds."
            ),
            chooser,
            '<div class="scroll chart-scroll" tabindex="0" role="region" aria-label="Chart of premiums with intervals">'
            + _chart("interval-chart", "Premium of each language with its interval")
            + "</div>",
            '<div class="scroll" tabindex="0" role="region" aria-label="Table of measures"><table class="sortable" '
            'id="measures"></table></div>',
        ),
    ]
    measures = {
        name: [
            [
                _short(value)
                for value in (
                    row.premium, row.low, row.high, row.tokens, row.bytes, row.byte_premium, row.bytes_per_token,
                    row.density_ratio, row.strr, row.rank,
                )
            ]
            for row in report.of(name)
        ]
        for name in encodings
    }  # fmt: skip
    names = [[row.language, row.name or ""] for row in report.of(encodings[0])]
    data = {
        "premium": {
            "pivot": report.pivot,
            "encodings": encodings,
            "languages": names,
            "measures": measures,
            "spread": spread_chart({"name": "rows"}, report.pivot).to_dict(),
            "intervals": interval_chart({"name": "rows"}, several=False, pivot=report.pivot).to_dict(),
        }
    }
    return "".join(sections), data


def _premium_definitions(report: PremiumReport) -> dict[str, str]:
    manifest = report.manifest
    settings = manifest["interval"]
    how = (
        f"By the definition '{manifest['definition']}': {manifest['definition_in_words']}. The pivot is {report.pivot}."
    )
    interval = (
        "None: the whole text is one unit."
        if settings is None
        else f"{100 * settings['confidence']:g} %, {settings['method']}, {settings['resamples']:,} resamples. It knows "
        "of chance between units, not of other kinds of text."
    )
    return {"premium": how, "interval": interval, **DEFINITIONS}


def _heat_map(report: PremiumReport) -> str:
    rows = {(row.language, row.encoding): row for row in report.premiums}
    largest = max(abs(math.log(row.premium)) for row in report.premiums) or 1
    head = _th("Language", name=True) + "".join(_th(name) for name in report.encodings)
    body = []
    for language in report.languages:
        first = rows[language, report.encodings[0]]
        label = f"{escape(first.name)} <small>{escape(language)}</small>" if first.name else escape(language)
        key = escape(f"{first.name or ''} {language}".strip().casefold(), quote=True)
        cells = "".join(_heat_cell(rows[language, name], largest) for name in report.encodings)
        body.append(f'<tr data-key="{key}"><th scope="row" data-v="{key}">{label}</th>{cells}</tr>')
    caption = f"Premium over {escape(report.pivot)} by language and encoding"
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="Heat map">'
        '<table class="sortable heat" id="heat-map">'
        f"<caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )


def _heat_cell(row: LanguagePremium, largest: float) -> str:
    heat = math.log(row.premium) / largest
    kind = "hot" if heat >= 0 else "cold"
    interval = "" if row.low is None or row.high is None else f"<small class=ci>{row.low:.2f}–{row.high:.2f}</small>"
    return (
        f'<td class={kind} style="--h:{100 * abs(heat):.0f}%" data-v={row.premium:.4f}>{row.premium:.2f}{interval}</td>'
    )


def _summary_table(report: PremiumReport) -> str:
    rows = [
        (
            (s.encoding, s.encoding),
            (f"{s.gini:.3f}" + _span(s.gini_low, s.gini_high, 3), s.gini),
            (f"{s.min:.2f} {_named(report.get(s.min_language, s.encoding))}", s.min),
            (f"{s.median:.2f}", s.median),
            (f"{s.max:.2f} {_named(report.get(s.max_language, s.encoding))}", s.max),
        )
        for s in report.summaries
    ]
    head = ("Encoding", "Gini (interval)", "Lowest", "Median", "Highest")
    return _table("summary-table", "Inequality by encoding", head, rows, 1)


def _cost_table(report: CostReport) -> str:
    from fasttok.render.text.cost import money

    head = [*report.by, "Model", "Documents", "Tokens in"]
    shown = [*report.groups, *report.totals] if report.by else list(report.totals)
    output = any(row.output_tokens for row in shown)
    long = any(row.long_context_documents for row in shown)
    based = report.manifest["base"] is not None
    monthly = report.manifest["requests_per_day"] is not None
    energy = any(row.energy_wh is not None for row in shown)
    head += ["Tokens out"] * output + ["Long"] * long + [f"Cost, {report.currency}", "1,000 documents"]
    head += [f"× {report.manifest['base']}"] * based + ["A month"] * monthly + ["Wh"] * energy
    rows = []
    for row in shown:
        key: list[tuple[str, Any]] = [("(none)" if value is None else value, value or "") for value in row.key.values()]
        if not row.key:
            key = [("all documents", "\uffff")] + [("", "")] * (len(report.by) - 1) if report.by else []
        thousand = None if row.cost_per_document is None else 1000 * row.cost_per_document
        cells: list[tuple[str, Any]] = [
            *key,
            (row.label, row.label),
            (f"{row.documents:,}", row.documents),
            (f"{row.input_tokens:,}", row.input_tokens),
        ]
        cells += [(f"{row.output_tokens:,}", row.output_tokens)] * output
        cells += [(f"{row.long_context_documents:,}", row.long_context_documents)] * long
        cells += [(money(row.cost), row.cost), (money(thousand), thousand)]
        ratio = "-" if row.per_document_ratio is None else f"{row.per_document_ratio:.2f}"
        cells += [(ratio, row.per_document_ratio)] * based
        month = money(row.monthly_cost)
        if row.monthly_low is not None:
            month += f" ({money(row.monthly_low)}–{money(row.monthly_high)})"
        cells += [(month, row.monthly_cost)] * monthly
        cells += [("-" if row.energy_wh is None else f"{row.energy_wh:,.2f}", row.energy_wh)] * energy
        rows.append(tuple(cells))
    return _table("cost-table", "Cost by group and model", head, rows, len(report.by) + 1)


def _price_table(report: CostReport) -> str:
    def rate(price: Mapping[str, Any] | None) -> tuple[str, float | None]:
        if price is None:
            return "-", None
        tiers = "".join(f"; above {tier['above']:,} tokens {tier['price']:g}" for tier in price["tiers"])
        return f"{price['base']:g}{tiers}", price["base"]

    rows = [
        (
            (price["model"], price["model"]),
            (price["source"], price["source"]),
            (price["date"], price["date"]),
            rate(price["input"]),
            rate(price["cached_input"]),
            rate(price["output"]),
        )
        for price in report.manifest["prices"]
    ]
    return _table("price-table", "Prices", ("Model", "From", "As of", "Input", "Cached input", "Output"), rows, 3)


def _table(id: str, caption: str, head: Sequence[str], rows: Iterable[Sequence[tuple[str, Any]]], names: int) -> str:
    """A sortable table. Cells are what is shown and what is sorted by; the first `names` columns are text."""
    header = "".join(_th(text, name=i < names) for i, text in enumerate(head))
    body = []
    for row in rows:
        cells = []
        for i, (shown, value) in enumerate(row):
            sort = "" if value is None else escape(str(value).casefold(), quote=True)
            if i == 0:
                cells.append(f'<th scope="row" data-v="{sort}">{escape(shown)}</th>')
            else:
                kind = ' class="name"' if i < names else ""
                cells.append(f'<td{kind} data-v="{sort}">{escape(shown)}</td>')
        body.append(f"<tr>{''.join(cells)}</tr>")
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}">'
        f'<table class="sortable" id="{id}">'
        f"<caption>{escape(caption)}</caption><thead><tr>{header}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )


def _th(text: str, *, name: bool = False) -> str:
    kind = ' class="name"' if name else ""
    return f'<th scope="col"{kind}><button type="button">{escape(text)}</button></th>'


def _section(id: str, heading: str, *parts: str) -> str:
    title = f'<h2 id="{id}-h">{escape(heading)}</h2>'
    return f'<section id="{id}" aria-labelledby="{id}-h">{title}{"".join(parts)}</section>\n'


def _chart(id: str, label: str) -> str:
    return f'<div class="chart" id="{id}" role="img" aria-label="{escape(label)}. The table has the numbers."></div>'


def _p(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def _named(row: LanguagePremium) -> str:
    return row.name or row.language


def _span(low: float | None, high: float | None, digits: int) -> str:
    return "" if low is None or high is None else f" ({low:.{digits}f}–{high:.{digits}f})"


def _short(value: float | int | None) -> float | int | None:
    """A number with as many digits as the page shows and sorts by."""
    return round(value, 4) if isinstance(value, float) else value


def _inline(data: Mapping[str, Any]) -> str:
    """JSON that ends no script element."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _script(source: str) -> str:
    return source.replace("</script", "<\\/script").replace("<!--", "<\\!--")
