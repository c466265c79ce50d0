"""`energygate export kubernetes`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from energygate.cli.export_files import leftovers, output_option, source_from, source_options, write
from energygate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from energygate.production.routing.plan import Routing

HELP = """Write Kubernetes manifests that scale on energy and latency.

For each workload: Deployments of its variants (CPU-only and GPU) with their
Services, autoscaling/v2 HorizontalPodAutoscalers, KEDA's form of them, and the
rules for Prometheus and prometheus-adapter behind both. The policy needs a
limit on latency and one on energy per request.

What a replica can serve comes from the latest result (--result), from what
`energygate route --json` found (--thresholds), or from you
(--requests-per-replica). A variant without such a number is not written.
"""


@click.command(help=HELP, short_help="Deployments, autoscalers on energy and latency, KEDA's form.")
@source_options
@output_option("kubernetes")
@click.option(
    "--thresholds",
    metavar="ROUTES",
    multiple=True,
    help="What `energygate route --json` wrote, for one workload; may be repeated.",
)
@click.option(
    "--requests-per-replica",
    "rates",
    metavar="VARIANT=RATE",
    multiple=True,
    callback=lambda _context, _parameter, texts: dict(map(_rate, texts)),
    help="Requests a second that a replica serves within the latency limit, such as cpu=12; may be repeated.",
)
@click.option("--namespace", metavar="NAME", default="default", show_default=True, help="Namespace of all objects.")
@click.option("--image", metavar="IMAGE", help="Image of the CPU-only variant.  [default: a placeholder]")
@click.option("--gpu-image", metavar="IMAGE", help="Image of the GPU variant.  [default: --image]")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    metavar="PORT",
    default=8000,
    show_default=True,
    help="Where the service listens, with the Recorder's metrics at /metrics.",
)
@click.option(
    "--health",
    metavar="PATH",
    help="Answers once the model is loaded.  [default: the policy's ready, or /health]",
)
@click.option("--gateway", metavar="[NAMESPACE/]NAME", help="Split by weight at this Gateway, with an HTTPRoute.")
@click.option("--prometheus", metavar="URL", help="Where KEDA finds Prometheus.  [default: a placeholder]")
@click.option(
    "--arrivals",
    metavar="PROMQL",
    help="Requests per second as seen before the pods, to wake them from zero.  [default: ingress-nginx's metric]",
)
def kubernetes(
    workloads: tuple[str, ...],
    policy: str,
    result: str | None,
    output: str,
    thresholds: tuple[str, ...],
    rates: dict[str, float],
    namespace: str,
    image: str | None,
    gpu_image: str | None,
    port: int,
    health: str | None,
    gateway: str | None,
    prometheus: str | None,
    arrivals: str | None,
) -> None:
    """Run `energygate export kubernetes`."""
    from energygate.production.export.kubernetes import RULES, files, notes
    from energygate.production.export.kubernetes_options import IMAGE, PROMETHEUS, KubernetesOptions

    options = KubernetesOptions(
        namespace=namespace,
        image=image or IMAGE,
        gpu_image=gpu_image or image or IMAGE,
        port=port,
        health=health,
        requests_per_replica=rates,
        routings={one.workload: one for one in _routings(thresholds)},
        prometheus=prometheus or PROMETHEUS,
        arrivals=arrivals,
        gateway=gateway,
    )
    source = source_from(policy, result, workloads)
    made = files(source, options)
    remarks = [*notes(source, options), *_leftovers_note(output, made)]
    write(
        made,
        output,
        f"replace what says REPLACE, name {{output}}/{RULES} in prometheus.yml, then "
        "kubectl apply -f {output}/deployments -f {output}/hpa (or keda)",
    )
    for one in remarks:
        click.echo(f"Note: {one}.")


def _leftovers_note(output: str, made: Mapping[str, str]) -> list[str]:
    """Name files of an earlier export: `kubectl apply -f FOLDER` would apply them too."""
    import shlex
    from pathlib import Path

    from energygate.production.export.kubernetes import FOLDERS, KIND

    try:
        files = leftovers(Path(output), made, kind=KIND, folders=FOLDERS)
    except OSError as error:
        raise UsageError(f"cannot read {error.filename or output}: {error.strerror}") from None
    if not files:
        return []
    what = "file is" if len(files) == 1 else "files are"
    note = f"{len(files)} {what} from an earlier export, and kubectl apply would apply them too; unless you want that"
    return [f"{note}: rm {shlex.join(map(str, files))}"]


def _rate(text: str) -> tuple[str, float]:
    name, _, rate = text.partition("=")
    try:
        return name, float(rate)
    except ValueError:
        raise UsageError(
            f"--requests-per-replica {text!r} has no rate",
            hint="Write for example cpu=12, in requests a second",
        ) from None


def _routings(paths: Sequence[str]) -> list[Routing]:
    from energygate.production.routing.plan import read_routing

    routings = [read_routing(path) for path in paths]
    names = [one.workload for one in routings]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"--thresholds was given twice for workload {name!r}")
    return routings
