"""Command line of the comparison: `python -m benches.compare --help`, or this file run as a script."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

REPOSITORY = Path(__file__).resolve().parents[2]
IN_DRIVER_ENVIRONMENT = "FASTTOK_BENCH_DRIVER"

if not __package__:  # run as a script
    sys.path.insert(0, str(REPOSITORY))
    __package__ = "benches.compare"

if TYPE_CHECKING:
    from .envs import Environment, FasttokSource
    from .measure import Options
    from .samples import Results, Setting
    from .text import Text

SCHEMA = "fasttok.compare/1"
ID_SHAPES = ("ids", "lists", "list")
SHAPES = ("batch", "string", "jsonl", "lines", "calls", *ID_SHAPES)
QUICK_LANGUAGES = "eng_Latn,zho_Hans,code,mixed"
MB = 1e6


def parser() -> argparse.ArgumentParser:
    """All options, with their defaults."""
    options = argparse.ArgumentParser(prog="python -m benches.compare", description=__doc__)
    add = options.add_argument
    add("--only", metavar="RIVAL,...", help="measure these (tiktoken always takes part)")
    add("--languages", metavar="CODE,...", help="eng_Latn, ..., code, mixed (default: all eleven)")
    add("--encodings", default="o200k_base,cl100k_base", metavar="NAME,...", help="default: %(default)s")
    add("--shape", default="batch", metavar="SHAPE,...", help=f"of {', '.join(SHAPES)} (default: %(default)s)")
    add("--threads", default="1", metavar="N,...", help="default: %(default)s; single calls have one")
    add("--rounds", type=int, default=5, help="slices of each text (default: %(default)s)")
    add("--passes", type=int, default=1, help="repeat everything with new processes (default: %(default)s)")
    add("--slice-mb", type=float, default=8.0, help="at most; shorter where a text is short (default: %(default)s)")
    add("--warm-mb", type=float, default=3.0, help="text counted before the first slice (default: %(default)s)")
    add("--cold-mb", type=float, default=10.0, help="first text of a new process (default: %(default)s)")
    add("--cold-rounds", type=int, default=3, help="new processes a rival and text; 0: none (default: %(default)s)")
    add("--quick", action="store_true", help="four texts, one encoding, short slices: a look, not a measurement")
    add("--core", type=int, help="where one-thread runs are pinned (default: the last core)")
    add("--timeout", type=float, default=180.0, help="seconds for one answer of a worker (default: %(default)s)")
    add("--data", type=Path, help="folder of LANGUAGE.jsonl.zst (default: $FASTTOK_DATA or ../shared/corpora)")
    add("--cache", type=Path, default=REPOSITORY / ".bench-envs", help="environments and packed text")
    add("--python", default=sys.executable, help="interpreter that the environments are made with")
    add("--fasttok-wheel", type=Path, help="a built wheel (default: built from --fasttok-source)")
    add("--fasttok-source", type=Path, default=REPOSITORY, help="source tree to install (default: this repository)")
    add("--out-json", type=Path, metavar="FILE", help="every sample; written after each text, so a broken run is kept")
    add("--out-md", type=Path, metavar="FILE", help="the tables (default: standard output)")
    add("--render", type=Path, metavar="JSON", help="measure nothing: make the tables of an earlier run")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the comparison; the exit code is 0 unless nothing could be measured."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = parser().parse_args(given)
    _enter_driver_environment(options, given)
    from . import report

    if options.render:
        data = json.loads(options.render.read_text(encoding="utf-8"))
    else:
        if options.quick:
            _make_quick(options, given)
        data = _Run(options, given).execute()
        print(report.summary(data), file=sys.stderr)
    tables = report.markdown(data)
    if options.out_md:
        options.out_md.write_text(tables, encoding="utf-8")
    else:
        print(tables)
    return 0 if data["samples"] else 1


def _enter_driver_environment(options: argparse.Namespace, given: list[str]) -> None:
    """Continue in an interpreter that has zstandard, if this one has not."""
    try:
        import zstandard  # noqa: F401
    except ImportError:
        if os.environ.get(IN_DRIVER_ENVIRONMENT):
            raise
        # The package imports zstandard only in modules that are not needed to make an environment.
        from .envs import driver_python

        python = driver_python(options.cache / "venvs", options.python)
        environment = {**os.environ, IN_DRIVER_ENVIRONMENT: "1"}
        os.execve(python, [str(python), str(Path(__file__).resolve()), *given], environment)


def _make_quick(options: argparse.Namespace, given: list[str]) -> None:
    """Smaller sizes for whatever was not asked for."""
    quick = {
        "languages": QUICK_LANGUAGES,
        "encodings": "o200k_base",
        "slice_mb": 2.5,
        "rounds": 5,
        "cold_mb": 4.0,
        "cold_rounds": 1,
    }
    for name, value in quick.items():
        flag = "--" + name.replace("_", "-")
        if not any(argument == flag or argument.startswith(flag + "=") for argument in given):
            setattr(options, name, value)


class _Run:
    """One run, from the environments to the JSON."""

    def __init__(self, options: argparse.Namespace, given: list[str]) -> None:
        from . import machine
        from .samples import Results

        self._options = options
        self._command = shlex.join(["python", "-m", "benches.compare", *_without_paths(given)])
        self._started = time.monotonic()
        self._machine = machine.facts()
        self._cores = machine.available_cores()
        self._results: Results = Results()
        self._texts: dict[str, Any] = {}
        self._rivals: dict[str, Any] = {}

    def execute(self) -> dict[str, Any]:
        """Measure everything that was asked for."""
        from . import machine, measure, vocab

        options = self._options
        encodings = _listed(options.encodings, vocab.ENCODINGS, "encoding")
        shapes = _listed(options.shape, SHAPES, "shape")
        threads = [int(number) for number in options.threads.split(",")]
        sizes = self._sizes()
        texts = self._prepared_texts()
        data = REPOSITORY / "rust" / "engine" / "data"
        files = {name: vocab.prepare(name, data, options.cache / "vocab") for name in encodings}
        environments = self._environments()
        machine.keep_off([sizes.core])
        measure.remove_jsonl(options.cache / "text")
        for name in encodings:
            entrants = [measure.Entrant(environment, files[name]) for environment in environments]
            for shape in shapes:
                taking_part = [e for e in entrants if shape in ID_SHAPES or not e.environment.rival.only_ids]
                for number in threads if shape != "calls" else [1]:
                    for text in texts:
                        self._measure(_setting(name, shape, number), text, taking_part, sizes)
        measure.remove_jsonl(options.cache / "text")
        return self._record(complete=True)

    def _measure(self, setting: Setting, text: Text, entrants: list[Any], sizes: Options) -> None:
        from .measure import Measurement

        self._say(f"{setting.encoding}, {setting.shape}, {setting.threads} thread(s): {text.language}")
        measurement = Measurement(setting, text, entrants, sizes, self._results)
        measurement.fresh()
        if setting.shape == "batch" and setting.threads == 1:
            measurement.cold()
        self._record(complete=False)

    def _environments(self) -> list[Environment]:
        from . import envs, report, rivals

        options = self._options
        names = _listed(options.only or ",".join(rivals.BY_NAME), tuple(rivals.BY_NAME), "rival")
        source: FasttokSource = envs.FasttokSource(options.fasttok_source, options.fasttok_wheel)
        chosen = [rival for rival in rivals.RIVALS if rival.name in names or rival.name == rivals.REFERENCE]
        made = [envs.prepare(r, options.cache / "venvs", source, options.python, self._say) for r in chosen]
        self._rivals = report.rivals_record(made, source.describe())
        for environment in made:
            if environment.problem:
                self._say(f"{environment.rival.name}: {environment.problem}")
                if environment.rival.name == rivals.REFERENCE:
                    raise SystemExit("without tiktoken there is nothing to compare with")
        return [environment for environment in made if not environment.problem]

    def _sizes(self) -> Options:
        from .measure import Options

        options = self._options
        core = self._cores[-1] if options.core is None else options.core
        return Options(
            rounds=options.rounds,
            passes=options.passes,
            slice_bytes=options.slice_mb * MB,
            warm_bytes=options.warm_mb * MB,
            cold_bytes=options.cold_mb * MB,
            cold_rounds=options.cold_rounds,
            core=core,
            cores=tuple(self._cores),
            timeout=options.timeout,
        )

    def _prepared_texts(self) -> list[Text]:
        from . import text

        options = self._options
        corpora = text.corpora_folder(options.data, REPOSITORY)
        limit = max((options.warm_mb + options.rounds * options.slice_mb) * MB, options.cold_mb * MB)
        wanted = _listed(options.languages or ",".join(text.LANGUAGES), tuple(text.LANGUAGES), "language")
        texts = []
        for language in wanted:
            prepared = text.prepare(language, corpora, options.cache / "text", limit)
            self._texts[language] = prepared.describe()
            texts.append(prepared)
        return texts

    def _record(self, complete: bool) -> dict[str, Any]:
        from . import machine, measure

        options = self._options
        data = {
            "schema": SCHEMA,
            "machine": self._machine,
            "run": {
                "command": self._command,
                "complete": complete,
                "seconds": round(time.monotonic() - self._started, 1),
                "load_average_after": machine.load_average(),
                "rounds": options.rounds,
                "passes": options.passes,
                "slice_mb": options.slice_mb,
                "warm_mb": options.warm_mb,
                "cold_mb": options.cold_mb,
                "cold_rounds": options.cold_rounds,
                "slow_slice_mb": measure.SLOW_SLICE_BYTES / MB,
                "again_mb": measure.AGAIN_BYTES / MB,
            },
            "rivals": self._rivals,
            "texts": self._texts,
            **self._results.to_json(),
        }
        if options.out_json:
            temporary = options.out_json.with_suffix(".part")
            temporary.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
            temporary.replace(options.out_json)
        return data

    def _say(self, line: str) -> None:
        print(f"[{time.monotonic() - self._started:5.0f} s] {line}", file=sys.stderr, flush=True)


def _setting(encoding: str, shape: str, threads: int) -> Setting:
    from .samples import Setting

    return Setting(encoding, shape, threads)


def _listed(names: str, known: Sequence[str], kind: str) -> list[str]:
    listed = [name.strip() for name in names.split(",") if name.strip()]
    for name in listed:
        if name not in known:
            raise SystemExit(f"unknown {kind} {name!r}; there are {', '.join(known)}")
    return listed


def _without_paths(given: list[str]) -> list[str]:
    """The arguments with folders left out: where things lie on a machine is nobody's business."""
    return [argument.rpartition("/")[2] if "/" in argument else argument for argument in given]


if __name__ == "__main__":
    raise SystemExit(main())
