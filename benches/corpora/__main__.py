"""Rates and peak memory of counting files, by format: `python -m benches.corpora --help`."""

from __future__ import annotations

import argparse
import bz2
import gzip
import io
import json
import lzma
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

import fasttok
from benches.compare import machine, text
from benches.compare.workers import documents
from fasttok._fasttok import simd_level

ROOT = Path(__file__).parents[2]
MB = 1_000_000
MEMORY = "in memory"
DECODERS: Mapping[str, Callable[[bytes], bytes]] = {
    "gz": gzip.decompress,
    "bz2": bz2.decompress,
    "xz": lzma.decompress,
}
"""What unpacks a format and does nothing else, on one core."""


def packed(suffix: str, data: bytes) -> bytes:
    """`data` as the usual tool writes it at its usual level."""
    match suffix:
        case "gz":
            return gzip.compress(data, 6)
        case "bz2":
            return bz2.compress(data)
        case "xz":
            return lzma.compress(data)
        case "zst":
            return zstandard.ZstdCompressor(level=3).compress(data)
    return data


def write(texts: list[str], name: str, folder: Path) -> Path:
    """`texts` as a file of this name: `jsonl`, `parquet`, or `jsonl` with the suffix of a compression."""
    path = folder / f"text.{name}"
    if name == "parquet":
        pq.write_table(pa.table({"text": texts}), path, compression="snappy", row_group_size=5000)
    else:
        lines = "".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts)
        path.write_bytes(packed(name.rpartition(".")[2], lines.encode()))
    return path


def count(encoding: fasttok.Encoding, path: Path, threads: int) -> int:
    """The tokens of a file."""
    return fasttok.count_corpus([path], encodings=[encoding], threads=threads).totals.tokens[encoding.name]


def rates(arguments: argparse.Namespace, language: str) -> dict[str, list[float]]:
    """MB of text per second, by form and round. Each slice is counted once, in a process of its own for each form."""
    names = [MEMORY, *arguments.forms.split(",")]
    found: dict[str, list[float]] = {name: [] for name in names}
    decoders: dict[str, list[float]] = {}
    for number in range(arguments.rounds):
        for name in names:
            command = [sys.executable, "-m", "benches.corpora", "--measure", name, "--round", str(number)]
            command += ["--encoding", arguments.encoding, "--threads", str(arguments.threads)]
            command += ["--rounds", str(arguments.rounds), "--languages", language, "--cache", str(arguments.cache)]
            if arguments.data:
                command += ["--data", str(arguments.data)]
            done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
            result = json.loads(done.stdout)
            found[name].append(result["rate"])
            if "decoder" in result:
                decoders.setdefault(f"{name}, unpacked only", []).append(result["decoder"])
    return found | decoders


def measure(arguments: argparse.Namespace) -> dict[str, float]:
    """The rate of one form on one slice, in this process, which is warm from other text of the same kind."""
    packed_text = prepared(arguments, arguments.languages)
    plan = packed_text.plan(3 * MB, packed_text.bytes, arguments.rounds)
    part = plan.slices[arguments.round]
    warm = documents.read(packed_text.path, plan.warm.first, plan.warm.last)
    fresh = documents.read(packed_text.path, part.first, part.last)
    size = packed_text.size(part) / MB
    encoding = fasttok.get_encoding(arguments.encoding)
    if arguments.measure == MEMORY:
        encoding.count_batch(warm, threads=arguments.threads)
        return {"rate": size / timed(lambda: encoding.count_batch(fresh, threads=arguments.threads))}
    with tempfile.TemporaryDirectory() as folder:
        count(encoding, write(warm, arguments.measure, Path(folder)), arguments.threads)
        path = write(fresh, arguments.measure, Path(folder))
        path.read_bytes()
        found = {"rate": size / timed(lambda: count(encoding, path, arguments.threads))}
        decoder = DECODERS.get(path.suffix.removeprefix("."))
        if decoder:
            data = path.read_bytes()
            found["decoder"] = size / timed(lambda: decoder(data))
    return found


def timed(call: Callable[[], Any]) -> float:
    """Seconds of wall time."""
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def prepared(arguments: argparse.Namespace, language: str) -> text.Text:
    """All text that there is of a language."""
    return text.prepare(language, text.corpora_folder(arguments.data, ROOT), arguments.cache, 60 * MB)


PROSE = 'The quick brown fox jumps over the lazy dog, and 12 of its friends wait; "so it is", they say.\\n'
"""As it is written in JSON."""


