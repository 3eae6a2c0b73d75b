"""`--budget`: an exit code for more tokens than there may be."""

from __future__ import annotations

import click

from fasttok.cli.output import OVER_BUDGET, tell
from fasttok.reports.count import Report

budget_option = click.option(
    "--budget",
    type=click.IntRange(min=0),
    metavar="N",
    help="End with exit code 4 if there are more than N tokens in all, of any of the encodings.",
)


def checked(report: Report, budget: int | None, code: int, *, quiet: bool) -> int:
    """The exit code of a count that would end with `code`: another one if it is over the budget."""
    over = {name: n for name, n in report.totals.tokens.items() if budget is not None and n > budget}
    if budget is None or not over:
        return code
    if not quiet:
        tell(
            *(f"{n:,} tokens of {name}, {n - budget:,} more than the budget of {budget:,}" for name, n in over.items())
        )
    return OVER_BUDGET
