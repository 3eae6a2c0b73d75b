"""A progress bar that stays out of the way: only on a terminal, only for work that takes a while."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, TextIO

from fasttok._fasttok import Progress

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID


class ProgressBar:
    """Shows bytes read, the rate and the time left. Called with how far a run is."""

    def __init__(self, stream: TextIO | None = None, delay: float = 1.0) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._show_at = time.monotonic() + delay
        self._silent = not self._stream.isatty()
        self._bar: RichProgress | None = None
        self._task: TaskID | None = None

    def __call__(self, progress: Progress) -> None:
        if self._silent or time.monotonic() < self._show_at:
            return
        done, total, shown = progress.bytes_read, progress.total_bytes, f"{progress.documents:,}"
        if self._bar is None:
            self._open(done, total, shown)
        assert self._bar is not None and self._task is not None
        self._bar.update(self._task, completed=done, total=total, documents=shown)
        self._bar.refresh()

    def _open(self, done: int, total: int | None, documents: str) -> None:
        import rich.progress
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        self._bar = rich.progress.Progress(
            BarColumn(bar_width=None),
            DownloadColumn(),
            TransferSpeedColumn(),
            TextColumn("{task.fields[documents]} docs"),
            TimeRemainingColumn(),
            console=Console(file=self._stream),
            transient=True,
            auto_refresh=False,
        )
        self._task = self._bar.add_task("", total=total, completed=done, documents=documents)
        self._bar.start()

    def close(self) -> None:
        """Wipe the bar off the terminal."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        self._silent = True
