"""The command `fasttok`.

One file a command; `_app` finds them by name and turns errors into messages and exit codes. Nothing heavy is
imported here, so that `fasttok --version` and a mistyped command answer at once.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line `arguments` (those of the process by default) and return the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if given == ["--version"]:
            from fasttok import __version__

            print(f"fasttok {__version__}")
            return 0
        from fasttok.cli import _app

        return _app.run(given)
    except KeyboardInterrupt:
        # On a terminal the line begins with ^C.
        line_end = "\n" if sys.stderr is not None and sys.stderr.isatty() else ""
        print(f"{line_end}fasttok: interrupted", file=sys.stderr)
        return 130
