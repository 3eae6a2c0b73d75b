"""Say where the time of counting goes, by stage and language: `python -m benches.profile --help`."""

from __future__ import annotations

import argparse
import re
import struct
import subprocess
import sys
from pathlib import Path

from benches.compare import text
from benches.compare.workers import documents
from fasttok._fasttok import simd_level

from . import sources, stages

ROOT = Path(__file__).parents[2]
MB = 1_000_000


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benches.profile", description=__doc__)
    parser.add_argument("--encoding", default="o200k_base", help="default: %(default)s")
    parser.add_argument("--languages", default=",".join(text.LANGUAGES), metavar="CODE,...", help="default: all eleven")
    parser.add_argument("--mb", type=float, default=12, help="of each text (default: %(default)s)")
    parser.add_argument("--source", choices=list(sources.SOURCES), help="default: the first that works here")
    parser.add_argument("--data", type=Path, help="folder of LANGUAGE.jsonl.zst (default: as benches.compare)")
    parser.add_argument("--cache", type=Path, default=ROOT / ".bench-envs" / "profile", help="text made ready")
    parser.add_argument("--out", type=Path, metavar="FILE", help="the table (default: standard output)")
    arguments = parser.parse_args()
    try:
        source = sources.choose(arguments.source)
    except sources.NoSourceError as error:
        parser.exit(1, f"{parser.prog}: {error}\n")
    names = arguments.languages.split(",")
    unknown = sorted(set(names) - set(text.LANGUAGES))
    if unknown:
        parser.error(f"no language {', '.join(unknown)}; there are {', '.join(text.LANGUAGES)}")
    corpora = text.corpora_folder(arguments.data, ROOT)
    program = built()
    empty = arguments.cache / "nothing"
    empty.parent.mkdir(parents=True, exist_ok=True)
    empty.write_bytes(b"")
    loading = sources.weights(source, [str(program), arguments.encoding, str(empty)])
    rows = {}
    for name in names:
        packed = ready(name, corpora, arguments.cache, arguments.mb * MB)
        command = [str(program), arguments.encoding, str(packed)]
        print(f"{name}: {source}", file=sys.stderr)
        rate = speed(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        rows[text.LANGUAGES[name]] = (rate, stages.shares(sources.weights(source, command), loading, program))
    page = table(source, arguments.encoding, rows)
    if arguments.out:
        arguments.out.write_text(page, encoding="utf-8")
    else:
        print(page, end="")
    return 0


def built() -> Path:
    """The probe, linked to fixed addresses, so that an address is the same in every run."""
    command = ["cargo", "rustc", "--release", "-p", "fasttok-engine", "--example", "throughput"]
    fixed = ["-C", "relocation-model=static", "-C", "link-arg=-no-pie"]
    subprocess.run([*command, "--", *fixed], cwd=ROOT, check=True)
    return ROOT / "target" / "release" / "examples" / "throughput"


def ready(language: str, corpora: Path, cache: Path, limit: float) -> Path:
    """The text as the probe reads it: a length in four bytes before each document."""
    packed = text.prepare(language, corpora, cache, limit)
    part = packed.first(limit)
    path = cache / f"{language}.documents"
    with path.open("wb") as out:
        for document in documents.read(packed.path, part.first, part.last):
            data = document.encode()
            out.write(struct.pack("<I", len(data)) + data)
    return path


def speed(line: str) -> float:
    """MB per CPU second, of what the probe prints."""
    found = re.search(r" (\d+) MB/s$", line.strip())
    if not found:
        raise ValueError(f"not what the probe prints: {line!r}")
    return float(found[1])


def table(source: str, encoding: str, rows: dict[str, tuple[float, dict[str, float]]]) -> str:
    """Percent by stage, and the rate of a run that nothing watched."""
    lines = [
        f"{encoding}, {simd_level()}; percent of {sources.SOURCES[source]}; loading taken off.",
        "",
        f"| | MB/s | {' | '.join(stages.STAGES)} |",
        "|---" * (len(stages.STAGES) + 2) + "|",
    ]
    for name, (rate, parts) in rows.items():
        lines.append(f"| {name} | {rate:.0f} | {' | '.join(f'{100 * parts[stage]:.0f}' for stage in stages.STAGES)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
