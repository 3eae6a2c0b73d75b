"""fasttok in NeMo Curator's pipelines: ``import fasttok.nemo_curator`` (needs nemo-curator)."""

from __future__ import annotations

from fasttok.integrations.nemo_curator import TokensCounter

__all__ = ["TokensCounter"]
