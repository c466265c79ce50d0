"""`energygate export prometheus`."""

from __future__ import annotations

import click

from energygate.cli.exporting import for_series, for_workloads, to_directory

HELP = """Write recording and alerting rules for Prometheus.

They read what energygate.Recorder exposes. Every limit on energy, latency,
success and monthly energy becomes an alert that fires while a long and a
short window are both over it, and resolves soon after. What idling is part of
(effective energy per request, monthly energy) is held over a day, as CI does.

A relative limit needs the latest result, and counts from the upper end of its
interval. Name the workloads that are served: nothing heard of one of them is
an alert, too. Metrics that only CI holds are told.
"""


@click.command(help=HELP, short_help="Recording and alerting rules.")
@for_workloads
@to_directory("prometheus")
@for_series
@click.option(
    "--for",
    "settled",
    metavar="DURATION",
    default="2 min",
    show_default=True,
    help="How long a limit stays broken before it alerts.",
)
def prometheus(
    workloads: tuple[str, ...],
    policy: str,
    result: str | None,
    output: str,
    matches: tuple[str, ...],
    settled: str,
) -> None:
    """Run `energygate export prometheus`."""
    from energygate.cli.exporting import labels_from, source_from, write
    from energygate.production.export.live_limits import notes
    from energygate.production.export.prometheus import FILE, PrometheusOptions, files

    options = PrometheusOptions(labels=labels_from(matches), settled=_duration(settled))
    source = source_from(policy, result, workloads)
    made = files(source, options)
    write(
        made,
        output,
        f"promtool check rules {{output}}/{FILE}, and name it under rule_files in prometheus.yml",
        notes=notes(source),
    )


def _duration(text: str) -> str:
    """The duration as Prometheus writes it: whole seconds, or minutes where they are whole."""
    from energygate.errors import UsageError
    from energygate.policy import Family, parse_quantity

    try:
        seconds = round(parse_quantity(text, Family.TIME).value)
    except ValueError as error:
        raise UsageError(f"--for: {error}") from None
    return f"{seconds // 60}m" if seconds and not seconds % 60 else f"{seconds}s"
