"""Which encoding which model uses: OpenAI's as tiktoken 0.14.0 says, open ones by the vendor's own repository."""

from __future__ import annotations

import difflib
import re

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

# Open models: a pattern that the whole name matches, and a repository on the Hugging Face hub that has the
# tokenizer. Where a vendor gates its repository, that is still the one: fasttok asks no copy of unknown origin.
# Names that a vendor's API alone has (qwen3-max) are not here.
_HOSTED = "(?!.*(max|plus|turbo|flash))"
_OPEN: tuple[tuple[str, str], ...] = (
    (r"llama-?4.*", "meta-llama/Llama-4-Scout-17B-16E-Instruct"),
    (r"(meta-)?llama-?3.*", "meta-llama/Llama-3.1-8B-Instruct"),
    (r"llama-?2.*", "meta-llama/Llama-2-7b-hf"),
    (rf"qwen-?3[.]5{_HOSTED}.*", "Qwen/Qwen3.5-35B-A3B"),
    (rf"qwen-?3(?![.]){_HOSTED}.*", "Qwen/Qwen3-8B"),
    (rf"(qwen-?2[.]5|qwq){_HOSTED}.*", "Qwen/Qwen2.5-7B-Instruct"),
    (rf"qwen-?2(?![.]){_HOSTED}.*", "Qwen/Qwen2-7B-Instruct"),
    (r"deepseek-v4-flash.*", "deepseek-ai/DeepSeek-V4-Flash"),
    (r"deepseek-v4(-pro.*)?", "deepseek-ai/DeepSeek-V4-Pro"),
    (r"deepseek-v3[.]2.*", "deepseek-ai/DeepSeek-V3.2"),
    (r"deepseek-v3[.]1.*", "deepseek-ai/DeepSeek-V3.1"),
    (r"deepseek-v3.*", "deepseek-ai/DeepSeek-V3"),
    (r"deepseek-r1", "deepseek-ai/DeepSeek-R1"),
    (r"deepseek-v2.*", "deepseek-ai/DeepSeek-V2.5"),
    (r"kimi-k2[.]5.*", "moonshotai/Kimi-K2.5"),
    (r"kimi-k2-thinking.*", "moonshotai/Kimi-K2-Thinking"),
    (r"kimi-k2(-.*)?", "moonshotai/Kimi-K2-Instruct"),
    (r"glm-?5.*", "zai-org/GLM-5"),
    (r"glm-?4[.]7-flash.*", "zai-org/GLM-4.7-Flash"),
    (r"glm-?4[.]7.*", "zai-org/GLM-4.7"),
    (r"glm-?4[.]6.*", "zai-org/GLM-4.6"),
    (r"glm-?4[.]5.*", "zai-org/GLM-4.5"),
    (r"minimax-m2.*", "MiniMaxAI/MiniMax-M2"),
    (r"mimo-v2-flash.*", "XiaomiMiMo/MiMo-V2-Flash"),
    (r"mimo-7b.*", "XiaomiMiMo/MiMo-7B-RL"),
    (r"(open-)?mistral-nemo.*", "mistralai/Mistral-Nemo-Instruct-2407"),
    (r"mistral-7b-instruct-v0[.]3", "mistralai/Mistral-7B-Instruct-v0.3"),
    (r"(open-)?mistral-7b.*", "mistralai/Mistral-7B-Instruct-v0.1"),
    (r"mistral-small-3[.]1.*", "mistralai/Mistral-Small-3.1-24B-Instruct-2503"),
    (r"(open-)?mixtral-8x7b.*", "mistralai/Mixtral-8x7B-Instruct-v0.1"),
    (r"gemma-?3-.*", "google/gemma-3-4b-it"),
    (r"gemma-?2-.*", "google/gemma-2-9b-it"),
    (r"phi-?4-mini.*", "microsoft/Phi-4-mini-instruct"),
    (r"phi-?4(-reasoning.*)?", "microsoft/phi-4"),
    (r"(c4ai-)?command-r-?plus.*", "CohereLabs/c4ai-command-r-plus"),
    (r"(c4ai-)?command-r(-v01|-\d+.*)?", "CohereLabs/c4ai-command-r-v01"),
    (r"smollm-?3.*", "HuggingFaceTB/SmolLM3-3B"),
    (r"olmo-?2.*", "allenai/OLMo-2-1124-7B-Instruct"),
    (r"falcon-7b.*", "tiiuae/falcon-7b"),
    (r"starcoder-?2.*", "bigcode/starcoder2-7b"),
)

# Families whose tokenizer is on the maker's servers only: what begins so, and how to count instead.
_OLD_CLAUDE = (
    "is in no repository of Anthropic's; its SDK for Python shipped the tokenizer of Claude 1 and 2 as a file "
    "(anthropic/tokenizer.json, before 0.39): load that"
)
_ANTHROPIC = (
    "is not public: Anthropic has not published that of Claude 3 and later, and no other tokenizer counts as it does; "
    "its API counts tokens (POST /v1/messages/count_tokens)"
)
_GOOGLE = (
    "is not public: Google counts tokens of Gemini by its API (models.countTokens). Its SDK for Python counts text "
    "locally with the tokenizer of Gemma 3: for that number, which is Gemma's and only as good as Google's word that "
    "they agree, load it (fasttok.load('google/gemma-3-4b-it'))"
)
_XAI = "is not public: xAI has not published that of Grok 3 and later; its API counts tokens (POST /v1/tokenize-text)"
_NOT_PUBLIC: dict[str, str] = {
    "claude-1": _OLD_CLAUDE,
    "claude-2": _OLD_CLAUDE,
    "claude-instant": _OLD_CLAUDE,
    "claude-": _ANTHROPIC,
    "gemini-": _GOOGLE,
    "grok-3": _XAI,
    "grok-4": _XAI,
    "grok-code": _XAI,
}


def encoding_name_for_model(model: str) -> str:
    """What the encoding of a model is called: the name of an embedded one for models of OpenAI, and for open
    models a name on the Hugging Face hub, as :func:`fasttok.load` takes it.

    A model that is not in the table is judged by its prefix (``gpt-4o-2024-05-13``), which therefore
    also fits models that do not exist. The owner in ``owner/name`` is not looked at.

    Raises ``UnknownModelError`` (a ``ValueError`` and ``KeyError``): with the nearest names where the model is not
    known, with the closest honest alternative where its tokenizer is not public.
    """
    if model in MODEL_TO_ENCODING:
        return MODEL_TO_ENCODING[model]
    for prefix, name in MODEL_PREFIX_TO_ENCODING.items():
        if model.startswith(prefix):
            return name
    # "anthropic/claude-..." and "models/gemini-..." are the same models under the names of a router.
    last = model.lower().rpartition("/")[2]
    for bare in (last, last.rpartition(".")[2]):
        for prefix, reason in _NOT_PUBLIC.items():
            if bare.startswith(prefix):
                message = f"the tokenizer of {model!r} {reason}"
                raise UnknownModelError(message, name=model, nearest=[])
    for pattern, repository in _OPEN:
        if re.fullmatch(pattern, last):
            return repository
    nearest = difflib.get_close_matches(model, MODEL_TO_ENCODING, n=3, cutoff=0.5)
    message = f"it is not known which encoding {model!r} uses"
    if nearest:
        message += f"; did you mean {', '.join(nearest)}?"
    message += (
        " Name the encoding itself: get_encoding(name), names by list_encodings(), or load(file or name on the "
        "Hugging Face hub)"
    )
    raise UnknownModelError(message, name=model, nearest=nearest)
