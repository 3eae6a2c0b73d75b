"""What every parser of agent logs is. Knows no format."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from fasttok.inputs.agent_logs.events import Event, Loose, Said
from fasttok.inputs.agent_logs.parts import texts_in


class Parser(ABC):
    """Turns the records of all files of one format into events, in the order of the files."""

    name: ClassVar[str]
    """What the format is called, in reports and by `format`."""
    title: ClassVar[str]
    """What it is."""
    rule: ClassVar[str]
    """How usage is kept from being counted twice."""

    def __init__(self) -> None:
        self.records: Counter[str] = Counter()
        """How many records there were of each kind."""
        self.media: Counter[str] = Counter()
        """What is listed and not counted: images, audio, files."""
        self.agents: dict[str, str] = {}
        """What agents are called that have a number in events."""
        self.repeated_records = 0
        """Records that said again what another had said."""

    @classmethod
    @abstractmethod
    def recognises(cls, record: Any) -> bool:
        """Whether a record, the first of a file, is of this format."""

    @abstractmethod
    def begin(self, file: str) -> None:
        """A file begins."""

    @abstractmethod
    def read(self, record: Any) -> Iterable[Event | Loose] | None:
        """The events of a record; None for a kind of record that is not known, whose name `kind` gives."""

    @abstractmethod
    def kind(self, record: Any) -> str:
        """What kind of record it is."""

    def texts_in(self, content: Any) -> list[Said]:
        """The texts of a content; what else is in it is listed in `media`."""
        return texts_in(content, self.media)

    def end(self) -> Iterator[Event]:
        """Events that can be told after the last file."""
        return iter(())
