"""tiktoken's encodings by name: those that fasttok comes with, and those of plugins.

A plugin is a module in the namespace package ``tiktoken_ext`` with a dictionary ``ENCODING_CONSTRUCTORS``, as tiktoken
defines it. tiktoken's own one is never imported: its encodings are the embedded ones here.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
import threading
from collections.abc import Callable, Sequence
from typing import Any

from fasttok._fasttok import _family_pattern
from fasttok.compat.tiktoken.core import Encoding
from fasttok.tokenizers.resolve import get_encoding as embedded

VERSION = "0.14.0"
"""The version of tiktoken whose interface this is."""

_OWN = "tiktoken_ext.openai_public"
_GPT2_PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"
"""How tiktoken writes the pattern that GPT-2's encodings share."""
_EMBEDDED = ("gpt2", "r50k_base", "p50k_base", "p50k_edit", "cl100k_base", "o200k_base", "o200k_harmony")
"""In tiktoken's order."""

ENCODINGS: dict[str, Encoding] = {}
"""The encodings that were asked for."""

_lock = threading.RLock()
_constructors: dict[str, Callable[[], dict[str, Any]]] | None = None


@functools.lru_cache
def _available_plugin_modules() -> Sequence[str]:
    try:
        tiktoken_ext = importlib.import_module("tiktoken_ext")
    except ImportError:
        return [_OWN]
    found = [name for _, name, _ in pkgutil.iter_modules(tiktoken_ext.__path__, tiktoken_ext.__name__ + ".")]
    return found if _OWN in found else [_OWN, *found]


def _find_constructors() -> dict[str, Callable[[], dict[str, Any]]]:
    """What the plugins can make, by name."""
    global _constructors
    with _lock:
        if _constructors is None:
            found: dict[str, Callable[[], dict[str, Any]]] = {}
            for name in _available_plugin_modules():
                if name == _OWN:
                    continue
                module = importlib.import_module(name)
                try:
                    constructors = module.ENCODING_CONSTRUCTORS
                except AttributeError as error:
                    raise ValueError(f"tiktoken plugin {name} does not define ENCODING_CONSTRUCTORS") from error
                for encoding, constructor in constructors.items():
                    if encoding in found or encoding in _EMBEDDED:
                        raise ValueError(f"Duplicate encoding name {encoding} in tiktoken plugin {name}")
                    found[encoding] = constructor
            _constructors = found
        return _constructors


def get_encoding(encoding_name: str) -> Encoding:
    """The encoding of that name, the same object each time.

    Raises ``ValueError`` for a name that neither fasttok nor a plugin knows.
    """
    if not isinstance(encoding_name, str):
        raise ValueError(f"Expected a string in get_encoding, got {type(encoding_name)}")
    if encoding_name in ENCODINGS:
        return ENCODINGS[encoding_name]
    with _lock:
        if encoding_name not in ENCODINGS:
            ENCODINGS[encoding_name] = _make(encoding_name)
        return ENCODINGS[encoding_name]


def _make(name: str) -> Encoding:
    if name in _EMBEDDED:
        engine = embedded(name)
        family = engine.pretokenizer
        pattern = _GPT2_PATTERN if family == "gpt2" else _family_pattern(family)
        assert pattern is not None
        return Encoding._embedded(name, engine, pattern)
    constructors = _find_constructors()
    if name not in constructors:
        raise ValueError(
            f"Unknown encoding {name}.\n"
            f"Plugins found: {_available_plugin_modules()}\n"
            f"tiktoken version: {VERSION} (are you on latest?)"
        )
    return Encoding(**constructors[name]())


def list_encoding_names() -> list[str]:
    """The names that :func:`get_encoding` knows."""
    return [*_EMBEDDED, *_find_constructors()]


def _known(name: str) -> Encoding | None:
    return ENCODINGS.get(name)


# How an encoding is pickled by its name, without knowing who keeps the names.
Encoding._known = _known
Encoding._named = get_encoding
