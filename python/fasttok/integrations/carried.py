"""An encoding on its way to the worker processes of an engine, and what such a worker counts with it.

An embedded encoding travels by name and hash, any other with its content, for a worker may have none of the files. What
arrives is checked by the hash and kept, so that a process loads it once. Knows no engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import fasttok._fasttok as _fasttok
from fasttok._fasttok import Encoding
from fasttok._util.types import Errors, Special
from fasttok.errors import FasttokError, TokenizerFileError
from fasttok.tokenizers.origin import Origin, by_content, restore
from fasttok.tokenizers.resolve import Spec, get_encoding, resolve

if TYPE_CHECKING:
    from typing_extensions import Self

_here: dict[tuple[str, str, str, object], Encoding] = {}
"""The encodings that this process was sent, for as long as it runs."""


@dataclass(frozen=True, repr=False)
class Carried:
    """An encoding as it is sent to another process, once it is pickled."""

    version: str
    """The version of fasttok, which must be the same there."""
    name: str
    hash: str
    content: tuple[Origin, bytes] | None
    """What it is made of, unless it is embedded."""

    @classmethod
    def of(cls, spec: Spec) -> Self:
        """The encoding that `spec` names here. Raises as :func:`fasttok.tokenizers.resolve.resolve`, and
        ``PicklingError`` where its content is in a file that has changed or is gone."""
        encoding = resolve(spec)
        content = None if encoding._origin is None else by_content(encoding)
        return cls(_fasttok.__version__, encoding.name, encoding.hash, content)

    def here(self) -> Encoding:
        """The encoding, in the process that it was sent to.

        Raises ``FasttokError`` where another version of fasttok sent it, and ``TokenizerFileError`` where what is here
        has another hash.
        """
        require_version(self.version)
        key = (self.name, self.hash, *((None, None) if self.content is None else ("made", self.content[0].key)))
        encoding = _here.get(key)
        if encoding is None:
            encoding = get_encoding(self.name) if self.content is None else restore(*self.content)
            if encoding.hash != self.hash:
                raise TokenizerFileError(f"{self.name} has the hash {encoding.hash} here, not {self.hash}")
            _here[key] = encoding
        return encoding


def require_version(version: str) -> None:
    """Raise ``FasttokError`` where this is another version of fasttok."""
    if version != _fasttok.__version__:
        raise FasttokError(
            f"a worker has fasttok {_fasttok.__version__}, who sent it work has {version}: install the same"
        )


def counts(encoding: Encoding, texts: Any, special: Special, errors: Errors) -> Any:
    """The number of tokens of each text of an array of pyarrow, chunked or not, as int64 in such an array; null where
    the text is. In one thread: an engine runs as many tasks as there are cores."""
    import pyarrow as pa

    found = encoding.count_arrow(texts, special=special, errors=errors, threads=1)
    return pa.chunked_array(found) if isinstance(texts, pa.ChunkedArray) else pa.array(found)
