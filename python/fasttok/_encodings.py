"""Encodings by name and by model."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias, Union

import fasttok

from ._fasttok import Encoding, _embedded_names
from ._models import encoding_name_for_model

Spec: TypeAlias = Union[str, "os.PathLike[str]", Encoding]
"""What stands for an encoding: its name, a tokenizer file, or the encoding itself."""

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


def resolve(spec: str | os.PathLike[str] | Encoding) -> Encoding:
    """The encoding that `spec` stands for: an encoding, the name of an embedded one, or a tokenizer file.

    Raises ``UnknownEncodingError`` for a name that is none, and what ``fasttok.load`` raises for a file.
    """
    if isinstance(spec, Encoding):
        return spec
    name = os.fspath(spec)
    load: Callable[[str], Encoding] | None = getattr(fasttok, "load", None)
    if load is not None and name not in list_encodings() and (os.path.exists(name) or "/" in name):
        return load(name)
    return get_encoding(name)


def resolve_all(
    specs: Spec | Iterable[Spec] | Mapping[str, Spec],
) -> dict[str, Encoding]:
    """The encodings that `specs` stand for, by the label they have in a report.

    The label is the name of the encoding, or the key where `specs` is a mapping. Two of the same name are told
    apart by what was asked for.
    """
    if isinstance(specs, Mapping):
        return {label: resolve(spec) for label, spec in specs.items()}
    if isinstance(specs, (str, os.PathLike, Encoding)):
        specs = [specs]
    found: dict[str, Encoding] = {}
    for spec in specs:
        encoding = resolve(spec)
        label = encoding.name
        if label in found and found[label] != encoding:
            label = label if isinstance(spec, Encoding) else os.fspath(spec)
        found[label] = encoding
    if not found:
        raise ValueError("no encodings to count with")
    return found
