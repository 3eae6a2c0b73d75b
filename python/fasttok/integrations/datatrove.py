"""datatrove: a step of a pipeline that counts tokens, as datatrove's own ``TokensCounter`` does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fasttok._util.extras import need
from fasttok._util.types import Special
from fasttok.integrations.carried import Carried
from fasttok.tokenizers.resolve import Spec

if TYPE_CHECKING:
    from collections.abc import Iterator

_step: Any = need("datatrove.pipeline.base", "datatrove", "fasttok.datatrove").PipelineStep

BATCH = 1_000
"""How many documents are counted at a time."""


class TokensCounter(_step):  # type: ignore[misc]
    """Puts the number of tokens of each document into its metadata, under `count_key`, and into the statistics of the
    pipeline as ``tokens``.

    encoding: a name, a tokenizer file or an encoding. It travels to workers by name and hash, or whole.
    special: what a special token in a text is. datatrove's own ``TokensCounter`` calls HF ``tokenizers``, for which it
        is ``"token"``: with that, and with `added` as many as its post-processor adds, the totals agree.
    added: how many tokens are added to each document: those that begin and end it in the data that a model is trained
        on (``<|endoftext|>``, BOS, EOS). None are, unless it is said.
    overwrite: whether a document that has `count_key` already is counted again.
    """

    name = "🔢 fasttok"
    type = "🔢 - TOKENIZER"

    def __init__(
        self,
        encoding: Spec = "o200k_base",
        *,
        count_key: str = "token_count",
        special: Special = "text",
        added: int = 0,
        overwrite: bool = True,
    ) -> None:
        if added < 0:
            raise ValueError(f"added must be at least 0, not {added}")
        super().__init__()
        self.encoding = Carried.of(encoding)
        self.count_key, self.special, self.added, self.overwrite = count_key, special, added, overwrite

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """The documents of `data`, counted."""
        from itertools import islice

        documents = iter(data or ())
        while batch := list(islice(documents, BATCH)):
            self._count(batch)
            yield from batch

    def _count(self, batch: list[Any]) -> None:
        wanted = [each for each in batch if self.overwrite or self.count_key not in each.metadata]
        # One thread: the executor has a process for each task.
        with self.track_time("batch"):
            texts = [each.text for each in wanted]
            found = self.encoding.here().count_batch(texts, special=self.special, threads=1)
            for document, tokens in zip(wanted, found.tolist(), strict=True):
                document.metadata[self.count_key] = tokens + self.added
        for document in batch:
            self.stat_update("tokens", value=document.metadata[self.count_key])
