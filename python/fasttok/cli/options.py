"""Options that several commands share."""

from __future__ import annotations

import copy
import functools
import math
import os
import stat
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from fasttok._util.paths import STDIN
from fasttok.cli import complete
from fasttok.cli.output import check_outputs
from fasttok.errors import Remedy
from fasttok.options import CorpusKeywords, FilesKeywords, Option, options

if TYPE_CHECKING:
    from fasttok.reports.base import BaseReport

Function = TypeVar("Function", bound=Callable[..., Any])


COMMAND = "fasttok.command"
"""Where the context has the command that was run."""


class Command(click.Command):
    """A command that takes an option with one value once: of two different values neither is dropped in silence."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        _, _, order = self.make_parser(ctx).parse_args(list(args))
        repeated = {param for param, count in Counter(order).items() if count > 1 and _is_single(param)}
        if repeated:
            self._refuse_other_values(ctx, args, repeated)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run it; an error of the library is worded by its options."""
        ctx.find_root().meta[COMMAND] = self
        return super().invoke(ctx)

    def worded(self, remedy: Remedy) -> str:
        """What to do about an error, as the command line calls it: ``--prices FILE``, ``'fasttok density'``."""
        flag = "--" + str(remedy.argument).replace("_", "-")
        for param in self.params:
            if param.name == remedy.argument and isinstance(param, click.Option):
                metavar = (param.metavar or "").partition("[")[0]
                if remedy.key is not None:
                    metavar = f"{remedy.key}={metavar.partition('=')[2]}"
                flag = f"{max(param.opts, key=len)} {metavar}".rstrip()
        return remedy.words.format(option=flag, function=f"'fasttok {remedy.function}'")

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


def numbers(context: click.Context, param: click.Parameter, values: tuple[str, ...]) -> list[int]:
    """The positive whole numbers in a repeated option, each of which may hold several, separated by commas."""
    number: click.ParamType[Any] = click.IntRange(min=1)
    return [number.convert(name, param, context) for name in names(context, param, values)]


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


html_option = click.option(
    "--html", type=complete.PATH, metavar="FILE", help="Write a page of all of it, which needs no network."
)


prices_option = click.option(
    "--prices",
    type=complete.PATH,
    metavar="FILE",
    help="Your table of prices, TOML or JSON. It takes precedence over genai-prices.",
)

price_date_option = click.option(
    "--price-date",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="YYYY-MM-DD",
    help="The day whose prices of genai-prices are taken. [default: today, UTC]",
)


def picture_options(function: Function) -> Function:
    """Add `--html`, `--svg` and `--png`."""
    for option in (
        click.option("--png", type=complete.PATH, metavar="FILE", help="Write the chart as a PNG."),
        click.option("--svg", type=complete.PATH, metavar="FILE", help="Write the chart as an SVG, for a paper."),
        html_option,
    ):
        function = option(function)
    return function


def pictures(html: str | None, svg: str | None = None, png: str | None = None) -> dict[str, str | None]:
    """The picture files, by option; refused where libraries are missing, before the work is done."""
    from fasttok._util.extras import need

    if html is not None or svg is not None or png is not None:
        need("altair", "plot", "a picture")
        need("vl_convert", "plot", "a picture")
    return {"--html": html, "--svg": svg, "--png": png}


def write_pictures(report: BaseReport, html: str | None, svg: str | None = None, png: str | None = None) -> None:
    """Write the page and the charts that were asked for."""
    if html is not None:
        report.to_html(html)
    if svg is not None or png is not None:
        from fasttok.render.charts import save

        if svg is not None:
            save(report.plot(), svg, "svg")
        if png is not None:
            save(report.plot(), png, "png")


class Column(click.Choice[str]):
    """A column to sort by: its name in the data, or its header in a table, which may be shorter. The header of the
    first key of `--by` stands for `key`."""

    def __init__(self, keys: Sequence[str], headers: Mapping[str, str]) -> None:
        super().__init__([*keys, *headers])
        self._headers = headers

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value not in self.choices and ctx is not None and value == (ctx.params.get("by") or ["file"])[0]:
            # Several files that are named are by file.
            value = "key"
        name = super().convert(value, param, ctx)
        return self._headers.get(name, name)


