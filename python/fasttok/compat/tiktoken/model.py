"""Which encoding which model uses, as tiktoken's table says: names, and prefixes of names."""

from __future__ import annotations

from fasttok.compat.tiktoken.core import Encoding
from fasttok.compat.tiktoken.registry import get_encoding
from fasttok.tokenizers.models import table

MODEL_TO_ENCODING: dict[str, str] = table()["tiktoken"]["names"]
MODEL_PREFIX_TO_ENCODING: dict[str, str] = table()["tiktoken"]["prefixes"]


def encoding_name_for_model(model_name: str) -> str:
    """The name of the encoding that a model of OpenAI uses. Raises ``KeyError`` for one that is not known."""
    if model_name in MODEL_TO_ENCODING:
        return MODEL_TO_ENCODING[model_name]
    for prefix, name in MODEL_PREFIX_TO_ENCODING.items():
        if model_name.startswith(prefix):
            return name
    raise KeyError(
        f"Could not automatically map {model_name} to a tokeniser. "
        "Please use `tiktoken.get_encoding` to explicitly get the tokeniser you expect."
    )


def encoding_for_model(model_name: str) -> Encoding:
    """The encoding that a model of OpenAI uses. Raises ``KeyError`` for one that is not known."""
    return get_encoding(encoding_name_for_model(model_name))
