"""`energygate route`."""

from __future__ import annotations

import math
import re
import sys
from typing import TYPE_CHECKING, cast

import click

from energygate.cli.shared_options import POLICY_FILE, quantity
from energygate.errors import UsageError
from energygate.text import printable, quote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from energygate.policy import Policy
    from energygate.production.routing.pool_costs import Region
    from energygate.production.routing.requirements import Quantile
    from energygate.result.result import Result

HELP = """Find which machine serves a model with the least energy, by load.

Each POOL=RESULT names a pool of replicas and the result.json of `energygate
check` on a machine like its replicas: one model on a CPU, on a GPU, in int8.
Prints, for every rate of requests, the pool that takes the least power within
the latency limit, idle replicas and PUE included, and the rates at which one
pool takes over from another, or that the measurements are too uncertain to
tell.

\b
  energygate route cpu=cpu.json gpu=gpu.json --latency 'p95 50 ms'

\b
Exit codes:
  0  there is a placement
  1  no pool meets the limits at any load
  2  usage or policy error, or results that do not belong together
  3  a result cannot be read, or a measurement failed
"""

DEFAULT_RATES = "1-10000"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
"""Names of pools, fit for the files of other systems."""

MIN_RATE_PER_S, MAX_RATE_PER_S = 1e-6, 1e9

_LATENCY = re.compile(r"\s*(?P<quantile>p50|p95|p99)\s+(?P<limit>\S.*)")
_RATES = re.compile(r"\s*(?P<low>[0-9.eE+]+)\s*(?:-|\.\.)\s*(?P<high>[0-9.eE+]+)\s*(?:req/s)?\s*")


@click.command(help=HELP, short_help="Find which machine serves a model with the least energy, by load.")
@click.argument("pools", nargs=-1, metavar="POOL=RESULT...", required=True)
@click.option(
    "--workload",
    "workloads",
    metavar="[POOL=]NAME",
    multiple=True,
    help="Which workload of the results, or of one pool's. May be repeated.  [default: the one they share]",
)
@click.option(
    "--policy",
    metavar="FILE",
    help=f"The policy, for its limits.  [default: {POLICY_FILE}, if there]",
)
@click.option(
    "--latency",
    metavar="LIMIT",
    help="A limit such as 'p95 50 ms'; p50 and p99 too.  [default: the policy's limit on latency_p95]",
)
@click.option(
    "--rates",
    metavar="LOW-HIGH",
    default=DEFAULT_RATES,
    show_default=True,
    help="The range of requests per second.",
)
@click.option(
    "--warm",
    metavar="[POOL=]N",
    multiple=True,
    help="Minimum replicas of a pool in use. May be repeated.  [default: the policy's warm_replicas, or 1]",
)
@click.option(
    "--idle-power",
    metavar="[POOL=]WATTS",
    multiple=True,
    help="Power of an idle replica, where it is less than the whole measured machine. May be repeated.",
)
@click.option("--json", "json_path", metavar="FILE", help="Write the plan there; - for standard output.")
@click.option("--plot", "plot_path", metavar="FILE.svg", help="Draw the plan there.")
def route(
    pools: tuple[str, ...],
    workloads: tuple[str, ...],
    policy: str | None,
    latency: str | None,
    rates: str,
    warm: tuple[str, ...],
    idle_power: tuple[str, ...],
    json_path: str | None,
    plot_path: str | None,
) -> None:
    """Run `energygate route`."""
    files = _files(pools)
    names = _by_pool(workloads, [*files], "--workload")
    powers = _by_pool(idle_power, [*files], "--idle-power")
    idle_watts = {name: quantity(text, "power", option="--idle-power") for name, text in powers.items()}
    warm_replicas = {name: _count(text) for name, text in _by_pool(warm, [*files], "--warm").items()}
    limit = None if latency is None else _latency(latency)
    span = _rates(rates)

    from energygate.production.routing.measured_pools import PoolInput, shared_workload
    from energygate.production.routing.plan import LatencyLimit
    from energygate.production.routing.plan_text import plan_text
    from energygate.production.routing.requirements import Requirements, latency_limit, min_accuracy
    from energygate.production.routing.route import route as find
    from energygate.result.files import short_path

    results, limits = _results(files), _policy(policy)
    if unnamed := {name: one for name, one in results.items() if name not in names}:
        names |= dict.fromkeys(unnamed, shared_workload(unnamed))
    inputs = [
        PoolInput(
            name=name,
            source=short_path(files[name]),
            result=one,
            workload=names[name],
            idle_watts=idle_watts.get(name),
        )
        for name, one in results.items()
    ]
    of_workloads = [one.workload for one in inputs]
    traffic = None if limits is None else limits.site.traffic
    usual = max(1, traffic.warm_replicas if traffic else 1)
    requirements = Requirements(
        latency=latency_limit(limits, of_workloads)
        if limit is None
        else LatencyLimit(metric=limit[0], limit_s=limit[1], source="--latency"),
        span=span,
        warm={name: warm_replicas.get(name, usual) for name in files},
        max_replicas=None if traffic is None else traffic.max_replicas,
        min_accuracy=min_accuracy(limits, of_workloads),
    )
    routing = find(inputs, requirements)
    if plot_path is not None:
        from energygate.production.routing.svg_plot import svg_plot

        _write(plot_path, svg_plot(routing))
    if json_path == "-":
        click.echo(routing.to_json(), nl=False)
    else:
        if json_path is not None:
            _write(json_path, routing.to_json())
        click.echo(plan_text(routing), nl=False)
    if all(one.unfit is not None for one in routing.pools):
        sys.exit(1)


