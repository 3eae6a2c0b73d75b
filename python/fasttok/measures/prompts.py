"""Prompts of the conversations in files: `fasttok.measures.prompt` for each, and sums. Renders nothing."""

from __future__ import annotations

import datetime
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from fasttok._util.paths import PathLike
from fasttok.errors import InputError, InvalidUtf8Error, TemplateError, TextLimitError
from fasttok.inputs.documents import Reader
from fasttok.inputs.outputs import ledger_written, watched
from fasttok.inputs.paths import given_paths
from fasttok.inputs.prompts import chat
from fasttok.inputs.prompts.records import REFUSED, Conversation, Conversations
from fasttok.measures.prompt import PromptPlan, Prompts
from fasttok.options import LogKeywords, documented, given
from fasttok.reports.manifest import describe_account, describe_sources, describe_work, run_manifest
from fasttok.reports.prompt import Label, PromptCount, Rendering
from fasttok.reports.prompts import PromptsReport, PromptSums
from fasttok.tokenizers.resolve import Spec, resolve

if TYPE_CHECKING:
    from typing_extensions import Unpack

_REFUSALS = InputError, InvalidUtf8Error, TemplateError, TextLimitError
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

    paths: files of JSON lines, globs, folders, or ``"-"``. Any of them may be compressed. A line is an object with
        ``messages``, and ``tools`` where there are any; such an object as the ``body`` of a request of a batch; or a
        list of messages.
    encoding, rendering, template, add_generation_prompt, date, variables: as for :func:`count_prompt`.
    progress: `True` shows a bar on standard error when that is a terminal and the work takes over a second.
    {options}

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
    sums: dict[Label, PromptSums] = {}
    other: Counter[str] = Counter()
    with watched(progress, taken) as watched_options, ledger_written(inputs, watched_options) as run_options:
        found = Conversations(inputs, run_options)
        with ThreadPoolExecutor(1) as helper:
            for batch in found.batches():
                for count in _counted(prompts, batch, found.reader, taken.threads, helper):
                    sums[count.label] = _added(sums.get(count.label), count)
                    other.update(count.not_counted)
    seconds = time.perf_counter() - clock
    manifest["run"] |= describe_work(seconds, found.bytes / seconds / 1e6 if seconds else None)
    manifest |= {
        **describe_sources(inputs, taken),
        **taken.manifest(LogKeywords),
        **{name: value for name, value in prompts.manifest.items() if name != "encoding"},
        "not_counted": dict(sorted(other.items())),
        "text_bytes": found.bytes,
        **describe_account(found.reader.account),
    }
    return PromptsReport(manifest, [sums[label] for label in _LABELS if label in sums], found.reader.ledger)


def _counted(
    prompts: Prompts, batch: Sequence[Conversation], reader: Reader, threads: int | None, helper: Executor
) -> list[PromptCount]:
    """The prompts of conversations; those that are refused are skipped rows."""
    # Texts are found while conversations are rendered, which only one thread can do.
    said = helper.submit(chat.texts_of, [conversation.record for conversation in batch])
    plans: list[PromptPlan | Exception] = []
    for conversation in batch:
        try:
            plans.append(prompts.plan(conversation.messages, conversation.tools))
        except _REFUSALS as error:
            plans.append(error)
    rendered: list[tuple[Conversation, PromptPlan]] = []
    for conversation, plan, texts in zip(batch, plans, said.result(), strict=True):
        try:
            if isinstance(plan, Exception):
                raise plan
            rendered.append((conversation, prompts.completed(plan, texts) if plan.texts is None else plan))
        except _REFUSALS as error:
            reader.skip(conversation.document, REFUSED, str(error))
    try:
        return prompts.counted([plan for _, plan in rendered], threads)
    except _REFUSALS:
        counts = []
        # One of them has a text that is none.
        for conversation, plan in rendered:
            try:
                counts += prompts.counted([plan])
            except _REFUSALS as error:
                reader.skip(conversation.document, REFUSED, str(error))
        return counts


def _added(sums: PromptSums | None, count: PromptCount) -> PromptSums:
    before = sums or PromptSums(count.label, 0, 0, 0, 0, 0, ())
    return PromptSums(
        count.label,
        before.conversations + 1,
        before.messages + count.messages,
        before.tokens + count.tokens,
        before.text_tokens + count.text_tokens,
        max(before.longest, count.tokens),
        tuple(dict.fromkeys((*before.leaves_out, *count.leaves_out))),
    )