def sort_options(
    keys: Sequence[str], default: str, *, of: str, name: str, by: str, headers: Mapping[str, str] | None = None
) -> Callable[[Function], Function]:
    """Add `--sort` and `--reverse`: the order of what the report is `of`, by one of `keys`, or by one of `headers` of
    the table, each with the key that it is for. All are numbers but `name`, which is sorted `by` what is said."""
    numbers = ", ".join(key for key in keys if key != name)

    def add(function: Function) -> Function:
        function = click.option("--reverse", is_flag=True, help="The other way round.")(function)
        return click.option(
            "--sort",
            type=Column(keys, headers or {}),
            default=default,
            show_default=True,
            metavar="COLUMN",
            help=f"Order of the {of}, largest first: {numbers}, or a header of the table; or {name}, by {by}.",
        )(function)

    return add


top_option = click.option(
    "--top", type=click.IntRange(min=1), metavar="N", help="The first N groups alone; totals are still of all."
)


def paths_or_default(paths: Sequence[str], corpus: Mapping[str, Any]) -> list[str]:
    """What is counted besides what a list names: `paths`, or where there are neither what is piped in, or else the
    current folder."""
    if paths or corpus["files_from"] is not None:
        return list(paths)
    return [STDIN if stdin_has_data() else "."]


def paths_or_piped(paths: Sequence[str], corpus: Mapping[str, Any]) -> list[str]:
    """The same for commands to which the current folder means nothing: they are told that there is nothing to read."""
    if paths or corpus["files_from"] is not None:
        return list(paths)
    if not stdin_has_data():
        raise click.UsageError("no PATH is given and nothing is piped in")
    return [STDIN]


