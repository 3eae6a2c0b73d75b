"""fasttok on Hugging Face datasets: ``import fasttok.datasets`` (extra ``datasets``)."""

from __future__ import annotations

from fasttok.integrations.datasets import count

__all__ = ["count"]
