"""How a count that was made with the tokenizer of another model is labelled. Knows no model."""

from __future__ import annotations


def label(model: str, tokenizer_of: str | None) -> str:
    """`model`, which `tokenizer_of` was counted for: None where the tokenizer is its own."""
    return model if tokenizer_of is None else f"{model} (estimate)"
