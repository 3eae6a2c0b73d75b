"""Functions of SQL in DuckDB, on its Arrow interface. How texts are counted is not known here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from fasttok._fasttok import Encoding
from fasttok._util.extras import need
from fasttok._util.types import Errors, Special
from fasttok.errors import UnknownEncodingError
from fasttok.tokenizers.resolve import Spec, get_encoding, resolve_all

if TYPE_CHECKING:
    import duckdb


def register(
    connection: duckdb.DuckDBPyConnection,
    encodings: Spec | Iterable[Spec] | Mapping[str, Spec] | None = None,
    *,
    special: Special = "text",
    errors: Errors = "strict",
) -> None:
    """Give a connection the function `fasttok_count(text, encoding)`: the number of tokens of a text, BIGINT.

    connection: what `duckdb.connect()` returns.
    encodings: tokenizers of your own that the function shall know, as for `count_corpus`, by the names that they would
        have in a report. The embedded encodings it knows anyway. Nothing is loaded because of a name in a query.
    special, errors: see `Encoding`.

    A text is VARCHAR, and so is the encoding, which may differ from row to row. Where either is NULL, the count is.
    Each call counts a vector of rows, 2,048 at most, by one thread; DuckDB makes the calls.

    What cannot be counted, such as an encoding that is not known, raises DuckDB's `InvalidInputException`, with the
    message that `count_batch` has for it.
    """
    pa = need("pyarrow", "duckdb", "fasttok.duckdb")
    own = resolve_all(encodings) if encodings is not None else {}

    def find(name: str) -> Encoding:
        if name in own:
            return own[name]
        try:
            return get_encoding(name)
        except UnknownEncodingError as error:
            raise UnknownEncodingError(
                f"{error}; other tokenizers are given to fasttok.duckdb.register(connection, encodings=…)",
                name=error.name,
                nearest=error.nearest,
            ) from None

    def count(texts: Any, names: Any) -> Any:
        def counted(name: str, texts: Any) -> Any:
            return _as_pyarrow(pa, find(name).count_arrow(texts, special=special, errors=errors, threads=1))

        indices = names.dictionary_encode()
        indices = indices.combine_chunks() if isinstance(indices, pa.ChunkedArray) else indices
        different = indices.dictionary.to_pylist()
        if len(different) == 1 and not names.null_count:
            return counted(different[0], texts)
        made = pa.nulls(len(texts), pa.int64())
        for at, name in enumerate(different):
            if name is not None:
                # Where another encoding is meant there is no text for this one.
                here = _where(pa, pa.compute.equal(indices.indices, at), texts)
                made = pa.compute.coalesce(made, counted(name, here))
        return made

    # The names of enums are in another module in each version; the strings are the same in all.
    take: Any = connection.create_function
    take("fasttok_count", count, ["varchar", "varchar"], "bigint", type="arrow", null_handling="special")


def _where(pa: Any, rows: Any, texts: Any) -> Any:
    return pa.compute.if_else(rows, texts, pa.scalar(None, texts.type))


def _as_pyarrow(pa: Any, counted: Any) -> Any:
    return pa.chunked_array(counted) if hasattr(counted, "__arrow_c_stream__") else pa.array(counted)
