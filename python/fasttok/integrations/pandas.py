"""The accessor `fasttok` of pandas' columns. How texts are counted is not known here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fasttok._fasttok import Encoding
from fasttok._util.extras import need
from fasttok._util.types import Errors, Special
from fasttok.tokenizers.resolve import Spec, resolve_one_or_all

need("pandas", "pandas", "fasttok.pandas")

import pandas as pd  # noqa: E402


@pd.api.extensions.register_series_accessor("fasttok")
class FasttokAccessor:
    """Counts of the texts of a pandas column: `series.fasttok`. Index and name stay as they are."""

    def __init__(self, series: pd.Series) -> None:
        self._series = series

    def count(
        self,
        encoding: Spec | Iterable[Spec] | Mapping[str, Spec] = "o200k_base",
        *,
        special: Special = "text",
        errors: Errors = "strict",
        threads: int | None = None,
    ) -> pd.Series | pd.DataFrame:
        """The number of tokens of each text, Int64; `<NA>` where a text is missing (None, NaN or NA).

        encoding: what names an encoding, see `fasttok.load`. Several, or a mapping of labels to them, give a frame
            with a column for each.
        special, errors, threads: see `Encoding`.

        Raises the same as `Encoding.count_batch`.
        """

        def counts(encoding: Encoding) -> pd.arrays.IntegerArray:
            counted: Any = encoding.count_batch(
                self._series, special=special, errors=errors, nulls="null", threads=threads
            )
            return pd.arrays.IntegerArray(counted.data, counted.mask)

        index: Any = self._series.index
        found = resolve_one_or_all(encoding)
        if isinstance(found, Encoding):
            column: pd.Series = pd.Series(counts(found), index=index, name=self._series.name)
            return column
        frame: pd.DataFrame = pd.DataFrame({label: counts(each) for label, each in found.items()}, index=index)
        return frame
