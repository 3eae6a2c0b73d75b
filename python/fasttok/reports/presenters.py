"""Who draws a report: a registry that the renderers fill when something is drawn. Knows no renderer.

A report asks here for its presenter and for nothing else, so that results are data: `fasttok.render` knows reports,
and no report knows it. The composition root (`fasttok/__init__.py`) names the module that is imported for the first
drawing.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from fasttok._fasttok import Progress
from fasttok._util.types import OnProgress

if TYPE_CHECKING:
    from rich.console import Console


class Presenter(Protocol):
    """What draws the reports of one kind."""

    def summary(self, report: Any, *, drawn: bool = False) -> str:
        """One line. `drawn`: below a table, which may leave groups out: then it says how many."""

    def text(self, report: Any, width: int | None = None) -> str:
        """Its tables as plain text, as wide as the terminal unless `width` says otherwise."""

    def show(self, report: Any, console: Console) -> None:
        """Print its tables as wide as `console` is."""

    def html(self, report: Any) -> str:
        """Its tables and the summary as HTML, for a notebook."""

    def markdown(self, report: Any) -> str:
        """The report as Markdown, where the kind has such a form."""

    def page(self, report: Any) -> str:
        """A page that needs no network."""

    def plot(self, report: Any, **options: Any) -> Any:
        """A chart. Raises ``NoPlotError`` where the kind has none."""


class Bar(Protocol):
    """A progress bar: called with how far a run is."""

    def __call__(self, progress: Progress) -> None: ...
    def close(self) -> None:
        """Wipe it off."""


_presenters: dict[str, Presenter] = {}
_renderer: list[str] = []


def drawn_by(module: str) -> None:
    """Name the module that draws. It has ``load(kind)``, which registers the presenter of a kind of reports, and
    ``progress_bar()``."""
    _renderer[:] = [module]


def register(kind: str, presenter: Presenter) -> None:
    """Let `presenter` draw the reports of this kind."""
    _presenters[kind] = presenter


def presenter_of(kind: str) -> Presenter:
    """What draws the reports of this kind."""
    if kind not in _presenters:
        _drawing().load(kind)
    return _presenters[kind]


@contextmanager
def shown(progress: bool, on_progress: OnProgress | None) -> Iterator[OnProgress | None]:
    """Who is told of the progress of a run: `on_progress`, and a bar where `progress` is true, wiped off at the end."""
    if not isinstance(progress, bool):
        raise TypeError(f"progress is True or False, not {type(progress).__name__}; a callable is on_progress")
    if not progress:
        yield on_progress
        return
    make: Callable[[], Bar] = _drawing().progress_bar
    bar = make()

    def told(now: Progress) -> None:
        bar(now)
        if on_progress is not None:
            on_progress(now)

    try:
        yield told
    finally:
        bar.close()


def _drawing() -> Any:
    (module,) = _renderer
    return importlib.import_module(module)
