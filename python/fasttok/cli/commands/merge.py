"""`fasttok merge`: reports of parts of a corpus as one."""

from __future__ import annotations

import click

from fasttok.cli.options import Command, sort_options
from fasttok.cli.output import check_outputs, choose_format, deliver, output_options, passed_over
from fasttok.reports.count import SORT_KEYS


@click.command(
    name="merge",
    cls=Command,
    short_help="Add up reports of parts of a corpus.",
    epilog="Exit codes: 0 all rows counted, 1 error, 2 wrong usage, 3 some rows were skipped.",
)
@click.argument("reports", nargs=-1, required=True, metavar="REPORT...")
@click.option(
    "--allow-overlap",
    is_flag=True,
    help="Merge reports that name the same input, where it was not the same files: on two machines, say.",
)
@sort_options(SORT_KEYS, "tokens", of="groups", name="key", by="name")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but data and errors.")
@output_options
def command(
    reports: tuple[str, ...],
    allow_overlap: bool,
    sort: str,
    reverse: bool,
    quiet: bool,
    json: bool,
    csv: bool,
    table: bool,
    output: str | None,
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
    report = merge_reports(reports, allow_overlap=allow_overlap).sorted_by(sort, reverse=reverse)
    notes = passed_over(report.manifest)
    return deliver(report, shape, output, quiet=quiet, ledger=report.ledger, notes=notes)
