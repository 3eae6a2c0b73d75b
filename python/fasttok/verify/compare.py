"""Comparing an encoding with the library that defines it, text by text and id by id.

The reference is read from the same file as the encoding, by other people's code: tiktoken for rank files, tokenizers
for tokenizer.json (``add_special_tokens=False``), sentencepiece for models, mistral-common for tekken.json.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias

from fasttok._fasttok import Document, Encoding
from fasttok._util.paths import PathLike
from fasttok.errors import FasttokError, TextLimitError
from fasttok.inputs.documents import Reader
from fasttok.inputs.outputs import ledger_written, watched
from fasttok.inputs.paths import as_paths, given_paths
from fasttok.options import PathsKeywords, ReadingKeywords, given
from fasttok.reports.ledger import NOTHING_READ, Ledger
from fasttok.reports.manifest import describe_account, describe_sources, run_manifest
from fasttok.reports.verification import Difference, Mode, VerificationReport
from fasttok.verify.adversarial import adversarial_texts, is_partial, token_texts
from fasttok.verify.references import Reference, reference_of

if TYPE_CHECKING:
    from typing_extensions import Unpack

_Encoded: TypeAlias = "dict[Mode, tuple[Any, Any, Any]]"
"""Ids, where each text begins in them, and counts; by mode."""

BATCH_CHARS = 1_000_000

BUILT_IN = 5_000

SEED = 2026

SHOWN = 10

CONTEXT = 4
"""Tokens before the first difference that are shown, and after it."""


@dataclass
class _Found:
    """A comparison while it goes on."""

    encoding: Encoding
    reference: Reference
    documents: int = 0
    built_in: int = 0
    bytes: int = 0
    comparisons: int = 0
    differences: int = 0
    reference_failed: int = 0
    refused: int = 0
    first: list[Difference] = field(default_factory=list)

    def report(self, ledger: Ledger = NOTHING_READ, threads: int | None = None, **files: Any) -> VerificationReport:
        """What was found, what became of the rows, and what the manifest says of `files`."""
        sums = {name: value for name, value in vars(self).items() if name not in ("encoding", "reference")}
        return VerificationReport(
            {**run_manifest({self.encoding.name: self.encoding}, threads), **files},
            encoding=self.encoding.name,
            hash=self.encoding.hash,
            pretokenizer=self.encoding.pretokenizer,
            reference=self.reference.library,
            reference_version=self.reference.version,
            special=self.reference.modes,
            ledger=ledger,
            **sums,
        )


def verify(
    encoding: Encoding,
    documents: Iterable[tuple[str, str]] = (),
    built_in: int = BUILT_IN,
    *,
    threads: int | None = None,
) -> VerificationReport:
    """Compare `encoding` with its reference on `documents`, (name, text) each, and on `built_in` generated texts.

    Texts beyond a limit of the tokenizer are left out, and numbered in the result.

    Raises ``MissingExtraError`` without the reference library, ``InputError`` where the encoding was made from
    something that no reference can read.
    """
    return _verified(encoding, documents, built_in, threads).report()


def _verified(encoding: Encoding, documents: Iterable[tuple[str, str]], built_in: int, threads: int | None) -> _Found:
    found = _Found(encoding, reference_of(encoding))
    for is_built_in, names_and_texts in ((True, adversarial(encoding, built_in)), (False, documents)):
        for batch in _batches(names_and_texts):
            try:
                encoded = _encode(found, [text for _, text in batch], threads)
            except TextLimitError:
                # Each by itself, for a batch may hold many.
                kept = [(name, text) for name, text in batch if not _is_refused(found, text)]
                found.refused += len(batch) - len(kept)
                batch, encoded = kept, _encode(found, [text for _, text in kept], threads)
            _compare(found, batch, encoded, is_built_in=is_built_in)
    return found


def verify_files(
    encoding: Encoding,
    paths: PathLike | Iterable[PathLike],
    *,
    built_in: int = BUILT_IN,
    progress: bool = False,
    **options: Unpack[PathsKeywords],
) -> VerificationReport:
    """Compare as :func:`verify` does, on the documents of files, which are read as ``fasttok.count_corpus`` reads them.

    Rows that cannot be read, and texts beyond a limit of the tokenizer, are in the ledger of the result.
    """
    taken = given("verify_files", options, PathsKeywords)
    inputs = as_paths(paths)
    reads = bool(inputs) or taken.files_from is not None
    inputs = given_paths(inputs, taken) if reads else []
    found = _verified(encoding, (), built_in, taken.threads)
    if not reads:
        return found.report(threads=taken.threads)
    with watched(progress, taken) as watched_options, ledger_written(inputs, watched_options) as run_options:
        reader = Reader(inputs, options=run_options)
        reader.each(
            lambda records: _encode(found, [record.text for record in records], taken.threads),
            lambda records, encoded: _compare(found, [(_name(r), r.text) for r in records], encoded),
        )
    account = describe_account(reader.account)
    files = {**describe_sources(inputs, taken), **taken.manifest(ReadingKeywords), **account}
    return found.report(reader.ledger, taken.threads, **files)


def _name(record: Document) -> str:
    return record.file if record.line is None else f"{record.file}:{record.line}"


def _is_refused(found: _Found, text: str) -> bool:
    try:
        _encode(found, [text], None)
    except TextLimitError:
        return True
    return False


def adversarial(encoding: Encoding, n: int) -> Iterator[tuple[str, str]]:
    """`n` generated texts: half of them any text, half of them made of the vocabulary's tokens that begin or end
    inside a character (of all that are not ASCII, if there are none). The encoding's own added tokens are strewn in.
    """
    rng = random.Random(SEED)
    added = list(encoding.added_tokens)
    tokens = list(_tokens(encoding)) if n else []
    tokens = [token for token in tokens if is_partial(token)] or [token for token in tokens if not token.isascii()]
    of_tokens = token_texts(SEED, tokens) if tokens else adversarial_texts(SEED + 1, n)
    for i, any_text in enumerate(islice(adversarial_texts(SEED, n), n)):
        text = next(of_tokens) if i % 2 else any_text
        if added and i % 3 == 0:
            for _ in range(rng.randrange(1, 4)):
                at = rng.randrange(len(text) + 1)
                space = rng.choice(("", "", " ", "  ", "\n", "a", "中"))
                text = text[:at] + space + rng.choice(added) + rng.choice(("", space, "\u0338")) + text[at:]
        yield f"built-in text {i}", text


def _tokens(encoding: Encoding) -> Iterator[bytes]:
    """The bytes of every token that has an id."""
    for id in range(encoding.n_vocab):
        try:
            yield encoding.decode_bytes([id])
        except FasttokError:
            # A hole among the ids.
            continue


def _batches(items: Iterable[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    batch: list[tuple[str, str]] = []
    size = 0
    for item in items:
        batch.append(item)
        size += len(item[1])
        if size > BATCH_CHARS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _encode(found: _Found, texts: Sequence[str], threads: int | None) -> _Encoded:
    """The ids and the counts of texts, for every mode of the reference."""
    encoding, encoded = found.encoding, {}
    for mode in found.reference.modes:
        ids, offsets = encoding.encode_batch(texts, special=mode, threads=threads)
        encoded[mode] = ids, offsets, encoding.count_batch(texts, special=mode, threads=threads)
    return encoded


def _compare(found: _Found, batch: Sequence[tuple[str, str]], encoded: _Encoded, *, is_built_in: bool = False) -> None:
    encoding = found.encoding
    given = [text for _, text in batch]
    found.bytes += sum(len(text.encode()) for text in given)
    if is_built_in:
        found.built_in += len(batch)
    else:
        found.documents += len(batch)
    for mode, (ids, offsets, counts) in encoded.items():
        for i, theirs in enumerate(found.reference.encode(given, mode)):
            if theirs is None:
                found.reference_failed += 1
                continue
            found.comparisons += 1
            ours = ids[offsets[i] : offsets[i + 1]].tolist()
            if ours == theirs and counts[i] == len(theirs):
                continue
            found.differences += 1
            if len(found.first) < SHOWN:
                found.first.append(_difference(encoding, *batch[i], mode, ours, theirs, int(counts[i])))


def _difference(
    encoding: Encoding, document: str, text: str, mode: Mode, ours: list[int], theirs: list[int], count: int
) -> Difference:
    pairs = enumerate(zip(ours, theirs, strict=False))
    at = next((i for i, (one, other) in pairs if one != other), min(len(ours), len(theirs)))
    try:
        # Normalization may have moved it: the offset is where to look, not a proof.
        offset = min(len(encoding.decode(ours[:at])), len(text))
    except ValueError:
        offset = 0
    start = max(at - CONTEXT, 0)
    around = text[max(offset - 30, 0) : offset + 30]
    end = at + CONTEXT
    return Difference(document, mode, offset, around, ours[start:end], theirs[start:end], count)
