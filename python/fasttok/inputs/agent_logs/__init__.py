"""Logs of agents: files to events, one parser a format.

Files are read by the one reader of the compiled part, line by line, and texts stay there: what a parser gets of a
record are the members that it asks for. A file whose first line is no JSON by itself is one JSON value over several
lines. The format is that of the first record of a file that one of the parsers recognises.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

from fasttok._fasttok import JsonArray, JsonLine, JsonObject, _read_json
from fasttok.inputs.agent_logs.atif import Atif
from fasttok.inputs.agent_logs.claude_code import ClaudeCode
from fasttok.inputs.agent_logs.codex import Codex
from fasttok.inputs.agent_logs.events import Event, Loose
from fasttok.inputs.agent_logs.otel import OpenTelemetry
from fasttok.inputs.agent_logs.parser import Parser
from fasttok.inputs.documents import Reader
from fasttok.options import CorpusOptions

PARSERS: tuple[type[Parser], ...] = (Codex, ClaudeCode, Atif, OpenTelemetry)
"""One a format. Whose turn it is to recognise a record first is the order."""

FORMATS = tuple(parser.name for parser in PARSERS)

UNKNOWN = "unknown_record"
NO_LOG = "not_a_log"
BROKEN = "broken_json"
CUT_OFF = "truncated"


class AgentLogs:
    """The events of all files. When they are taken, `ledger`, `parsers` and `bytes` are known."""

    def __init__(self, paths: Sequence[str], options: CorpusOptions, format: str | None = None) -> None:
        self.reader = Reader(paths, (), replace(options, format="lines"))
        self.parsers = {parser.name: parser() for parser in PARSERS}
        self.files: dict[str, int] = dict.fromkeys(self.parsers, 0)
        """How many files there are of each format."""
        self.bytes = 0
        """UTF-8 bytes of the lines that were read, with their ends."""
        self._fixed = None if format is None else self.parsers[format]
        self._parser: Parser | None = None
        self._file: str | None = None
        self._is_first = True
        self._whole: list[JsonLine] = []
        """The lines so far of a file that is one value."""
        self._broken: tuple[JsonLine, str] | None = None
        """A line that is no JSON: cut off, if it turns out to be the last of its file."""
        self._others: list[JsonLine] = []
        """The first line of a file that is no log, and how many there are."""
        self._other_rows = 0

    def __iter__(self) -> Iterator[Event | Loose]:
        with closing(self.reader.json_lines()) as batches:
            for batch in batches:
                for line in batch:
                    record = line.value
                    parser = self._parser
                    # What nearly all lines are: a record of the file that is read, whose format is known.
                    if (
                        parser is None
                        or type(record) is not JsonObject
                        or line.file != self._file
                        or self._broken is not None
                    ):
                        yield from self._line(line)
                        continue
                    self.bytes += line.bytes + 1
                    kind = parser.kind(record)
                    parser.records[kind] += 1
                    events = parser.read(record)
                    if events is None:
                        self.reader.skip(line, UNKNOWN, kind)
                    elif events:
                        yield from events
        yield from self._end_of_file()
        yield Loose([], waits=True)
        for parser in self.parsers.values():
            yield from parser.end()

    def _line(self, line: JsonLine) -> Iterator[Event | Loose]:
        if line.file != self._file:
            yield from self._end_of_file()
            self._begin(line.file)
        self.bytes += line.bytes + 1
        if self._whole:
            self._whole.append(line)
            return
        if self._others:
            self._other_rows += 1
            return
        if self._broken is not None:
            self._tell_broken(BROKEN)
        if line.fault is None:
            yield from self._records(line.value, line)
            return
        text = line.text
        if not text or text.isspace():
            return
        if self._is_first and text.lstrip("\ufeff \t")[:1] in ("{", "["):
            self._whole = [line]
        elif self._is_first and self._fixed is None:
            self._others, self._other_rows = [line], 1
        else:
            self._broken = line, line.fault

    def _begin(self, file: str) -> None:
        self._file = file
        self._is_first = True
        self._parser = None

    def _records(self, value: Any, line: JsonLine, rows: int = 1) -> Iterator[Event | Loose]:
        """The events of a record, or of a list of them. Its `rows` are skipped where nothing in it is known."""
        self._is_first = False
        unknown: str | None = "empty list"
        is_known = False
        for record in value if isinstance(value, JsonArray) else [value]:
            unknown = yield from self._record(record, line)
            is_known = is_known or unknown is None
        if not is_known:
            self.reader.skip(line, UNKNOWN, str(unknown), rows)

    def _record(self, record: Any, line: JsonLine) -> Generator[Event | Loose, None, str | None]:
        """The events of a record. Returns what kind it is of, if that is not known."""
        if self._parser is None:
            found = self._fixed or next((self.parsers[p.name] for p in PARSERS if p.recognises(record)), None)
            if found is None:
                return "record of no known log"
            self._parser = found
            self.files[found.name] += 1
            found.begin(line.file)
        parser = self._parser
        kind = parser.kind(record)
        events = parser.read(record)
        parser.records[kind] += 1
        if events is None:
            return kind
        yield from events
        return None

    def _tell_broken(self, reason: str) -> None:
        assert self._broken is not None
        (line, detail), self._broken = self._broken, None
        self.reader.skip(line, reason, detail)

    def _end_of_file(self) -> Iterator[Event | Loose]:
        if self._broken is not None:
            self._tell_broken(CUT_OFF)
        if self._others:
            first, rows = self._others[0], self._other_rows
            self._others = []
            self.reader.skip(first, NO_LOG, "a log of an agent is JSON lines or JSON", rows)
        if self._whole:
            lines, self._whole = self._whole, []
            try:
                record = _read_json("\n".join(line.text for line in lines))
            except ValueError as error:
                # Its lines may be records of which only the first is broken.
                yield from self._lines_after_all(lines, str(error))
                return
            yield from self._records(record, lines[0], len(lines))

    def _lines_after_all(self, lines: Sequence[JsonLine], detail: str) -> Iterator[Event | Loose]:
        self._is_first = False
        if len(lines) == 1:
            self.reader.skip(lines[0], CUT_OFF, detail)
            return
        if not any(isinstance(line.value, JsonObject) for line in lines[1:]):
            self.reader.skip(lines[0], BROKEN, detail, len(lines))
            return
        self.reader.skip(lines[0], BROKEN, detail)
        for line in lines[1:]:
            self.bytes -= line.bytes + 1
            yield from self._line(line)
        if self._broken is not None:
            self._tell_broken(CUT_OFF)
