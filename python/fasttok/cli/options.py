"""Options that several commands share."""

from __future__ import annotations

import copy
import os
import stat
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from fasttok._util.paths import STDIN
from fasttok.cli.output import check_outputs
from fasttok.inputs.labels import DETECT_BYTES

if TYPE_CHECKING:
    from fasttok.reports.cost import CostReport
    from fasttok.reports.premium import PremiumReport

Function = TypeVar("Function", bound=Callable[..., Any])


class Command(click.Command):
    """A command that takes an option with one value once: of two different values neither is dropped in silence."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        _, _, order = self.make_parser(ctx).parse_args(list(args))
        repeated = {param for param, count in Counter(order).items() if count > 1 and _is_single(param)}
        if repeated:
            self._refuse_other_values(ctx, args, repeated)
        return super().parse_args(ctx, args)

    def _refuse_other_values(self, ctx: click.Context, args: list[str], repeated: set[click.Parameter]) -> None:
        params = []
        for param in self.params:
            if param in repeated:
                param = copy.copy(param)
                param.multiple = True
            params.append(param)
        values, _, _ = click.Command(self.name, params=params).make_parser(ctx).parse_args(list(args))
        for param in repeated:
            given = dict.fromkeys(map(str, values[str(param.name)]))
            if len(given) > 1:
                option = max(param.opts, key=len)
                raise click.UsageError(f"{option} takes one value, and is given {' and '.join(given)}", ctx)


def _is_single(param: click.Parameter) -> bool:
    return isinstance(param, click.Option) and not (param.multiple or param.is_flag or param.count)


def names(context: click.Context, param: click.Parameter, values: tuple[str, ...]) -> list[str]:
    """The names in a repeated option, each of which may hold several, separated by commas."""
    given = [name.strip() for value in values for name in value.split(",")]
    if not all(given):
        raise click.BadParameter("an empty name", context, param)
    return given


def pairs(context: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """The values of a repeated option `NAME=VALUE`, by name."""
    found: dict[str, str] = {}
    for value in values:
        name, equals, rest = value.partition("=")
        if not (name and equals and rest):
            raise click.BadParameter(f"{value!r} is not {param.metavar}", context, param)
        if found.get(name, rest) != rest:
            raise click.BadParameter(f"{name} is given both {found[name]} and {rest}", context, param)
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


def pictures(html: str | None, svg: str | None, png: str | None) -> dict[str, str | None]:
    """The picture files, by option; refused where libraries are missing, before the work is done."""
    from fasttok._util.extras import need

    if html is not None or svg is not None or png is not None:
        need("altair", "plot", "a picture")
        need("vl_convert", "plot", "a picture")
    return {"--html": html, "--svg": svg, "--png": png}


def write_pictures(report: CostReport | PremiumReport, html: str | None, svg: str | None, png: str | None) -> None:
    """Write the page and the charts that were asked for."""
    if html is not None:
        report.to_html(html)
    if svg is not None or png is not None:
        from fasttok.render.charts import save

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


def corpus_options(function: Function) -> Function:
    """Add the options of a run over a corpus: what to read, how, and by what to group. Their values come by keyword;
    `corpus_arguments` makes them those of the library."""
    for option in reversed(_CORPUS_OPTIONS):
        function = option(function)
    return function


def corpus_arguments(options: Mapping[str, Any], output: str | None) -> dict[str, Any]:
    """What the options of `corpus_options` are to `count_corpus` and `density`; a ledger or an `output` that cannot be
    written is refused."""
    given = dict(options)
    no_progress, quiet = given.pop("no_progress"), given.pop("quiet")
    paths = list(given.pop("paths")) or [STDIN if stdin_has_data() else "."]
    check_outputs(paths, {"--output": output, "--ledger": given["ledger"]})
    if given["max_groups"] is None:
        del given["max_groups"]
    return {
        "paths": paths,
        # A file that the shell writes for us is not counted either.
        "outputs": [path for path in (output, "/dev/stdout") if path is not None and os.path.isfile(path)],
        "encodings": given.pop("encodings") or ["o200k_base"],
        "text": given.pop("field"),
        "ignore_files": not given.pop("no_ignore"),
        "ledger_path": given.pop("ledger"),
        "progress": not (no_progress or quiet),
        **given,
    }


_CORPUS_OPTIONS = (
    click.argument("paths", nargs=-1, metavar="[PATH]..."),
    click.option(
        "-e",
        "--encoding",
        "encodings",
        callback=names,
        multiple=True,
        metavar="NAME[,NAME]",
        help="Encodings to count with, in one pass: names or tokenizer files. [default: o200k_base]",
    ),
    click.option(
        "--by",
        callback=names,
        multiple=True,
        metavar="KEY[,KEY]",
        help="Group by file, extension, or any field of JSONL records.",
    ),
    click.option(
        "--language-field", metavar="NAME", help="Label by this JSONL field: BCP 47 or FLORES codes, in any form."
    ),
    click.option(
        "--language-from-path", is_flag=True, help="Label by the path: a folder, or part of a file name, like eng_Latn."
    ),
    click.option("--detect-language", is_flag=True, help="Label by what a detector says of each document."),
    click.option(
        "--detect-bytes",
        type=click.IntRange(min=1),
        default=DETECT_BYTES,
        show_default=True,
        metavar="N",
        help="How much of each document the detector reads.",
    ),
    click.option(
        "--field",
        metavar="NAME",
        help="The JSONL field that holds the text. In a.b, b is inside a. [default: text]",
    ),
    click.option(
        "--format",
        type=click.Choice(["text", "lines", "jsonl"]),
        help="Read every file as this, whatever its name. [default: by extension]",
    ),
    click.option("--lines", is_flag=True, help="In plain text, a line is a document."),
    click.option(
        "--special",
        type=click.Choice(["text", "token", "error"]),
        default="text",
        show_default=True,
        help="A special token in the text is plain text, one token, or an error.",
    ),
    click.option(
        "--errors",
        type=click.Choice(["strict", "replace"]),
        default="strict",
        show_default=True,
        help="Bytes that are not UTF-8 are an error, or are counted as U+FFFD.",
    ),
    click.option(
        "--on-error",
        type=click.Choice(["skip", "fail"]),
        default="skip",
        show_default=True,
        help="A row that cannot be counted is listed and skipped, or ends the run.",
    ),
    click.option("--threads", type=click.IntRange(min=1), metavar="N", help="Workers. [default: one a core]"),
    click.option("--hidden", is_flag=True, help="Count hidden files and folders too."),
    click.option("--no-ignore", is_flag=True, help="Count what .gitignore and .ignore leave out too."),
    click.option(
        "-z",
        "--decompress",
        is_flag=True,
        help="In folders, unpack .gz and .zst files that hold no records too.",
    ),
    click.option(
        "--max-record-bytes",
        type=click.IntRange(min=1),
        metavar="N",
        help="Skip JSONL records that are longer. [default: 1 GiB]",
    ),
    click.option(
        "--max-window-bytes",
        type=click.IntRange(min=1),
        metavar="N",
        help="Skip zstd data that take more memory to unpack. [default: 128 MiB]",
    ),
    click.option(
        "--max-groups",
        type=click.IntRange(min=1),
        metavar="N",
        help="End with an error when there are more. [default: 1000000; density: 10000]",
    ),
    click.option("--ledger", metavar="FILE", help="Write every skipped row to FILE, as JSONL."),
    click.option("--no-progress", is_flag=True, help="Show no progress bar."),
    click.option("-q", "--quiet", is_flag=True, help="Print nothing but data and errors."),
)
