"""`fasttok merge`: reports of parts of a corpus as one."""

from __future__ import annotations

import click

from fasttok.cli import complete
from fasttok.cli.options import Command, progress_options, sort_options, top_option
from fasttok.cli.output import check_outputs, choose_format, deliver, output_options, passed_over
from fasttok.reports.count import HEADERS, QUANTILES, SORT_KEYS


@click.command(
    name="merge",
    cls=Command,
    short_help="Add up reports of parts of a corpus.",
    epilog="Exit codes: 0 all rows counted, 1 error, 2 wrong usage, 3 some rows were skipped.",
)
@click.argument("reports", nargs=-1, required=True, type=complete.PATH, metavar="REPORT...")
@click.option(
    "--allow-overlap",
    is_flag=True,
    help="Merge reports that name the same input, where it was not the same files: on two machines, say.",
)
@sort_options(SORT_KEYS, "tokens", of="groups", name="key", by="name", headers=HEADERS)
@top_option
@output_options
@progress_options
def command(
    reports: tuple[str, ...],
    allow_overlap: bool,
    sort: str,
    reverse: bool,
    top: int | None,
    quiet: bool,
    json: bool,
    csv: bool,
    table: bool,
    output: str | None,
    no_progress: bool,
) -> int:
    """Add up reports of parts of a corpus: the report of one `fasttok count` over all of it.

    Each REPORT is a file that `fasttok count --json` wrote. Quantiles and limits are merged where all reports have
    them. Reports with other encodings or options, or of the same inputs, are refused.

    \b
        fasttok count part1/ --quantiles -o part1.json
        fasttok count part2/ --quantiles -o part2.json
        fasttok merge part1.json part2.json --json
    """
    from fasttok.reports.merge import merge_reports

    shape = choose_format(json=json, csv=csv, table=table, output=output)
    check_outputs(reports, {"--output": output})
    report = merge_reports(reports, allow_overlap=allow_overlap, progress=not (no_progress or quiet))
    if sort in QUANTILES and not report.asked.quantiles:
        raise click.UsageError(f"--sort {sort}: these reports have no quantiles")
    report = report.sorted_by(sort, reverse=reverse)
    if top is not None:
        report = report.top(top)
    notes = passed_over(report.manifest)
    return deliver(report, shape, output, quiet=quiet, ledger=report.ledger, notes=notes)
