"""The interface of tiktoken 0.14, by fasttok: ``import fasttok.compat.tiktoken as tiktoken``.

The embedded encodings need neither tiktoken nor the network. :func:`patch` makes an installed tiktoken give these
encodings to code that imports it by its own name.

>>> import fasttok.compat.tiktoken as tiktoken
>>> enc = tiktoken.get_encoding("o200k_base")
>>> enc.encode("hello world") + [enc.eot_token]
[24912, 2375, 199999]
"""

from __future__ import annotations

from fasttok.compat.patching import Patched, Patches, Replacements
from fasttok.compat.tiktoken.core import Encoding as Encoding
from fasttok.compat.tiktoken.model import encoding_for_model as encoding_for_model
from fasttok.compat.tiktoken.model import encoding_name_for_model as encoding_name_for_model
from fasttok.compat.tiktoken.registry import VERSION as __version__
from fasttok.compat.tiktoken.registry import get_encoding as get_encoding
from fasttok.compat.tiktoken.registry import list_encoding_names as list_encoding_names

__all__ = [
    "Encoding",
    "__version__",
    "encoding_for_model",
    "encoding_name_for_model",
    "get_encoding",
    "list_encoding_names",
    "patch",
    "unpatch",
]


def _replacements() -> Replacements:
    of_registry = {"get_encoding": get_encoding, "list_encoding_names": list_encoding_names}
    of_model = {"encoding_for_model": encoding_for_model, "encoding_name_for_model": encoding_name_for_model}
    return {
        "tiktoken": {"Encoding": Encoding, **of_registry, **of_model},
        "tiktoken.core": {"Encoding": Encoding},
        "tiktoken.registry": {"Encoding": Encoding, **of_registry},
        "tiktoken.model": {"Encoding": Encoding, "get_encoding": get_encoding, **of_model},
    }


_patches = Patches("tiktoken", _replacements)


def patch() -> Patched:
    """Make the installed tiktoken give fasttok's encodings, to code that asks it for one from now on.

    What code has taken from tiktoken before (``from tiktoken import get_encoding``, an encoding) stays as it is. As a
    context manager (``with patch():``) it is undone at the end. A second call changes nothing.

    Raises ``MissingExtraError`` where tiktoken is not installed.
    """
    return _patches.patch()


def unpatch() -> None:
    """Undo :func:`patch`."""
    _patches.unpatch()
