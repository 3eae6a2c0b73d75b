"""The sample of `fasttok demo` as tables: a count report whose groups are languages that say the same."""

from __future__ import annotations

from fasttok.render import format
from fasttok.render.blocks import Block, Note, Title
from fasttok.render.drawing import Drawing
from fasttok.render.layout import Column, Layout
from fasttok.reports.count import Group, Report
from fasttok.reports.presenters import register

PIVOT = "eng_Latn"
LANGUAGES = {
    "arb_Arab": "Arabic",
    "deu_Latn": "German",
    "eng_Latn": "English",
    "fra_Latn": "French",
    "hin_Deva": "Hindi",
    "jpn_Jpan": "Japanese",
    "kor_Hang": "Korean",
    "rus_Cyrl": "Russian",
    "spa_Latn": "Spanish",
    "tha_Thai": "Thai",
    "tur_Latn": "Turkish",
    "vie_Latn": "Vietnamese",
    "zho_Hans": "Chinese, simplified",
    "zho_Hant": "Chinese, traditional",
}

NOTE = (
    "The same 40 sentences in each language, written for this demonstration. They show what the command "
    "does; they are too few, and of too many kinds, to be evidence about any language or tokenizer."
)


def _blocks(report: Report, width: int | None) -> list[Block]:
    first = report.encodings[0]
    names = Column("language", [LANGUAGES[_code(group)] for group in report.groups], is_name=True, is_key=True)

    measured = [group.measures(first) for group in report.groups]
    sizes = Layout(
        [
            names,
            Column("bytes", [f"{group.bytes:,}" for group in report.groups]),
            Column("chars", [f"{group.chars:,}" for group in report.groups]),
            Column("tokens", [f"{measure['tokens']:,}" for measure in measured]),
            Column("tok/char", [format.decimal(measure["tokens_per_char"], 3) for measure in measured]),
            Column("B/tok", [format.decimal(measure["bytes_per_token"], 2) for measure in measured]),
            Column("× English", [format.decimal(_times(report, group, first), 2) for group in report.groups]),
        ]
    )
    relative = [
        Column(name, [format.decimal(_times(report, group, name), 2) for group in report.groups])
        for name in report.encodings
    ]
    return [
        Title(f"{first}: what the same text costs in each language"),
        sizes,
        Title("Tokens relative to English, by encoding"),
        Layout([names, *relative]),
        Note(NOTE),
    ]


def _code(group: Group) -> str:
    """The language of a group, as a FLORES code."""
    return group.key["language"] or ""


def _times(report: Report, group: Group, encoding: str) -> float | None:
    """How many times the tokens of the pivot language the group has."""
    pivot = next(other for other in report.groups if _code(other) == PIVOT)
    return group.tokens[encoding] / pivot.tokens[encoding] if pivot.tokens[encoding] else None


register("demo", Drawing("the demonstration", _blocks, lambda report: NOTE))
