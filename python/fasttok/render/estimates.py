"""What tables say of estimates: from a sample, or with another model's tokenizer. Knows no report, only what its
manifest has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fasttok.render import format
from fasttok.reports.count import Intervals

ERROR = "±95 %"
"""The header over `error`."""


def notes(manifest: Mapping[str, Any]) -> Iterator[str]:
    """That the sums are estimates, or would have been; nothing where no sample was asked for."""
    sample = manifest.get("sample")
    if sample is None:
        return
    part = f"a sample of {format.decimal(100 * sample['fraction'], 3).rstrip('0').rstrip('.')} %"
    if sample["exact"]:
        yield f"Exact: {part} would have been all of it."
        return
    read = format.size(manifest["bytes_read"])
    yield (
        f"Estimates from {part}: {sample['units']:,} units, {read} read. {ERROR} is half of the interval of tokens, "
        "of the estimate; - where too little was drawn to say."
    )


def of_tokenizers(tokenizers: Mapping[str, str | None]) -> Iterator[str]:
    """That models were counted with the tokenizers of others; nothing of those that were counted with their own."""
    whose = ", ".join(f"{model} with that of {other}" for model, other in tokenizers.items() if other is not None)
    if whose:
        yield f"estimate: counted with another model's tokenizer, {whose}; its own may count more or fewer."


def error(tokens: int, intervals: Intervals | None, encoding: str) -> str:
    """Half of the interval of an estimated number of tokens, of that number."""
    interval = intervals.tokens[encoding] if intervals is not None else None
    if interval is None or not tokens:
        return "-"
    return f"{format.decimal(100 * max(interval[1] - tokens, tokens - interval[0]) / tokens, 2)} %"
