"""Options that several commands share."""

from __future__ import annotations

import io
import os
import stat
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from fasttok.cli._output import check_writable

if TYPE_CHECKING:
    from fasttok._cost import CostReport
    from fasttok._premium import PremiumReport
    from fasttok.report import Ledger

SHOWN_SKIPPED = 10

Function = TypeVar("Function", bound=Callable[..., Any])


def names(context: click.Context, param: click.Parameter, values: tuple[str, ...]) -> list[str]:
    """The names in a repeated option, each of which may hold several, separated by commas."""
    given = [name.strip() for value in values for name in value.split(",")]
    if not all(given):
        raise click.BadParameter("an empty name", context, param)
    return given


def pairs(context: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """The values of a repeated option `NAME=VALUE`, by name."""
    found = {}
    for value in values:
        name, equals, rest = value.partition("=")
        if not (name and equals and rest):
            raise click.BadParameter(f"{value!r} is not {param.metavar}", context, param)
        found[name] = rest
    return found


def picture_options(function: Function) -> Function:
    """Add `--html`, `--svg` and `--png`."""
    for option in (
        click.option("--png", metavar="FILE", help="Write the chart as a PNG."),
        click.option("--svg", metavar="FILE", help="Write the chart as an SVG, for a paper."),
        click.option("--html", metavar="FILE", help="Write a page with everything, that needs no network."),
    ):
        function = option(function)
    return function


def check_pictures(*files: str | None) -> None:
    """Refuse picture files that cannot be written, and missing libraries, before the work is done."""
    from fasttok._extras import need

    for file in files:
        if file is not None:
            need("altair", "plot", "a picture")
            need("vl_convert", "plot", "a picture")
            check_writable(file)


def write_pictures(report: CostReport | PremiumReport, html: str | None, svg: str | None, png: str | None) -> None:
    """Write the page and the charts that were asked for."""
    if html is not None:
        report.to_html(html)
    if svg is not None or png is not None:
        from fasttok._charts import save

        if svg is not None:
            save(report.plot(), svg, "svg")
        if png is not None:
            save(report.plot(), png, "png")


def stdin_has_data() -> bool:
    """Whether something is piped or redirected in: a pipe, a socket or a file, not a terminal and not /dev/null."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (AttributeError, OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or stat.S_ISREG(mode)


def print_skipped(ledger: Ledger, where: str) -> None:
    """List the first skipped rows on standard error, and say `where` the rest is."""
    if not ledger.skipped:
        return
    out = io.StringIO()
    for entry in ledger.entries[:SHOWN_SKIPPED]:
        out.write(f"skipped {entry}\n")
    more = ledger.skipped - min(SHOWN_SKIPPED, len(ledger.entries))
    if more > 0:
        out.write(f"skipped {more:,} more: {where}\n")
    sys.stderr.write(out.getvalue())
