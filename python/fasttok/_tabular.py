"""Rows with typed columns, in every form in which people want a table."""

from __future__ import annotations

import csv
import io
import json
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from fasttok._extras import need
from fasttok._files import write_atomically

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

Kind: TypeAlias = Literal["string", "integer", "real", "boolean"]
PathLike: TypeAlias = "str | os.PathLike[str]"


class Tabular(ABC):
    """A result that is an object with a schema, and rows."""

    @abstractmethod
    def fields(self) -> Sequence[tuple[str, Kind]]:
        """The columns of `rows()`: name and kind."""

    @abstractmethod
    def rows(self) -> Iterator[tuple[Any, ...]]:
        """The rows, a value for each column; None where there is none."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """The whole result, as the JSON has it."""

    def columns(self) -> list[str]:
        """The names of the columns of `rows()`."""
        return [name for name, _ in self.fields()]

    def to_json(self, path: PathLike | None = None) -> str:
        """The whole result as JSON. With `path`, also written there: whole or not at all."""
        return written(json.dumps(self.to_dict(), ensure_ascii=False, indent=2) + "\n", path)

    def to_csv(self, path: PathLike | None = None) -> str:
        """The rows as CSV with a header. With `path`, also written there: whole or not at all."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(self.columns())
        writer.writerows([as_text(value) for value in row] for row in self.rows())
        return written(out.getvalue(), path)

    def to_tsv(self, path: PathLike | None = None) -> str:
        r"""The rows separated by tabs. With `path`, also written there: whole or not at all.

        A backslash, tab or line end inside a value is written as `\\`, `\t`, `\n` or `\r`.
        """
        lines = ["\t".join(tsv(value) for value in row) for row in (self.columns(), *self.rows())]
        return written("\n".join(lines) + "\n", path)

    def to_arrow(self) -> pyarrow.Table:
        """The rows as a pyarrow table."""
        pa = need("pyarrow", "arrow", "to_arrow()")
        types = {"string": pa.string(), "integer": pa.int64(), "real": pa.float64(), "boolean": pa.bool_()}
        schema = pa.schema([(name, types[kind]) for name, kind in self.fields()])
        arrays = [pa.array(values, field.type) for values, field in zip(self._transposed(), schema, strict=True)]
        table: pyarrow.Table = pa.table(arrays, schema=schema)
        return table

    def to_parquet(self, path: PathLike) -> None:
        """Write the rows to a Parquet file: whole or not at all."""
        from fasttok._files import replacing

        need("pyarrow", "arrow", "to_parquet()")
        parquet = need("pyarrow.parquet", "arrow", "to_parquet()")
        with replacing(path) as temporary:
            parquet.write_table(self.to_arrow(), temporary)

    def to_pandas(self) -> pandas.DataFrame:
        """The rows as a pandas data frame."""
        pd = need("pandas", "pandas", "to_pandas()")
        types = {"string": "object", "integer": "int64", "real": "float64", "boolean": "boolean"}
        frame: pandas.DataFrame = pd.DataFrame(
            {
                name: pd.Series(values, dtype=types[kind])
                for (name, kind), values in zip(self.fields(), self._transposed(), strict=True)
            }
        )
        return frame

    def to_polars(self) -> polars.DataFrame:
        """The rows as a polars data frame."""
        pl = need("polars", "polars", "to_polars()")
        types = {"string": pl.String, "integer": pl.Int64, "real": pl.Float64, "boolean": pl.Boolean}
        frame: polars.DataFrame = pl.DataFrame(
            [
                pl.Series(name, values, dtype=types[kind])
                for (name, kind), values in zip(self.fields(), self._transposed(), strict=True)
            ]
        )
        return frame

    def _transposed(self) -> list[list[Any]]:
        rows = list(self.rows())
        return [[row[i] for row in rows] for i in range(len(self.fields()))]


def written(text: str, path: PathLike | None) -> str:
    """`text`, after it was written to `path` if there is one."""
    if path is not None:
        write_atomically(path, text)
    return text


_TSV_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def as_text(value: object) -> str:
    """A value as a field of CSV: nothing where there is none, ``true`` and ``false`` as JSON writes them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def tsv(value: object) -> str:
    """A value as a field of tab-separated values."""
    return as_text(value).translate(_TSV_ESCAPES)
