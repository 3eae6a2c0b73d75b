"""Counting a folder, from files to a total: fasttok beside datatrove and polars with tiktoken.

The same documents lie as JSONL.zst, JSONL.gz and Parquet; every job is a new process that begins with the files (in the
page cache) and ends with the total, starting and loading included, with as many workers as there are cores. A document
is in one file once. Totals are compared with those of fasttok. Memory is that of all processes of the job together.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benches.compare import machine, text, vocab
from benches.compare.envs import Environment, FasttokSource, prepare
from benches.compare.rivals import Rival
from benches.jobs import corpus, process
from benches.jobs.corpus import MB, Folder

ROOT = Path(__file__).parents[2]
WORKER = Path(__file__).parent / "worker.py"


@dataclass(frozen=True)
class Contender:
    """A way to do the job."""

    name: str
    rival: Rival
    how: str
    """What it is, in a few words."""
    slow: bool = True
    """It gets the first shards only."""


def _contenders() -> tuple[Contender, ...]:
    readers = ("zstandard==0.25.0", "pyarrow==26.0.1")
    datatrove = ("datatrove==0.9.0", "tokenizers==0.23.3", "orjson", *readers)
    polars = ("polars==2.1.0", "tiktoken==0.14.0", *readers)
    of_polars = Rival("polars", polars, "polars", "", "")
    return (
        Contender(
            "fasttok", Rival("fasttok", (), "fasttok-engine", "", ""), "`fasttok count --json FOLDER`", slow=False
        ),
        Contender("datatrove", Rival("datatrove", datatrove, "datatrove", "", ""), "`TokensCounter`, a task per file"),
        Contender("polars-batch", of_polars, "tiktoken's `encode_ordinary_batch` in `map_batches`, streaming"),
        Contender("polars", of_polars, "tiktoken's `encode_ordinary` in `map_elements`, streaming"),
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benches.jobs", description=__doc__)
    parser.add_argument("--encoding", default="o200k_base", choices=vocab.ENCODINGS)
    parser.add_argument("--languages", default="eng_Latn,zho_Hans,zho_Hant", metavar="CODE,...")
    parser.add_argument("--forms", default=",".join(corpus.FORMS), metavar="FORM,...")
    parser.add_argument("--only", metavar="NAME,...", help="of the contenders")
    parser.add_argument("--shard-mb", type=float, default=4, help="text in a file (default: %(default)s)")
    parser.add_argument("--slow-shards", type=int, default=6, help="what the slow ones get (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=1, help="of each job; the fastest is kept")
    parser.add_argument("--timeout", type=float, default=600)
    parser.add_argument("--data", type=Path, help="folder of LANGUAGE.jsonl.zst (default: as benches.compare)")
    parser.add_argument("--cache", type=Path, default=ROOT / ".bench-envs", help="environments and corpora")
    parser.add_argument("--fasttok-wheel", type=Path, help="default: this source tree")
    parser.add_argument("--prepare", action="store_true", help="make environments and corpora, and measure nothing")
    arguments = parser.parse_args()

    contenders = [c for c in _contenders() if arguments.only is None or c.name in arguments.only.split(",")]
    source = FasttokSource(ROOT, arguments.fasttok_wheel)
    environments = {
        contender.name: prepare(contender.rival, arguments.cache, source, sys.executable, _say)
        for contender in contenders
    }
    files = vocab.prepare(arguments.encoding, ROOT / "rust" / "engine" / "data", arguments.cache / "vocab")
    folders = _folders(arguments)
    if arguments.prepare:
        return 0
    print(_head(arguments.encoding, source, environments, contenders))
    variables = {
        "TIKTOKEN_CACHE_DIR": str(files.tiktoken_cache),
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
    }
    for form, of_form in folders.items():
        few = of_form[: arguments.slow_shards]
        totals: dict[int, dict[str, int]] = {}
        for contender in contenders:
            for part in [few] if contender.slow else [of_form, few]:
                environment = environments[contender.name]
                try:
                    cost = _best(contender, environment, files, part, variables, arguments)
                except process.FailedError as error:
                    print(f"| {form} | {contender.name} | failed: {error} |||||||", flush=True)
                    continue
                counted = _counted(contender, cost.output)
                print(_row(form, contender, part, cost, counted, totals.setdefault(len(part), counted)), flush=True)
    return 0


def _folders(arguments: argparse.Namespace) -> dict[str, list[Folder]]:
    """The shards by form, made anew unless they are there as they are wanted."""
    corpora = text.corpora_folder(arguments.data, ROOT)
    cache = arguments.cache / "jobs"
    wanted = {"languages": arguments.languages, "shard_mb": arguments.shard_mb}
    stamp = cache / "stamp.json"
    if stamp.exists() and (known := json.loads(stamp.read_text()))["wanted"] == wanted:
        return {
            form: [Folder(Path(path), form, size, documents) for path, size, documents in known[form]]
            for form in arguments.forms.split(",")
        }
    shutil.rmtree(cache, ignore_errors=True)
    parts = list(corpus.shards(corpora, arguments.languages.split(","), int(arguments.shard_mb * MB)))
    made = {form: corpus.prepare(parts, cache, form) for form in corpus.FORMS}
    listed = {form: [(str(f.path), f.bytes, f.documents) for f in folders] for form, folders in made.items()}
    stamp.write_text(json.dumps({"wanted": wanted, **listed}))
    return {form: made[form] for form in arguments.forms.split(",")}


def _best(
    contender: Contender,
    environment: Environment,
    files: vocab.VocabularyFiles,
    folders: Sequence[Folder],
    variables: Mapping[str, str],
    arguments: argparse.Namespace,
) -> process.Cost:
    if environment.problem:
        raise process.FailedError(environment.problem)
    paths = [str(folder.path) for folder in folders]
    if contender.name == "fasttok":
        command = [str(environment.python), "-m", "fasttok", "count", "--json", "-e", files.encoding, *paths]
    else:
        tokenizer = str(files.tokenizer_json) if contender.name == "datatrove" else files.encoding
        threads = str(len(machine.available_cores()))
        command = [str(environment.python), str(WORKER), contender.name, folders[0].form, tokenizer, threads, *paths]
    costs = [process.run(command, variables, arguments.timeout) for _ in range(arguments.rounds)]
    return min(costs, key=lambda cost: cost.wall)


def _counted(contender: Contender, output: str) -> dict[str, int]:
    found = json.loads(output)
    if contender.name == "fasttok":
        totals = found["totals"]
        return {"tokens": next(iter(totals["encodings"].values()))["tokens"], "documents": totals["documents"]}
    return {"tokens": found["tokens"], "documents": found["documents"]}


def _head(
    encoding: str, source: FasttokSource, environments: Mapping[str, Environment], contenders: Sequence[Contender]
) -> str:
    facts = machine.facts()
    lines = [
        f"{encoding}; {facts['cpu']}, {facts['cores']} cores{' (virtual)' if facts['virtual'] else ''}, "
        f"Python {facts['python']}, {facts['date']}; fasttok: {source.describe()}",
        "",
        "| | version | how |",
        "|---|---|---|",
    ]
    for contender in contenders:
        packages = environments[contender.name].packages
        names = [
            contender.rival.distribution,
            *(n for n in ("tokenizers", "tiktoken") if contender.slow and n in packages),
        ]
        versions = ", ".join(f"{name} {packages.get(name, '')}" for name in names)
        lines.append(f"| {contender.name} | {versions} | {contender.how} |")
    lines += [
        "",
        "| form | | MB of text | wall, s | CPU, s | MB/s | MB per CPU s | peak, MB | tokens |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    return "\n".join(lines)


def _row(
    form: str,
    contender: Contender,
    part: Sequence[Folder],
    cost: process.Cost,
    counted: Mapping[str, int],
    expected: Mapping[str, int],
) -> str:
    size = sum(folder.bytes for folder in part) / MB
    documents = sum(folder.documents for folder in part)
    remarks = ["equal" if counted["tokens"] == expected["tokens"] else f"not {expected['tokens']:,}"]
    if counted["documents"] != documents:
        remarks.append(f"{counted['documents']:,} of {documents:,} documents")
    return (
        f"| {form} | {contender.name} | {size:.1f} | {cost.wall:.2f} | {cost.cpu:.2f} | {size / cost.wall:.1f} | "
        f"{size / cost.cpu:.1f} | {cost.peak / MB:.0f} | {counted['tokens']:,} ({', '.join(remarks)}) |"
    )


def _say(message: str) -> None:
    print(message, file=sys.stderr)


if __name__ == "__main__":
    raise SystemExit(main())
