"""Conversations in files of JSON lines, with the tools that each is sent. Renders nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
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
    document: Document


class Conversations:
    """The conversations of files, one in a line. When all are taken, `reader` has the ledger and `bytes` is known."""

    def __init__(self, paths: Sequence[str], options: CorpusOptions) -> None:
        self.reader = Reader(paths, (), replace(options, format="lines"))
        self.bytes = 0
        """Of the lines that were read."""

    def __iter__(self) -> Iterator[Conversation]:
        with closing(self.reader.batches()) as batches:
            for batch in batches:
                for document in batch:
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
            yield Conversation(messages, body.get("tools"), document)
        else:
            self.reader.skip(document, NO_CONVERSATION, "the record has no list of messages")
