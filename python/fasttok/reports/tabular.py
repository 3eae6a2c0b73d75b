"""Rows with typed columns, in every form in which people want a table.

What one form needs is imported when it is written.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from fasttok._fasttok import __version__
from fasttok._util.extras import need
from fasttok._util.files import refuse_inputs, replacing, write_atomically
from fasttok._util.paths import PathLike

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

Kind: TypeAlias = Literal["string", "integer", "real", "boolean"]


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

    def document(self) -> Mapping[str, Any]:
        """`to_dict()`, in which an iterator or `Items` may replace a list at the top: what is long is made as it is
        written."""
        return self.to_dict()

    def text(self, shape: str) -> Iterator[str]:
        """The result as `"json"`, `"csv"` or `"tsv"`, in parts that follow each other."""
        if shape == "json":
            yield from json_parts(self.document())
            return
        make = {"csv": _csv_line, "tsv": _tsv_line}[shape]
        lines = map(make, chain([self.columns()], self.rows()))
        while part := "".join(islice(lines, AT_ONCE)):
            yield part

    def to_json(self, path: PathLike | None = None) -> str:
        """The whole result as JSON. With `path`, also written there: whole or not at all."""
        return self._written("json", path)

    def to_csv(self, path: PathLike | None = None) -> str:
        """The rows as CSV with a header. With `path`, also written there: whole or not at all."""
        return self._written("csv", path)

    def to_tsv(self, path: PathLike | None = None) -> str:
        r"""The rows separated by tabs. With `path`, also written there: whole or not at all.

        A backslash, tab or line end inside a value is written as `\\`, `\t`, `\n` or `\r`.
        """
        return self._written("tsv", path)

    def _written(self, shape: str, path: PathLike | None) -> str:
        return written("".join(self.text(shape)), path, self._inputs())

    def to_arrow(self) -> pyarrow.Table:
        """The rows as a pyarrow table."""
        pa = need("pyarrow", "arrow", "to_arrow()")
        types = {"string": pa.string(), "integer": pa.int64(), "real": pa.float64(), "boolean": pa.bool_()}
        schema = pa.schema([(name, types[kind]) for name, kind in self.fields()], {"fasttok": __version__})
        arrays = [pa.array(values, field.type) for values, field in zip(self._transposed(), schema, strict=True)]
        table: pyarrow.Table = pa.table(arrays, schema=schema)
        return table

    def to_parquet(self, path: PathLike) -> None:
        """Write the rows to a Parquet file: whole or not at all."""
        parquet = need("pyarrow.parquet", "arrow", "to_parquet()")
        refuse_inputs("path", path, self._inputs())
        with replacing(path) as temporary:
            parquet.write_table(self.to_arrow(), temporary)

    def to_arrow_file(self, path: PathLike) -> None:
        """Write the rows to an Arrow file (IPC, Feather version 2): whole or not at all."""
        feather = need("pyarrow.feather", "arrow", "to_arrow_file()")
        refuse_inputs("path", path, self._inputs())
        with replacing(path) as temporary:
            feather.write_feather(self.to_arrow(), temporary)

    def to_pandas(self) -> pandas.DataFrame:
        """The rows as a pandas data frame."""
        pd = need("pandas", "pandas", "to_pandas()")
        types = {"string": "object", "integer": "int64", "real": "float64", "boolean": "boolean"}
        columns = {}
        for (name, kind), values in zip(self.fields(), self._transposed(), strict=True):
            # The plain type of integers has no place for what is not there.
            dtype = "Int64" if kind == "integer" and None in values else types[kind]
            columns[name] = pd.Series(values, dtype=dtype)
        frame: pandas.DataFrame = pd.DataFrame(columns)
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

    def _inputs(self) -> list[str]:
        """The paths that the result was made of."""
        return inputs_of(getattr(self, "manifest", {}))

    def _transposed(self) -> list[list[Any]]:
        rows = list(self.rows())
        return [[row[i] for row in rows] for i in range(len(self.fields()))]


def written(text: str, path: PathLike | None, inputs: Sequence[str] = ()) -> str:
    """`text`, after it was written to `path` if there is one; not over one of the `inputs` that it was made of."""
    if path is not None:
        refuse_inputs("path", path, inputs)
        write_atomically(path, text)
    return text


def inputs_of(manifest: Mapping[str, Any]) -> list[str]:
    """The paths that a run read."""
    return [path for path in manifest.get("inputs") or () if isinstance(path, str)]


@dataclass(frozen=True, eq=False, repr=False)
class Items:
    """A list at the top of a document whose items are JSON already, as `json_parts` writes it."""

    parts: Iterator[str]
    """Some items each, with what stands before and between them."""


def json_parts(document: Mapping[str, Any]) -> Iterator[str]:
    """JSON as `json.dumps` with an indent of 2 writes it, in parts; an iterator in `document` is
    written as a list."""
    import json

    opening = "{\n"
    for name, value in document.items():
        yield f"{opening}  {json.dumps(name, ensure_ascii=False)}: "
        opening = ",\n"
        if isinstance(value, Iterator):
            value = Items(_item_parts(value))
        if not isinstance(value, Items):
            yield _indented(value, "  ")
            continue
        start = "["
        for part in value.parts:
            yield start + part
            start = ","
        yield "[]" if start == "[" else "\n  ]"
    yield "\n}\n"


def _item_parts(items: Iterator[Any]) -> Iterator[str]:
    while part := list(islice(items, AT_ONCE)):
        yield ",".join(f"\n    {_indented(item, '    ')}" for item in part)


def _indented(value: Any, margin: str) -> str:
    """`value` as JSON, indented by 2 within `margin`. Objects and lists that hold no others are written by the fast
    encoder, which has no indent."""
    import json

    if not isinstance(value, (dict, list, tuple)) or not value:
        return json.dumps(value, ensure_ascii=False)
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    inner = margin + "  "
    items = value.values() if isinstance(value, dict) else value
    if not any(isinstance(item, (dict, list, tuple)) for item in items):
        flat = json.dumps(value, ensure_ascii=False, separators=(f",\n{inner}", ": "))
        return f"{opening}\n{inner}{flat[1:-1]}\n{margin}{closing}"
    parts = [_indented(item, inner) for item in items]
    if isinstance(value, dict):
        parts = [f"{json.dumps(name, ensure_ascii=False)}: {part}" for name, part in zip(value, parts, strict=True)]
    return f"{opening}\n{inner}" + f",\n{inner}".join(parts) + f"\n{margin}{closing}"


def _csv_line(row: Sequence[Any]) -> str:
    import csv
    import io

    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow([as_text(value) for value in row])
    return out.getvalue()


def _tsv_line(row: Sequence[Any]) -> str:
    return "\t".join(tsv(value) for value in row) + "\n"


AT_ONCE = 1000
"""Rows or groups that are made before they are written: few enough that Ctrl-C ends it at once."""

_TSV_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def as_text(value: object) -> str:
    """A value as a field of CSV: nothing where there is none, ``true`` and ``false`` as JSON writes them, numbers as
    decimals, however small."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        shortest = repr(value)
        if "e" not in shortest:
            return shortest
        from decimal import Decimal

        return format(Decimal(shortest), "f")
    return "" if value is None else str(value)


def tsv(value: object) -> str:
    """A value as a field of tab-separated values."""
    return as_text(value).translate(_TSV_ESCAPES)
