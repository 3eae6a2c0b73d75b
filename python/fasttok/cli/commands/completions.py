"""`fasttok completions`: what a shell needs to complete commands, options, files, encodings and models."""

from __future__ import annotations

import click

from fasttok.cli.options import Command

SHELLS = ("bash", "zsh", "fish")

_REGISTERED = {
    "bash": "-F _fasttok_completion fasttok",
    "zsh": "compdef _fasttok_completion fasttok",
    "fish": "--command fasttok",
}
"""How each shell is told of the command; its other name is told in the same way."""


@click.command(name="completions", cls=Command, short_help="Print what completes fasttok in your shell.")
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print what completes fasttok (and fasttok-engine) in SHELL: commands, options, files, encodings and models.

    \b
        eval "$(fasttok completions bash)"    # in ~/.bashrc
        eval "$(fasttok completions zsh)"     # in ~/.zshrc, after compinit
        fasttok completions fish | source     # in ~/.config/fish/config.fish
    """
    from click.shell_completion import get_completion_class

    completion = get_completion_class(shell)
    assert completion is not None
    # Formatted rather than by `source()`, which for bash runs the bash of this machine and complains of its version.
    script = completion(context.find_root().command, {}, "fasttok", "_FASTTOK_COMPLETE")
    source = script.source_template % script.source_vars()
    for_one = _REGISTERED[shell]
    option = "--command " if shell == "fish" else ""
    click.echo(source.replace(for_one, f"{for_one} {option}fasttok-engine"))
