"""Conversations as mistral-common lays them out, with the texts in them encoded by fasttok.

That library decides everything but the ids of texts: templates of each version, what a request may hold, special
tokens.
"""

from __future__ import annotations

import functools
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fasttok._fasttok import Encoding
from fasttok._util.extras import need
from fasttok.errors import InputError
from fasttok.tokenizers.origin import Origin, read_file


def ids(
    encoding: Encoding, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] | None = None
) -> list[int]:
    """The ids that a Mistral model is sent for a conversation.

    Raises ``InputError`` for a conversation that mistral-common refuses (an order of roles, a part that the version
    does not have) and for an encoding that is no tekken file or model of Mistral; ``MissingExtraError`` without the
    library.
    """
    purpose = "a conversation of a Mistral model"
    exceptions = need("mistral_common.exceptions", "mistral", purpose)
    request = need("mistral_common.protocol.instruct.request", "mistral", purpose)
    tokenizer = _tokenizer(encoding)
    try:
        made = request.ChatCompletionRequest.from_openai(
            messages=json.loads(json.dumps(list(messages))), tools=None if tools is None else list(tools)
        )
        found: list[int] = tokenizer.encode_chat_completion(made).tokens
    except (exceptions.MistralCommonException, ValueError, TypeError, KeyError, AssertionError) as error:
        raise InputError(f"mistral-common refuses the conversation: {error}") from error
    return found


@functools.lru_cache(maxsize=8)
def _tokenizer(encoding: Encoding) -> Any:
    library = need("mistral_common.tokens.tokenizers.mistral", "mistral", "a conversation of a Mistral model")
    made: Origin | None = encoding._origin
    if made is None or made.path is None:
        raise InputError(f"{encoding!r} was not loaded from a file: mistral-common cannot read it")
    data, _ = read_file(Path(made.path))
    # The reader goes by the name.
    name = "tekken.json" if data.lstrip()[:1] == b"{" else Path(made.path).name
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / name
        copy.write_bytes(data)
        try:
            tokenizer = library.MistralTokenizer.from_file(str(copy))
        except Exception as error:
            raise InputError(f"{made.path} is no tokenizer that mistral-common reads: {error}") from error
    inner = tokenizer.instruct_tokenizer
    if type(inner.tokenizer).__name__ == "Tekkenizer":
        inner.tokenizer = _Tekken(inner.tokenizer, encoding)
    return tokenizer


class _Tekken:
    """The library's tokenizer, but for the ids of texts."""

    def __init__(self, tokenizer: Any, encoding: Encoding) -> None:
        self._tokenizer = tokenizer
        self._encoding = encoding

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tokenizer, name)

    def encode(self, s: str, bos: bool, eos: bool) -> list[int]:
        """The ids of a text, between those of begin and end where they are asked for."""
        found = self._encoding.encode(s, as_list=True)
        return [self.bos_id] * bos + found + [self.eos_id] * eos