def blocks(size: int, block: str = PROSE.replace('"', "'")) -> Iterator[bytes]:
    """`size` bytes of prose."""
    many = (block * 10_000).encode()
    for _ in range(size // len(many)):
        yield many


def lines_of_records(size: int) -> Iterator[bytes]:
    """`size` bytes of records of 3 kB."""
    record = b'{"id": 1, "text": "%s"}\n' % (PROSE.replace('"', "'") * 30).encode()
    for _ in range(size // (len(record) * 1000)):
        yield record * 1000


def one_record(size: int) -> Iterator[bytes]:
    """A record of `size` bytes, with a field after its text."""
    yield b'{"id": 1, "text": "'
    yield from blocks(size)
    yield b'", "source": "a"}\n'


def one_element(size: int) -> Iterator[bytes]:
    """An array of one element of `size` bytes."""
    yield b"["
    yield from one_record(size)
    yield b"]"


def one_cell(size: int) -> Iterator[bytes]:
    """A table with one cell of `size` bytes."""
    yield b"id,text\n1,"
    yield from blocks(size, "The quick brown fox jumps over the lazy dog and 12 of its friends wait; so it is. ")
    yield b"\n"


def piped(parts: Iterator[bytes]) -> Callable[[IO[bytes]], None]:
    """Writes `parts` to a pipe."""

    def feed(pipe: IO[bytes]) -> None:
        for part in parts:
            pipe.write(part)

    return feed


def table_of(size: int, cell: int, path: Path, kind: str, columns: int = 1, compression: str = "zstd") -> Path:
    """A Parquet or Arrow file whose column `text` has `size` bytes in cells of `cell` bytes."""
    prose = "".join(part.decode() for part in blocks(min(cell, size) + MB))[:cell]
    rows = max(1, min(size // cell, 10_000))
    batch = pa.table({"text": pa.array([prose] * rows, pa.large_string())})
    for number in range(1, columns):
        batch = batch.append_column(f"c{number}", pa.array([prose[: cell // 4]] * rows))
    if kind == "parquet":
        with pq.ParquetWriter(path, batch.schema, compression=compression, use_dictionary=False) as parquet:
            for _ in range(max(1, size // (cell * rows))):
                parquet.write_table(batch)
    else:
        with pa.ipc.new_file(path, batch.schema) as arrow:
            arrow.write_table(batch)
    return path


PEAK = """
import sys, fasttok, json
report = fasttok.count_corpus(sys.argv[2:], encodings=["o200k_base"], threads=2, format=sys.argv[1] or None)
assert report.totals.documents, report.ledger
peak = report.manifest["run"]["peak_memory_bytes"]
print(json.dumps([peak, report.totals.bytes, report.manifest["bytes_read"]]))
"""


def peak(path: str | Path, feed: Callable[[IO[bytes]], None] | None = None, form: str = "") -> list[int]:
    """The most memory that a process held that counted `path`, the bytes of text, and the bytes that were read."""
    process = subprocess.Popen(
        [sys.executable, "-c", PEAK, form, str(path)], stdin=subprocess.PIPE if feed else None, stdout=subprocess.PIPE
    )
    if feed and process.stdin:
        feed(process.stdin)
        process.stdin.close()
    assert process.stdout
    output = process.stdout.read()
    if process.wait():
        raise SystemExit(f"counting {path} failed")
    return list(json.loads(output))


def peaks(arguments: argparse.Namespace, folder: Path) -> Iterator[tuple[str, list[int]]]:
    """The peak of each large input. What can be piped is not written to disk."""
    record, large = int(arguments.record_mb * MB), int(arguments.input_mb * MB)
    yield f"JSONL, {large / MB:.0f} MB of records of 3 kB", peak("-", piped(lines_of_records(large)), "jsonl")
    for label, parts, form in (
        ("JSONL", one_record, "jsonl"),
        ("JSON array", one_element, "json"),
        ("CSV", one_cell, "csv"),
        ("plain text", blocks, "text"),
    ):
        yield f"{label}, one record of {record / MB:.0f} MB", peak("-", piped(parts(record)), form)
    path = folder / "large"
    for kind in ("parquet", "arrow"):
        yield f"{kind}, one cell of {record / MB:.0f} MB", peak(table_of(record, record, path, kind))
        path.unlink()
    size = 3 * large // 4
    yield f"parquet, a column of {size / MB:.0f} MB", peak(table_of(size, 3000, path, "parquet"))
    path.unlink()


def columns(folder: Path) -> tuple[int, int]:
    """The bytes read of a Parquet file of 50 columns, and the size of the text column in it."""
    # Of one sentence over and over nothing would be left to be read.
    path = table_of(10 * MB, 3000, folder / "columns.parquet", "parquet", columns=50, compression="none")
    metadata = pq.ParquetFile(path).metadata
    size = sum(metadata.row_group(i).column(0).total_compressed_size for i in range(metadata.num_row_groups))
    return peak(path)[2], size


MANY = """
import sys, time, fasttok, json
begun = time.perf_counter()
if sys.argv[1] == "plan":
    assert fasttok.plan_corpus(sys.argv[2]).read
else:
    report = fasttok.count_corpus(sys.argv[2], encodings=["o200k_base"], threads=2)
    assert report.totals.documents and not report.ledger.skipped, report.ledger
seconds = time.perf_counter() - begun
with open("/proc/self/status") as status:
    peak = int(status.read().split("VmHWM:")[1].split()[0]) * 1024
print(json.dumps([seconds, peak]))
"""


def many(members: int, folder: Path) -> Iterator[tuple[str, list[float]]]:
    """Seconds, and the peak of memory, for that many texts of 1 kB: counted in a tar, and planned as files."""
    body = b"".join(blocks(MB))[:1000]
    path = folder / "many.tar"
    with tarfile.open(path, "w") as archive:
        for number in range(members):
            info = tarfile.TarInfo(f"{number // 1000}/{number}.txt")
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    files = folder / "many"
    for number in range(members):
        if number % 1000 == 0:
            (files / str(number // 1000)).mkdir(parents=True)
        (files / str(number // 1000) / f"{number}.txt").write_bytes(body)
    for label, kind, what in (("counting a tar", "count", path), ("a plan of a folder", "plan", files)):
        done = subprocess.run([sys.executable, "-c", MANY, kind, str(what)], capture_output=True, text=True, check=True)
        yield f"{label} of {members:,} texts of 1 kB", json.loads(done.stdout)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benches.corpora", description=__doc__)
    parser.add_argument("--encoding", default="o200k_base", help="default: %(default)s")
    parser.add_argument("--languages", default="eng_Latn,code", metavar="CODE,...")
    parser.add_argument("--forms", default="jsonl,jsonl.zst,parquet,jsonl.gz,jsonl.bz2,jsonl.xz", metavar="NAME,...")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5, help="slices of the text, each counted once in each form")
    parser.add_argument("--data", type=Path, help="folder of LANGUAGE.jsonl.zst (default: as benches.compare)")
    parser.add_argument("--cache", type=Path, default=ROOT / ".bench-envs" / "corpora", help="text made ready")
    parser.add_argument("--skip", default="", choices=("", "rates", "peaks"), help="what not to measure")
    parser.add_argument("--record-mb", type=float, default=1000, help="of one record (default: %(default)s)")
    parser.add_argument("--input-mb", type=float, default=4000, help="of many records (default: %(default)s)")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    parser.add_argument("--round", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments)))
        return 0
    print(f"{machine.facts()['cpu']}, {simd_level()}, {len(machine.available_cores())} cores, ", end="")
    print(f"{arguments.threads} threads, {arguments.encoding}, fasttok {fasttok.__version__}\n")
    if arguments.skip != "rates":
        for language in arguments.languages.split(","):
            prepared(arguments, language)
            found = rates(arguments, language)
            print(f"| {text.LANGUAGES[language]} | MB/s | of in memory |\n|---|---|---|")
            for name, of_rounds in found.items():
                # Of the same slice.
                ratio = statistics.median(a / b for a, b in zip(of_rounds, found[MEMORY], strict=True))
                print(f"| {name} | {statistics.median(of_rounds):.0f} | {ratio:.2f} |", flush=True)
            print()
    if arguments.skip != "peaks":
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            print("| input | peak, MB | text, MB |\n|---|---|---|")
            for label, (most, size, _) in peaks(arguments, folder):
                print(f"| {label} | {most / MB:.0f} | {size / MB:.0f} |", flush=True)
            read, size = columns(folder)
            print("\n| many texts | s | peak, MB |\n|---|---|---|")
            for label, (seconds, most) in many(100_000, folder):
                print(f"| {label} | {seconds:.2f} | {most / MB:.0f} |", flush=True)
            print(f"\nOf a Parquet file with 50 columns {read / size:.3f} times the text column is read.")
    return 0


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    raise SystemExit(main())
