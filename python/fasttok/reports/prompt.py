"""The tokens of a conversation as it is sent to a model: data of `fasttok.count_prompt`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Rendering = Literal["harmony", "template", "mistral", "estimate", "text"]
"""How a conversation becomes what is sent: see `fasttok.count_prompt`."""

RENDERINGS: tuple[Rendering, ...] = ("harmony", "template", "mistral", "estimate", "text")

Label = Literal["exact", "estimate", "text only"]
"""What a number is: what the model is sent, about that, or the texts in it and nothing else."""


@dataclass(frozen=True)
class PromptCount:
    """The tokens of one conversation as it is sent."""

    tokens: int
    """Those of the whole prompt."""
    text_tokens: int
    """Those of its texts, each by itself: messages, calls of tools, and tools as JSON."""
    messages: int
    label: Label
    """What `tokens` is."""
    leaves_out: tuple[str, ...]
    """What is sent beside it, or may be, and is not in the number; empty where nothing is known to be."""
    not_counted: Mapping[str, int]
    """Parts that are no text (images, audio, files), by type: how many."""
    manifest: Mapping[str, Any]
    """What it was rendered by and counted with."""

    def __int__(self) -> int:
        return self.tokens

    def __str__(self) -> str:
        note = f", leaves out {'; '.join(self.leaves_out)}" if self.leaves_out else ""
        return f"{self.tokens:,} tokens ({self.label}{note})"
