"""Drawing reports: text tables, HTML, charts, pages, the progress bar. Knows reports, computes nothing.

`fasttok.reports.presenters` imports this for the first drawing. What draws a kind of reports is the module of
`fasttok.render.text` that has its name: it registers its presenter when it is imported.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fasttok.reports.presenters import Bar


def load(kind: str) -> None:
    """Register the presenter of this kind of reports."""
    importlib.import_module(f"{__name__}.text.{kind}")


def progress_bar() -> Bar:
    """A progress bar on standard error."""
    from fasttok.render.progress import ProgressBar

    return ProgressBar()
