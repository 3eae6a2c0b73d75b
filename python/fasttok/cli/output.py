"""Where a command's data go: a terminal, a pipe or a file; as a table, TSV, CSV, JSON, Parquet or Arrow."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from fasttok._escapes import escaped, escaped_lines
from fasttok._util.extras import need
from fasttok._util.files import refuse_overwriting, write_atomically
from fasttok.cli import complete
from fasttok.options import options
from fasttok.reports.presenters import Presenter, presenter_of

if TYPE_CHECKING:
    from rich.console import Console

    from fasttok.reports.base import BaseReport
    from fasttok.reports.ledger import Ledger, LedgerEntry, SkippedKind

Format = Literal["table", "tsv", "csv", "json", "markdown", "parquet", "arrow"]
Function = TypeVar("Function", bound=Callable[..., Any])

OK, FAILED, USAGE, SKIPPED, OVER_BUDGET = 0, 1, 2, 3, 4

SHOWN_SKIPPED = 10
"""So many lines tell of skipped rows."""

_UNSUPPORTED = "unsupported_format"

_SUFFIXES: dict[str, Format] = {
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".txt": "table",
    ".md": "markdown",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
}
"""What a file of this name holds. Of a name without a suffix nothing is known: then it is TSV."""

_PICTURES = (".html", ".svg", ".png")
_STANDARD_OUTPUT = ("-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")


def output_options(function: Function) -> Function:
    """Add `--json`, `--csv`, `--table` and `-o FILE`."""
    for option in (
        click.option(
            "-o",
            "--output",
            type=complete.PATH,
            metavar="FILE",
            help="Write to FILE, whole or not at all: .json, .csv, .tsv, .txt (the table), .parquet, .arrow.",
        ),
        click.option("--table", is_flag=True, help="Print the table, also on a pipe."),
        click.option("--csv", is_flag=True, help="Print CSV."),
        click.option("--json", is_flag=True, help="Print JSON."),
    ):
        function = option(function)
    return function


def choose_format(
    *,
    json: bool = False,
    csv: bool = False,
    table: bool = False,
    markdown: bool = False,
    output: str | None,
    allowed: Sequence[Format] = ("json", "csv", "tsv", "table", "parquet", "arrow"),
) -> Format:
    """What is asked for; else what the name of the output file says; else a table on a terminal and TSV on a pipe.

    A name that says something else than what is asked for, or nothing that the command writes, is refused.
    """
    options = {"json": json, "csv": csv, "table": table, "markdown": markdown}
    chosen = [name for name, given in options.items() if given]
    if len(chosen) > 1:
        *most, last = (f"--{name}" for name in options if name in allowed)
        raise click.UsageError(f"{', '.join(most)} and {last} exclude each other")
    suffix = "" if output is None or output in _STANDARD_OUTPUT else os.path.splitext(output)[1].lower()
    named = _SUFFIXES.get(suffix)
    if chosen:
        # Any text may be in a .txt, and in a file whose name says nothing.
        if named not in (None, "table", chosen[0]) or suffix in _PICTURES:
            raise click.UsageError(f"--{chosen[0]} does not go with -o {output}, whose name asks for {suffix}")
        return chosen[0]  # type: ignore[return-value]
    if suffix and named not in allowed:
        raise click.UsageError(_no_such_format(str(output), suffix, allowed))
    if named is not None:
        if named in ("parquet", "arrow"):
            need("pyarrow", "arrow", f"-o {output}")
        return named
    return "table" if output is None and sys.stdout.isatty() else "tsv"


def _no_such_format(output: str, suffix: str, allowed: Sequence[Format]) -> str:
    context = click.get_current_context(silent=True)
    options = [] if context is None else [name for param in context.command.params for name in param.opts]
    if suffix in _PICTURES and f"--{suffix[1:]}" in options:
        return f"-o {output}: -o writes data; --{suffix[1:]} {output} writes that"
    known = ", ".join(name for name, format in _SUFFIXES.items() if format in allowed)
    return f"-o {output}: fasttok cannot write {suffix}; it writes {known}, and TSV where the name has no suffix"


def check_outputs(inputs: Sequence[str], outputs: Mapping[str, str | None]) -> None:
    """Refuse outputs, by option, that cannot be written or would replace what is not theirs, before the work is done
    rather than after."""
    files = {option: path for option, path in outputs.items() if path is not None and path not in _STANDARD_OUTPUT}
    for path in files.values():
        _check_writable(path)
    refuse_overwriting(files, inputs)


def _check_writable(path: str) -> None:
    folder = os.path.dirname(os.path.realpath(path))
    if not path:
        reason = "the name is empty"
    elif os.path.isdir(path):
        reason = "it is a folder"
    elif not os.path.exists(path) and not os.path.isdir(folder):
        reason = f"there is no folder {os.path.dirname(path) or folder}"
    elif not os.access(path if os.path.exists(path) else folder, os.W_OK):
        reason = "permission denied"
    elif os.path.isfile(path) and not os.access(folder, os.W_OK):
        # It is replaced as a whole, for which a new file is needed beside it.
        reason = f"permission denied in the folder {folder}"
    else:
        return
    raise click.ClickException(f"cannot write {path}: {reason}")


def deliver(
    report: BaseReport,
    shape: Format,
    output: str | None,
    *,
    quiet: bool,
    drawn_as: str | None = None,
    ledger: Ledger | None = None,
    notes: Sequence[str] = (),
    where: str = "--json lists them",
    skips: bool = False,
) -> int:
    """Write `report` as `shape`, then tell of skipped rows (`where` says where all are listed), print `notes` and
    the summary on standard error, nothing of which if `quiet`; return the exit code, which is the same where nobody
    reads either of them.

    drawn_as: whose presenter draws it, where that is not its own kind's.
    skips: without a ledger, whether there is something that is skipped.
    """
    presenter = presenter_of(drawn_as or report.kind)
    code = SKIPPED if skips or (ledger is not None and ledger.skipped) else OK
    _end_with(code)
    try:
        _write(report, shape, output, presenter)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has what it wanted (`| head`). Standard error may have another.
        stop_writing(sys.stdout)
    if not quiet:
        lines = [] if ledger is None else skipped_lines(ledger, where)
        tell(*lines, *notes, presenter.summary(report, drawn=shape == "table"))
    return code


def deliver_counted(
    report: BaseReport,
    shape: Format,
    output: str | None,
    ledger: Ledger,
    corpus: Mapping[str, Any],
    *,
    drawn_as: str | None = None,
) -> int:
    """`deliver` for a report on files that were read by the options `corpus` and have their rows in `ledger`: with
    the files that were passed over."""
    return deliver(
        report,
        shape,
        output,
        quiet=corpus["quiet"],
        drawn_as=drawn_as,
        ledger=ledger,
        notes=passed_over(report.manifest),
        where=where_listed(corpus),
    )


def where_listed(corpus: Mapping[str, Any]) -> str:
    """Where all skipped rows of a run by the options `corpus` are listed."""
    return str(corpus["ledger_path"] or "--ledger FILE or --json lists them")


def _write(report: BaseReport, shape: Format, output: str | None, presenter: Presenter) -> None:
    if shape == "table":
        emit_table(lambda console: presenter.show(report, console), output)
    elif shape in ("parquet", "arrow"):
        assert output is not None
        with _explained(output):
            (report.to_parquet if shape == "parquet" else report.to_arrow_file)(output)
    else:
        emit(report.text(shape), output)


def emit_table(show: Callable[[Console], None], output: str | None) -> None:
    """Write what `show` prints: as wide as the terminal, or 200 columns in a file."""
    if output is None or output in _STANDARD_OUTPUT:
        from rich.console import Console

        show(Console(file=sys.stdout))
    else:
        from fasttok.render.table import printed

        emit(printed(show, width=200) + "\n", output)


def skipped_lines(ledger: Ledger, where: str) -> list[str]:
    """What is said of skipped rows: the first kinds of them, and `where` the rest is."""
    kinds, rest = ledger.kinds(), ledger.skipped
    if (files := sum(ledger.unsupported.values())) > 1:
        # One line for all of them.
        kinds, rest = [kind for kind in kinds if kind.reason != _UNSUPPORTED], rest - files
    shown = kinds[:SHOWN_SKIPPED]
    lines = _told(shown)
    more = rest - sum(kind.rows for kind in shown)
    if more > 0:
        lines.append(f"skipped {more:,} more: {where}")
    if files > 1:
        most_first = sorted(ledger.unsupported.items(), key=lambda item: (-item[1], item[0]))
        formats = ", ".join(f"{count:,} {name}" for name, count in most_first)
        lines.append(f"skipped {files:,} files of formats not supported yet: {formats}; {where}")
    return lines


def skipped_kinds(entries: Sequence[LedgerEntry]) -> list[str]:
    """What is said of some skipped rows: the first kinds of them."""
    from fasttok.reports.ledger import kinds_of

    return _told(kinds_of(entries)[:SHOWN_SKIPPED])


def _told(kinds: Sequence[SkippedKind]) -> list[str]:
    return [as_flags(f"skipped {kind}") for kind in kinds]


def passed_over(manifest: Mapping[str, Any]) -> list[str]:
    """What is said of files that were not read and are no skipped rows: a line for each kind."""
    notes = []
    if packed := manifest.get("files_packed"):
        files = "1 archive or compressed file" if packed == 1 else f"{packed:,} archives or compressed files"
        notes.append(f"not unpacked: {files} without records; -z counts them")
    if ignored := manifest.get("files_ignored", 0) - (packed or 0):
        files = "1 file that is binary or a link" if ignored == 1 else f"{ignored:,} files that are binary or links"
        notes.append(f"not read: {files}; count --plan names the binary ones")
    if ignored := manifest.get("members_ignored"):
        members = "1 member" if ignored == 1 else f"{ignored:,} members"
        notes.append(f"not read: {members} of archives, binary or compressed without records; --member names some")
    if repeated := manifest.get("inputs_repeated"):
        files = "1 file was" if repeated == 1 else f"{repeated:,} files were"
        notes.append(f"{files} found again under another path or name; each file is counted once")
    if messages := manifest.get("messages"):
        many = sum(messages["records"].values())
        note = "texts of 1 conversation" if many == 1 else f"texts of {many:,} conversations"
        if messages["not_counted"]:
            others = ", ".join(f"{many:,} {kind}" for kind, many in messages["not_counted"].items())
            note += f"; not counted in them: {others}"
        notes.append(escaped(note))
    from fasttok.reports.manifest import batch_in_words

    if batch := batch_in_words(manifest):
        notes.append(escaped(batch))
    return notes


def as_flags(message: str) -> str:
    """A message of the library that names its options as the command line does: ``errors="replace"`` is
    ``--errors replace``."""
    return _ARGUMENT.sub(_as_flag, message)


_ARGUMENT = re.compile(r"""\b([a-z_]+)=(["']?)([\w*]+)\2""")


def _as_flag(match: re.Match[str]) -> str:
    found = next((each for each in options() if each.name == match[1] and each.flags), None)
    if found is None:
        return match[0]
    flag = found.flags[-1]
    return flag if match[3] in ("True", "False") else f"{flag} {shlex.quote(match[3])}"


def tell(*lines: str) -> None:
    """Print lines for people on standard error, if anybody is there: on a terminal they break between words."""
    with contextlib.suppress(ValueError):
        try:
            width = _columns(sys.stderr)
            sys.stderr.write("".join(f"{_broken(escaped(line), width)}\n" for line in lines))
            sys.stderr.flush()
        except OSError:
            stop_writing(sys.stderr)


def _columns(stream: Any) -> int | None:
    """How wide the terminal is that `stream` goes to; None where it goes to none."""
    if not stream.isatty():
        return None
    with contextlib.suppress(OSError, ValueError):
        return int(os.environ.get("COLUMNS") or 0) or os.get_terminal_size(stream.fileno()).columns or None
    return None


def _broken(line: str, width: int | None) -> str:
    """`line` over as many lines as it needs, those after the first indented; a word is never broken."""
    if width is None or 2 * len(line) <= width:
        return line
    from rich.cells import cell_len

    first, *words = line.split(" ")
    lines = [first]
    for word in words:
        longer = f"{lines[-1]} {word}"
        if cell_len(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(f"  {word}")
    return "\n".join(lines)


def emit(text: str | Iterable[str], output: str | None) -> None:
    """Write data, or its parts one after the other, to the file `output`, or to standard output."""
    if output is None or output in _STANDARD_OUTPUT:
        is_terminal = sys.stdout.isatty()
        sys.stdout.flush()
        for part in [text] if isinstance(text, str) else text:
            # Bytes, so that lines end the same everywhere and the locale changes nothing.
            shown = escaped_lines(part) if is_terminal else part
            sys.stdout.buffer.write(shown.encode("utf-8", "backslashreplace"))
        sys.stdout.buffer.flush()
        return
    with _explained(output):
        write_atomically(output, text)


@contextlib.contextmanager
def _explained(output: str) -> Any:
    try:
        yield
    except OSError as error:
        raise click.ClickException(f"cannot write {output}: {error.strerror or error}") from None


def stop_writing(stream: Any) -> None:
    """Point `stream` at nothing, so that what is still buffered fails no more when the process ends."""
    with contextlib.suppress(AttributeError, OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)


_CODE = "fasttok.exit_code"


def _end_with(code: int) -> None:
    context = click.get_current_context(silent=True)
    if context is not None:
        context.find_root().meta[_CODE] = code


def exit_code(context: click.Context) -> int:
    """The exit code of what the command found, also where its output went nowhere."""
    code: int = context.find_root().meta.get(_CODE, OK)
    return code
