"""Measure, and write docs/languages.md, docs/claims.md and the tables: `python -m benches.languages --help`."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import tokenizers

import fasttok
from benches.languages.tables import Comparison, claims_page, languages_page
from benches.languages.tokenizers import differences, loaded
from fasttok import ParallelText, check_claims
from fasttok.inputs.parallel import Normalization

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpora", type=Path, default=SHARED / "corpora", help="parallel/ntrex128, parallel/udhr")
    parser.add_argument("--tokenizers", type=Path, default=SHARED / "tokenizers", help="tokenizer files, also .zst")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs", help="where languages.md and claims.md go")
    parser.add_argument("--out", type=Path, default=ROOT / "artifacts" / "languages", help="CSV, Parquet and HTML")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)

    with loaded(arguments.tokenizers) as (encodings, refused):
        for label, reason in refused.items():
            print(f"left out: {label}: {reason}", file=sys.stderr)
        reports = {}
        news = fasttok.read_parallel(arguments.corpora / "parallel" / "ntrex128")
        for name in NORMALIZE:
            text = named(fasttok.read_parallel(arguments.corpora / "parallel" / name))
            report = fasttok.premium(text, encodings, pivot="eng", normalize=NORMALIZE[name]).sorted_by("premium")
            reports[name] = report
            report.to_csv(arguments.out / f"{name}.csv")
            report.to_parquet(arguments.out / f"{name}.parquet")
            report.to_html(arguments.out / f"{name}.html")
            print(f"{name}: {report.summary()}", file=sys.stderr)
        every = [unit for units in news.units.values() for unit in units[::EVERY]]
        found = differences(encodings, arguments.tokenizers, every)
        compared = Comparison(tokenizers.__version__, len(every), found)
        print(f"other counts than the reference, of {len(every):,} units: {found}", file=sys.stderr)
        page = languages_page(reports, refused, compared)
        (arguments.docs / "languages.md").write_text(page, encoding="utf-8")

        texts = {code: arguments.corpora / f"{file}.jsonl.zst" for code, file in DOCUMENTS.items()}
        claims = check_claims(encodings, parallel=arguments.corpora / "parallel" / "ntrex128", texts=texts)
        claims.to_csv(arguments.out / "claims.csv")
        (arguments.docs / "claims.md").write_text(claims_page(claims, refused), encoding="utf-8")
        print(claims.summary(), file=sys.stderr)
    return 0


NORMALIZE: dict[str, Normalization] = {"ntrex128": "none", "udhr": "nfc"}
"""The texts, and what is done to them: some files of the Declaration are in decomposed form, as no one would type."""

EVERY = 10
"""One of this many units of each language is counted with the reference too."""

DOCUMENTS = {"eng": "eng_Latn", "zho": "zho_Hans"}
"""Documents that claims about text in a language are measured on."""


def named(text: ParallelText) -> ParallelText:
    """The text with a name for its English, and its inputs without the folder they are in on this machine."""
    names = {"eng": "English", **text.names}
    return replace(text, names=names, inputs=[Path(path).name for path in text.inputs])


if __name__ == "__main__":
    sys.exit(main())
