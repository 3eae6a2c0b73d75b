"""The frame of a page: one file with its styles, scripts and manifest, that needs no network. Knows no report.

Charts are Vega-Lite, whose script is in the page. Numbers are in it once, as JSON; `page.js` makes the tables
that are too large to be there as text, and `page.css` what they look like on a screen and on paper.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from html import escape
from importlib.resources import files
from typing import Any

from fasttok.render.charts import javascript

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline' 'unsafe-eval'; img-src data:; "
    "base-uri 'none'; form-action 'none'"
)
"""Nothing may be fetched from anywhere. Vega compiles expressions, which needs 'unsafe-eval'."""


def page(
    heading: str,
    lead: str,
    body: str,
    definitions: Mapping[str, str],
    manifest: Mapping[str, Any],
    data: Mapping[str, Any],
) -> str:
    """The whole page.

    lead: what was found, in a sentence or two. body: sections, as HTML. data: what scripts of the page read; where
    there is any, the script of the charts is in the page (extra `plot`).
    """

    def own(name: str) -> str:
        return (files(__package__) / name).read_text(encoding="utf-8")

    terms = "".join(f"<dt>{escape(term)}</dt><dd>{escape(text)}</dd>" for term, text in definitions.items())
    stated = json.dumps(manifest, ensure_ascii=False, indent=2)
    details = f"<details><summary>How this was measured</summary><pre tabindex=0>{escape(stated)}</pre></details>"
    charts = f"<script>{_script(javascript())}</script>\n" if data else ""
    made = f"fasttok {manifest['fasttok']}, {manifest['run']['time']}"
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
        f"{section('definitions', 'Definitions', f'<dl>{terms}</dl>') if terms else ''}"
        f"{section('manifest', 'Manifest', details)}"
        f"</main>\n<footer><p>{escape(made)}</p></footer>\n"
        f'<script type="application/json" id="data">{_inline(data)}</script>\n'
        f"{charts}<script>\n{_script(own('page.js'))}</script>\n</body>\n</html>\n"
    )


def section(id: str, heading: str, *parts: str) -> str:
    """A section with its heading."""
    title = f'<h2 id="{id}-h">{escape(heading)}</h2>'
    return f'<section id="{id}" aria-labelledby="{id}-h">{title}{"".join(parts)}</section>\n'


def chart(id: str, label: str) -> str:
    """Where a chart is drawn."""
    return f'<div class="chart" id="{id}" role="img" aria-label="{escape(label)}. The table has the numbers."></div>'


def paragraph(text: str) -> str:
    """A paragraph of plain text, in which `what is typed` is marked."""
    marked = re.sub("`([^`]+)`", r"<code>\1</code>", escape(text))
    return f"<p>{marked}</p>"


def _inline(data: Mapping[str, Any]) -> str:
    """JSON that ends no script element."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _script(source: str) -> str:
    return source.replace("</script", "<\\/script").replace("<!--", "<\\!--")