def _files(pools: Sequence[str]) -> dict[str, str]:
    """Return the result's file of each pool, by the pool's name."""
    files: dict[str, str] = {}
    for text in pools:
        name, _, file = text.partition("=")
        if not file or not NAME.fullmatch(name):
            raise UsageError(
                f"{quote(text)} does not name a pool and its result",
                hint="Write for example cpu=results/cpu.json; a name is at most 40 letters, digits, '.', '_' and '-'",
            )
        if name in files:
            raise UsageError(f"pool {name} is given twice", hint="Give each pool a name of its own")
        files[name] = file
    return files


def _results(files: Mapping[str, str]) -> dict[str, Result]:
    """Read each pool's result; a file that several pools share is read once."""
    from energygate.cli.results import result_from

    read = {file: result_from(file) for file in dict.fromkeys(files.values())}
    return {name: read[file] for name, file in files.items()}


def _policy(path: str | None) -> Policy | None:
    """Read the named policy, or the default one if it exists."""
    from pathlib import Path

    from energygate.policy import load_policy

    if path is None and not Path(POLICY_FILE).exists():
        return None
    return load_policy(path or POLICY_FILE)


def _by_pool(texts: Sequence[str], pools: Sequence[str], option: str) -> dict[str, str]:
    """Return the values of an option by pool: one that begins with `POOL=` is that pool's, any other the rest's.

    Raises:
        UsageError: It names an unknown pool, or is given twice for one.
    """
    own: dict[str, str] = {}
    shared: list[str] = []
    for text in texts:
        name, equals, value = text.partition("=")
        if equals and name in pools:
            if name in own:
                raise UsageError(f"{option} is given twice for pool {name}")
            own[name] = value
        elif equals and option != "--workload":  # the name of a workload may contain it
            raise UsageError(f"{option}: there is no pool {quote(name)}", hint=f"There are {', '.join(pools)}")
        else:
            shared.append(text)
    if len(shared) > 1:
        raise UsageError(f"{option} is given twice for all pools", hint=f"Write {option} {pools[0]}=...")
    return {**dict.fromkeys(pools, shared[0]), **own} if shared else own


def _latency(text: str) -> tuple[Quantile, float]:
    """Parse a limit such as `p95 50 ms`: the metric, and the limit in seconds."""
    match = _LATENCY.fullmatch(text)
    if match is None:
        raise UsageError(
            f"--latency: {quote(text)} is not a limit on p50, p95 or p99",
            hint="Write for example --latency 'p95 50 ms'",
        )
    limit_s = quantity(match["limit"], "time", option="--latency")
    if limit_s <= 0:
        raise UsageError("--latency must be greater than 0 s")
    return cast("Quantile", f"latency_{match['quantile']}"), limit_s


def _rates(text: str) -> Region:
    """Parse a range of rates such as `1-10000`."""
    match = _RATES.fullmatch(text)
    try:
        low, high = (float(match["low"]), float(match["high"])) if match else (math.nan, math.nan)
    except ValueError:
        low = high = math.nan
    if math.isnan(low):
        raise UsageError(
            f"--rates: {quote(text)} is not a range of rates",
            hint="Write for example --rates 1-10000, in requests a second",
        )
    if not MIN_RATE_PER_S <= low < high <= MAX_RATE_PER_S:
        raise UsageError(
            f"--rates: {quote(text)} must rise, from a rate above 0",
            hint=f"Write for example --rates 1-10000; the maximum is {MAX_RATE_PER_S:.0e}",
        )
    return low, high


def _count(text: str) -> int:
    if not re.fullmatch("[0-9]{1,5}", text) or int(text) < 1:
        raise UsageError(f"--warm: {quote(text)} is not a number of replicas from 1 to 99999")
    return int(text)


def _write(path: str, text: str) -> None:
    try:
        from pathlib import Path

        Path(path).write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise UsageError(f"cannot write {printable(path)}: {error.strerror}") from None
