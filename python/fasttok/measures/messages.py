"""Counting conversations that are in memory: the sums of a file that held them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fasttok.inputs.messages import Record, as_json, as_records
from fasttok.measures.corpus import run_corpus
from fasttok.measures.count import as_limits, report_of
from fasttok.options import MessagesKeywords, documented, given
from fasttok.reports.count import Report
from fasttok.tokenizers.resolve import Spec

if TYPE_CHECKING:
    from typing_extensions import Unpack

NAME = "messages"
"""What the ledger calls it; a line of it is a conversation."""


@documented(MessagesKeywords)
def count_messages(
    messages: Record | Iterable[Any],
    encodings: Spec | Iterable[Spec] | Mapping[str, Spec] = ("o200k_base",),
    *,
    by: str | Iterable[str] = (),
    quantiles: bool = False,
    limits: int | Iterable[int] = (),
    **options: Unpack[MessagesKeywords],
) -> Report:
    """Count the texts of conversations: what ``count_corpus(path, format="messages")`` gives for a file of them.

    messages: a list of messages; a record (a dict with ``messages``, ``conversations``, ``instruction`` and
        ``output``, or a line of an OpenAI batch); or an iterable of either, one for each conversation.
    encodings, quantiles, limits: as for :func:`count_corpus`.
    by: what the counts are grouped by: ``"role"``, ``"part"``, ``"turn"``, ``"tool"``, ``"shape"``, ``"script"``,
        ``"language"`` where labels are asked for, or a field of records.
    {options}

    Each text is a document: what an API puts around messages is not counted.
    """
    numbers = as_limits(limits)
    taken = given("count_messages", options, MessagesKeywords)
    from fasttok.inputs.remote.memory import InMemory

    data = bytearray()
    for record in as_records(messages):
        data += as_json(record).encode()
        data += b"\n"
    in_memory = replace(taken, filesystem=InMemory(NAME, bytes(data)), format="messages")
    run = run_corpus([NAME], encodings, by, in_memory, False, histograms=quantiles, limits=numbers)
    return report_of(run, quantiles, numbers)
