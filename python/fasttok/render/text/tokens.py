"""The tokens of a text: in colours on a terminal and in a notebook, and a line each."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from fasttok._escapes import escaped
from fasttok.errors import NoPlotError
from fasttok.reports.presenters import register
from fasttok.reports.tokens import TokenSpan, TokenView

if TYPE_CHECKING:
    from rich.console import Console

_BACKGROUNDS = (153, 222, 157, 218, 189, 187)
"""Light ones of the 256 colours of terminals, for black letters."""

_HUES = (210, 40, 130, 330, 265, 85)


_STYLE = """\
:root { color-scheme: light dark; }
body { font-family: system-ui, sans-serif; max-width: 60rem; margin: 1.5rem auto; padding: 0 1rem; }
h1 { font-size: 1.2rem; }
"""


class _Tokens:
    """See `fasttok.reports.presenters.Presenter`."""

    def summary(self, report: TokenView, *, drawn: bool = False) -> str:
        return f"{report.tokens:,} tokens of {report.encoding} in {len(report.text):,} characters"

    def text(self, report: TokenView, width: int | None = None) -> str:
        return "\n".join(
            f"{span.start}\t{span.stop}\t{','.join(map(str, span.ids))}\t{escaped(report.text[span.start : span.stop])}"
            for span in report.spans
        )

    def coloured(self, report: TokenView) -> str:
        parts = []
        for i, span in enumerate(report.spans):
            begin = f"\x1b[30;48;5;{_BACKGROUNDS[i % len(_BACKGROUNDS)]}m"
            # A background does not go on over the end of a line.
            lines = _shown(report, span).split("\n")
            parts.append("\n".join(f"{begin}{line}\x1b[0m" if line else "" for line in lines))
        return "".join(parts)

    def show(self, report: TokenView, console: Console) -> None:
        from rich.text import Text

        console.print(Text.from_ansi(self.coloured(report)))

    def html(self, report: TokenView) -> str:
        return f"{self._spans(report)}<p>{html.escape(self.summary(report))}</p>"

    def _spans(self, report: TokenView) -> str:
        parts = []
        for i, span in enumerate(report.spans):
            ids = ", ".join(map(str, span.ids))
            colour = f"hsla({_HUES[i % len(_HUES)]}, 80%, 55%, 0.35)"
            shown = html.escape(_shown(report, span))
            parts.append(f'<span title="{ids}" style="background: {colour}">{shown}</span>')
        # Lines end where those of the text do, and where the window does, within blanks too.
        style = "white-space: break-spaces; overflow-wrap: anywhere; font-family: monospace; line-height: 1.5"
        return f'<div style="{style}">{"".join(parts)}</div>'

    def markdown(self, report: TokenView) -> str:
        return f"    {self.text(report)}".replace("\n", "\n    ")

    def page(self, report: TokenView) -> str:
        title = html.escape(self.summary(report))
        return (
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>fasttok: {title}</title>\n<style>\n{_STYLE}</style>\n</head>\n"
            f"<body>\n<h1>{title}</h1>\n{self._spans(report)}\n</body>\n</html>\n"
        )

    def plot(self, report: TokenView, **options: Any) -> Any:
        raise NoPlotError("the tokens of a text have no chart")


def _shown(report: TokenView, span: TokenSpan) -> str:
    """Its characters: line ends visible, what a terminal would obey written out, and how many tokens if several."""
    lines = report.text[span.start : span.stop].split("\n")
    text = "↵\n".join(escaped(line) for line in lines)
    return text if len(span.ids) == 1 else f"{text}×{len(span.ids)}"


register(TokenView.kind, _Tokens())
