"""Sums of the prompts of records: what `fasttok.measures.prompts` adds up, and what one of its processes gives back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from fasttok.errors import InputError, InvalidUtf8Error, TemplateError, TextLimitError
from fasttok.inputs.prompts import chat
from fasttok.inputs.prompts.records import NO_CONVERSATION, REFUSED, conversation
from fasttok.measures.prompt import PromptPlan, Prompts
from fasttok.reports.prompt import Label, PromptCount
from fasttok.reports.prompts import PromptSums

_REFUSALS = InputError, InvalidUtf8Error, TemplateError, TextLimitError, RecursionError


@dataclass
class Counted:
    """What became of records."""

    sums: dict[Label, PromptSums] = field(default_factory=dict)
    not_counted: Counter[str] = field(default_factory=Counter)
    refused: list[tuple[int, str, str]] = field(default_factory=list)
    """Which have no number, by their index; the reason and the detail."""

    def add(self, other: Counted) -> None:
        """Add the sums of others."""
        for label, sums in other.sums.items():
            self.sums[label] = _merged(self.sums.get(label), sums)
        self.not_counted.update(other.not_counted)

    def _add_count(self, count: PromptCount) -> None:
        one = PromptSums(
            count.label, 1, count.messages, count.tokens, count.text_tokens, count.tokens, tuple(count.leaves_out)
        )
        self.sums[count.label] = _merged(self.sums.get(count.label), one)
        self.not_counted.update(count.not_counted)


def counted(prompts: Prompts, records: Sequence[str], threads: int | None) -> Counted:
    """The prompts of records of the format ``messages``; texts are counted by so many `threads`."""
    done = Counted()
    planned: list[tuple[int, PromptPlan]] = []
    for i, (record, said) in enumerate(zip(records, chat.texts_of(records), strict=True)):
        if said.shape == "batch_output":
            done.refused.append((i, NO_CONVERSATION, "the record is an answer, which is not sent"))
            continue
        try:
            plan = prompts.plan(*conversation(record, said.shape))
            planned.append((i, prompts.completed(plan, said) if plan.texts is None else plan))
        except _REFUSALS as error:
            done.refused.append((i, REFUSED, str(error) or "nested too deeply"))
    try:
        for count in prompts.counted([plan for _, plan in planned], threads):
            done._add_count(count)
    except _REFUSALS:
        # One of them has a text that is none.
        for i, plan in planned:
            try:
                (count,) = prompts.counted([plan], threads)
            except _REFUSALS as error:
                done.refused.append((i, REFUSED, str(error)))
            else:
                done._add_count(count)
        done.refused.sort()
    return done


def _merged(one: PromptSums | None, other: PromptSums) -> PromptSums:
    if one is None:
        return other
    return PromptSums(
        one.label,
        one.conversations + other.conversations,
        one.messages + other.messages,
        one.tokens + other.tokens,
        one.text_tokens + other.text_tokens,
        max(one.longest, other.longest),
        tuple(dict.fromkeys((*one.leaves_out, *other.leaves_out))),
    )
