"""Which encoding which model uses, as tiktoken 0.14.0 says."""

from __future__ import annotations

from .errors import UnknownModelError

MODEL_TO_ENCODING: dict[str, str] = {
    "o1": "o200k_base",
    "o3": "o200k_base",
    "o4-mini": "o200k_base",
    "gpt-5": "o200k_base",
    "gpt-4.1": "o200k_base",
    "gpt-4o": "o200k_base",
    "gpt-4": "cl100k_base",
    "gpt-3.5-turbo": "cl100k_base",
    "gpt-3.5": "cl100k_base",
    "gpt-35-turbo": "cl100k_base",
    "davinci-002": "cl100k_base",
    "babbage-002": "cl100k_base",
    "text-embedding-ada-002": "cl100k_base",
    "text-embedding-3-small": "cl100k_base",
    "text-embedding-3-large": "cl100k_base",
    "text-davinci-003": "p50k_base",
    "text-davinci-002": "p50k_base",
    "text-davinci-001": "r50k_base",
    "text-curie-001": "r50k_base",
    "text-babbage-001": "r50k_base",
    "text-ada-001": "r50k_base",
    "davinci": "r50k_base",
    "curie": "r50k_base",
    "babbage": "r50k_base",
    "ada": "r50k_base",
    "code-davinci-002": "p50k_base",
    "code-davinci-001": "p50k_base",
    "code-cushman-002": "p50k_base",
    "code-cushman-001": "p50k_base",
    "davinci-codex": "p50k_base",
    "cushman-codex": "p50k_base",
    "text-davinci-edit-001": "p50k_edit",
    "code-davinci-edit-001": "p50k_edit",
    "text-similarity-davinci-001": "r50k_base",
    "text-similarity-curie-001": "r50k_base",
    "text-similarity-babbage-001": "r50k_base",
    "text-similarity-ada-001": "r50k_base",
    "text-search-davinci-doc-001": "r50k_base",
    "text-search-curie-doc-001": "r50k_base",
    "text-search-babbage-doc-001": "r50k_base",
    "text-search-ada-doc-001": "r50k_base",
    "code-search-babbage-code-001": "r50k_base",
    "code-search-ada-code-001": "r50k_base",
    "gpt2": "gpt2",
    "gpt-2": "gpt2",
}

# In this order: the first prefix that fits decides.
MODEL_PREFIX_TO_ENCODING: dict[str, str] = {
    "o1-": "o200k_base",
    "o3-": "o200k_base",
    "o4-mini-": "o200k_base",
    "gpt-5": "o200k_base",
    "gpt-4.5-": "o200k_base",
    "gpt-4.1-": "o200k_base",
    "chatgpt-4o-": "o200k_base",
    "gpt-4o-": "o200k_base",
    "gpt-4-": "cl100k_base",
    "gpt-3.5-turbo-": "cl100k_base",
    "gpt-35-turbo-": "cl100k_base",
    "gpt-oss-": "o200k_harmony",
    "ft:gpt-4o": "o200k_base",
    "ft:gpt-4": "cl100k_base",
    "ft:gpt-3.5-turbo": "cl100k_base",
    "ft:davinci-002": "cl100k_base",
    "ft:babbage-002": "cl100k_base",
}

# Families whose tokenizer is on the maker's servers only: what begins so, and how to count instead.
_NOT_PUBLIC: dict[str, str] = {
    "claude-": "Anthropic has not published the tokenizer of Claude 3 and later; its API counts "
    "tokens (POST /v1/messages/count_tokens)",
    "gemini-": "Google has not published the tokenizer of the Gemini API as a file for this use; "
    "its API counts tokens (models.countTokens)",
}


def encoding_name_for_model(model: str) -> str:
    """The name of the encoding that a model of OpenAI uses.

    A model that is not in the table is judged by its prefix (``gpt-4o-2024-05-13``), which therefore
    also fits models that do not exist.

    Raises ``UnknownModelError`` (a ``ValueError`` and ``KeyError``) with the nearest names.
    """
    if model in MODEL_TO_ENCODING:
        return MODEL_TO_ENCODING[model]
    for prefix, name in MODEL_PREFIX_TO_ENCODING.items():
        if model.startswith(prefix):
            return name
    # "anthropic/claude-..." and "models/gemini-..." are the same models under the names of a router.
    bare = model.lower().rpartition("/")[2].rpartition(".")[2]
    for prefix, reason in _NOT_PUBLIC.items():
        if bare.startswith(prefix) or prefix in model.lower():
            raise UnknownModelError(f"the tokenizer of {model!r} is not public: {reason}", name=model, nearest=[])
    import difflib

    nearest = difflib.get_close_matches(model, MODEL_TO_ENCODING, n=3, cutoff=0.5)
    message = f"it is not known which encoding {model!r} uses"
    if nearest:
        message += f"; did you mean {', '.join(nearest)}?"
    message += " Name the encoding itself: get_encoding(name), names by list_encodings()"
    raise UnknownModelError(message, name=model, nearest=nearest)
