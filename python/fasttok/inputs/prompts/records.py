"""Conversations in files of JSON lines, with the tools that each is sent. Renders nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from fasttok._fasttok import Document
from fasttok.inputs.documents import Reader
from fasttok.options import CorpusOptions

BROKEN = "broken_json"
NO_CONVERSATION = "no_conversation"
REFUSED = "conversation_refused"


@dataclass(frozen=True)
class Conversation:
    """A record, and where it is."""

    messages: Any
    tools: Any
    record: str
    """The same as a record of the format ``messages``: what is written in the file, where it has no text but these."""
    document: Document


class Conversations:
    """The conversations of files, one in a line. When all are taken, `reader` has the ledger and `bytes` is known."""

    def __init__(self, paths: Sequence[str], options: CorpusOptions) -> None:
        self.reader = Reader(paths, (), replace(options, format="lines"))
        self.bytes = 0
        """Of the lines that were read."""

    def batches(self) -> Iterator[list[Conversation]]:
        """Conversations in the order of the files, as many at a time as are best counted at once."""
        with closing(self.reader.batches()) as batches:
            for batch in batches:
                yield [conversation for document in batch for conversation in self._of(document)]

    def _of(self, document: Document) -> Iterator[Conversation]:
        text = document.text.lstrip("\ufeff")
        self.bytes += len(text.encode()) + 1
        if text and not text.isspace():
            yield from self._record(text, document)

    def _record(self, text: str, document: Document) -> Iterator[Conversation]:
        try:
            record = json.loads(text)
        except (ValueError, RecursionError) as error:
            self.reader.skip(document, BROKEN, str(error) or "nested too deeply")
            return
        # A request of a batch has what is sent in its body.
        body = record.get("body", record) if isinstance(record, dict) else {"messages": record}
        messages = body.get("messages") if isinstance(body, dict) else None
        if isinstance(messages, list):
            yield Conversation(messages, body.get("tools"), _written(record, body, text), document)
        else:
            self.reader.skip(document, NO_CONVERSATION, "the record has no list of messages")


def _written(record: Any, body: Mapping[str, Any], text: str) -> str:
    """The `text` of a record as the format ``messages`` reads it, without texts beside messages and tools."""
    if not isinstance(record, dict):
        return f'{{"messages":{text}}}'
    is_read = "custom_id" not in record if body is record else record.get("custom_id") is not None
    if is_read and not _BESIDE & body.keys():
        return text
    return json.dumps({"messages": body["messages"], "tools": body.get("tools")})


_BESIDE = {"system", "instructions"}
