"""Prompts of the conversations in files: `fasttok.measures.prompt` for each, and sums. Renders nothing."""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterable, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

from fasttok._util.paths import PathLike
from fasttok.inputs.outputs import ledger_written, watched
from fasttok.inputs.paths import given_paths
from fasttok.inputs.prompts.records import reader
from fasttok.measures.prompt import Prompts
from fasttok.measures.prompt_processes import Pool
from fasttok.measures.prompt_sums import Counted
from fasttok.options import LogKeywords, documented, given
from fasttok.reports.manifest import describe_account, describe_sources, describe_work, run_manifest
from fasttok.reports.prompt import Label, Rendering
from fasttok.reports.prompts import PromptsReport
from fasttok.tokenizers.resolve import Spec, resolve

if TYPE_CHECKING:
    from typing_extensions import Unpack

_LABELS: tuple[Label, ...] = ("exact", "estimate", "text only")


@documented(LogKeywords)
def count_prompts(
    paths: PathLike | Iterable[PathLike],
    encoding: Spec = "o200k_harmony",
    *,
    rendering: Rendering | None = None,
    template: PathLike | None = None,
    add_generation_prompt: bool = True,
    date: datetime.date | None = None,
    variables: Mapping[str, Any] | None = None,
    progress: bool = False,
    **options: Unpack[LogKeywords],
) -> PromptsReport:
    """The tokens of conversations in files as they are sent to a model: :func:`count_prompt` for each, and sums.

    paths: files, globs, folders, or ``"-"``, read as :func:`count_corpus` reads them with ``format="messages"``:
        a record is of any of its shapes, with ``tools`` where there are any.
    encoding, rendering, template, add_generation_prompt, date, variables: as for :func:`count_prompt`.
    progress: `True` shows a bar on standard error when that is a terminal and the work takes over a second.
    {options}

    More than 8 million characters are rendered by as many processes as `threads` says, or there are processors.

    A conversation that has no such form, or that its template refuses, is a skipped row of the ledger. Raises what
    :func:`count_prompt` raises but for these.
    """
    taken = given("count_prompts", options, LogKeywords)
    inputs = given_paths(paths, taken)
    prompts = Prompts(
        resolve(encoding),
        rendering=rendering,
        template=template,
        add_generation_prompt=add_generation_prompt,
        date=date,
        variables=variables,
    )
    manifest = run_manifest({prompts.encoding.name: prompts.encoding}, taken.threads)
    clock = time.perf_counter()
    done, size = Counted(), 0
    with watched(progress, taken) as watched_options, ledger_written(inputs, watched_options) as run_options:
        found = reader(inputs, run_options)
        with closing(found.batches()) as batches, Pool(prompts, taken.threads) as pool:
            for batch, counted in pool.each(batches):
                size += sum(len(document.text.encode()) for document in batch)
                for i, reason, detail in counted.refused:
                    found.skip(batch[i], reason, detail)
                done.add(counted)
            found.check_skipped()
    seconds = time.perf_counter() - clock
    manifest["run"] |= describe_work(seconds, size / seconds / 1e6 if seconds else None)
    manifest |= {
        **describe_sources(inputs, taken),
        **taken.manifest(LogKeywords),
        **{name: value for name, value in prompts.manifest.items() if name != "encoding"},
        "not_counted": dict(sorted(done.not_counted.items())),
        "text_bytes": size,
        **describe_account(found.account),
    }
    return PromptsReport(manifest, [done.sums[label] for label in _LABELS if label in done.sums], found.ledger)
