"""Tokenizers of other libraries: what each would write into its file. Imports none of these libraries."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from fasttok._fasttok import Encoding
from fasttok.errors import InputError, UnsupportedTokenizerError
from fasttok.tokenizers.origin import Origin


def content_of(x: object, made: Origin) -> tuple[bytes | Path, Origin, str]:
    """What `x` would write into its file, or the file it was made from; how it is loaded; what messages call it."""
    library = type(x).__module__.partition(".")[0]
    kind = type(x).__qualname__ if library == "builtins" else f"{type(x).__module__}.{type(x).__qualname__}"
    given: Any = x
    if isinstance(x, Encoding):
        raise InputError(f"{x!r} is loaded already")
    # fasttok's own stand-in has the same attributes.
    if library in ("tiktoken", "fasttok") and hasattr(x, "_mergeable_ranks"):
        return _of_tiktoken(given, made)
    if library in ("tokenizers", "fasttok") and hasattr(x, "to_str"):
        return _of_data(given.to_str().encode(), made, "tokenizer", kind)
    if library == "sentencepiece" and hasattr(x, "serialized_model_proto"):
        return _of_data(given.serialized_model_proto(), made, "sentencepiece", kind)
    called = os.path.basename(os.path.normpath(str(getattr(x, "name_or_path", "") or "tokenizer")))
    backend = getattr(x, "backend_tokenizer", None)
    if hasattr(backend, "to_str"):
        return _of_data(given.backend_tokenizer.to_str().encode(), made, called, kind)
    for tokenizer in (x, backend):
        if type(tokenizer).__module__.partition(".")[0] == "tokenizers":
            name = called if tokenizer is backend else "tokenizer"
            return _of_data(_pickled_tokenizer(tokenizer, kind), made, name, kind)
    file = getattr(x, "vocab_file", None)
    if isinstance(file, (str, os.PathLike)) and os.path.isfile(file):
        return Path(file), replace(made, name=made.name or called), str(file)
    raise UnsupportedTokenizerError(
        f"a {kind} cannot be loaded: a path, bytes, a hub name, or a tokenizer of tiktoken, tokenizers, "
        "transformers or sentencepiece can",
        component=kind,
    )


def _pickled_tokenizer(tokenizer: Any, kind: str) -> bytes:
    """The tokenizer.json of a tokenizer of version 1, which has no ``to_str``: what it is pickled as says the same.

    That is JSON of version 2.0: a model tells itself that it works on bytes, where version 1.0 of the format has a last
    pre-tokenizer for it, and the post-processor, which adds tokens around a text and counts for nothing, is written
    otherwise.
    Of two tokens that are the same text to such a model (a blank, and the sign for it) only one is pickled: a copy that
    the library itself unpickles has other ids then.

    Raises ``UnsupportedTokenizerError`` for that, for JSON of another version, or with what that version does not have.
    """
    try:
        given = json.loads(tokenizer.__reduce__()[1][0])
        model = dict(given["model"])
        unknown = sorted({*(given.keys() - _OF_VERSION_2), *(model.keys() - _OF_MODELS_2)})
        if given["version"] != "2.0" or unknown:
            raise ValueError(f"JSON of version {given['version']}" + f" with {', '.join(unknown)}" * bool(unknown))
        ids = (
            {*model["vocab"].values(), *(token["id"] for token in given["added_tokens"])} if "merges" in model else {0}
        )
        # Nothing says how many tokens there are: the highest ones may be left out, too.
        asked = {*range(max(ids) + 1 + _ABOVE)} - ids
        lost = sum(tokenizer.decode([id], skip_special_tokens=False) != "" for id in asked)
        if lost:
            raise ValueError(f"it leaves out {lost} of its tokens")
        is_byte_level = model.pop("byte_level", False)
    except (TypeError, KeyError, IndexError, ValueError, AttributeError) as error:
        raise UnsupportedTokenizerError(
            f"a {kind} of tokenizers {_version('tokenizers')} cannot be loaded, for what it is pickled as is not known "
            f"({error}): load the tokenizer.json that it was made from, or install 'tokenizers<1'",
            component=kind,
        ) from None
    if is_byte_level:
        steps = [given["pre_tokenizer"]] if given["pre_tokenizer"] else []
        to_bytes = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
        given["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [*_flat(steps), to_bytes]}
    given.pop("role_to_token", None)
    return json.dumps(given | {"version": "1.0", "post_processor": None, "model": model}, ensure_ascii=False).encode()


#: So many ids above the highest known one are asked for.
_ABOVE = 1000
_OF_VERSION_2 = {
    *("version", "truncation", "padding", "role_to_token", "added_tokens", "normalizer", "pre_tokenizer"),
    *("post_processor", "decoder", "model"),
}
_OF_MODELS_2 = {
    *("type", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", "byte_fallback"),
    *("ignore_merges", "byte_level", "vocab", "merges", "max_input_chars_per_word", "unk_id"),
}


def _flat(steps: list[Any]) -> list[Any]:
    """Pre-tokenizers, with those of a sequence in its place."""
    return [one for step in steps for one in (_flat(step["pretokenizers"]) if step["type"] == "Sequence" else [step])]


def _version(library: str) -> str:
    return str(getattr(sys.modules.get(library), "__version__", "of an unknown version"))


def _of_data(data: bytes, made: Origin, called: str, kind: str) -> tuple[bytes, Origin, str]:
    return data, replace(made, name=made.name or called), f"the {kind}"


def _of_tiktoken(x: Any, made: Origin) -> tuple[bytes, Origin, str]:
    """As the rank file that `x` was made from: its hash is that of the official file."""
    if made.pattern is not None or made.special_tokens is not None:
        raise InputError("a tiktoken.Encoding has its own pattern and special tokens")
    special_tokens = tuple(sorted(x._special_tokens.items(), key=lambda item: item[1]))
    made = replace(made, pattern=pattern_of(x._pat_str), special_tokens=special_tokens)
    return _of_data(rank_file(x._mergeable_ranks), made, x.name, "tiktoken.Encoding")


def rank_file(ranks: Mapping[bytes, int]) -> bytes:
    """The rank file with these tokens."""
    file = io.BytesIO()
    for token, rank in sorted(ranks.items(), key=lambda item: item[1]):
        file.write(base64.b64encode(token) + b" %d\n" % rank)
    return file.getvalue()


def pattern_of(pat_str: str) -> str:
    """A pattern of tiktoken as ``load`` takes it: one without signs must not be taken for the name of a family."""
    return f"(?:{pat_str})" if re.fullmatch(r"[\w.-]+", pat_str) else pat_str
