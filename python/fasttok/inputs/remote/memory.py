"""Bytes in memory, read as if they were an object on the net. Knows not what is in them."""

from __future__ import annotations

from fasttok.inputs.remote.backend import Info, Sink


class InMemory:
    """A store of one object, which has this name."""

    def __init__(self, name: str, data: bytes) -> None:
        self._name = name
        self._data = memoryview(data)

    async def stat(self, path: str) -> Info | None:
        """The object, if it is named."""
        return ("", len(self._data), None) if path == self._name else None

    async def below(self, folder: str) -> list[Info]:
        """Nothing: there are no folders."""
        return []

    async def read(self, path: str, info: Info, offset: int, length: int, sink: Sink) -> None:
        """Give `sink` a range of the object."""
        sink(bytes(self._data[offset : offset + length]))

    async def settle(self) -> None:
        """Nothing is left of any question."""
