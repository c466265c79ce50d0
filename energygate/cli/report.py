"""`energygate report`."""

from __future__ import annotations

import sys

import click

HELP = """Report a result again: on the terminal, as Markdown, or as CSV.

RESULT is a result.json that `check` or `merge` wrote, or - for standard
input. `markdown` is what a comment on a pull request says, `summary` the same
with every row. `csv` has a line per workload and metric, for trend lines.

\b
Exit codes, whatever the verdict in RESULT:
  0  the result was reported
  2  usage error
  3  RESULT cannot be read
"""


@click.command(help=HELP, short_help="Report a result again: on the terminal, as Markdown, or as CSV.")
@click.argument("source", metavar="RESULT")
@click.option(
    "--format",
    "form",
    type=click.Choice(["console", "markdown", "summary", "csv"]),
    default="console",
    show_default=True,
    help="The form of the report.",
)
@click.option("--run-url", metavar="URL", help="Where the run can be seen; Markdown links it.")
def report(source: str, form: str, run_url: str | None) -> None:
    """Run `energygate report`."""
    from energygate.cli.results import report as print_report
    from energygate.cli.results import result_from
    from energygate.report.csv_text import csv_text
    from energygate.report.markdown import comment, summary

    result = result_from(source)
    if form == "console":
        print_report(result)
        return
    texts = {"markdown": lambda: comment(result, run_url=run_url), "summary": lambda: summary(result)}
    text = texts.get(form, lambda: csv_text(result))()
    if sys.stdout.isatty():
        click.echo(text, nl=False)
    else:  # in a file it is UTF-8, whatever the terminal's encoding
        sys.stdout.buffer.write(text.encode())
        sys.stdout.flush()
