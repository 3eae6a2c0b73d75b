"""Hugging Face datasets: counts as a column, with a fingerprint that is the encoding's content.

What `Dataset.map` does is kept under a hash of its function. That of an encoding must not depend on where its file is,
or when it was written: then the same run, a second time, finds what the first one wrote.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fasttok._fasttok import Encoding
from fasttok._util.extras import need
from fasttok._util.types import Errors, Special
from fasttok.integrations.carried import Carried, counts
from fasttok.tokenizers.origin import by_content, restore
from fasttok.tokenizers.resolve import Spec, get_encoding

_dill: Any = need("datasets.utils._dill", "datasets", "fasttok.datasets")


@_dill.pklregister(Encoding)  # type: ignore[untyped-decorator]
def _save(pickler: Any, encoding: Encoding) -> None:
    """How datasets hashes an encoding in a function of the user: by content, where pickle goes by the file."""
    if encoding._origin is None:
        pickler.save_reduce(get_encoding, (encoding.name,), obj=encoding)
    else:
        pickler.save_reduce(restore, by_content(encoding), obj=encoding)


@dataclass(frozen=True)
class _Counts:
    """The function that is mapped, and hashed."""

    encoding: Carried
    text: str
    output: str
    special: Special
    errors: Errors

    def __call__(self, batch: Any) -> Mapping[str, Any]:
        # Arrow's own tables are replaced, not added to.
        found = counts(self.encoding.here(), batch[self.text], self.special, self.errors)
        return batch.append_column(self.output, found)  # type: ignore[no-any-return]


def count(
    dataset: Any,
    text: str = "text",
    encoding: Spec = "o200k_base",
    *,
    output: str = "tokens",
    special: Special = "text",
    errors: Errors = "strict",
    **map_options: Any,
) -> Any:
    """The ``datasets.Dataset`` (or ``DatasetDict``) with a column more: `output`, the number of tokens of the column
    `text` (int64), null where the text is. A second call with the same data and encoding reads what the first one
    wrote.

    encoding: a name, a tokenizer file or an encoding. It is known by its content, wherever its file is.
    map_options: what ``Dataset.map`` takes besides, such as ``num_proc`` or ``batch_size``. A process has one thread.

    Raises what :meth:`Encoding.count_batch` raises.
    """
    function = _Counts(Carried.of(encoding), text, output, special, errors)
    # Tables of Arrow in and out: no text becomes an object of Python.
    asked = {"desc": "Counting tokens", **map_options}
    formats = {name: part.format for name, part in _parts(dataset).items()}
    mapped = dataset.with_format("arrow").map(function, batched=True, **asked)
    restored = {name: part.with_format(**_format(formats[name])) for name, part in _parts(mapped).items()}
    return type(mapped)(restored) if isinstance(mapped, dict) else restored[""]


def _parts(dataset: Any) -> Mapping[str, Any]:
    return dataset if isinstance(dataset, dict) else {"": dataset}


def _format(had: Mapping[str, Any]) -> Mapping[str, Any]:
    """The type that rows were given in, for all columns."""
    return {"type": had["type"], **had.get("format_kwargs", {})}
