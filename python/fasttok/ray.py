"""fasttok on Ray: ``import fasttok.ray`` (extra ``ray``)."""

from __future__ import annotations

from fasttok.integrations.ray import count, count_corpus

__all__ = ["count", "count_corpus"]
