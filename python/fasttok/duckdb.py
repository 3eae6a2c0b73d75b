"""Tokens in DuckDB: a function of SQL for a connection (extra `duckdb`).

>>> import duckdb
>>> import fasttok.duckdb
>>> con = duckdb.connect()
>>> fasttok.duckdb.register(con)
>>> con.sql("select fasttok_count('How many tokens is this?', 'o200k_base') as tokens").fetchall()
[(6,)]
"""

from __future__ import annotations

from fasttok.integrations.duckdb import register

__all__ = ["register"]
