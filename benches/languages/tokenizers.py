"""The tokenizers that are compared, and the files they are in."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import fasttok


@dataclass(frozen=True)
class Tokenizer:
    """A tokenizer by its label: an embedded encoding, or a file (zstd-compressed in the folder of tokenizers)."""

    label: str
    spec: str
    makers: str
    """Whose models use it."""


TOKENIZERS = (
    Tokenizer("o200k_base", "o200k_base", "OpenAI: GPT-4o and later"),
    Tokenizer("cl100k_base", "cl100k_base", "OpenAI: GPT-4, GPT-3.5"),
    Tokenizer("Llama 3", "llama3.1.json", "Meta"),
    Tokenizer("Qwen 2.5", "qwen2.5.json", "Alibaba: Qwen 2.5 and 3"),
    Tokenizer("Qwen 3.5", "qwen3.5.json", "Alibaba"),
    Tokenizer("DeepSeek V3", "deepseek-v3.json", "DeepSeek: V3, R1"),
    Tokenizer("Kimi K2", "kimi-k2.tiktoken", "Moonshot AI"),
    Tokenizer("GLM 4.7", "glm-4.7-flash.json", "Z.ai"),
    Tokenizer("MiniMax M2", "minimax-m2.json", "MiniMax"),
    Tokenizer("Mistral tekken", "tekken-240911.json", "Mistral AI"),
    Tokenizer("Gemma 3", "gemma3.json", "Google"),
)


@contextlib.contextmanager
def loaded(folder: Path) -> Iterator[tuple[dict[str, fasttok.Encoding], dict[str, str]]]:
    """The tokenizers that can be loaded, by label, and why the others cannot."""
    found: dict[str, fasttok.Encoding] = {}
    refused: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for tokenizer in TOKENIZERS:
            if tokenizer.spec in fasttok.list_encodings():
                found[tokenizer.label] = fasttok.get_encoding(tokenizer.spec)
                continue
            try:
                found[tokenizer.label] = _load(folder, tokenizer.spec, Path(scratch))
            except (fasttok.FasttokError, OSError) as error:
                refused[tokenizer.label] = str(error)
        yield found, refused


def differences(encodings: Mapping[str, fasttok.Encoding], folder: Path, units: Sequence[str]) -> dict[str, int]:
    """Of how many of `units` fasttok and Hugging Face's tokenizers count otherwise, by tokenizer in that format."""
    import tokenizers

    found = {}
    with tempfile.TemporaryDirectory() as scratch:
        for tokenizer in TOKENIZERS:
            if tokenizer.label not in encodings or not tokenizer.spec.endswith(".json") or "tekken" in tokenizer.spec:
                continue
            reference = tokenizers.Tokenizer.from_file(str(_plain(folder, tokenizer.spec, Path(scratch))))
            expected = [len(e.ids) for e in reference.encode_batch(list(units), add_special_tokens=False)]
            counted = encodings[tokenizer.label].count_batch(units)
            found[tokenizer.label] = int((counted != expected).sum())
    return found


def _load(folder: Path, name: str, scratch: Path) -> fasttok.Encoding:
    return fasttok.load(_plain(folder, name, scratch))


def _plain(folder: Path, name: str, scratch: Path) -> Path:
    """The file, unpacked where it is packed."""
    plain = folder / name
    if not plain.exists():
        import zstandard

        packed = folder / f"{name}.zst"
        plain = scratch / name
        with open(packed, "rb") as source, open(plain, "wb") as target:
            zstandard.ZstdDecompressor(max_window_size=1 << 31).copy_stream(source, target)
    return plain
