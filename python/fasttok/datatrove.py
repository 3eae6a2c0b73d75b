"""fasttok in datatrove's pipelines: ``import fasttok.datatrove`` (extra ``datatrove``)."""

from __future__ import annotations

from fasttok.integrations.datatrove import TokensCounter

__all__ = ["TokensCounter"]
