"""Texts of events to tokens: in batches, counted while the next are read. Sums nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from fasttok._fasttok import Encoding, _count_values
from fasttok.inputs.agent_logs.events import Event, Loose, Text, size_of

BATCH_BYTES = 4_000_000
BATCH_EVENTS = 20_000


@dataclass(frozen=True)
class Counting:
    """How texts are counted."""

    encodings: Sequence[Encoding]
    detect_bytes: int | None
    """How much of each text is looked at for its language; None where that is not asked for."""
    threads: int | None

    def count(self, texts: Sequence[Text]) -> None:
        """Count texts, and let go of what they say."""
        said = ["" if text.text is None else text.text for text in texts]
        # JSON may hold half of a surrogate pair: it is counted as U+FFFD.
        counts, languages = _count_values(said, self.encodings, self.detect_bytes, self.threads)
        none: Iterable[tuple[int, ...]] = [()] * len(texts)
        for text, tokens in zip(texts, zip(*counts, strict=True) if counts else none, strict=True):
            text.counts = tokens
            text.text = None
        for text, language in zip(texts, languages or (), strict=False):
            text.language = language

    def counted(self, events: Iterable[Event | Loose]) -> Iterator[Event]:
        """The events, in their order, when their texts are counted."""
        with ThreadPoolExecutor(1) as worker:
            before: tuple[list[Event], Future[None]] | None = None
            for batch, texts, waits in _batches(events):
                now = batch, worker.submit(self.count, texts)
                if before is not None:
                    before[1].result()
                    yield from before[0]
                before = now
                if waits:
                    now[1].result()
            if before is not None:
                before[1].result()
                yield from before[0]


def _batches(events: Iterable[Event | Loose]) -> Iterator[tuple[list[Event], list[Text], bool]]:
    """Events, the texts that are to be counted for them, and whether that must be done before what follows."""
    batch: list[Event] = []
    texts: list[Text] = []
    size = 0
    for event in events:
        for text in event.texts:
            if text.counts is None and text.text is not None:
                texts.append(text)
                size += size_of(text.text)
        waits = False
        if isinstance(event, Loose):
            waits = event.waits
        else:
            batch.append(event)
        if waits or size >= BATCH_BYTES or len(batch) >= BATCH_EVENTS:
            yield batch, texts, waits
            batch, texts, size = [], [], 0
    yield batch, texts, False
