"""Tokens in pandas: importing this gives columns the accessor `fasttok` (extra `pandas`).

>>> import pandas as pd
>>> import fasttok.pandas
>>> pd.Series(["How many tokens is this?", None]).fasttok.count("o200k_base").tolist()
[6, <NA>]
"""

from __future__ import annotations

from fasttok.integrations.pandas import FasttokAccessor

__all__ = ["FasttokAccessor"]
