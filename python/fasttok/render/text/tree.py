"""A count report by folders as a tree: what is in each folder, all that is below it too, with bars."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from fasttok.render import format, summaries
from fasttok.render.blocks import SHOWN, Block, Note
from fasttok.render.drawing import Drawing
from fasttok.render.layout import Column, Layout
from fasttok.reports.count import Report, Tally
from fasttok.reports.presenters import register

KIND = "tree"


@dataclass
class _Folder:
    """A folder with all that is below it."""

    documents: int = 0
    tokens: Counter[str] = field(default_factory=Counter)
    folders: dict[str, _Folder] = field(default_factory=dict)

    def add(self, tally: Tally) -> None:
        self.documents += tally.documents
        self.tokens.update(tally.tokens)


def _tree(report: Report) -> _Folder:
    root = _Folder()
    for group in report.groups:
        (value,) = group.key.values()
        root.add(group)
        folder = root
        # What is in no folder is in the root alone.
        for name in [] if value == "." else [format.key(None)] if value is None else value.split("/"):
            folder = folder.folders.setdefault(name, _Folder())
            folder.add(group)
    return root


def _blocks(report: Report, width: int | None) -> list[Block]:
    root = _tree(report)
    first = report.encodings[0]
    names = Column("folder", [], is_name=True, is_key=True)
    documents = Column("docs", [])
    several = len(report.encodings) > 1
    tokens = [Column(name if several else "tokens", []) for name in report.encodings]
    share, bars = Column("share", []), Column("", [], is_name=True)

    def add(folder: _Folder, name: str, before: str) -> None:
        names.cells.append(name)
        documents.cells.append(f"{folder.documents:,}")
        for column, encoding in zip(tokens, report.encodings, strict=True):
            column.cells.append(f"{folder.tokens[encoding]:,}")
        part = folder.tokens[first] / root.tokens[first] if root.tokens[first] else 0
        share.cells.append(format.percent(part))
        bars.cells.append(format.bar(part, 1))
        below = sorted(folder.folders.items(), key=lambda item: (-item[1].tokens[first], item[0]))
        for i, (each, under) in enumerate(below):
            if len(names.cells) >= SHOWN:
                return
            last = i == len(below) - 1
            add(under, f"{before}{'└─ ' if last else '├─ '}{format.key(each)}", before + ("   " if last else "│  "))

    add(root, ".", "")
    given_up = [("docs", 24), *((column.header, 16) for column in reversed(tokens[1:])), ("", 16), ("share", 8)]
    table = Layout([names, documents, *tokens, share, bars], given_up=given_up)
    cut = [Note(f"The first {SHOWN:,} folders; JSON and CSV have all.")] if len(names.cells) >= SHOWN else []
    return [table, *cut]


def _told(report: Report) -> str:
    return summaries.run(report.manifest, report.ledger, report.totals.bytes)


register(KIND, Drawing("a tree of folders", _blocks, _told))
