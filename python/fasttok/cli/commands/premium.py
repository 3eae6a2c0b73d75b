"""`fasttok premium`: what the same content costs in other languages."""

from __future__ import annotations

from typing import Any

import click

from fasttok.cli import complete
from fasttok.cli.options import (
    Command,
    encodings_option,
    names,
    option,
    picture_options,
    pictures,
    progress_options,
    sort_options,
    write_pictures,
)
from fasttok.cli.output import check_outputs, choose_format, deliver, output_options
from fasttok.reports.premium import DEFINITIONS, HEADERS, PIVOT, SORT_KEYS


@click.command(
    name="premium",
    cls=Command,
    short_help="Compare what the same content costs in each language.",
    epilog="Exit codes: 0 done, 1 error (text that is not aligned is one), 2 wrong usage, 3 some units were skipped, "
    "130 interrupted.",
)
@click.argument("paths", nargs=-1, required=True, type=complete.PATH, metavar="DIR|FILE...")
@encodings_option()
@click.option(
    "--pivot", default=PIVOT, show_default=True, metavar="CODE", help="The language that others are compared with."
)
@click.option(
    "--languages", callback=names, multiple=True, metavar="CODE[,CODE]", help="Compare these alone. [default: all]"
)
@click.option(
    "--definition",
    type=click.Choice(list(DEFINITIONS)),
    default="sums",
    show_default=True,
    help="Ratio of sums over units; mean of unit ratios; whole text joined by spaces; sums over stripped units.",
)
@click.option("--nfc", is_flag=True, help="Bring text into normalization form C before it is counted.")
@click.option("--strip", is_flag=True, help="Take away white space around units before they are counted.")
@option("special")
@click.option(
    "--source-language",
    default="en",
    show_default=True,
    metavar="CODE",
    help="The language of the messages of PO files.",
)
@click.option(
    "--confidence",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.95,
    show_default=True,
    metavar="SHARE",
    help="The confidence of the intervals.",
)
@click.option(
    "--resamples",
    type=click.IntRange(min=1),
    default=2000,
    show_default=True,
    metavar="N",
    help="The samples that the bootstrap draws.",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, metavar="N", help="The seed of the bootstrap."
)
@option("threads")
@sort_options(SORT_KEYS, "premium", of="languages", name="language", by="code", headers=HEADERS)
@output_options
@picture_options
@progress_options
def command(
    paths: tuple[str, ...],
    encodings: Any,
    pivot: str,
    languages: list[str],
    definition: str,
    nfc: bool,
    strip: bool,
    special: str | None,
    source_language: str,
    confidence: float,
    resamples: int,
    seed: int,
    threads: int | None,
    sort: str,
    reverse: bool,
    json: bool,
    csv: bool,
    table: bool,
    output: str | None,
    html: str | None,
    svg: str | None,
    png: str | None,
    no_progress: bool,
    quiet: bool,
) -> int:
    """Compare what the same content costs in each language, on parallel text.

    A folder holds one file per language, one unit per line: eng_Latn.devtest (FLORES), newstest2019-src.eng.txt
    (NTREX), eng.txt, or eng.jsonl. FILEs are such files, CODE=FILE, or one of TSV, JSONL, TMX and PO.

    The premium of a language is the tokens of its text relative to those of the pivot's, with an interval.
    """
    from fasttok.measures.premium import premium

    shape = choose_format(json=json, csv=csv, table=table, output=output)
    check_outputs(
        [name for path in paths for name in (path, path.partition("=")[2]) if name],
        {"--output": output, **pictures(html, svg, png)},
    )
    report = premium(
        list(paths) if len(paths) > 1 else paths[0],
        encodings,
        pivot=pivot,
        languages=languages,
        definition=definition,  # type: ignore[arg-type]
        normalize="nfc" if nfc else "none",
        strip=strip,
        special=special or "text",  # type: ignore[arg-type]
        source_language=source_language,
        confidence=confidence,
        resamples=resamples,
        seed=seed,
        threads=threads,
        progress=not (no_progress or quiet),
    ).sorted_by(sort, reverse=reverse)

    write_pictures(report, html, svg, png)
    return deliver(report, shape, output, quiet=quiet, ledger=report.ledger)
