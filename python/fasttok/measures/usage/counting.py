"""Texts of events to tokens: in batches, counted while the next are read. Sums nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from fasttok._fasttok import Encoding
from fasttok.inputs.agent_logs.events import Event, Loose, Text

BATCH_CHARS = 4_000_000
BATCH_EVENTS = 20_000


def counted(events: Iterable[Event | Loose], encodings: Sequence[Encoding], threads: int | None) -> Iterator[Event]:
    """The events, in their order, when their texts are counted."""
    with ThreadPoolExecutor(1) as worker:
        before: tuple[list[Event], Future[None]] | None = None
        for batch, texts, waits in _batches(events):
            now = batch, worker.submit(count_texts, texts, encodings, threads)
            if before is not None:
                before[1].result()
                yield from before[0]
            before = now
            if waits:
                now[1].result()
        if before is not None:
            before[1].result()
            yield from before[0]


def count_texts(texts: Sequence[Text], encodings: Sequence[Encoding], threads: int | None) -> None:
    """Count texts, and let go of what they say."""
    said = [text.text or "" for text in texts]
    # JSON may hold half of a surrogate pair: it is counted as U+FFFD.
    counts = [encoding.count_batch(said, errors="replace", threads=threads).tolist() for encoding in encodings]
    for i, text in enumerate(texts):
        text.counts = tuple(each[i] for each in counts)
        text.chars = len(said[i])
        text.text = None


def _batches(events: Iterable[Event | Loose]) -> Iterator[tuple[list[Event], list[Text], bool]]:
    """Events, the texts that are to be counted for them, and whether that must be done before what follows."""
    batch: list[Event] = []
    texts: list[Text] = []
    chars = 0
    for event in events:
        for text in event.texts:
            if text.counts is None and text.text is not None:
                texts.append(text)
                chars += len(text.text)
        waits = False
        if isinstance(event, Loose):
            waits = event.waits
        else:
            batch.append(event)
        if waits or chars >= BATCH_CHARS or len(batch) >= BATCH_EVENTS:
            yield batch, texts, waits
            batch, texts, chars = [], [], 0
    yield batch, texts, False
