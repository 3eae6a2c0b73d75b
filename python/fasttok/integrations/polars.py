"""The namespace `fasttok` of polars' expressions and columns.

An expression is a plugin of polars, in the compiled part: no Python runs while polars works. Where a version of polars
does not take the plugin, the same is done by `map_batches`. How texts are counted is not known here.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Literal, TypeAlias

import fasttok._fasttok as _fasttok
from fasttok._fasttok import Encoding, _count_arrow
from fasttok._util.extras import need
from fasttok._util.types import Errors, Special
from fasttok.tokenizers.resolve import Spec, resolve, resolve_one_or_all

need("polars", "polars", "fasttok.polars")

import polars as pl  # noqa: E402
from polars.plugins import register_plugin_function  # noqa: E402

Specs: TypeAlias = Spec | Iterable[Spec] | Mapping[str, Spec]
Engine: TypeAlias = Literal["auto", "plugin", "map"]
Arguments: TypeAlias = "tuple[list[str] | None, list[Encoding], Special, Errors, int | None]"
"""The labels of several encodings, the encodings, and the options of counting."""


@pl.api.register_expr_namespace("fasttok")
class FasttokExpr:
    """Counts and ids of the texts that a polars expression gives: `pl.col("text").fasttok`.

    The texts are strings, binary values or categories. A null stays null. An expression may be used wherever one that
    works row by row may: in lazy and in streaming queries, in `filter`, `over` and `group_by`.
    """

    def __init__(self, expr: pl.Expr) -> None:
        self._expr = expr

    def count(
        self,
        encoding: Specs = "o200k_base",
        *,
        special: Special = "text",
        errors: Errors = "strict",
        threads: int | None = None,
        engine: Engine = "auto",
    ) -> pl.Expr:
        """The number of tokens of each text, Int64.

        encoding: what names an encoding, see `fasttok.load`. Several, or a mapping of labels to them, give a struct
            with a field for each, as `fasttok.count_arrow` does.
        special, errors, threads: see `Encoding`. Where polars says that it works on several columns or groups at once,
            one thread is used whatever `threads` is.
        engine: `"plugin"`: the compiled expression; an error where this version of polars does not take it. `"map"`:
            `map_batches`. `"auto"`: the plugin if it is taken.

        What cannot be counted raises a `ComputeError` of polars with the message that `count_batch` has for it; the
        text is numbered within the part of the column that polars passed.
        """
        names, encodings = _named(encoding)
        arguments = (names, encodings, special, errors, threads)
        each = pl.Int64()
        dtype = each if names is None else pl.Struct(dict.fromkeys(names, each))
        return _expression(self._expr, "fasttok_count", arguments, dtype, engine)

    def encode(
        self,
        encoding: Spec = "o200k_base",
        *,
        special: Special = "text",
        errors: Errors = "strict",
        threads: int | None = None,
        engine: Engine = "auto",
    ) -> pl.Expr:
        """The token ids of each text, a list of UInt32. Takes and raises the same as :meth:`count`, by one encoding."""
        arguments = (None, [resolve(encoding)], special, errors, threads)
        return _expression(self._expr, "fasttok_encode", arguments, pl.List(pl.UInt32), engine)


@pl.api.register_series_namespace("fasttok")
class FasttokSeries:
    """Counts and ids of the texts of a polars column: `series.fasttok`. A null stays null."""

    def __init__(self, series: pl.Series) -> None:
        self._series = series

    def count(
        self,
        encoding: Specs = "o200k_base",
        *,
        special: Special = "text",
        errors: Errors = "strict",
        threads: int | None = None,
    ) -> pl.Series:
        """The number of tokens of each text, Int64; by several encodings a struct with a field for each.

        Takes the same as the expression of that name, and raises the same as `Encoding.count_batch`.
        """
        return _count(self._series, (*_named(encoding), special, errors, threads))

    def encode(
        self,
        encoding: Spec = "o200k_base",
        *,
        special: Special = "text",
        errors: Errors = "strict",
        threads: int | None = None,
    ) -> pl.Series:
        """The token ids of each text, a list of UInt32. Takes and raises the same as :meth:`count`, by one encoding."""
        return _encode(self._series, (None, [resolve(encoding)], special, errors, threads))


def _named(encoding: Specs) -> tuple[list[str] | None, list[Encoding]]:
    """Labels and encodings; no label for a single encoding."""
    found = resolve_one_or_all(encoding)
    return (None, [found]) if isinstance(found, Encoding) else (list(found), list(found.values()))


def _expression(expr: pl.Expr, function: str, arguments: Arguments, dtype: pl.DataType, engine: Engine) -> pl.Expr:
    if engine not in ("auto", "plugin", "map"):
        raise ValueError(f'engine must be "auto", "plugin" or "map", not {engine!r}')
    if engine == "plugin" or (engine == "auto" and plugin_refused() is None):
        return _plugin(expr, function, arguments)
    work = _count if function == "fasttok_count" else _encode
    return expr.map_batches(lambda series: work(series, arguments), return_dtype=dtype, is_elementwise=True)


def _plugin(expr: pl.Expr, function: str, arguments: Arguments) -> pl.Expr:
    return register_plugin_function(
        plugin_path=_fasttok.__file__,
        function_name=function,
        args=[expr],
        # An encoding is pickled by its name or its file: a plan may be sent elsewhere.
        kwargs={"arguments": arguments},
        is_elementwise=True,
    )


def _read_arguments(kwargs: bytes) -> Arguments:
    """What `_plugin` was given, from what polars passes of it. The compiled part calls this, once a process and
    expression."""
    arguments: Arguments = pickle.loads(kwargs)["arguments"]
    return arguments


@cache
def plugin_refused() -> str | None:
    """Why this version of polars does not take the compiled expressions; None if it does."""
    try:
        expression = _plugin(pl.col("text"), "fasttok_count", (None, [resolve("r50k_base")], "text", "strict", 1))
        counts = pl.DataFrame({"text": ["a b", None]}).select(expression)["text"].to_list()
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # A panic of polars is no Exception.
        return f"polars {pl.__version__} does not take the plugin: {error}"
    return None if counts == [2, None] else f"polars {pl.__version__} reads the results of the plugin as {counts}"


def _count(series: pl.Series, arguments: Arguments) -> pl.Series:
    names, encodings, special, errors, threads = arguments
    if not _HAS_CAPSULES:
        return _by_plugin(series, "fasttok_count", arguments)
    options: dict[str, Any] = {"special": special, "errors": errors, "threads": threads}
    if names is None:
        counts = encodings[0].count_arrow(_texts(series), **options)
    else:
        counts = _count_arrow(_texts(series), names, encodings, **options)
    return pl.Series(counts).alias(series.name)


def _encode(series: pl.Series, arguments: Arguments) -> pl.Series:
    _, encodings, special, errors, threads = arguments
    if not _HAS_CAPSULES:
        return _by_plugin(series, "fasttok_encode", arguments)
    ids = encodings[0].encode_arrow(_texts(series), special=special, errors=errors, threads=threads)
    return pl.Series(ids).alias(series.name)


def _texts(series: pl.Series) -> pl.Series:
    """The column as other libraries can read it: before polars 1.30 categories were sent as what they are not."""
    return series.cast(pl.String) if series.dtype in (pl.Categorical, pl.Enum) else series


_HAS_CAPSULES = hasattr(pl.Series, "__arrow_c_stream__")
"""Whether columns have the Arrow PyCapsule interface: they do from polars 1.3 on."""


def _by_plugin(series: pl.Series, function: str, arguments: Arguments) -> pl.Series:
    return series.to_frame().select(_plugin(pl.first(), function, arguments)).to_series()
