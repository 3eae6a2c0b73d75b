"""Tokens in polars: importing this gives expressions and columns the namespace `fasttok` (extra `polars`).

>>> import polars as pl
>>> import fasttok.polars
>>> frame = pl.DataFrame({"text": ["How many tokens is this?", None]})
>>> frame.select(pl.col("text").fasttok.count("o200k_base"))["text"].to_list()
[6, None]
"""

from __future__ import annotations

from fasttok.integrations.polars import FasttokExpr, FasttokSeries, plugin_refused

__all__ = ["FasttokExpr", "FasttokSeries", "plugin_refused"]
