"""What is often printed about tokens: a registry of claims, each with what it says in numbers. Measures nothing."""

from __future__ import annotations

from fasttok.reports.claims import Claim


def _saving(language: str, name: str, factor: float) -> Claim:
    margin = max(0.05, 0.1 * (factor - 1))
    return Claim(
        id=f"o200k-{language}",
        says=f"The vocabulary o200k_base takes {factor:g} times fewer tokens for {name}",
        source="announcement of the vocabulary, one sentence a language",
        measure="saving",
        language=language,
        low=factor - margin,
        high=factor + margin,
        encodings="o200k_base",
        older="cl100k_base",
    )


CLAIMS: tuple[Claim, ...] = (
    Claim(
        "four-characters", "1 token is about 4 characters of English", "help pages of several makers",
        "chars_per_token", "eng", 3.6, 4.4,
    ),
    Claim(
        "hundred-words", "100 words of English are 130 to 150 tokens", "help pages and tutorials",
        "tokens_per_100_words", "eng", 130, 150,
    ),
    Claim(
        "chinese-fewer", "Chinese inherently uses fewer tokens than English", "posts and forums",
        "premium", "zho", 0, 1,
    ),
    Claim(
        "chinese-character", "1 Chinese character is 1.5 to 2 tokens", "help pages and tutorials",
        "tokens_per_char", "zho", 1.5, 2,
    ),
    Claim(
        "deepseek-english", "1 English character is about 0.3 tokens (DeepSeek)", "the maker's documentation",
        "tokens_per_char", "eng", 0.27, 0.33, "(?i).*deepseek.*",
    ),
    Claim(
        "deepseek-chinese", "1 Chinese character is about 0.6 tokens (DeepSeek)", "the maker's documentation",
        "tokens_per_char", "zho", 0.54, 0.66, "(?i).*deepseek.*",
    ),
    _saving("hin", "Hindi", 2.9),
    _saving("guj", "Gujarati", 4.4),
    _saving("tel", "Telugu", 3.5),
    _saving("tam", "Tamil", 3.3),
    _saving("arb", "Arabic", 2.0),
    _saving("rus", "Russian", 1.7),
    _saving("kor", "Korean", 1.7),
    _saving("vie", "Vietnamese", 1.5),
    _saving("zho", "Chinese", 1.4),
    _saving("jpn", "Japanese", 1.4),
    _saving("deu", "German", 1.2),
    _saving("eng", "English", 1.1),
)  # fmt: skip
