"""What every report is: a table with a manifest, that is drawn by whoever is registered for its kind.

Knows no kind of report and no renderer.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypeVar, overload

from fasttok._util.paths import PathLike
from fasttok.reports.presenters import presenter_of
from fasttok.reports.tabular import Tabular, written

Entry = TypeVar("Entry")


class BaseReport(Tabular):
    """A result: `rows()` as a table in many forms, `to_dict()` as JSON, and drawings of both.

    A report is data. It has a `manifest`, which says what ran and how; where documents were read, a `ledger` of all
    rows; where something is grouped, `groups`.
    """

    kind: ClassVar[str]
    """What its presenter is registered under: ``density``."""

    schema: ClassVar[str]
    """Name and version of the JSON Schema that its JSON follows, see :func:`fasttok.schema`: ``fasttok.density/1``."""

    manifest: Mapping[str, Any]
    """What ran, when, on what, and with which settings."""

    @abstractmethod
    def content(self) -> dict[str, Any]:
        """What the JSON has besides schema and manifest, by name."""

    def to_dict(self) -> dict[str, Any]:
        """The whole result as the JSON has it: ``schema``, ``manifest``, and the members of its kind."""
        return {**self._envelope(), **self.content()}

    def _envelope(self) -> dict[str, Any]:
        return {"schema": self.schema, "manifest": dict(self.manifest)}

    def summary(self) -> str:
        """One line: what was found, or what it was found in."""
        return presenter_of(self.kind).summary(self)

    def to_html(self, path: PathLike | None = None) -> str:
        """One page with everything, that needs no network. With `path`, also written there: whole or not at all."""
        return written(presenter_of(self.kind).page(self), path, self._inputs())

    def plot(self) -> Any:
        """The report as an Altair chart. Needs the extra `plot`.

        Raises ``NoPlotError`` where a chart of such a report makes no sense.
        """
        return presenter_of(self.kind).plot(self)

    def __str__(self) -> str:
        presenter = presenter_of(self.kind)
        return "\n".join(filter(None, (presenter.text(self), presenter.summary(self, drawn=True))))

    def _repr_html_(self) -> str:
        return presenter_of(self.kind).html(self)


class Listing(Sequence[Entry]):
    """What a report is besides that is a list of entries."""

    def __init__(self, found: Sequence[Entry], manifest: Mapping[str, Any]) -> None:
        self._found = tuple(found)
        self.manifest = manifest

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Entry]: ...
    def __getitem__(self, index: int | slice) -> Entry | Sequence[Entry]:
        return self._found[index]

    def __len__(self) -> int:
        return len(self._found)

    def __repr__(self) -> str:
        return f"<fasttok.{type(self).__name__}: {len(self):,}>"