def stdin_has_data() -> bool:
    """Whether something is piped or redirected in: a pipe, a socket or a file, not a terminal and not /dev/null."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (AttributeError, OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or stat.S_ISREG(mode)


def corpus_options(keywords: type[FilesKeywords] = CorpusKeywords) -> Callable[[Function], Function]:
    """Add the options of a run over files, as `fasttok.options` has them, and those of what is shown meanwhile. Their
    values come by keyword; `corpus_arguments` makes them those of the library."""

    def add(function: Function) -> Function:
        function = progress_options(function)
        function = type_list_option(function)
        for each in reversed([each for each in options(keywords) if each.flags]):
            function = _click(each)(function)
        return function

    return add


def progress_options(function: Function) -> Function:
    """Add `--no-progress` and `--quiet`: what is shown beside the result."""
    function = click.option("-q", "--quiet", is_flag=True, help="Print nothing but data and errors.")(function)
    return click.option("--no-progress", is_flag=True, help="Show no progress bar.")(function)


def type_list_option(function: Function) -> Function:
    """Add `--type-list`, which prints the types of files and ends the command."""

    def print_types(context: click.Context, param: click.Parameter, given: bool) -> None:
        if given and not context.resilient_parsing:
            from fasttok._fasttok import _file_types

            click.echo("".join(f"{name}: {', '.join(globs)}\n" for name, globs in _file_types()), nl=False)
            context.exit()

    return click.option(
        "--type-list",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=print_types,
        help="List the types of files, with their globs.",
    )(function)


def option(name: str) -> Callable[[Function], Function]:
    """One of the options of a run over files, for a command that takes few of them."""
    (found,) = (each for each in options() if each.name == name)
    return _click(found)


class Part(click.ParamType[float]):
    """A part of a whole: ``1%`` or ``0.01``."""

    name = "part"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        text = str(value).strip()
        number, is_percent = text.removesuffix("%"), text.endswith("%")
        try:
            part = float(number) / (100 if is_percent else 1)
        except ValueError:
            part = math.nan
        if not 0 < part <= 1:
            self.fail(f"{text!r} is no part: 1% or 0.01, more than nothing and at most 100%", param, ctx)
        return part


def _click(option: Option) -> Callable[[Function], Function]:
    """An option of the library as one of the command line. Its value is None where it is not given."""
    about = option.help
    if option.type is bool or option.name == "detect_language":
        return click.option(
            *option.flags, option.name, flag_value=not option.default, default=None, type=bool, help=about.flag_text
        )
    kind: click.ParamType[Any] | None = None
    if option.is_list_of_names:
        # Globs may hold commas.
        split = names if option.name in ("types", "not_types") else None
        metavar = f"{about.metavar}[,{about.metavar}]" if split else about.metavar
        return click.option(
            *option.flags, option.name, multiple=True, callback=split, metavar=metavar, help=about.flag_text
        )
    if option.name == "sample":
        kind = Part()
    elif option.choices:
        kind = click.Choice(option.choices)
    elif about.minimum is not None:
        kind = click.IntRange(min=about.minimum)
    elif option.takes(os.PathLike[str]):
        kind = complete.PATH
    default = "" if option.says_default == "none" else f" [default: {option.says_default}]"
    return click.option(
        *option.flags, option.name, type=kind, metavar=about.metavar, help=f"{about.flag_text}{default}"
    )


def corpus_arguments(
    values: Mapping[str, Any], inputs: Sequence[str], outputs: Mapping[str, str | None]
) -> dict[str, Any]:
    """What the `values` of `corpus_options` are to the library, and `progress`.

    A ledger, or one of `outputs` (by option), that cannot be written or is one of `inputs` is refused.
    """
    given = {name: value for name, value in values.items() if value is not None}
    no_progress, quiet = given.pop("no_progress"), given.pop("quiet")
    listed = given.get("files_from")
    files = {**outputs, "--ledger": given.get("ledger_path"), "--per-document": given.get("per_document")}
    check_outputs([*inputs, *([] if listed is None else [listed])], files)
    # A file that the shell writes for us is not counted either.
    written = [path for path in (*outputs.values(), "/dev/stdout") if path is not None and os.path.isfile(path)]
    if "files_from" in values:
        given["skip_missing"] = True
    return {**given, "outputs": written, "progress": not (no_progress or quiet)}


paths_argument = click.argument("paths", nargs=-1, metavar="[PATH]...", type=complete.PATH)


def models_option(help: str, *, required: bool = False) -> Callable[[Function], Any]:
    """`-m`: the command gets the names of models as `models`."""
    return click.option(
        "-m",
        "--model",
        "models",
        callback=names,
        multiple=True,
        required=required,
        metavar="NAME[,NAME]",
        shell_complete=complete.models,
        help=help,
    )


def tokenizers_option(help: str) -> Callable[[Function], Any]:
    """`--tokenizer`: the command gets pairs of a model and its tokenizer as `tokenizers`."""
    return click.option(
        "--tokenizer", "tokenizers", callback=pairs, multiple=True, metavar="MODEL=NAME|FILE", help=help
    )


def encodings_option(default: str = "o200k_base") -> Callable[[Function], Any]:
    """`-e` and `-m`, what to count with. The command gets both as `encodings`, as the library takes them."""

    def add(function: Function) -> Any:
        @functools.wraps(function)
        def with_encodings(*args: Any, encodings: list[str], models: list[str], **others: Any) -> Any:
            return function(*args, encodings=_counted_with(encodings, models, default), **others)

        wrapped: Any = with_encodings
        for option in (
            models_option("Count with the encodings of these models: gpt-5.5, kimi-k2.6 (see fasttok models)."),
            click.option(
                "-e",
                "--encoding",
                "encodings",
                callback=names,
                multiple=True,
                metavar="NAME[,NAME]",
                shell_complete=complete.encodings,
                help=f"Encodings to count with, in one pass: names, models or tokenizer files. [default: {default}]",
            ),
        ):
            wrapped = option(wrapped)
        return wrapped

    return add


def _counted_with(encodings: list[str], models: list[str], default: str) -> Any:
    if not models:
        return encodings or default.split(",")
    from fasttok.tokenizers.resolve import of_models

    return of_models(models, encodings)


by_option = click.option(
    "--by",
    callback=names,
    multiple=True,
    # Known before what they are sorted by.
    is_eager=True,
    metavar="KEY[,KEY]",
    help="Group by file, folder, folder:N (N levels), extension, script, language (where labels are asked for), or any "
    "field of records.",
)
