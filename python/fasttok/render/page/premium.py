"""The page of a premium report: how unequal languages are, and what each premium is made of."""

from __future__ import annotations

import math
from html import escape
from typing import Any

from fasttok.render import format
from fasttok.render.charts import interval_chart, premium_ticks, spread_chart
from fasttok.render.html import Cell, scrolling, sortable
from fasttok.render.page.shell import chart, page, paragraph, section
from fasttok.reports.premium import LanguagePremium, PremiumReport, own_varieties

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
    body, data = premium_sections(report)
    return page(heading, _lead(report), body, premium_definitions(report), report.manifest, data)


def _lead(report: PremiumReport) -> str:
    first = report.summaries[0]
    pivot = report.pivot_name
    most = _named(report.get(first.max_language, first.encoding))
    manifest = report.manifest
    return (
        f"Under {first.encoding}, {most} takes {first.max:.2f} times as many tokens as {pivot} to say the same; half "
        f"of the other languages take more than {first.median:.2f} times. Measured on "
        f"{manifest['units']:,} units of parallel text in {manifest['languages_compared']:,} languages."
    )


def premium_sections(report: PremiumReport) -> tuple[str, dict[str, Any]]:
    encodings = report.encodings
    languages = report.languages
    pivot, ticks = report.pivot_name, premium_ticks(report)
    options = "".join(f'<option value="{escape(name)}">{escape(name)}</option>' for name in encodings)
    tools = (
        '<div class="tools" role="group" aria-label="Choose languages"><label>Filter languages '
        '<input type="search" id="filter" placeholder="name or code" autocomplete="off"></label>'
        '<label class="check"><input type="checkbox" id="intervals"> Show intervals</label>'
        '<span id="matches" role="status"></span></div>'
    )
    chooser = f'<div class="tools"><label>Encoding <select id="encoding">{options}</select></label></div>'
    spread = section(
        "spread",
        "How unequal languages are",
        paragraph(
            f"Each tick is a language; the heavy one is the median without {report.pivot_name} and its varieties."
        ),
        chart("spread-chart", "Premiums of all languages by encoding"),
        _summary_table(report),
    )
    sections = [
        spread if len(languages) >= SPREAD else "",
        section(
            "heat",
            "Language by encoding",
            paragraph(
                f"Tokens of the same content, {report.pivot_name} = 1. A column sorts when its header is pressed."
            ),
            tools,
            _heat_map(report),
        ),
        section(
            "detail",
            "What a premium is made of",
            paragraph(
                "The premium with its interval, and the measures that explain it, under one encoding. The filter above "
                "holds."
            ),
            chooser,
            '<div class="scroll chart-scroll" tabindex="0" role="region" aria-label="Chart of premiums with intervals">'
            + chart("interval-chart", "Premium of each language with its interval")
            + "</div>",
            scrolling('<table class="sortable" id="measures"></table>', "Table of measures"),
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
            "own": sorted(own_varieties(report.pivot, languages)),
            "spread": spread_chart({"name": "rows"}, pivot, ticks).to_dict(),
            "intervals": interval_chart({"name": "rows"}, several=False, pivot=pivot, ticks=ticks).to_dict(),
        }
    }
    return "".join(sections), data


def premium_definitions(report: PremiumReport) -> dict[str, str]:
    manifest = report.manifest
    settings = manifest["bootstrap"]
    definition = f"By the definition '{manifest['definition']}': {manifest['definition_in_words']}."
    how = f"{definition} The pivot is {_pivot(report)}."
    interval = (
        "None: the whole text is one unit."
        if settings is None
        else f"{100 * settings['confidence']:g} %, {settings['method']} bootstrap over {settings['over']}, "
        f"{settings['resamples']:,} resamples. It knows "
        "of chance between units, not of other kinds of text."
    )
    return {"premium": how, "interval": interval, **DEFINITIONS}


def _heat_map(report: PremiumReport) -> str:
    cells = {(row.language, row.encoding): row for row in report.premiums}
    largest = max(abs(math.log(row.premium)) for row in report.premiums) or 1
    rows, keys = [], []
    for language in report.languages:
        name = cells[language, report.encodings[0]].name
        label = f"{escape(name)} <small>{escape(language)}</small>" if name else escape(language)
        key = f"{name or ''} {language}".strip()
        keys.append(key)
        rows.append(
            [Cell(language, key, label), *(_heat_cell(cells[language, each], largest) for each in report.encodings)]
        )
    return sortable(
        "heat-map",
        f"Premium over {report.pivot_name} by language and encoding",
        ["Language", *report.encodings],
        rows,
        1,
        label="Heat map",
        kind="heat",
        keys=keys,
    )


def _heat_cell(row: LanguagePremium, largest: float) -> Cell:
    heat = math.log(row.premium) / largest
    kind = "hot" if heat >= 0 else "cold"
    interval = "" if row.low is None else f"<small class=ci>{format.interval(row.low, row.high)}</small>"
    return Cell(
        f"{row.premium:.2f}",
        f"{row.premium:.4f}",
        f"{row.premium:.2f}{interval}",
        f' class={kind} style="--h:{100 * abs(heat):.0f}%"',
    )


def _summary_table(report: PremiumReport) -> str:
    rows = []
    for s in report.summaries:
        interval = "" if s.gini_low is None else f" ({format.interval(s.gini_low, s.gini_high, 3)})"
        rows.append(
            [
                Cell(s.encoding, s.encoding),
                Cell(f"{s.gini:.3f}{interval}", s.gini),
                Cell(f"{s.min:.2f} {_named(report.get(s.min_language, s.encoding))}", s.min),
                Cell(f"{s.median:.2f}", s.median),
                Cell(f"{s.max:.2f} {_named(report.get(s.max_language, s.encoding))}", s.max),
            ]
        )
    head = ("Encoding", "Gini (interval)", "Lowest", "Median", "Highest")
    return sortable("summary-table", "Inequality by encoding", head, rows, 1)


def _pivot(report: PremiumReport) -> str:
    name, code = report.pivot_name, report.pivot
    return code if name == code else f"{name} ({code})"


def _named(row: LanguagePremium) -> str:
    return row.name or row.language


def _short(value: float | int | None) -> float | int | None:
    """A number with as many digits as the page shows and sorts by."""
    return round(value, 4) if isinstance(value, float) else value
