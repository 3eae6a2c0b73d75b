"""fasttok on Spark: ``import fasttok.spark`` (extra ``spark``)."""

from __future__ import annotations

from fasttok.integrations.spark import count, count_corpus, tally

__all__ = ["count", "count_corpus", "tally"]
