"""A report drawn from its blocks: on a terminal, as plain text, in a notebook, as a page.

Here is decided how blocks follow each other and when a summary says that groups are left out. What the blocks of a
kind of reports are, its module in `fasttok.render.text` says; this module knows no kind. What shows them
(rich, HTML) is imported when they are shown: a summary needs neither.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from fasttok._escapes import escaped_lines
from fasttok.errors import MissingExtraError, NoPlotError
from fasttok.render.blocks import SHOWN, Block, Lines, Note, Title
from fasttok.render.layout import Layout
from fasttok.reports.base import BaseReport

if TYPE_CHECKING:
    from rich.console import Console

R = TypeVar("R", bound=BaseReport, contravariant=True)


class Blocks(Protocol[R]):
    """Makes the blocks of a report, whose tables may be made for a console of a width; None: as wide as they are."""

    def __call__(self, report: R, width: int | None, /) -> Sequence[Block]: ...


@dataclass(eq=False, repr=False)
class Drawing(Generic[R]):
    """The presenter of a kind of reports, made of what is particular to it."""

    name: str
    """What one is called, for messages: ``a density report``."""
    blocks: Blocks[R]
    told: Callable[[R], str]
    """The summary."""
    groups: Callable[[R], int] = lambda report: 0
    """How many groups there are, of which :data:`SHOWN` are shown."""
    of_groups: str = "groups"
    """What they are called."""
    chart: Callable[..., Any] | None = None
    lead: Callable[[R], str] | None = None
    """What was found, in a sentence, for the page; the summary otherwise."""
    page_chart: Callable[[R], Any] | None = None
    """The chart that stands in the page: of some groups, where there are many."""
    full_page: Callable[[R], str] | None = None
    as_markdown: Callable[[R], str] | None = None

    def summary(self, report: R, *, drawn: bool = False) -> str:
        """One line. `drawn`: below a table, which may leave groups out: then it says how many."""
        line, count = self.told(report), self.groups(report)
        if drawn and count > SHOWN:
            line += f"; {count - SHOWN:,} of {count:,} {self.of_groups} are not shown, JSON and CSV have all"
        return line

    def show(self, report: R, console: Console) -> None:
        """Print the blocks as wide as `console` is."""
        from rich.text import Text

        from fasttok.render.table import print_layout

        joined = True
        for block in self.blocks(report, console.width):
            if not joined:
                console.print()
            joined = isinstance(block, Title) and block.close
            if isinstance(block, Title):
                console.print(Text(escaped_lines(block.text), style="bold"))
            elif isinstance(block, Layout):
                print_layout(block, console)
            elif isinstance(block, Note):
                console.print(Text(escaped_lines(block.text), style="dim"))
            else:
                for line in block.lines:
                    console.print(Text(escaped_lines(line)), soft_wrap=not block.wrap)

    def text(self, report: R, width: int | None = None) -> str:
        """The blocks as plain text, as wide as the terminal unless `width` says otherwise."""
        from fasttok.render.table import printed

        return printed(lambda console: self.show(report, console), width)

    def html(self, report: R) -> str:
        """The blocks and the summary as HTML, for a notebook."""
        from html import escape

        from fasttok.render import html

        parts = []
        for block in self.blocks(report, None):
            if isinstance(block, Layout):
                parts.append(html.table(block))
            elif isinstance(block, Title):
                parts.append(f"<p><strong>{escape(block.text)}</strong></p>")
            else:
                lines = block.lines if isinstance(block, Lines) else [block.text]
                parts += [f"<p>{escape(line)}</p>" for line in lines]
        return "".join(parts) + f"<p>{escape(self.summary(report, drawn=True))}</p>"

    def markdown(self, report: R) -> str:
        """The report as Markdown, where the kind has such a form."""
        assert self.as_markdown is not None, self.name
        return self.as_markdown(report)

    def page(self, report: R) -> str:
        """A page that needs no network: the one that is made for such reports, else the blocks and the manifest."""
        if self.full_page is not None:
            return self.full_page(report)
        from fasttok.render.page.plain import plain_page

        heading = self.name.removeprefix("a ").capitalize()
        drawn = None if self.page_chart is None else self._drawn(report)
        summary = f"{self.summary(report, drawn=True)}."
        lead = summary if self.lead is None else f"{self.lead(report)} {summary}"
        return plain_page(report.manifest, heading, self.blocks(report, None), lead, drawn)

    def _drawn(self, report: R) -> Any:
        """The chart of the page as data; None without the libraries that draw it."""
        assert self.page_chart is not None
        try:
            return self.page_chart(report).to_dict()
        except MissingExtraError:
            return None

    def plot(self, report: R, **options: Any) -> Any:
        """A chart. Raises ``NoPlotError`` where the kind has none."""
        if self.chart is None:
            raise NoPlotError(f"there is no chart of {self.name}: print it, or take its rows, to_pandas() and the like")
        return self.chart(report, **options)
