"""NeMo Curator: a stage of a pipeline that counts tokens."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fasttok._util.extras import need
from fasttok._util.types import Errors, Special
from fasttok.integrations.carried import Carried, counts
from fasttok.tokenizers.resolve import Spec

_EXTRA = "nemo-curator"
_stages: Any = need("nemo_curator.stages.base", _EXTRA, "fasttok.nemo_curator")
_tasks: Any = need("nemo_curator.tasks", _EXTRA, "fasttok.nemo_curator")


@dataclass
class TokensCounter(_stages.ProcessingStage):  # type: ignore[misc]
    """Adds a column to each ``DocumentBatch``: `output`, the number of tokens of the column `text` (int64), null where
    the text is.

    encoding: a name, a tokenizer file or an encoding. It travels to workers by name and hash, or whole.

    A worker takes one core and counts in one thread. Raises in a task what :meth:`Encoding.count_batch` raises.
    """

    encoding: Spec | Carried = "o200k_base"
    text: str = "text"
    output: str = "token_count"
    special: Special = "text"
    errors: Errors = "strict"
    name: str = field(default="fasttok_tokens_counter", kw_only=True)

    def __post_init__(self) -> None:
        if not isinstance(self.encoding, Carried):
            self.encoding = Carried.of(self.encoding)

    def inputs(self) -> tuple[list[str], list[str]]:
        """What a task must have: the column `text`."""
        return ["data"], [self.text]

    def outputs(self) -> tuple[list[str], list[str]]:
        """What a task has then: the column `output`."""
        return ["data"], [self.text, self.output]

    def process(self, task: Any) -> Any:
        """The batch with its counts."""
        from dataclasses import replace

        assert isinstance(self.encoding, Carried)
        table = task.to_pyarrow()
        found = counts(self.encoding.here(), table.column(self.text), self.special, self.errors)
        return replace(task, data=table.append_column(self.output, found))
