"""The group of commands, and how a run of one ends."""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from collections.abc import Sequence

import click

from fasttok import _fasttok
from fasttok._fasttok import __version__
from fasttok._util.nearest import nearest
from fasttok.cli.options import COMMAND
from fasttok.cli.output import FAILED, OK, USAGE, as_flags, exit_code, skipped_kinds, stop_writing, tell
from fasttok.errors import FasttokError, SimdLevelError, TooManySkippedError, UnknownEncodingError, UnknownModelError

COMMANDS = (
    "count",
    "merge",
    "density",
    "premium",
    "cost",
    "prompts",
    "usage",
    "claims",
    "truncate",
    "split",
    "show",
    "encodings",
    "models",
    "verify",
    "demo",
    "completions",
)
"""Each is the object `command` of the module of that name."""


class Commands(click.Group):
    """Commands that are imported when they are asked for."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"fasttok.cli.commands.{name}").command
        return command

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            message = f"no such command: {name}"
            near = nearest(name, COMMANDS, limit=1)
            if near:
                message += f"; did you mean 'fasttok {near[0]}'?"
            elif os.path.lexists(name):
                message += f"; to count a file or folder: fasttok count {name}"
            else:
                message += f"; there are {', '.join(COMMANDS)}"
            raise click.UsageError(message, context)
        return super().resolve_command(context, args)


def _only_with_version(context: click.Context, parameter: click.Parameter, given: bool) -> None:
    if given:
        raise click.UsageError("--verbose goes with --version: fasttok --version --verbose", context)


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="fasttok %(version)s")
@click.option(
    "--verbose",
    is_flag=True,
    expose_value=False,
    callback=_only_with_version,
    help="With --version: also what counting runs on.",
)
def app() -> None:
    """Count tokens: exactly, of any corpus, in every language.

    \b
        fasttok count corpus/ --by extension
        git diff | fasttok count -m gpt-5.5 --total
    """


def run(arguments: Sequence[str]) -> int:
    """Run one command and return the exit code. What the user can cause ends in one line, not in a traceback."""
    if "_FASTTOK_COMPLETE" in os.environ:
        app.main(prog_name="fasttok")
    _prepare_streams()
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        return _run(arguments)


def _run(arguments: Sequence[str]) -> int:
    context = None
    try:
        if set(arguments) == {"--version", "--verbose"}:
            return _tell_version()
        if not arguments:
            return _tell_beginning()
        with app.make_context("fasttok", list(arguments)) as context:
            code = app.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.UsageError as error:
        return _misused(error)
    except click.ClickException as error:
        return fail(error.format_message())
    except click.Abort:
        raise KeyboardInterrupt from None
    except BrokenPipeError:
        # The reader has what it wanted (`| head`).
        stop_writing(sys.stdout)
        return OK if context is None else exit_code(context)
    except (SimdLevelError, UnknownEncodingError, UnknownModelError) as error:
        fail(_worded(error, context))
        return USAGE
    except TooManySkippedError as error:
        tell(*skipped_kinds(error.entries or []))
        return fail(as_flags(f"more than {error.max_errors:,} rows cannot be counted; max_errors=N allows more"))
    except FasttokError as error:
        return fail(_worded(error, context))
    except OSError as error:
        stop_writing(sys.stdout)
        return fail(_os_message(error))
    return code if isinstance(code, int) else OK


BEGINNING = """\
fasttok counts tokens: exactly, of any corpus, in every language.

    fasttok count .                                the tokens of this folder
    git diff | fasttok count -m gpt-5.5 --total    of what is piped in, a number

fasttok --help lists all commands, and fasttok count --help what they take.
"""


def _tell_beginning() -> int:
    """Print what a reader needs who typed the name alone: that is no error."""
    print(BEGINNING, end="")
    return OK


def _tell_version() -> int:
    """Print what a report of a fault should say."""
    import platform

    print(f"fasttok {__version__}")
    print(f"SIMD: {_fasttok.simd_level()} (this machine has {', '.join(_fasttok.simd_levels())})")
    print(f"Unicode: {_fasttok.UNICODE_VERSION}")
    print(f"Python: {platform.python_version()} on {sys.platform}-{platform.machine()}")
    return OK


def _worded(error: FasttokError, context: click.Context | None) -> str:
    """The message, with what to do in the words of the command."""
    command = None if context is None else context.meta.get(COMMAND)
    return as_flags(str(error) if command is None else error.worded(command.worded))


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    """Print a warning as every other message is: without the line of the program that gave it."""
    tell(f"fasttok: warning: {message}")


def _prepare_streams() -> None:
    """Make sure that every message can be written, whatever the locale, and that a closed stream is one to nowhere."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def fail(message: str) -> int:
    """Print `message` on standard error and return the exit code that says so."""
    tell(f"fasttok: {message}")
    return FAILED


def _misused(error: click.UsageError) -> int:
    fail(" ".join(error.format_message().split()))
    if error.ctx is not None:
        tell(f"Try '{error.ctx.command_path} --help'.")
    return USAGE


def _os_message(error: OSError) -> str:
    if error.filename is None:
        return f"cannot write the output: {error.strerror or error}"
    return f"{error.filename}: {error.strerror}"
