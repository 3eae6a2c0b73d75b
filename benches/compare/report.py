"""Markdown of a run. Ratios first, losses as plain as wins: the fastest of a row is bold, whoever it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .rivals import BY_NAME, REFERENCE
from .samples import Cold, Fresh, Results, Setting, Spread, cold, disturbed, fresh
from .text import LANGUAGES

SHAPE_TITLES = {
    "batch": "batch of documents",
    "string": "one large string",
    "jsonl": "JSONL file",
    "lines": "short lines, 50-100 bytes",
    "calls": "one call a short string",
    "ids": "ids of a batch of documents, in the form of the library",
    "lists": "ids of a batch of documents, as lists",
    "list": "ids of one document a call, as a list",
}

DETAILS_NOTE = (
    "Memory is the process's resident memory: once loaded; at its highest over all slices, their text included; and, "
    "of a new process, what counting its first text added at most (text and vocabulary were there before)."
)

Cell = tuple[str, float | None]
"""The text of a cell, and the value by which the best of the row is found."""


def markdown(data: dict[str, Any]) -> str:
    """The whole report of one run, from its JSON."""
    results = Results.from_json(data)
    parts = ["# Token counting: fasttok and others", _head(data, results)]
    for setting in results.settings():
        parts.extend(_Tables(data, results, setting).all())
    parts.extend(_threads(data, results))
    parts.append(_problems(results))
    return "\n\n".join(part for part in parts if part) + "\n"


class _Tables:
    """The tables of one setting."""

    def __init__(self, data: dict[str, Any], results: Results, setting: Setting) -> None:
        self._data = data
        self._results = results
        self._setting = setting
        self._rivals: list[str] = list(data["rivals"])
        self._languages = [name for name in LANGUAGES if name in results.languages(setting)]
        self._fresh = {(x, y): fresh(self._pick("fresh", x, y)) for x in self._languages for y in self._rivals}
        self._cold = {(x, y): cold(self._pick("cold", x, y)) for x in self._languages for y in self._rivals}

    def all(self) -> list[str]:
        """Every table that has figures."""
        setting = self._setting
        threads = "1 thread" if setting.threads == 1 else f"{setting.threads} threads"
        parts = [f"## {setting.encoding}, {SHAPE_TITLES[setting.shape]}, {threads}"]
        parts += ["### Fresh text", self._fresh_note(), self._matrix(self._fresh_cell)]
        if any(self._cold.values()):
            parts += ["### New process", self._cold_note(), self._matrix(self._cold_cell)]
        parts += ["### Counts that differ from tiktoken's", self._differences()]
        parts += ["### Every figure", DETAILS_NOTE, self._details()]
        return parts

    def _pick(self, phase: str, language: str, rival: str) -> Any:
        return self._results.pick(self._setting, phase, language, rival)

    def _fresh_note(self) -> str:
        if self._setting.shape == "calls":
            unit = "nanoseconds of CPU time per call"
        elif self._setting.threads > 1:
            unit = "MB per second of wall time / MB per second of CPU time"
        else:
            unit = "MB per CPU second"
        kind = "wall" if self._setting.threads > 1 else "CPU"
        return (
            f"Times as fast as tiktoken in {kind} time (median of paired slices) [{unit}]. Bold: the fastest of the "
            "row. ≠: some counts differ from tiktoken's, see below."
        )

    def _cold_note(self) -> str:
        size = max((entry.bytes for entry in self._cold.values() if entry), default=0) / 1e6
        return (
            f"From before the import to the end of the first {size:.0f} MB (or all there is, if less), vocabulary "
            "included: times as fast as tiktoken in CPU time [MB per CPU second, everything included / without "
            "import and vocabulary]."
        )

    def _fresh_cell(self, language: str, rival: str) -> Cell:
        entry = self._fresh[language, rival]
        if entry is None:
            return self._missing("fresh", language, rival), None
        if self._setting.shape == "calls":
            figure = f"{entry.call_ns.median:,.0f} ns"
        elif self._setting.threads > 1:
            figure = f"{_number(entry.wall_mb_s.median)} / {_number(entry.cpu_mb_s.median)}"
        else:
            figure = _number(entry.cpu_mb_s.median)
        mark = " ≠" if entry.differing else ""
        return f"{_number(entry.ratio.median)} [{figure}]{mark}", entry.ratio.median

    def _cold_cell(self, language: str, rival: str) -> Cell:
        entry = self._cold[language, rival]
        if entry is None:
            return self._missing("cold", language, rival), None
        inside = f"{_number(entry.mb_s.median)} / {_number(entry.mb_s_without_load.median)}"
        return f"{_number(entry.ratio.median)} [{inside}]", entry.ratio.median

    def _missing(self, phase: str, language: str, rival: str) -> str:
        problem = self._results.problem(self._setting, phase, language, rival)
        if problem is None:
            reason = self._data["rivals"][rival].get("problem") or ""
            return f"none: {_short(reason)}" if reason else "-"
        return f"none: {_short(problem.reason)}"

    def _matrix(self, cell: Callable[[str, str], Cell]) -> str:
        rows = []
        for language in self._languages:
            cells = [cell(language, rival) for rival in self._rivals]
            best = max((value for _, value in cells if value is not None), default=None)
            texts = []
            for text, value in cells:
                ratio, bracket, rest = text.partition(" [")
                bold = value is not None and value == best
                texts.append(f"**{ratio}**{bracket}{rest}" if bold else text)
            rows.append([LANGUAGES[language], *texts])
        return _table(["", *self._rivals], rows)

    def _differences(self) -> str:
        rows = []
        for language in self._languages:
            for rival in self._rivals:
                entry = self._fresh[language, rival]
                if entry is not None and entry.differing:
                    total = f"{entry.token_difference:+,}"
                    rows.append([LANGUAGES[language], rival, f"{entry.differing:,} of {entry.compared:,}", total])
        if not rows:
            others = [entry for (_, rival), entry in self._fresh.items() if entry and rival != REFERENCE]
            compared = sum(entry.compared for entry in others)
            return f"None, in {compared:,} comparisons."
        return _table(["", "", "strings that differ", "tokens in all"], rows)

    def _details(self) -> str:
        header = ["", "", "ratio (min-max)", "MB/CPU s (min-max)", "MB/wall s", "slices x MB"]
        header += ["loaded, MB", "peak, MB"]
        if any(self._cold.values()):
            header += ["load, CPU s", "cold ratio (min-max)", "added by the first text, MB"]
        rows = []
        for language in self._languages:
            for rival in self._rivals:
                entry = self._fresh[language, rival]
                new = self._cold[language, rival]
                if entry is not None:
                    figures = [*self._figures(entry), *(self._cold_figures(new) if new else [])]
                    rows.append([LANGUAGES[language], rival, *figures])
        return _table(header, rows)

    @staticmethod
    def _figures(entry: Fresh) -> list[str]:
        return [
            _spread(entry.ratio),
            _spread(entry.cpu_mb_s),
            _number(entry.wall_mb_s.median),
            f"{entry.samples} x {entry.slice_bytes / 1e6:.1f}",
            f"{entry.load_rss_bytes / 1e6:.0f}",
            f"{entry.peak_bytes / 1e6:.0f}",
        ]

    @staticmethod
    def _cold_figures(entry: Cold) -> list[str]:
        return [f"{entry.load_cpu_s.median:.2f}", _spread(entry.ratio), f"{entry.added_bytes / 1e6:.0f}"]


def _head(data: dict[str, Any], results: Results) -> str:
    machine, run = data["machine"], data["run"]
    noisy, single = disturbed(results.samples)
    caches = ", ".join(f"{name} {size}" for name, size in machine["caches"].items())
    facts = [
        f"Processor: {machine['cpu']}, {machine['cores']} cores"
        f"{' (virtual)' if machine['virtual'] else ''}, {', '.join(machine['vector_flags'])}; {caches}",
        f"System: {machine['kernel']}, Python {machine['python']}, {machine['memory_kb'] / 1e6:.0f} GB of memory, "
        f"huge pages {machine['huge_pages'] or 'unknown'}",
        f"Date: {machine['date']}; {run['seconds'] / 60:.0f} minutes; load average "
        f"{_load(machine['load_average'])} before, {_load(run['load_average_after'])} after",
        f"Quiet: {noisy} of {single} one-thread samples had more than 1.15 times as much wall time as CPU time",
        f"Command: `{run['command']}`",
        f"Method: slices of up to {run['slice_mb']:g} MB after {run['warm_mb']:g} MB of warm-up; {run['rounds']} "
        f"slices, each once per process, {run['passes']} pass(es); {run['cold_rounds']} new processes for the first "
        f"{run['cold_mb']:g} MB. Slow rivals get the first {run['slow_slice_mb']:g} MB of each slice, and tiktoken the "
        "same beside them, and one new process. See benches/README.md.",
    ]
    if not run["complete"]:
        facts.append("**This run was not finished.**")
    packages = _table(
        ["", "version", "a batch gives", ""],
        [
            [name, entry["version"] or "-", entry["returns"], entry.get("problem") or entry.get("source") or ""]
            for name, entry in data["rivals"].items()
        ],
    )
    texts = _table(
        ["text", "MB", "documents", "bytes per document: 10 % / median / 90 % / longest"],
        [
            [
                LANGUAGES[name],
                f"{entry['bytes'] / 1e6:.1f}",
                f"{entry['documents']:,}",
                " / ".join(f"{entry['document_bytes'][key]:,}" for key in ("p10", "p50", "p90", "max")),
            ]
            for name, entry in data["texts"].items()
        ],
    )
    return "\n".join(f"- {fact}" for fact in facts) + f"\n\n{packages}\n\n{texts}"


def _threads(data: dict[str, Any], results: Results) -> list[str]:
    """How much more text a second several threads count than one, where a run has both."""
    parts = []
    settings = results.settings()
    for many in (setting for setting in settings if setting.threads > 1):
        one = Setting(many.encoding, many.shape, 1)
        if one not in settings:
            continue
        rows = []
        for language in (name for name in LANGUAGES if name in data["texts"]):
            row = [LANGUAGES[language]]
            for rival in data["rivals"]:
                single = fresh(results.pick(one, "fresh", language, rival))
                several = fresh(results.pick(many, "fresh", language, rival))
                if single is None or several is None:
                    row.append("-")
                else:
                    row.append(f"{several.wall_mb_s.median / single.wall_mb_s.median:.2f}")
            rows.append(row)
        title = f"## {many.threads} threads against one: {many.encoding}, {SHAPE_TITLES[many.shape]}"
        parts += [
            title,
            "MB per second of wall time, as a multiple of one thread's.",
            _table(["", *data["rivals"]], rows),
        ]
    return parts


def _problems(results: Results) -> str:
    if not results.problems:
        return ""
    seen: dict[tuple[str, str], list[str]] = {}
    for problem in results.problems:
        where = f"{problem.encoding}, {problem.shape}, {problem.threads} thread(s), {problem.phase}, {problem.language}"
        seen.setdefault((problem.rival, problem.reason), []).append(where)
    rows = [
        [rival, _escape(reason), cells[0] + (f" and {len(cells) - 1} more" if len(cells) > 1 else "")]
        for (rival, reason), cells in seen.items()
    ]
    return "## Without a figure\n\n" + _table(["", "reason", "where"], rows)


def summary(data: dict[str, Any]) -> str:
    """A few lines for the terminal at the end of a run."""
    results = Results.from_json(data)
    lines = []
    for setting in results.settings():
        for rival in data["rivals"]:
            if rival == REFERENCE:
                continue
            ratios = {
                language: entry.ratio.median
                for language in LANGUAGES
                if (entry := fresh(results.pick(setting, "fresh", language, rival)))
            }
            if ratios:
                listed = " ".join(f"{LANGUAGES[name]} {_number(value)}" for name, value in ratios.items())
                lines.append(f"{setting.encoding} {setting.shape} {setting.threads}t {rival:12} {listed}")
    return "\n".join(lines)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    filled = ([*row, *([""] * (len(header) - len(row)))] for row in rows)
    lines = [header, ["---"] * len(header), *filled]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _number(value: float) -> str:
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 0.995 else f"{value:.2f}"


def _spread(spread: Spread) -> str:
    return f"{_number(spread.median)} ({_number(spread.low)}-{_number(spread.high)})"


def _load(values: Sequence[float] | None) -> str:
    return f"{values[0]:.1f}" if values else "unknown"


def _short(reason: str) -> str:
    reason = _escape(reason)
    return reason if len(reason) <= 60 else reason[:57] + "..."


def _escape(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def rivals_record(environments: Iterable[Any], fasttok_source: str) -> dict[str, Any]:
    """What the JSON says of each rival."""
    record = {}
    for environment in environments:
        rival = BY_NAME[environment.rival.name]
        record[rival.name] = {
            "distribution": rival.distribution,
            "version": environment.version,
            "returns": rival.returns,
            "packages": environment.packages,
            "problem": environment.problem,
            "source": "" if rival.requirements else f"{environment.simd}; {fasttok_source}",
        }
    return record
