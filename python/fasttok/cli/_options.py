"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from fasttok.cli._output import check_writable

Function = TypeVar("Function", bound=Callable[..., Any])


def names(context: click.Context, param: click.Parameter, values: tuple[str, ...]) -> list[str]:
    """The names in a repeated option, each of which may hold several, separated by commas."""
    given = [name.strip() for value in values for name in value.split(",")]
    if not all(given):
        raise click.BadParameter("an empty name", context, param)
    return given


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
