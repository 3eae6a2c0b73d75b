"""Encodings by name and by model."""

from __future__ import annotations

from ._fasttok import Encoding, _embedded_names
from ._models import encoding_name_for_model

_loaded: dict[str, Encoding] = {}


def get_encoding(name: str) -> Encoding:
    """The embedded encoding of that name, the same object each time.

    Loaded when first asked for, without network or cache directory.

    Raises ``UnknownEncodingError`` (a ``ValueError``) with the nearest names.
    """
    encoding = _loaded.get(name)
    if encoding is None:
        # Two threads may get here at once: the first one to finish wins, for both.
        encoding = _loaded.setdefault(name, Encoding(name))
    return encoding


def encoding_for_model(model: str) -> Encoding:
    """The encoding that a model of OpenAI uses.

    Raises ``UnknownModelError`` (a ``ValueError`` and ``KeyError``).
    """
    return get_encoding(encoding_name_for_model(model))


def list_encodings() -> list[str]:
    """The names that :func:`get_encoding` knows."""
    return _embedded_names()
